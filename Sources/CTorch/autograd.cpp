// Gradients: what requires one, backward, the modes of a thread.
#include <ATen/autocast_mode.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/autograd.h>

#include "ctorch.hpp"

using namespace ct;

int32_t ct_requires_grad(ct_tensor x) noexcept { return x && impl(x)->requires_grad(); }

int32_t ct_set_requires_grad(ct_tensor x, int32_t on) noexcept {
    return guard([&] { in(x).requires_grad_(on); });
}

int32_t ct_backward(ct_tensor x, ct_tensor gradient, int32_t retain_graph, int32_t create_graph) noexcept {
    return guard([&] {
        torch::autograd::backward({in(x)}, {optional(gradient)}, retain_graph, create_graph);
    });
}

int32_t ct_grad(ct_tensor x, ct_tensor *out) noexcept {
    return guard([&] { give(out, in(x).grad()); });
}

int32_t ct_set_grad(ct_tensor x, ct_tensor gradient) noexcept {
    return guard([&] { in(x).mutable_grad() = optional(gradient); });
}

int32_t ct_grad_enabled() noexcept { return at::GradMode::is_enabled(); }

void ct_set_grad_enabled(int32_t on) noexcept { at::GradMode::set_enabled(on); }

int32_t ct_autocast(int32_t device) noexcept {
    auto kind = static_cast<c10::DeviceType>(device);
    if (!at::autocast::is_autocast_enabled(kind)) return -1;
    return static_cast<int32_t>(at::autocast::get_autocast_dtype(kind));
}

// Without the guard: a mode must end also where a scope has failed.
void ct_set_autocast(int32_t device, int32_t dtype) noexcept {
    auto kind = static_cast<c10::DeviceType>(device);
    if (dtype >= 0) at::autocast::set_autocast_dtype(kind, scalar_type(dtype));
    at::autocast::set_autocast_enabled(kind, dtype >= 0);
    // The copies of weights in a lower type do not outlive the mode that made them.
    at::autocast::clear_cache();
}
