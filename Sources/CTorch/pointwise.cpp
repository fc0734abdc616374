// Operations element by element.
#include <ATen/ops/addcmul.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/isfinite.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/where.h>

#include "ctorch.hpp"

using namespace ct;

#define UNARY(name, expression) \
    int32_t ct_##name(ct_tensor a, ct_tensor *out) noexcept { \
        return guard([&] { \
            auto x = in(a); \
            give(out, expression); \
        }); \
    }
UNARY(abs, x.abs())
UNARY(neg, x.neg())
UNARY(log, x.log())
UNARY(sqrt, x.sqrt())
UNARY(square, x.square())
UNARY(sigmoid, x.sigmoid())
UNARY(relu, x.relu())
UNARY(silu, at::silu(x))
UNARY(sign, x.sign())
UNARY(isfinite, at::isfinite(x))

int32_t ct_gelu(ct_tensor x, int32_t tanh, ct_tensor *out) noexcept {
    return guard([&] { give(out, at::gelu(in(x), tanh ? "tanh" : "none")); });
}

#define BINARY(name, expression) \
    int32_t ct_##name(ct_tensor a, ct_tensor b, ct_tensor *out) noexcept { \
        return guard([&] { \
            auto x = in(a), y = in(b); \
            give(out, expression); \
        }); \
    }
BINARY(add, x.add(y))
BINARY(sub, x.sub(y))
BINARY(mul, x.mul(y))
BINARY(div, x.div(y))
BINARY(logical_and, x.logical_and(y))

#define SCALAR(name, expression) \
    int32_t ct_##name(ct_tensor a, double b, ct_tensor *out) noexcept { \
        return guard([&] { \
            auto x = in(a); \
            auto y = number(x, b); \
            give(out, expression); \
        }); \
    }
SCALAR(add_scalar, x.add(y))
SCALAR(mul_scalar, x.mul(y))
SCALAR(div_scalar, x.div(y))
SCALAR(lt_scalar, x.lt(y))
SCALAR(gt_scalar, x.gt(y))

static std::optional<at::Scalar> limit(const at::Tensor &x, const double *value) {
    if (!value) return std::nullopt;
    return number(x, *value);
}

int32_t ct_clamp(ct_tensor a, const double *low, const double *high, ct_tensor *out) noexcept {
    return guard([&] {
        auto x = in(a);
        give(out, x.clamp(limit(x, low), limit(x, high)));
    });
}

int32_t ct_where(ct_tensor mask, ct_tensor a, ct_tensor b, ct_tensor *out) noexcept {
    return guard([&] { give(out, at::where(in(mask), in(a), in(b))); });
}

int32_t ct_masked_fill(ct_tensor a, ct_tensor mask, double value, ct_tensor *out) noexcept {
    return guard([&] {
        auto x = in(a);
        give(out, x.masked_fill(in(mask), number(x, value)));
    });
}

int32_t ct_addcmul(ct_tensor x, ct_tensor a, ct_tensor b, double value, ct_tensor *out) noexcept {
    return guard([&] { give(out, at::addcmul(in(x), in(a), in(b), value)); });
}

int32_t ct_copy_(ct_tensor x, ct_tensor y) noexcept {
    return guard([&] { in(x).copy_(in(y)); });
}
