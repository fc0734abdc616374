// Opens libopenblas and fills the table of functions; see include/copenblas.h.
#define _GNU_SOURCE
#include "copenblas.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>

static copenblas_api table;
static const copenblas_api *opened;
static char failure[512] = "libopenblas was not opened yet";
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void open_library(void) {
    void *library = dlopen("libopenblas.so.0", RTLD_LAZY | RTLD_LOCAL);
    if (!library) library = dlopen("libopenblas.so", RTLD_LAZY | RTLD_LOCAL);
    if (!library) {
        snprintf(failure, sizeof failure, "libopenblas.so.0 was not found: %s", dlerror());
        return;
    }
    *(void **)&table.sgemm = dlsym(library, "cblas_sgemm");
    *(void **)&table.configuration = dlsym(library, "openblas_get_config");
    *(void **)&table.set_threads = dlsym(library, "openblas_set_num_threads");
    if (table.sgemm && table.configuration && table.set_threads) {
        opened = &table;
    } else {
        snprintf(failure, sizeof failure, "libopenblas lacks cblas_sgemm or openblas_get_config");
    }
}

const copenblas_api *copenblas_open(void) {
    pthread_once(&once, open_library);
    return opened;
}

const char *copenblas_failure(void) { return failure; }
