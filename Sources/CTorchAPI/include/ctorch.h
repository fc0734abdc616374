/* The C contract between Swift and libtorch: handles, status codes and one table of functions.
 *
 * libctorch.so exports `ct_open`, which returns the table; nothing here names a type of libtorch or of C++.
 *
 * Handles. A tensor is libtorch's own TensorImpl, a generator its GeneratorImpl; `retain` and `release` are
 * their reference counts. NULL means "no tensor", for optional arguments only. What comes out through a
 * pointer belongs to the caller, who releases it once.
 *
 * Status. Functions that can fail return a CT_ status. The text of the last failure of this thread is
 * `error_text`. Between `scope_enter` and `scope_leave` the first failure is kept, and every later call of
 * the thread answers CT_SKIPPED without doing anything. */
#ifndef GEODINO_CTORCH_H
#define GEODINO_CTORCH_H
#include <stdint.h>

typedef struct ct_tensor_s *ct_tensor;
typedef struct ct_generator_s *ct_generator;

/* Sizes, dimensions, indices: 64 bits. `intptr_t`, because Swift sees that as Int. */
typedef intptr_t ct_int;

/* Number of this contract; the table says which one a library was built for. Any change of a function
 * below counts it up. */
#define CT_ABI_VERSION 8

enum { CT_OK = 0, CT_ERROR = 1, CT_OUT_OF_MEMORY = 2, CT_SKIPPED = 3 };

/* libtorch's own numbers of scalar types. */
enum {
    CT_UINT8 = 0,
    CT_INT8 = 1,
    CT_INT16 = 2,
    CT_INT32 = 3,
    CT_INT64 = 4,
    CT_FLOAT16 = 5,
    CT_FLOAT32 = 6,
    CT_FLOAT64 = 7,
    CT_BOOL = 11,
    CT_BFLOAT16 = 15
};

/* libtorch's own numbers of device kinds. */
enum { CT_CPU = 0, CT_CUDA = 1 };

enum { CT_NEAREST = 0, CT_BILINEAR = 1, CT_BICUBIC = 2 };
enum { CT_PAD_CONSTANT = 0, CT_PAD_REFLECT = 1, CT_PAD_REPLICATE = 2, CT_PAD_CIRCULAR = 3 };

/* What `info` can say. */
enum {
    CT_INFO_TORCH = 1,    /* version of libtorch that the library was compiled against, and needs */
    CT_INFO_CUDA = 2,     /* CUDA version, or "none" */
    CT_INFO_BLAS = 3,     /* libtorch's own line about its BLAS */
    CT_INFO_LIBTORCH = 4, /* path of the libtorch_cpu in use */
    CT_INFO_SGEMM = 5     /* path of the library whose sgemm libtorch_cpu calls */
};

/* One argument of the boxed call. Trailing arguments that are not given take the schema's defaults. */
enum {
    CT_VALUE_NONE = 0,
    CT_VALUE_DEFAULT = 1,
    CT_VALUE_TENSOR = 2,
    CT_VALUE_INT = 3,
    CT_VALUE_DOUBLE = 4,
    CT_VALUE_BOOL = 5,
    CT_VALUE_STRING = 6,
    CT_VALUE_INTS = 7,
    CT_VALUE_DOUBLES = 8,
    CT_VALUE_TENSORS = 9,
    CT_VALUE_GENERATOR = 10
};
typedef struct ct_value {
    int32_t kind;
    ct_int count; /* of a list */
    union {
        ct_tensor tensor;
        ct_generator generator;
        ct_int integer; /* also bool */
        double number;
        const char *string;
        const ct_int *integers;
        const double *numbers;
        const ct_tensor *tensors;
    } as;
} ct_value;

/* The functions, as F(result, name, arguments). */

/* Handles, errors, values. */
#define CT_HANDLE(F) \
    F(const char *, error_text, (void)) \
    F(void, scope_enter, (void)) \
    F(int32_t, scope_leave, (void)) /* the scope's first failure, or CT_OK */ \
    F(int32_t, scope_active, (void)) \
    F(void, scope_explain, (const char *text)) /* replaces the text of the failure */ \
    F(ct_int, live_handles, (void)) \
    F(void, retain, (ct_tensor x)) \
    F(void, release, (ct_tensor x)) \
    F(int32_t, dtype, (ct_tensor x)) /* -1 without a tensor */ \
    F(int32_t, device, (ct_tensor x, int32_t *index)) /* -1 without a tensor */ \
    F(ct_int, rank, (ct_tensor x)) \
    F(ct_int, count, (ct_tensor x)) \
    F(void, sizes, (ct_tensor x, ct_int *sizes)) \
    F(int32_t, data, (ct_tensor x, void **pointer)) /* of a contiguous tensor on the CPU */ \
    F(int32_t, copy_out, (ct_tensor x, int32_t dtype, void *bytes, ct_int byte_count)) \
    F(int32_t, item, (ct_tensor x, double *value)) \
    F(const char *, info, (int32_t what))

/* New tensors. `device` and `index` as above. */
#define CT_CREATE(F) \
    F(int32_t, empty, (const ct_int *sizes, ct_int rank, int32_t dtype, int32_t device, int32_t index, ct_tensor *out)) \
    F(int32_t, full, (const ct_int *sizes, ct_int rank, double value, int32_t dtype, int32_t device, int32_t index, ct_tensor *out)) \
    F(int32_t, eye, (ct_int rows, ct_int columns, int32_t dtype, int32_t device, int32_t index, ct_tensor *out)) \
    CT_UNARY(F, zeros_like) \
    F(int32_t, from_bytes, (const void *bytes, ct_int byte_count, const ct_int *sizes, ct_int rank, int32_t dtype, ct_tensor *out)) \
    F(int32_t, from_buffer, (void *bytes, const ct_int *sizes, ct_int rank, int32_t dtype, void (*deleter)(void *context), void *context, ct_tensor *out)) \
    F(int32_t, to, (ct_tensor x, int32_t dtype, int32_t device, int32_t index, ct_tensor *out)) \
    F(int32_t, clone, (ct_tensor x, ct_tensor *out)) \
    F(int32_t, contiguous, (ct_tensor x, ct_tensor *out)) \
    F(int32_t, detach, (ct_tensor x, ct_tensor *out))

/* Element by element; shapes broadcast. Names that end in _ write into the first tensor. */
#define CT_UNARY(F, name) F(int32_t, name, (ct_tensor x, ct_tensor *out))
#define CT_BINARY(F, name) F(int32_t, name, (ct_tensor a, ct_tensor b, ct_tensor *out))
#define CT_SCALAR(F, name) F(int32_t, name, (ct_tensor a, double b, ct_tensor *out))
#define CT_POINTWISE(F) \
    CT_UNARY(F, abs) CT_UNARY(F, neg) CT_UNARY(F, log) CT_UNARY(F, sqrt) CT_UNARY(F, square) CT_UNARY(F, sigmoid) \
    CT_UNARY(F, relu) CT_UNARY(F, silu) CT_UNARY(F, sign) CT_UNARY(F, isfinite) \
    F(int32_t, gelu, (ct_tensor x, int32_t tanh, ct_tensor *out)) \
    CT_BINARY(F, add) CT_BINARY(F, sub) CT_BINARY(F, mul) CT_BINARY(F, div) CT_BINARY(F, logical_and) \
    CT_SCALAR(F, add_scalar) CT_SCALAR(F, mul_scalar) CT_SCALAR(F, div_scalar) CT_SCALAR(F, lt_scalar) \
    CT_SCALAR(F, gt_scalar) \
    F(int32_t, clamp, (ct_tensor x, const double *low, const double *high, ct_tensor *out)) \
    F(int32_t, where, (ct_tensor mask, ct_tensor a, ct_tensor b, ct_tensor *out)) \
    F(int32_t, masked_fill, (ct_tensor x, ct_tensor mask, double value, ct_tensor *out)) \
    F(int32_t, addcmul, (ct_tensor x, ct_tensor a, ct_tensor b, double value, ct_tensor *out)) \
    F(int32_t, copy_, (ct_tensor x, ct_tensor y))

/* Reductions. A count of dimensions below 0 means all of them. */
#define CT_REDUCTION(F, name) \
    F(int32_t, name, (ct_tensor x, const ct_int *dims, ct_int count, int32_t keep, ct_tensor *out))
#define CT_REDUCE(F) \
    CT_REDUCTION(F, sum) CT_REDUCTION(F, mean) CT_REDUCTION(F, amax) CT_REDUCTION(F, all) \
    F(int32_t, var, (ct_tensor x, const ct_int *dims, ct_int count, double correction, int32_t keep, ct_tensor *out)) \
    F(int32_t, norm, (ct_tensor x, double p, const ct_int *dims, ct_int count, int32_t keep, ct_tensor *out)) \
    F(int32_t, argmax, (ct_tensor x, const ct_int *dim, int32_t keep, ct_tensor *out)) /* NULL: of all */ \
    F(int32_t, median_dim, (ct_tensor x, ct_int dim, int32_t keep, ct_tensor *values, ct_tensor *indices)) \
    F(int32_t, softmax, (ct_tensor x, ct_int dim, ct_tensor *out)) \
    F(int32_t, log_softmax, (ct_tensor x, ct_int dim, ct_tensor *out)) \
    F(int32_t, topk, (ct_tensor x, ct_int k, ct_int dim, int32_t largest, ct_tensor *values, ct_tensor *indices)) \
    F(int32_t, sort, (ct_tensor x, ct_int dim, int32_t descending, ct_tensor *values, ct_tensor *indices)) \
    F(int32_t, is_all_finite, (ct_tensor x, int32_t *answer))

/* Shapes and indices. */
#define CT_SHAPE(F) \
    F(int32_t, reshape, (ct_tensor x, const ct_int *sizes, ct_int rank, ct_tensor *out)) \
    F(int32_t, permute, (ct_tensor x, const ct_int *dims, ct_int count, ct_tensor *out)) \
    F(int32_t, transpose, (ct_tensor x, ct_int a, ct_int b, ct_tensor *out)) \
    F(int32_t, expand, (ct_tensor x, const ct_int *sizes, ct_int rank, ct_tensor *out)) \
    F(int32_t, narrow, (ct_tensor x, ct_int dim, ct_int start, ct_int length, ct_tensor *out)) \
    F(int32_t, select, (ct_tensor x, ct_int dim, ct_int index, ct_tensor *out)) \
    F(int32_t, squeeze, (ct_tensor x, ct_int dim, ct_tensor *out)) \
    F(int32_t, unsqueeze, (ct_tensor x, ct_int dim, ct_tensor *out)) \
    F(int32_t, flatten, (ct_tensor x, ct_int first, ct_int last, ct_tensor *out)) \
    F(int32_t, cat, (const ct_tensor *xs, ct_int count, ct_int dim, ct_tensor *out)) \
    F(int32_t, stack, (const ct_tensor *xs, ct_int count, ct_int dim, ct_tensor *out)) \
    F(int32_t, split, (ct_tensor x, const ct_int *sizes, ct_int count, ct_int dim, ct_tensor *outs)) \
    F(int32_t, index_select, (ct_tensor x, ct_int dim, ct_tensor index, ct_tensor *out)) \
    F(int32_t, index_add, (ct_tensor x, ct_int dim, ct_tensor index, ct_tensor source, ct_tensor *out)) \
    F(int32_t, gather, (ct_tensor x, ct_int dim, ct_tensor index, ct_tensor *out)) \
    F(int32_t, flip, (ct_tensor x, const ct_int *dims, ct_int count, ct_tensor *out)) \
    F(int32_t, pad, (ct_tensor x, const ct_int *pads, ct_int count, int32_t mode, double value, ct_tensor *out)) \
    F(int32_t, diagonal, (ct_tensor x, ct_int offset, ct_int a, ct_int b, ct_tensor *out))

/* Products, layers, images. Pairs are (rows, columns). */
#define CT_NN(F) \
    CT_BINARY(F, matmul) CT_BINARY(F, outer) CT_BINARY(F, dot) CT_BINARY(F, solve_positive) \
    F(int32_t, linear, (ct_tensor x, ct_tensor weight, ct_tensor bias, ct_tensor *out)) \
    F(int32_t, layer_norm, (ct_tensor x, const ct_int *sizes, ct_int count, ct_tensor weight, ct_tensor bias, double eps, ct_tensor *out)) \
    /* In training the running statistics are moved in place. */ \
    F(int32_t, batch_norm, (ct_tensor x, ct_tensor weight, ct_tensor bias, ct_tensor mean, ct_tensor variance, int32_t training, double momentum, double eps, ct_tensor *out)) \
    F(int32_t, rms_norm, (ct_tensor x, const ct_int *sizes, ct_int count, ct_tensor weight, double eps, ct_tensor *out)) \
    F(int32_t, attention, (ct_tensor q, ct_tensor k, ct_tensor v, ct_tensor mask, int32_t causal, const double *scale, ct_tensor *out)) \
    F(int32_t, rope, (ct_tensor x, ct_tensor sine, ct_tensor cosine, ct_tensor *out)) \
    F(int32_t, conv2d, (ct_tensor x, ct_tensor weight, ct_tensor bias, const ct_int *stride, const ct_int *padding, const ct_int *dilation, ct_int groups, ct_tensor *out)) \
    F(int32_t, conv_transpose2d, (ct_tensor x, ct_tensor weight, ct_tensor bias, const ct_int *stride, const ct_int *padding, const ct_int *output_padding, ct_int groups, ct_tensor *out)) \
    F(int32_t, interpolate, (ct_tensor x, const ct_int *size, int32_t mode, int32_t align_corners, int32_t antialias, ct_tensor *out)) \
    F(int32_t, sinkhorn, (ct_tensor logits, double temperature, ct_int iterations, int32_t in_place, ct_tensor *out)) \
    F(int32_t, sinkhorn_scales, (ct_tensor tokens, ct_tensor prototypes, double temperature, ct_int iterations, ct_int chunk, ct_tensor *out)) \
    F(int32_t, prototype_loss, (ct_tensor tokens, ct_tensor weight, ct_tensor targets, ct_tensor teacher_tokens, ct_tensor teacher_prototypes, ct_tensor scales, double teacher_temperature, const double *pairs, ct_int crops, ct_tensor rows, double temperature, ct_int chunk, ct_tensor *total, ct_tensor *losses)) /* targets, or what they are made of */ \
    F(int32_t, can_pack_linear, (void)) \
    F(int32_t, prefers_packed_linear, (void)) /* whether it is faster on this processor */ \
    F(int32_t, pack_linear, (ct_tensor weight, ct_tensor *out)) /* opaque: for packed_linear alone */ \
    F(int32_t, packed_linear, (ct_tensor x, ct_tensor packed, ct_tensor bias, int32_t gelu, ct_tensor *out))

/* Gradients. Modes are states of the calling thread. */
#define CT_AUTOGRAD(F) \
    F(int32_t, requires_grad, (ct_tensor x)) \
    F(int32_t, set_requires_grad, (ct_tensor x, int32_t on)) \
    F(int32_t, backward, (ct_tensor x, ct_tensor gradient, int32_t retain_graph, int32_t create_graph)) \
    F(int32_t, grad, (ct_tensor x, ct_tensor *out)) /* NULL where there is none */ \
    F(int32_t, set_grad, (ct_tensor x, ct_tensor gradient)) /* NULL clears */ \
    F(int32_t, recompute, (ct_tensor x, int32_t (*body)(void *context, ct_tensor x, ct_tensor *out), void (*deleter)(void *context), void *context, ct_tensor *out)) /* the body owns x and gives up out, and is called again by backward, from any thread; the context is let go once, whatever happens */ \
    F(int32_t, grad_enabled, (void)) \
    F(void, set_grad_enabled, (int32_t on)) \
    F(int32_t, autocast, (int32_t device)) /* the lower type, or -1 where the mode is off */ \
    F(void, set_autocast, (int32_t device, int32_t dtype)) /* -1 ends the mode */

/* Whole training steps over lists of tensors; all of one dtype and device. */
#define CT_OPTIM(F) \
    F(int32_t, adamw, (const ct_tensor *parameters, const ct_tensor *gradients, const ct_tensor *averages, const ct_tensor *squares, const ct_tensor *steps, ct_int count, double rate, double beta1, double beta2, double eps, double decay)) \
    F(int32_t, ema, (const ct_tensor *targets, const ct_tensor *sources, ct_int count, double momentum)) \
    F(int32_t, grad_norm, (const ct_tensor *gradients, ct_int count, double *norm)) \
    F(int32_t, scale_all, (const ct_tensor *xs, ct_int count, double factor))

/* Random numbers, threads, devices. */
#define CT_DEVICE(F) \
    F(int32_t, new_generator, (uintptr_t seed, int32_t device, int32_t index, ct_generator *out)) \
    F(void, generator_release, (ct_generator g)) \
    F(int32_t, uniform_, (ct_tensor x, double low, double high, ct_generator g)) \
    F(int32_t, normal_, (ct_tensor x, double mean, double deviation, ct_generator g)) \
    F(int32_t, set_threads, (ct_int count)) \
    F(ct_int, threads, (void)) \
    F(ct_int, cuda_devices, (void)) \
    F(int32_t, cuda_synchronize, (int32_t index))

/* Any operator of libtorch by its name, such as "aten::add" and overload "Tensor": slower than the functions
 * above, and the measure of them in the tests. Lists in the result are laid out one after another; numbers
 * come as tensors without dimensions. */
#define CT_BOXED(F) \
    F(int32_t, call, (const char *name, const char *overload, const ct_value *arguments, ct_int count, ct_tensor *results, ct_int capacity, ct_int *written))

#define CT_FUNCTIONS(F) \
    CT_HANDLE(F) CT_CREATE(F) CT_POINTWISE(F) CT_REDUCE(F) CT_SHAPE(F) CT_NN(F) CT_AUTOGRAD(F) CT_OPTIM(F) \
    CT_DEVICE(F) CT_BOXED(F)

typedef struct ct_table {
    int32_t abi;           /* CT_ABI_VERSION of the library */
    int32_t function_count;
#define CT_ENTRY(result, name, arguments) result (*name) arguments;
    CT_FUNCTIONS(CT_ENTRY)
#undef CT_ENTRY
} ct_table;

/* The only symbol of libctorch.so. */
typedef const ct_table *(*ct_open_function)(void);

#endif
