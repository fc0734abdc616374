// Cross-entropy of tokens against assignments to prototypes, without a matrix of all scores.
//
// With x = z W^T / temperature and p = softmax(x), the loss of a row with the target q and mass m = sum of q is
// m log sum exp x - <q, x>, and its gradient for x is m p - q. Both are known as soon as the row's scores are, so that rows
// come in chunks: scores, loss, gradient of the scores in their place, and its products with W and z, which are all
// that remains. Nothing is computed twice, and the memory is a chunk's.
#include <ATen/core/grad_mode.h>
#include <ATen/ops/amax.h>
#include <ATen/ops/bmm.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>
#include <torch/csrc/autograd/custom_function.h>

#include "../ctorch.hpp"

namespace {

struct Inputs {
    at::Tensor tokens;    // [S * B, d], crop by crop
    at::Tensor weight;    // [K, d]
    at::Tensor targets;   // [T, B, K]
    std::vector<double> pairs;  // [S, T]
    at::Tensor rows;      // [B] or undefined
    double temperature;
    int64_t chunk;        // rows at a time
};

/// The target of rows of a crop, [rows, K]: that of one teacher crop as it is, of several their weighted sum.
at::Tensor mixed(const Inputs &in, const double *weights, int64_t start, int64_t length, double *factor) {
    auto count = in.targets.size(0);
    at::Tensor sum;
    *factor = 1;
    for (int64_t t = 0; t < count; t++) {
        if (weights[t] == 0) continue;
        auto part = in.targets.select(0, t).narrow(0, start, length);
        if (!sum.defined()) {
            sum = part;
            *factor = weights[t];
        } else {
            // The first was a view of the targets, which stay.
            sum = sum.mul(*factor).add_(part, weights[t]);
            *factor = 1;
        }
    }
    return sum;
}

struct Answer {
    at::Tensor losses;  // [S]
    at::Tensor tokens_gradient, weight_gradient;
};

Answer computed(const Inputs &in, bool wants_tokens, bool wants_weight) {
    at::NoGradGuard no_gradient;
    auto crops = static_cast<int64_t>(in.pairs.size()) / in.targets.size(0), batch = in.targets.size(1);
    auto exact = in.targets.scalar_type();
    Answer answer;
    answer.losses = at::zeros({crops}, in.targets.options());
    if (wants_tokens) answer.tokens_gradient = at::zeros_like(in.tokens);
    if (wants_weight) answer.weight_gradient = at::zeros_like(in.weight);
    // Products are in the tokens' type, which may be a lower one than that of the prototypes; sums are not.
    auto low = in.tokens.scalar_type();
    auto prototypes = in.weight.to(low);
    auto transposed = prototypes.t();
    auto is_mixed = low != in.weight.scalar_type();
    for (int64_t s = 0; s < crops; s++) {
        auto weights = in.pairs.data() + s * in.targets.size(0);
        for (int64_t start = 0; start < batch; start += in.chunk) {
            auto length = std::min(in.chunk, batch - start);
            double factor;
            auto target = mixed(in, weights, start, length, &factor);
            if (!target.defined()) continue;
            auto tokens = in.tokens.narrow(0, s * batch + start, length);
            auto scores = at::mm(tokens, transposed).to(exact).div_(in.temperature);
            auto best = scores.amax(1);
            auto dot = at::bmm(target.unsqueeze(1), scores.unsqueeze(2)).flatten();
            auto mass = target.sum(1);
            auto shares = at::softmax(scores, 1);
            // The largest share is 1 / K or more, so that its logarithm is sound.
            auto log_sum = best.sub_(shares.amax(1).log_());
            auto scale = in.rows.defined() ? in.rows.narrow(0, start, length).to(exact).mul(factor)
                                           : at::full({length}, factor, mass.options());
            answer.losses.select(0, s).add_(mass.mul(log_sum).sub_(dot).mul_(scale).sum());
            if (!wants_tokens && !wants_weight) continue;
            scale.div_(in.temperature);
            shares.mul_(mass.unsqueeze(1)).sub_(target).mul_(scale.unsqueeze(1));
            auto gradient = shares.to(low);
            if (wants_tokens) answer.tokens_gradient.narrow(0, s * batch + start, length).copy_(at::mm(gradient, prototypes));
            if (!wants_weight) continue;
            if (is_mixed) {
                answer.weight_gradient.add_(at::mm(gradient.t(), tokens));
            } else {
                answer.weight_gradient.addmm_(gradient.t(), tokens);
            }
        }
    }
    return answer;
}

struct PrototypeLoss : torch::autograd::Function<PrototypeLoss> {
    static torch::autograd::variable_list forward(
        torch::autograd::AutogradContext *context, const at::Tensor &tokens, const at::Tensor &weight,
        const Inputs &inputs, bool wants_tokens, bool wants_weight) {
        auto answer = computed(inputs, wants_tokens, wants_weight);
        context->mark_non_differentiable({answer.losses});
        context->save_for_backward({answer.tokens_gradient, answer.weight_gradient});
        return {answer.losses.sum(), answer.losses};
    }

    static torch::autograd::variable_list backward(
        torch::autograd::AutogradContext *context, const torch::autograd::variable_list &gradients) {
        TORCH_CHECK(!at::GradMode::is_enabled(), "the prototype loss has no second gradient");
        auto saved = context->get_saved_variables();
        auto scaled = [&](const at::Tensor &x) { return x.defined() ? x.mul(gradients[0].to(x.scalar_type())) : x; };
        return {scaled(saved[0]), scaled(saved[1]), {}, {}, {}};
    }
};

}  // namespace

int32_t ct_prototype_loss(
    ct_tensor tokens, ct_tensor weight, ct_tensor targets, const double *pairs, ct_int crops, ct_tensor rows,
    double temperature, ct_int chunk, ct_tensor *total, ct_tensor *losses) noexcept {
    return ct::guard([&] {
        auto z = ct::in(tokens), w = ct::in(weight), q = ct::in(targets);
        auto r = ct::optional(rows);
        TORCH_CHECK(
            z.dim() == 2 && w.dim() == 2 && q.dim() == 3 && crops >= 1 && z.size(0) == crops * q.size(1)
                && z.size(1) == w.size(1) && q.size(2) == w.size(0),
            "the prototype loss needs tokens [S * B, d], prototypes [K, d] and targets [T, B, K]; got ", z.sizes(), ", ",
            w.sizes(), " and ", q.sizes(), " for S = ", crops);
        TORCH_CHECK(!r.defined() || (r.dim() == 1 && r.size(0) == q.size(1)), "a weight per row, got ", r.sizes());
        TORCH_CHECK(temperature > 0, "the temperature must be above 0, got ", temperature);
        TORCH_CHECK(chunk >= 1, "rows come one or more at a time, got ", chunk);
        TORCH_CHECK(
            q.scalar_type() == at::kFloat || q.scalar_type() == at::kDouble, "targets are float32 or float64, not ",
            q.scalar_type());
        TORCH_CHECK(!q.requires_grad(), "targets have no gradient here");
        Inputs inputs{z.detach(), w.detach(), q, {pairs, pairs + crops * q.size(0)}, r, temperature, chunk};
        auto on = at::GradMode::is_enabled();
        auto answer = PrototypeLoss::apply(z, w, inputs, on && z.requires_grad(), on && w.requires_grad());
        ct::give(total, answer[0]);
        ct::give(losses, answer[1]);
    });
}
