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
    F(GDALAllRegister) F(GDALVersionInfo) F(GDALOpenEx) F(GDALClose) F(GDALGetRasterXSize) \
    F(GDALGetRasterYSize) F(GDALGetRasterCount) F(GDALGetRasterBand) F(GDALGetGeoTransform) \
    F(GDALSetGeoTransform) F(GDALGetSpatialRef) F(GDALSetSpatialRef) F(GDALGetGCPCount) \
    F(GDALGetGCPs) F(GDALGetGCPSpatialRef) F(GDALGetRasterDataType) F(GDALGetDataTypeName) \
    F(GDALGetDataTypeSizeBytes) F(GDALDataTypeIsComplex) F(GDALGetBlockSize) \
    F(GDALGetRasterColorInterpretation) F(GDALSetRasterColorInterpretation) \
    F(GDALGetRasterColorTable) F(GDALSetRasterColorTable) F(GDALCreateColorTable) \
    F(GDALDestroyColorTable) F(GDALSetColorEntry) F(GDALGetColorEntryCount) \
    F(GDALGetColorEntryAsRGB) F(GDALGetRasterNoDataValue) F(GDALSetRasterNoDataValue) \
    F(GDALGetMaskFlags) F(GDALGetMaskBand) F(GDALCreateDatasetMaskBand) F(GDALGetRasterScale) \
    F(GDALGetRasterOffset) F(GDALGetRasterUnitType) F(GDALSetRasterUnitType) F(GDALGetDescription) \
    F(GDALSetDescription) F(GDALGetMetadata) F(GDALGetMetadataItem) F(GDALSetMetadataItem) \
    F(GDALSetRasterCategoryNames) F(GDALRasterIOEx) F(GDALGetDriverByName) F(GDALGetDatasetDriver) \
    F(GDALGetDriverShortName) F(GDALGetDriverCreationOptionList) F(GDALCreate) F(GDALCreateCopy) \
    F(GDALFlushCache) F(GDALFlushRasterCache) F(GDALSetCacheMax64) F(GDALGetCacheMax64) \
    F(GDALGetCacheUsed64) F(GDALCreateGCPTransformer) F(GDALDestroyGCPTransformer) \
    F(GDALGCPTransform) F(GDALSuggestedWarpOutput2) F(CPLSetConfigOption) F(CPLGetConfigOption) \
    F(CPLSetThreadLocalConfigOption) F(CPLPushErrorHandlerEx) F(CPLPopErrorHandler) \
    F(CPLGetErrorHandlerUserData) F(CPLSetErrorHandler) F(CPLErrorReset) F(VSIFileFromMemBuffer) \
    F(VSIGetMemFileBuffer) F(VSIUnlink) F(VSIFree) F(VSIFOpenL) F(VSIFSeekL) F(VSIFTellL) \
    F(VSIFReadL) F(VSIFCloseL) F(VSIGetFileMetadata) F(CSLAddString) F(CSLDestroy) \
    F(OSRNewSpatialReference) F(OSRSetFromUserInput) F(OSRDestroySpatialReference) \
    F(OSRSetAxisMappingStrategy) F(OSRExportToWktEx) F(OSRIsProjected) F(OSRIsGeographic) \
    F(OSRGetName) F(OSRIsSameEx) F(OSRGetAuthorityName) F(OSRGetAuthorityCode) \
    F(OSRAutoIdentifyEPSG) F(OSRGetLinearUnits) F(OSRGetAngularUnits) F(OSRGetPROJVersion) \
    F(OSRClone) F(OSRIsLocal) F(OSRGetSemiMajor) F(OCTNewCoordinateTransformationEx) \
    F(OCTDestroyCoordinateTransformation) F(OCTTransformEx) F(OCTNewCoordinateTransformationOptions) \
    F(OCTDestroyCoordinateTransformationOptions) F(OGR_G_CreateFromWkt) F(OGR_G_CreateGeometry) \
    F(OGR_G_DestroyGeometry) F(OGR_G_GetGeometryType) F(OGR_G_GetGeometryCount) \
    F(OGR_G_GetGeometryRef) F(OGR_G_GetPointCount) F(OGR_G_GetX) F(OGR_G_GetY) F(OGR_G_AddPoint_2D) \
    F(OGR_G_AddGeometryDirectly) F(OGR_G_IsEmpty) F(OGR_G_IsValid) F(OGR_G_MakeValid) \
    F(OGR_G_UnionCascaded) F(OGR_G_Intersection) F(OGR_G_Is3D) F(OGRGeometryTypeToName) \
    F(OGR_GT_Flatten) F(OGR_G_GetLinearGeometry) F(OGR_G_HasCurveGeometry) F(OGR_F_GetGeometryRef) \
    F(OGR_F_Destroy) F(OGR_L_GetNextFeature) F(OGR_L_ResetReading) F(OGR_L_GetSpatialRef) \
    F(GDALDatasetGetLayerCount) F(GDALDatasetGetLayer) F(GDALGetFileList) F(OSRStripVertical) \
    F(OSRDemoteTo2D) F(OSRIsCompound) F(OSRGetAxesCount) F(GDALGetDataCoverageStatus) \
    F(VSIReadDirRecursive) F(GDALGetRasterCategoryNames) F(GDALCreateRasterAttributeTable) \
    F(GDALDestroyRasterAttributeTable) F(GDALGetDefaultRAT) F(GDALSetDefaultRAT) \
    F(GDALRATGetColumnCount) F(GDALRATGetRowCount) F(GDALRATGetNameOfCol) F(GDALRATGetUsageOfCol) \
    F(GDALRATGetTypeOfCol) F(GDALRATGetValueAsInt) F(GDALRATGetValueAsDouble) \
    F(GDALRATGetValueAsString) F(GDALRATGetLinearBinning) F(GDALRATCreateColumn) \
    F(GDALRATSetRowCount) F(GDALRATSetValueAsInt) F(GDALRATSetValueAsDouble) \
    F(GDALRATSetValueAsString) F(OGR_L_GetName) F(OGR_L_GetGeomType) F(OGR_L_GetLayerDefn) \
    F(OGR_FD_GetFieldCount) F(OGR_FD_GetFieldDefn) F(OGR_Fld_GetNameRef) F(OGR_Fld_GetType) \
    F(OGR_F_IsFieldSetAndNotNull) F(OGR_F_GetFieldAsInteger64) F(OGR_F_GetFieldAsDouble) \
    F(OGR_F_GetFieldAsString) F(GDALDatasetCreateLayer) F(GDALDatasetStartTransaction) \
    F(GDALDatasetCommitTransaction) F(OGR_L_CreateField) F(OGR_L_CreateFeature) F(OGR_Fld_Create) \
    F(OGR_Fld_SetSubType) F(OGR_Fld_Destroy) F(OGR_F_Create) F(OGR_F_SetFieldInteger64) \
    F(OGR_F_SetFieldDouble) F(OGR_F_SetFieldString) F(OGR_F_SetGeometryDirectly) \
    F(GDALDatasetGetRootGroup) F(GDALGroupRelease) F(GDALGroupGetMDArrayNames) F(GDALGroupOpenMDArray) \
    F(GDALGroupGetAttribute) F(GDALMDArrayRelease) F(GDALMDArrayGetDimensions) \
    F(GDALMDArrayGetDataType) F(GDALMDArrayRead) F(GDALReleaseDimensions) F(GDALDimensionGetSize) \
    F(GDALExtendedDataTypeCreate) F(GDALExtendedDataTypeRelease) F(GDALExtendedDataTypeGetClass) \
    F(GDALExtendedDataTypeGetNumericDataType) F(GDALAttributeRelease) F(GDALAttributeGetDataType) \
    F(GDALAttributeGetTotalElementsCount) F(GDALAttributeReadAsString) F(CPLZLibInflate)

typedef struct cgdal_api {
#define CGDAL_ENTRY(name) __typeof__(name) *_Nonnull name;
    CGDAL_FUNCTIONS(CGDAL_ENTRY)
#undef CGDAL_ENTRY
} cgdal_api;

/* Opens libgdal once, on any thread. NULL when it is not there or too old; `cgdal_failure` says why. */
const cgdal_api *_Nullable cgdal_open(void);
const char *_Nonnull cgdal_failure(void);

/* Keeps libhdf5 from printing the errors of this thread: GDAL leaves that to its default, which is standard error. Does nothing
 * where libgdal brings no libhdf5 along. */
void cgdal_silence_hdf5(void);

/* Gives memory that was freed back to the system, where the allocator keeps it. */
void cgdal_release_freed_memory(void);

#endif
