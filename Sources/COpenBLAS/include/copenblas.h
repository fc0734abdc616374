/* The few OpenBLAS functions that the Earth side calls, opened on first use (see cgdal.h for the reason). */
#ifndef GEODINO_COPENBLAS_H
#define GEODINO_COPENBLAS_H

typedef struct copenblas_api {
    /* C = alpha op(A) op(B) + beta C; layout 101 row-major, op 111 none, 112 transpose (CBLAS's constants). */
    void (*_Nonnull sgemm)(int layout, int op_a, int op_b, int m, int n, int k, float alpha, const float *_Nonnull a, int lda,
                           const float *_Nonnull b, int ldb, float beta, float *_Nonnull c, int ldc);
    const char *_Nonnull (*_Nonnull configuration)(void);
    void (*_Nonnull set_threads)(int threads);
} copenblas_api;

/* Opens libopenblas once. NULL when it is not there; `copenblas_failure` says why. */
const copenblas_api *_Nullable copenblas_open(void);
const char *_Nonnull copenblas_failure(void);

#endif
