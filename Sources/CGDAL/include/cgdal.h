/* GDAL's C headers for Swift, and a table of the functions that we call.
 *
 * libgdal is opened on first use, not linked: loading it and its hundred libraries costs about 0.1 s at
 * every process start, `--help` included, and without it `geodino doctor` could not say that it is missing.
 * The table's entries have the very types of GDAL's own declarations. To call one more function, add its
 * name to the list. Macros and types come from GDAL's headers as they are. */
#ifndef GEODINO_CGDAL_H
#define GEODINO_CGDAL_H

#if __has_include(<gdal/gdal.h>)
#include <gdal/cpl_conv.h>
#include <gdal/cpl_error.h>
#include <gdal/cpl_string.h>
#include <gdal/cpl_vsi.h>
#include <gdal/gdal.h>
#include <gdal/gdal_alg.h>
#include <gdal/gdal_utils.h>
#include <gdal/gdalwarper.h>
#include <gdal/ogr_api.h>
#include <gdal/ogr_srs_api.h>
#else
#include <cpl_conv.h>
#include <cpl_error.h>
#include <cpl_string.h>
#include <cpl_vsi.h>
#include <gdal.h>
#include <gdal_alg.h>
#include <gdal_utils.h>
#include <gdalwarper.h>
#include <ogr_api.h>
#include <ogr_srs_api.h>
#endif

#define CGDAL_FUNCTIONS(F) \
    F(GDALAllRegister) \
    F(GDALVersionInfo) \
    F(GDALOpenEx) \
    F(GDALClose)

typedef struct cgdal_api {
#define CGDAL_ENTRY(name) __typeof__(name) *_Nonnull name;
    CGDAL_FUNCTIONS(CGDAL_ENTRY)
#undef CGDAL_ENTRY
} cgdal_api;

/* Opens libgdal once, on any thread. NULL when it is not there or too old; `cgdal_failure` says why. */
const cgdal_api *_Nullable cgdal_open(void);
const char *_Nonnull cgdal_failure(void);

#endif
