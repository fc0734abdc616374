// Rotary position embedding (Su et al. 2021) of the last tokens of each head, in one pass.
//
// With P rows of sines and cosines and N >= P tokens, the first N - P tokens (class, registers) stay as they
// are; a later token's halves (a, b) become (a cos_a - b sin_a, b cos_b + a sin_b).
#include <ATen/TensorIterator.h>
#include <ATen/ops/addcmul.h>
#include <ATen/ops/empty.h>
#include <torch/csrc/autograd/custom_function.h>

#include "../ctorch.hpp"

namespace {

// The transposed map, which carries gradients back, is (a cos_a + b sin_b, b cos_b - a sin_a). Two operations a half, straight
// into the result: what is between them is in the angles' precision.
at::Tensor composed(const at::Tensor &x, const at::Tensor &sine, const at::Tensor &cosine, bool transposed) {
    auto turning = sine.size(0), first = x.size(-2) - turning, half = x.size(-1) / 2;
    auto out = at::empty(x.sizes(), x.options());
    if (first > 0) out.narrow(-2, 0, first).copy_(x.narrow(-2, 0, first));
    auto halves = [half](const at::Tensor &whole) {
        return std::pair{whole.narrow(-1, 0, half), whole.narrow(-1, half, half)};
    };
    auto [a, b] = halves(x.narrow(-2, first, turning));
    auto [left, right] = halves(out.narrow(-2, first, turning));
    auto [sine_a, sine_b] = halves(sine);
    auto [cosine_a, cosine_b] = halves(cosine);
    at::addcmul_out(left, a.mul(cosine_a), b, transposed ? sine_b : sine_a, transposed ? 1 : -1);
    at::addcmul_out(right, b.mul(cosine_b), a, transposed ? sine_a : sine_b, transposed ? -1 : 1);
    return out;
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

/// Hands out ranges of 0 to `count` to libtorch's threads. They are reached through its iterator, over `count` bytes that nobody
/// looks at: at::parallel_for is a template, which runs on one thread in a library that was not compiled for libtorch's OpenMP.
template <class Body>
void in_parallel(int64_t count, int64_t grain, const Body &body) {
    auto places = at::empty({count}, at::kByte);
    auto first = static_cast<const char *>(places.const_data_ptr());
    auto iterator = at::TensorIterator::nullary_op(places);
    iterator.for_each(
        [&](char **data, const int64_t *, int64_t length) { body(data[0] - first, data[0] - first + length); }, grain);
}

template <class Value, class Angle>
at::Tensor in_one_pass(const at::Tensor &x, const at::Tensor &sine, const at::Tensor &cosine, bool transposed) {
    auto tokens = x.size(-2), heads = x.size(-3), batch = x.size(-4), width = x.size(-1), first = tokens - sine.size(0);
    auto out = at::empty(x.sizes(), x.options());
    auto from = x.const_data_ptr<Value>();
    auto to = out.mutable_data_ptr<Value>();
    auto sines = sine.const_data_ptr<Angle>(), cosines = cosine.const_data_ptr<Angle>();
    auto outer = x.dim() == 5 ? x.stride(0) : 0;
    auto image = x.stride(-4), head = x.stride(-3), row = x.stride(-2);
    in_parallel(x.numel() / width, 16384 / width + 1, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; i++) {
            auto token = i % tokens, above = i / tokens / heads;
            auto source =
                from + above / batch * outer + above % batch * image + i / tokens % heads * head + token * row;
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
    auto x = given.stride(-1) == 1 ? given : given.contiguous();
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
        TORCH_CHECK(
            tokens.dim() == 4 || tokens.dim() == 5, "rope needs [batch, heads, tokens, width], or several of these, got ",
            tokens.sizes());
        TORCH_CHECK(
            s.dim() == 2 && s.sizes() == c.sizes() && s.size(1) == tokens.size(-1) && s.size(0) <= tokens.size(-2)
                && tokens.size(-1) % 2 == 0,
            "rope needs sines and cosines [positions, width] with an even width, at most as many positions as "
            "tokens; got ", s.sizes(), " and ", c.sizes(), " for ", tokens.sizes());
        TORCH_CHECK(!s.requires_grad() && !c.requires_grad(), "rope has no gradient for its angles");
        ct::give(out, Rope::apply(tokens, s, c, false));
    });
}
