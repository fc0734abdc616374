// Rotary position embedding (Su et al. 2021) of the last tokens of each head, in one pass.
//
// With P rows of sines and cosines and N >= P tokens, the first N - P tokens (class, registers) stay as they
// are; a later token's halves (a, b) become (a cos_a - b sin_a, b cos_b + a sin_b).
#include <ATen/Parallel.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <torch/csrc/autograd/custom_function.h>

#include "../ctorch.hpp"

namespace {

// The transposed map, which carries gradients back, is (a cos_a + b sin_b, b cos_b - a sin_a).
at::Tensor composed(const at::Tensor &x, const at::Tensor &sine, const at::Tensor &cosine, bool transposed) {
    auto first = x.size(2) - sine.size(0);
    auto part = x.narrow(2, first, sine.size(0)).to(cosine.scalar_type());
    auto halves = (transposed ? part.mul(sine) : part).chunk(2, -1);
    auto turned = transposed ? at::cat(std::vector<at::Tensor>{halves[1], halves[0].neg()}, -1)
                             : at::cat(std::vector<at::Tensor>{halves[1].neg(), halves[0]}, -1).mul(sine);
    auto result = part.mul(cosine).add_(turned).to(x.scalar_type());
    return at::cat(std::vector<at::Tensor>{x.narrow(2, 0, first), result}, 2);
}

template <class Value>
void rotate(
    const Value *from, Value *to, const float *sine, const float *cosine, int64_t half, bool transposed) {
    for (int64_t d = 0; d < half; d++) {
        auto a = static_cast<float>(from[d]), b = static_cast<float>(from[d + half]);
        auto left = transposed ? sine[d + half] : -sine[d];
        auto right = transposed ? -sine[d] : sine[d + half];
        to[d] = static_cast<Value>(a * cosine[d] + b * left);
        to[d + half] = static_cast<Value>(b * cosine[d + half] + a * right);
    }
}

void rotate(
    const double *from, double *to, const double *sine, const double *cosine, int64_t half, bool transposed) {
    for (int64_t d = 0; d < half; d++) {
        auto a = from[d], b = from[d + half];
        to[d] = a * cosine[d] + b * (transposed ? sine[d + half] : -sine[d]);
        to[d + half] = b * cosine[d + half] + a * (transposed ? -sine[d] : sine[d + half]);
    }
}

template <class Value, class Angle>
at::Tensor in_one_pass(const at::Tensor &x, const at::Tensor &sine, const at::Tensor &cosine, bool transposed) {
    auto tokens = x.size(2), heads = x.size(1), width = x.size(3), first = tokens - sine.size(0);
    auto out = at::empty(x.sizes(), x.options());
    auto from = x.const_data_ptr<Value>();
    auto to = out.mutable_data_ptr<Value>();
    auto sines = sine.const_data_ptr<Angle>(), cosines = cosine.const_data_ptr<Angle>();
    auto strides = x.strides();
    at::parallel_for(0, x.size(0) * heads * tokens, 16384 / width + 1, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; i++) {
            auto token = i % tokens;
            auto source = from + i / tokens / heads * strides[0] + i / tokens % heads * strides[1] + token * strides[2];
            if (token < first) {
                std::copy(source, source + width, to + i * width);
            } else {
                auto angle = (token - first) * width;
                rotate(source, to + i * width, sines + angle, cosines + angle, width / 2, transposed);
            }
        }
    });
    return out;
}

at::Tensor rotated(const at::Tensor &given, const at::Tensor &sine, const at::Tensor &cosine, bool transposed) {
    bool exact = given.scalar_type() == at::kDouble;
    if (!given.is_cpu()) return composed(given, sine, cosine, transposed);
    auto angle = exact ? at::kDouble : at::kFloat;
    auto s = sine.to(angle).contiguous(), c = cosine.to(angle).contiguous();
    auto x = given.stride(3) == 1 ? given : given.contiguous();
    switch (x.scalar_type()) {
        case at::kDouble: return in_one_pass<double, double>(x, s, c, transposed);
        case at::kFloat: return in_one_pass<float, float>(x, s, c, transposed);
        case at::kBFloat16: return in_one_pass<at::BFloat16, float>(x, s, c, transposed);
        case at::kHalf: return in_one_pass<at::Half, float>(x, s, c, transposed);
        default: TORCH_CHECK(false, "rope works on floating point, not ", x.scalar_type());
    }
}

struct Rope : torch::autograd::Function<Rope> {
    static at::Tensor forward(
        torch::autograd::AutogradContext *context, const at::Tensor &x, const at::Tensor &sine,
        const at::Tensor &cosine, bool transposed) {
        context->save_for_backward({sine, cosine});
        context->saved_data["transposed"] = transposed;
        return rotated(x, sine, cosine, transposed);
    }

    // Linear, so the way back is the other map, which again has a way back.
    static torch::autograd::variable_list backward(
        torch::autograd::AutogradContext *context, const torch::autograd::variable_list &gradients) {
        auto saved = context->get_saved_variables();
        bool transposed = context->saved_data["transposed"].toBool();
        return {Rope::apply(gradients[0], saved[0], saved[1], !transposed), {}, {}, {}};
    }
};

}  // namespace

int32_t ct_rope(ct_tensor x, ct_tensor sine, ct_tensor cosine, ct_tensor *out) noexcept {
    return ct::guard([&] {
        auto tokens = ct::in(x), s = ct::in(sine), c = ct::in(cosine);
        TORCH_CHECK(tokens.dim() == 4, "rope needs [batch, heads, tokens, width], got ", tokens.sizes());
        TORCH_CHECK(
            s.dim() == 2 && s.sizes() == c.sizes() && s.size(1) == tokens.size(3) && s.size(0) <= tokens.size(2)
                && tokens.size(3) % 2 == 0,
            "rope needs sines and cosines [positions, width] with an even width, at most as many positions as "
            "tokens; got ", s.sizes(), " and ", c.sizes(), " for ", tokens.sizes());
        TORCH_CHECK(!s.requires_grad() && !c.requires_grad(), "rope has no gradient for its angles");
        ct::give(out, Rope::apply(tokens, s, c, false));
    });
}
