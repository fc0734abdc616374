// Opens libgdal and fills the table of functions; see include/cgdal.h.
#define _GNU_SOURCE
#include "cgdal.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#if defined(__GLIBC__)
#include <malloc.h>
#endif

static cgdal_api table;
static const cgdal_api *opened;
static char failure[512] = "libgdal was not opened yet";
static pthread_once_t once = PTHREAD_ONCE_INIT;
/* H5Eset_auto2(stack, printer, data): with no printer, nothing is printed. */
static int (*set_hdf5_printer)(int64_t, void *, void *);

static int find(void *library, const char *name, void **slot) {
    *slot = dlsym(library, name);
    if (*slot) return 1;
    snprintf(failure, sizeof failure, "libgdal lacks %s: GDAL 3.6 or newer is needed", name);
    return 0;
}

static void open_library(void) {
    const char *names[] = {getenv("GEODINO_LIBGDAL"), "libgdal.so.32", "libgdal.so", NULL};
    char soname[32];
    void *library = NULL;
    for (int i = 0; i < 3 && !library; i++) {
        if (names[i]) library = dlopen(names[i], RTLD_LAZY | RTLD_LOCAL);
    }
    // GDAL 3.6 is .so.32; each minor release counts one up.
    for (int version = 33; version < 64 && !library; version++) {
        snprintf(soname, sizeof soname, "libgdal.so.%d", version);
        library = dlopen(soname, RTLD_LAZY | RTLD_LOCAL);
    }
    if (!library) {
        snprintf(failure, sizeof failure, "libgdal.so was not found: %s", dlerror());
        return;
    }
    int complete = 1;
#define CGDAL_FIND(name) complete = complete && find(library, #name, (void **)&table.name);
    CGDAL_FUNCTIONS(CGDAL_FIND)
#undef CGDAL_FIND
    if (!complete) return;
    // A handle of dlopen finds what its library depends on, too.
    *(void **)&set_hdf5_printer = dlsym(library, "H5Eset_auto2");
    opened = &table;
}

const cgdal_api *cgdal_open(void) {
    pthread_once(&once, open_library);
    return opened;
}

const char *cgdal_failure(void) { return failure; }

void cgdal_silence_hdf5(void) {
    if (cgdal_open() && set_hdf5_printer) set_hdf5_printer(0, NULL, NULL);
}

void cgdal_release_freed_memory(void) {
#if defined(__GLIBC__)
    malloc_trim(0);
#endif
}
