// A training step's work over whole lists of tensors, one call each.
#include <ATen/core/grad_mode.h>
#include <ATen/ops/_foreach_add.h>
#include <ATen/ops/_foreach_lerp.h>
#include <ATen/ops/_foreach_mul.h>
#include <ATen/ops/_foreach_norm.h>
#include <ATen/ops/_fused_adamw.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/stack.h>

#include "ctorch.hpp"

using namespace ct;

// Decoupled weight decay (Loshchilov and Hutter 2019) with torch's own kernels: per tensor
//   p -= rate * decay * p;  m += (1 - beta1) (g - m);  v += (1 - beta2) (g^2 - v)
//   p -= rate / (1 - beta1^t) * m / (sqrt(v / (1 - beta2^t)) + eps)
int32_t ct_adamw(
    const ct_tensor *parameters, const ct_tensor *gradients, const ct_tensor *averages, const ct_tensor *squares,
    const ct_tensor *steps, ct_int count, double rate, double beta1, double beta2, double eps,
    double decay) noexcept {
    return guard([&] {
        if (count == 0) return;
        at::NoGradGuard no_gradient;
        auto t = list(steps, count);
        at::_foreach_add_(t, 1);
        at::_fused_adamw_(
            list(parameters, count), list(gradients, count), list(averages, count), list(squares, count), {}, t,
            rate, beta1, beta2, decay, eps, false, false);
    });
}

// targets = momentum * targets + (1 - momentum) * sources
int32_t ct_ema(const ct_tensor *targets, const ct_tensor *sources, ct_int count, double momentum) noexcept {
    return guard([&] {
        if (count == 0) return;
        at::NoGradGuard no_gradient;
        at::_foreach_lerp_(list(targets, count), list(sources, count), 1.0 - momentum);
    });
}

// The Euclidean norm of all gradients taken together.
int32_t ct_grad_norm(const ct_tensor *gradients, ct_int count, double *norm) noexcept {
    return guard([&] {
        *norm = 0;
        if (count == 0) return;
        at::NoGradGuard no_gradient;
        auto norms = at::_foreach_norm(list(gradients, count), 2);
        *norm = at::linalg_vector_norm(at::stack(norms).to(at::kDouble), 2).item().toDouble();
    });
}

int32_t ct_scale_all(const ct_tensor *xs, ct_int count, double factor) noexcept {
    return guard([&] {
        if (count == 0) return;
        at::NoGradGuard no_gradient;
        at::_foreach_mul_(list(xs, count), factor);
    });
}
