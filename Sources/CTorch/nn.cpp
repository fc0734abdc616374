// Products, normalisations, attention, convolutions, images.
#include <ATen/ops/_upsample_bicubic2d_aa.h>
#include <ATen/ops/_upsample_bilinear2d_aa.h>
#include <ATen/ops/batch_norm.h>
#include <ATen/ops/cholesky_solve.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/conv_transpose2d.h>
#include <ATen/ops/layer_norm.h>
#include <ATen/ops/linalg_cholesky.h>
#include <ATen/ops/linear.h>
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

int32_t ct_linear(ct_tensor x, ct_tensor weight, ct_tensor bias, ct_tensor *out) noexcept {
    return guard([&] { give(out, at::linear(in(x), in(weight), maybe(bias))); });
}

int32_t ct_layer_norm(
    ct_tensor x, const ct_int *sizes, ct_int count, ct_tensor weight, ct_tensor bias, double eps,
    ct_tensor *out) noexcept {
    return guard([&] { give(out, at::layer_norm(in(x), ints(sizes, count), maybe(weight), maybe(bias), eps)); });
}

int32_t ct_batch_norm(
    ct_tensor x, ct_tensor weight, ct_tensor bias, ct_tensor mean, ct_tensor variance, int32_t training,
    double momentum, double eps, ct_tensor *out) noexcept {
    return guard([&] {
        auto normal = at::batch_norm(
            in(x), maybe(weight), maybe(bias), maybe(mean), maybe(variance), training, momentum, eps, true);
        give(out, std::move(normal));
    });
}

int32_t ct_rms_norm(
    ct_tensor x, const ct_int *sizes, ct_int count, ct_tensor weight, double eps, ct_tensor *out) noexcept {
    return guard([&] { give(out, at::rms_norm(in(x), ints(sizes, count), maybe(weight), eps)); });
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
