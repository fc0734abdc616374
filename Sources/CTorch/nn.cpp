// Products, normalisations, attention, convolutions, images, the classifiers' loss.
#include <ATen/ops/_upsample_bicubic2d_aa.h>
#include <ATen/ops/_upsample_bilinear2d_aa.h>
#include <ATen/ops/adaptive_avg_pool2d.h>
#include <ATen/ops/addmm.h>
#include <ATen/ops/avg_pool2d.h>
#include <ATen/ops/batch_norm.h>
#include <ATen/ops/cholesky_solve.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/conv_transpose2d.h>
#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/einsum.h>
#include <ATen/ops/embedding.h>
#include <ATen/ops/group_norm.h>
#include <ATen/ops/layer_norm.h>
#include <ATen/ops/linalg_cholesky.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/max_pool2d.h>
#include <ATen/ops/rms_norm.h>
#include <ATen/ops/scaled_dot_product_attention.h>
#include <ATen/ops/upsample_bicubic2d.h>
#include <ATen/ops/upsample_bilinear2d.h>
#include <ATen/ops/upsample_nearest2d.h>

#include "ctorch.hpp"

using namespace ct;

int32_t ct_solve_positive(ct_tensor a, ct_tensor b, ct_tensor *out) noexcept {
    return guard([&] { give(out, at::cholesky_solve(in(b), at::linalg_cholesky(in(a)))); });
}

int32_t ct_matmul(ct_tensor a, ct_tensor b, ct_tensor *out) noexcept {
    return guard([&] { give(out, in(a).matmul(in(b))); });
}

int32_t ct_outer(ct_tensor a, ct_tensor b, ct_tensor *out) noexcept {
    return guard([&] { give(out, in(a).outer(in(b))); });
}

int32_t ct_dot(ct_tensor a, ct_tensor b, ct_tensor *out) noexcept {
    return guard([&] { give(out, in(a).dot(in(b))); });
}

int32_t ct_addmm(
    ct_tensor x, ct_tensor a, ct_tensor b, double beta, double alpha, ct_tensor *out) noexcept {
    return guard([&] { give(out, at::addmm(in(x), in(a), in(b), beta, alpha)); });
}

int32_t ct_einsum(const char *equation, const ct_tensor *xs, ct_int count, ct_tensor *out) noexcept {
    return guard([&] { give(out, at::einsum(equation, list(xs, count))); });
}

int32_t ct_linear(ct_tensor x, ct_tensor weight, ct_tensor bias, ct_tensor *out) noexcept {
    return guard([&] { give(out, at::linear(in(x), in(weight), maybe(bias))); });
}

int32_t ct_layer_norm(
    ct_tensor x, const ct_int *sizes, ct_int count, ct_tensor weight, ct_tensor bias, double eps,
    ct_tensor *out) noexcept {
    return guard([&] { give(out, at::layer_norm(in(x), ints(sizes, count), maybe(weight), maybe(bias), eps)); });
}

int32_t ct_rms_norm(
    ct_tensor x, const ct_int *sizes, ct_int count, ct_tensor weight, double eps, ct_tensor *out) noexcept {
    return guard([&] { give(out, at::rms_norm(in(x), ints(sizes, count), maybe(weight), eps)); });
}

int32_t ct_group_norm(
    ct_tensor x, ct_int groups, ct_tensor weight, ct_tensor bias, double eps, ct_tensor *out) noexcept {
    return guard([&] { give(out, at::group_norm(in(x), groups, maybe(weight), maybe(bias), eps)); });
}

int32_t ct_batch_norm(
    ct_tensor x, ct_tensor weight, ct_tensor bias, ct_tensor mean, ct_tensor variance, int32_t training,
    double momentum, double eps, ct_tensor *out) noexcept {
    return guard([&] {
        give(out, at::batch_norm(
            in(x), maybe(weight), maybe(bias), maybe(mean), maybe(variance), training, momentum, eps, false));
    });
}

int32_t ct_attention(
    ct_tensor q, ct_tensor k, ct_tensor v, ct_tensor mask, int32_t causal, const double *scale,
    ct_tensor *out) noexcept {
    return guard([&] {
        auto factor = scale ? std::optional<double>(*scale) : std::nullopt;
        give(out, at::scaled_dot_product_attention(in(q), in(k), in(v), maybe(mask), 0.0, causal, factor));
    });
}

int32_t ct_conv2d(
    ct_tensor x, ct_tensor weight, ct_tensor bias, const ct_int *stride, const ct_int *padding,
    const ct_int *dilation, ct_int groups, ct_tensor *out) noexcept {
    return guard([&] {
        give(out, at::conv2d(
            in(x), in(weight), maybe(bias), pair(stride), pair(padding), pair(dilation), groups));
    });
}

int32_t ct_conv_transpose2d(
    ct_tensor x, ct_tensor weight, ct_tensor bias, const ct_int *stride, const ct_int *padding,
    const ct_int *output_padding, ct_int groups, ct_tensor *out) noexcept {
    return guard([&] {
        give(out, at::conv_transpose2d(
            in(x), in(weight), maybe(bias), pair(stride), pair(padding), pair(output_padding), groups));
    });
}

int32_t ct_interpolate(
    ct_tensor a, const ct_int *size, int32_t mode, int32_t align_corners, int32_t antialias,
    ct_tensor *out) noexcept {
    return guard([&] {
        auto x = in(a);
        auto to = pair(size);
        switch (mode) {
            case CT_NEAREST:
                TORCH_CHECK(!align_corners && !antialias, "nearest has neither aligned corners nor antialiasing");
                return give(out, at::upsample_nearest2d(x, to));
            case CT_BILINEAR:
                return give(out, antialias ? at::_upsample_bilinear2d_aa(x, to, align_corners)
                                           : at::upsample_bilinear2d(x, to, align_corners));
            case CT_BICUBIC:
                return give(out, antialias ? at::_upsample_bicubic2d_aa(x, to, align_corners)
                                           : at::upsample_bicubic2d(x, to, align_corners));
            default: TORCH_CHECK(false, "there is no interpolation mode ", mode);
        }
    });
}

int32_t ct_avg_pool2d(
    ct_tensor x, const ct_int *kernel, const ct_int *stride, const ct_int *padding, int32_t ceil,
    int32_t count_padding, ct_tensor *out) noexcept {
    return guard([&] {
        give(out, at::avg_pool2d(in(x), pair(kernel), pair(stride), pair(padding), ceil, count_padding));
    });
}

int32_t ct_max_pool2d(
    ct_tensor x, const ct_int *kernel, const ct_int *stride, const ct_int *padding, int32_t ceil,
    ct_tensor *out) noexcept {
    return guard([&] {
        const int64_t one[] = {1, 1};
        give(out, at::max_pool2d(in(x), pair(kernel), pair(stride), pair(padding), one, ceil));
    });
}

int32_t ct_adaptive_avg_pool2d(ct_tensor x, const ct_int *size, ct_tensor *out) noexcept {
    return guard([&] { give(out, at::adaptive_avg_pool2d(in(x), pair(size))); });
}

int32_t ct_embedding(ct_tensor weight, ct_tensor index, ct_tensor *out) noexcept {
    return guard([&] { give(out, at::embedding(in(weight), in(index))); });
}

int32_t ct_cross_entropy(
    ct_tensor x, ct_tensor target, ct_tensor weight, int32_t reduction, ct_int ignored, double smoothing,
    ct_tensor *out) noexcept {
    return guard([&] {
        give(out, at::cross_entropy_loss(in(x), in(target), maybe(weight), reduction, ignored, smoothing));
    });
}
