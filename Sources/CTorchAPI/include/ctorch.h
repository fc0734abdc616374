/* The C contract between Swift and libtorch: handles, status codes and one table of functions. */
#ifndef GEODINO_CTORCH_H
#define GEODINO_CTORCH_H
#include <stdint.h>

/* A tensor: libtorch's own TensorImpl pointer. */
typedef struct ct_tensor_s *ct_tensor;

/* Number of this contract; the table says which one a library was built for. */
#define CT_ABI_VERSION 1

#endif
