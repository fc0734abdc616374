// Linear layers whose weights are laid out for the processor once, instead of at every product (oneDNN).
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/grad_mode.h>
#include <ATen/core/ivalue.h>
#include <ATen/core/stack.h>
#include <ATen/ops/gelu.h>

#include "../ctorch.hpp"

namespace {

std::optional<c10::OperatorHandle> found(const char *name) {
    return c10::Dispatcher::singleton().findSchema({name, ""});
}

at::Tensor called(const c10::OperatorHandle &op, torch::jit::Stack stack) {
    op.callBoxed(stack);
    return stack.at(0).toTensor();
}

} // namespace

// MKL's products are at home on Intel's processors; on AMD's, oneDNN was measured to be 5 to 20 % faster.
int32_t ct_prefers_packed_linear(void) noexcept {
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (!__builtin_cpu_is("amd")) return 0;
#endif
    return ct_can_pack_linear();
}

int32_t ct_can_pack_linear(void) noexcept {
    return found("mkldnn::_reorder_linear_weight") && found("mkldnn::_linear_pointwise") ? 1 : 0;
}

int32_t ct_pack_linear(ct_tensor weight, ct_tensor *out) noexcept {
    return ct::guard([&] {
        at::NoGradGuard no_gradient;
        auto matrix = ct::in(weight).detach();
        TORCH_CHECK(
            matrix.dim() == 2 && matrix.is_cpu() && matrix.scalar_type() == at::kFloat,
            "pack_linear needs a float32 matrix on the CPU, got ", matrix.toString(), " ", matrix.sizes());
        auto op = found("mkldnn::_reorder_linear_weight");
        TORCH_CHECK(op, "this libtorch was built without oneDNN");
        ct::give(out, called(*op, {matrix.contiguous(), c10::IValue()}));
    });
}

int32_t ct_packed_linear(
    ct_tensor x, ct_tensor packed, ct_tensor bias, int32_t gelu, ct_tensor *out) noexcept {
    return ct::guard([&] {
        at::NoGradGuard no_gradient;
        auto rows = ct::in(x).contiguous();
        auto op = found("mkldnn::_linear_pointwise");
        TORCH_CHECK(op, "this libtorch was built without oneDNN");
        auto shift = ct::maybe(bias);
        auto shape = rows.sizes().vec();
        TORCH_CHECK(!shape.empty(), "packed_linear needs a dimension of inputs");
        auto flat = rows.view({-1, shape.back()});
        auto y = called(
            *op, {flat, ct::in(packed), shift ? c10::IValue(*shift) : c10::IValue(), std::string("none"),
                  c10::List<std::optional<at::Scalar>>(), std::string("")});
        if (gelu) at::gelu_(y);
        shape.back() = y.size(1);
        ct::give(out, y.view(shape));
    });
}
