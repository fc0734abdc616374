// The table of functions, and the only symbol that the library exports.
#include "ctorch.hpp"

#define CT_COUNT(result, name, arguments) +1
#define CT_FILL(result, name, arguments) ct_##name,
static const ct_table table = {CT_ABI_VERSION, 0 CT_FUNCTIONS(CT_COUNT), CT_FUNCTIONS(CT_FILL)};

extern "C" __attribute__((visibility("default"))) const ct_table *ct_open(void) { return &table; }
