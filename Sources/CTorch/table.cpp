// The table of functions, and the only symbol that the library exports.
#include "ctorch.hpp"

#include <cstdlib>
#if defined(__GLIBC__)
#include <malloc.h>
#endif

#define CT_COUNT(result, name, arguments) +1
#define CT_FILL(result, name, arguments) ct_##name,
static const ct_table table = {CT_ABI_VERSION, 0 CT_FUNCTIONS(CT_COUNT), CT_FUNCTIONS(CT_FILL)};

// A step frees and takes the same large buffers again and again. As it comes, glibc gives each back to the system, which clears
// every page anew: a fifth of the time of a training step. What the user set stays.
static void keep_freed_buffers() noexcept {
#if defined(__GLIBC__)
    for (const char *name : {"MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_", "GLIBC_TUNABLES"})
        if (std::getenv(name)) return;
    mallopt(M_MMAP_THRESHOLD, 1 << 30);
    mallopt(M_TRIM_THRESHOLD, -1);
#endif
}

extern "C" __attribute__((visibility("default"))) const ct_table *ct_open(void) {
    keep_freed_buffers();
    return &table;
}
