// A part of a network whose inner values are not kept for the way back: they are computed again when they are needed.
#include <ATen/autocast_mode.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>

#include "../ctorch.hpp"

namespace {

// The caller's part of the network; let go once, with the last copy.
struct Part {
    int32_t (*body)(void *, ct_tensor, ct_tensor *) = nullptr;
    void (*deleter)(void *) = nullptr;
    void *context = nullptr;

    Part() = default;
    Part(const Part &) = delete;
    ~Part() {
        if (deleter) deleter(context);
    }

    // In a scope of its own, as the way back may run on a thread that is in none.
    at::Tensor run(const at::Tensor &x) const {
        ct_tensor given = nullptr, made = nullptr;
        ct::give(&given, x);
        ct_scope_enter();
        body(context, given, &made);
        std::string text = ct_error_text();
        auto status = ct_scope_leave();
        auto y = ct::optional(made);
        if (made) ct_release(made);
        if (status == CT_OUT_OF_MEMORY) C10_THROW_ERROR(OutOfMemoryError, text);
        TORCH_CHECK(status == CT_OK, text);
        TORCH_CHECK(y.defined(), "a part to be computed again gave no tensor");
        return y;
    }
};

// The lower precision that was on, for the second time.
struct Autocast {
    c10::DeviceType kind;
    bool on;
    at::ScalarType type;

    explicit Autocast(c10::DeviceType kind)
        : kind(kind), on(at::autocast::is_autocast_enabled(kind)), type(at::autocast::get_autocast_dtype(kind)) {}

    void restore() const {
        at::autocast::set_autocast_dtype(kind, type);
        at::autocast::set_autocast_enabled(kind, on);
    }
};

struct AutocastGuard {
    Autocast before;
    explicit AutocastGuard(const Autocast &now) : before(now.kind) { now.restore(); }
    ~AutocastGuard() {
        before.restore();
        // Copies of weights in the lower type do not outlive the mode.
        if (!before.on) at::autocast::clear_cache();
    }
};

struct Recompute : torch::autograd::Function<Recompute> {
    static at::Tensor forward(
        torch::autograd::AutogradContext *context, const at::Tensor &x, const std::shared_ptr<Part> &part,
        const Autocast &mode) {
        context->save_for_backward({x});
        context->saved_data["on"] = mode.on;
        context->saved_data["type"] = static_cast<int64_t>(mode.type);
        context->saved_data["part"] = c10::IValue::make_capsule(c10::make_intrusive<Holder>(part));
        at::NoGradGuard no_gradient;
        auto y = part->run(x);
        // What a body hands through unchanged must not be the input itself.
        return y.is_same(x) ? y.alias() : y;
    }

    static torch::autograd::variable_list backward(
        torch::autograd::AutogradContext *context, const torch::autograd::variable_list &gradients) {
        TORCH_CHECK(!at::GradMode::is_enabled(), "what is computed again has no second gradient");
        auto x = context->get_saved_variables()[0].detach();
        x.requires_grad_(true);
        Autocast mode(x.device().type());
        mode.on = context->saved_data["on"].toBool();
        mode.type = static_cast<at::ScalarType>(context->saved_data["type"].toInt());
        auto part = c10::static_intrusive_pointer_cast<Holder>(context->saved_data["part"].toCapsule())->part;
        at::Tensor y;
        {
            at::AutoGradMode gradient(true);
            AutocastGuard lower(mode);
            y = part->run(x);
        }
        torch::autograd::backward({y}, {gradients[0]});
        return {x.grad(), {}, {}};
    }

    struct Holder : torch::CustomClassHolder {
        std::shared_ptr<Part> part;
        explicit Holder(std::shared_ptr<Part> part) : part(std::move(part)) {}
    };
};

}  // namespace

int32_t ct_recompute(
    ct_tensor x, int32_t (*body)(void *context, ct_tensor x, ct_tensor *out), void (*deleter)(void *context),
    void *context, ct_tensor *out) noexcept {
    std::shared_ptr<Part> part;
    try {
        part = std::make_shared<Part>();
        part->body = body;
        part->deleter = deleter;
        part->context = context;
    } catch (...) {
        if (deleter) deleter(context);
        return ct::failed_with_current_exception();
    }
    return ct::guard([&] {
        auto input = ct::in(x);
        ct::give(out, Recompute::apply(input, part, Autocast(input.device().type())));
    });
}
