// Operations element by element.
#include <ATen/ops/addcmul.h>
#include <ATen/ops/floor_divide.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/isfinite.h>
#include <ATen/ops/isnan.h>
#include <ATen/ops/lerp.h>
#include <ATen/ops/rsub.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/softplus.h>
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
UNARY(exp, x.exp())
UNARY(expm1, x.expm1())
UNARY(log, x.log())
UNARY(log1p, x.log1p())
UNARY(log2, x.log2())
UNARY(sqrt, x.sqrt())
UNARY(rsqrt, x.rsqrt())
UNARY(square, x.square())
UNARY(reciprocal, x.reciprocal())
UNARY(sin, x.sin())
UNARY(cos, x.cos())
UNARY(tanh, x.tanh())
UNARY(sigmoid, x.sigmoid())
UNARY(relu, x.relu())
UNARY(silu, at::silu(x))
UNARY(softplus, at::softplus(x))
UNARY(erf, x.erf())
UNARY(sign, x.sign())
UNARY(floor, x.floor())
UNARY(ceil, x.ceil())
UNARY(round, x.round())
UNARY(logical_not, x.logical_not())
UNARY(isfinite, at::isfinite(x))
UNARY(isnan, at::isnan(x))

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
BINARY(pow, x.pow(y))
BINARY(floor_divide, at::floor_divide(x, y))
BINARY(remainder, x.remainder(y))
BINARY(maximum, x.maximum(y))
BINARY(minimum, x.minimum(y))
BINARY(atan2, x.atan2(y))
BINARY(eq, x.eq(y))
BINARY(ne, x.ne(y))
BINARY(lt, x.lt(y))
BINARY(le, x.le(y))
BINARY(gt, x.gt(y))
BINARY(ge, x.ge(y))
BINARY(logical_and, x.logical_and(y))
BINARY(logical_or, x.logical_or(y))
BINARY(logical_xor, x.logical_xor(y))

#define SCALAR(name, expression) \
    int32_t ct_##name(ct_tensor a, double b, ct_tensor *out) noexcept { \
        return guard([&] { \
            auto x = in(a); \
            auto y = number(x, b); \
            give(out, expression); \
        }); \
    }
SCALAR(add_scalar, x.add(y))
SCALAR(rsub_scalar, at::rsub(x, y))
SCALAR(mul_scalar, x.mul(y))
SCALAR(div_scalar, x.div(y))
SCALAR(pow_scalar, x.pow(y))
SCALAR(floor_divide_scalar, x.floor_divide(y))
SCALAR(remainder_scalar, x.remainder(y))
SCALAR(eq_scalar, x.eq(y))
SCALAR(ne_scalar, x.ne(y))
SCALAR(lt_scalar, x.lt(y))
SCALAR(le_scalar, x.le(y))
SCALAR(gt_scalar, x.gt(y))
SCALAR(ge_scalar, x.ge(y))

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

int32_t ct_lerp(ct_tensor a, ct_tensor b, double weight, ct_tensor *out) noexcept {
    return guard([&] { give(out, at::lerp(in(a), in(b), weight)); });
}

int32_t ct_addcmul(ct_tensor x, ct_tensor a, ct_tensor b, double value, ct_tensor *out) noexcept {
    return guard([&] { give(out, at::addcmul(in(x), in(a), in(b), value)); });
}

int32_t ct_add_(ct_tensor a, ct_tensor b, double factor) noexcept {
    return guard([&] {
        auto x = in(a);
        x.add_(in(b), number(x, factor));
    });
}

int32_t ct_add_scalar_(ct_tensor a, double b) noexcept {
    return guard([&] {
        auto x = in(a);
        x.add_(number(x, b));
    });
}

int32_t ct_mul_(ct_tensor a, ct_tensor b) noexcept {
    return guard([&] { in(a).mul_(in(b)); });
}

int32_t ct_mul_scalar_(ct_tensor a, double b) noexcept {
    return guard([&] {
        auto x = in(a);
        x.mul_(number(x, b));
    });
}

int32_t ct_div_(ct_tensor a, ct_tensor b) noexcept {
    return guard([&] { in(a).div_(in(b)); });
}

int32_t ct_addcmul_(ct_tensor x, ct_tensor a, ct_tensor b, double value) noexcept {
    return guard([&] { in(x).addcmul_(in(a), in(b), value); });
}

int32_t ct_lerp_(ct_tensor x, ct_tensor y, double weight) noexcept {
    return guard([&] { in(x).lerp_(in(y), weight); });
}

int32_t ct_clamp_(ct_tensor a, const double *low, const double *high) noexcept {
    return guard([&] {
        auto x = in(a);
        x.clamp_(limit(x, low), limit(x, high));
    });
}

int32_t ct_copy_(ct_tensor x, ct_tensor y) noexcept {
    return guard([&] { in(x).copy_(in(y)); });
}

int32_t ct_fill_(ct_tensor a, double value) noexcept {
    return guard([&] {
        auto x = in(a);
        x.fill_(number(x, value));
    });
}

int32_t ct_masked_fill_(ct_tensor a, ct_tensor mask, double value) noexcept {
    return guard([&] {
        auto x = in(a);
        x.masked_fill_(in(mask), number(x, value));
    });
}
