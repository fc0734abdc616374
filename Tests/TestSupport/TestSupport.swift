// Analytic rasters for tests.
