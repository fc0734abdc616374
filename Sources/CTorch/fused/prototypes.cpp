// Cross-entropy of tokens against assignments to prototypes, without a matrix of all scores.
//
// With x = z W^T / temperature and p = softmax(x), the loss of a row with the target q and mass m = sum of q is
// m log sum exp x - <q, x>, and its gradient for x is m p - q. Both are known as soon as the row's scores are, so that rows
// come in chunks: scores, loss, gradient of the scores in their place, and its products with W and z, which are all
// that remains. Nothing is computed twice, and the memory is a chunk's. Crops with the same pairs share a target and go
// together: W is large, and what takes time is to read it.
#include <limits>
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

// What students are to predict, [T, B, K]: as a whole, or made of tokens when rows of it are needed.
struct Targets {
    at::Tensor whole;       // [T, B, K] or undefined
    at::Tensor tokens;      // [T, B, d]
    at::Tensor prototypes;  // [K, d], in the tokens' type
    at::Tensor scales;      // [K], logarithms
    double temperature;

    int64_t crops() const { return whole.defined() ? whole.size(0) : tokens.size(0); }
    int64_t batch() const { return whole.defined() ? whole.size(1) : tokens.size(1); }
    at::TensorOptions options() const { return whole.defined() ? whole.options() : scales.options(); }
    at::ScalarType type() const { return options().dtype().toScalarType(); }

    at::Tensor rows(int64_t crop, int64_t start, int64_t length) const {
        if (whole.defined()) return whole.select(0, crop).narrow(0, start, length);
        auto some = tokens.select(0, crop).narrow(0, start, length);
        return at::softmax(at::mm(some, prototypes.t()).to(type()).div_(temperature).add_(scales), 1);
    }
};

struct Inputs {
    at::Tensor tokens;    // [S * B, d], crop by crop
    at::Tensor weight;    // [K, d]
    Targets targets;
    std::vector<double> pairs;  // [S, T]
    at::Tensor rows;      // [B] or undefined
    double temperature;
    int64_t chunk;        // rows at a time
};

/// The target of rows of a crop, [rows, K]: that of one teacher crop as it is, of several their weighted sum.
at::Tensor mixed(const Inputs &in, const double *weights, int64_t start, int64_t length, double *factor) {
    auto count = in.targets.crops();
    at::Tensor sum;
    *factor = 1;
    for (int64_t t = 0; t < count; t++) {
        if (weights[t] == 0) continue;
        auto part = in.targets.rows(t, start, length);
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
    auto crops = static_cast<int64_t>(in.pairs.size()) / in.targets.crops(), batch = in.targets.batch();
    auto exact = in.targets.type();
    Answer answer;
    answer.losses = at::zeros({crops}, in.targets.options());
    if (wants_tokens) answer.tokens_gradient = at::zeros_like(in.tokens);
    if (wants_weight) answer.weight_gradient = at::zeros_like(in.weight);
    // Products are in the tokens' type, which may be a lower one than that of the prototypes; sums are not.
    auto low = in.tokens.scalar_type();
    auto prototypes = in.weight.to(low);
    auto transposed = prototypes.t();
    auto is_mixed = low != in.weight.scalar_type();
    auto wanted = in.targets.crops(), most = std::max<int64_t>(1, in.chunk / std::max<int64_t>(1, batch));
    for (int64_t s = 0, together = 1; s < crops; s += together) {
        auto weights = in.pairs.data() + s * wanted;
        together = 1;
        while (together < most && s + together < crops && std::equal(weights, weights + wanted, weights + together * wanted))
            together++;
        for (int64_t start = 0; start < batch; start += in.chunk) {
            auto length = std::min(in.chunk, batch - start), count = together * length;
            double factor;
            auto target = mixed(in, weights, start, length, &factor);
            if (!target.defined()) continue;
            // Of several crops all rows, which stand one after another.
            auto tokens = in.tokens.narrow(0, s * batch + start, count);
            auto scores = at::mm(tokens, transposed).to(exact).div_(in.temperature);
            auto best = scores.amax(1);
            auto by_sample = scores.view({together, length, -1}).transpose(0, 1);
            auto dot = at::bmm(by_sample, target.unsqueeze(2)).squeeze(2).t();
            auto mass = target.sum(1);
            auto shares = at::softmax(scores, 1);
            // The largest share is 1 / K or more, so that its logarithm is sound.
            auto log_sum = best.sub_(shares.amax(1).log_()).view({together, length});
            auto scale = in.rows.defined() ? in.rows.narrow(0, start, length).to(exact).mul(factor)
                                           : at::full({length}, factor, mass.options());
            answer.losses.narrow(0, s, together).add_(log_sum.mul_(mass).sub_(dot).mul_(scale).sum(1));
            if (!wants_tokens && !wants_weight) continue;
            scale.div_(in.temperature);
            shares.view({together, length, -1})
                .mul_(mass.mul(scale).unsqueeze(1))
                .addcmul_(target, scale.unsqueeze(1), -1);
            auto gradient = shares.to(low);
            if (wants_tokens)
                answer.tokens_gradient.narrow(0, s * batch + start, count).copy_(at::mm(gradient, prototypes));
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
        for (auto &[name, value] : {std::pair{"tokens", answer.tokens_gradient}, {"weight", answer.weight_gradient}})
            if (value.defined()) context->saved_data[name] = value;
        context->saved_data["given"] = false;
        return {answer.losses.sum(), answer.losses};
    }

    static torch::autograd::variable_list backward(
        torch::autograd::AutogradContext *context, const torch::autograd::variable_list &gradients) {
        TORCH_CHECK(!at::GradMode::is_enabled(), "the prototype loss has no second gradient");
        auto &saved = context->saved_data;
        TORCH_CHECK(!saved["given"].toBool(), "the prototype loss gives its gradient once");
        saved["given"] = true;
        // As large as the prototypes: given away, not copied.
        auto scaled = [&](const char *name) {
            auto found = saved.find(name);
            if (found == saved.end()) return at::Tensor();
            auto x = std::move(found->second).toTensor();
            saved.erase(found);
            auto factor = gradients[0].to(x.scalar_type());
            return factor.is_cpu() && factor.item().toDouble() == 1 ? x : x.mul_(factor);
        };
        return {scaled("tokens"), scaled("weight"), {}, {}, {}};
    }
};

}  // namespace

int32_t ct_prototype_loss(
    ct_tensor tokens, ct_tensor weight, ct_tensor targets, ct_tensor teacher_tokens, ct_tensor teacher_prototypes,
    ct_tensor scales, double teacher_temperature, const double *pairs, ct_int crops, ct_tensor rows, double temperature,
    ct_int chunk, ct_tensor *total, ct_tensor *losses) noexcept {
    return ct::guard([&] {
        auto z = ct::in(tokens), w = ct::in(weight);
        auto r = ct::optional(rows);
        Targets wanted;
        if (targets) {
            wanted.whole = ct::in(targets);
            TORCH_CHECK(
                wanted.whole.dim() == 3 && wanted.whole.size(2) == w.size(0),
                "targets are [T, B, K] for ", w.size(0), " prototypes, got ", wanted.whole.sizes());
        } else {
            wanted.tokens = ct::in(teacher_tokens).detach();
            wanted.prototypes = ct::in(teacher_prototypes).detach();
            wanted.scales = ct::in(scales).detach();
            wanted.temperature = teacher_temperature;
            TORCH_CHECK(
                wanted.tokens.dim() == 3 && wanted.prototypes.dim() == 2 && wanted.scales.dim() == 1
                    && wanted.tokens.size(2) == wanted.prototypes.size(1) && wanted.prototypes.size(0) == w.size(0)
                    && wanted.scales.size(0) == w.size(0) && teacher_temperature > 0,
                "targets are made of tokens [T, B, d], prototypes [K, d] and scales [K], got ", wanted.tokens.sizes(), ", ",
                wanted.prototypes.sizes(), " and ", wanted.scales.sizes(), " at temperature ", teacher_temperature);
            wanted.prototypes = wanted.prototypes.to(wanted.tokens.scalar_type());
        }
        TORCH_CHECK(
            z.dim() == 2 && w.dim() == 2 && crops >= 1 && z.size(0) == crops * wanted.batch() && z.size(1) == w.size(1),
            "the prototype loss needs tokens [S * B, d] and prototypes [K, d] for targets [T, B, K]; got ", z.sizes(), " and ",
            w.sizes(), " for S = ", crops, " and B = ", wanted.batch());
        TORCH_CHECK(!r.defined() || (r.dim() == 1 && r.size(0) == wanted.batch()), "a weight per row, got ", r.sizes());
        TORCH_CHECK(temperature > 0, "the temperature must be above 0, got ", temperature);
        TORCH_CHECK(chunk >= 1, "rows come one or more at a time, got ", chunk);
        TORCH_CHECK(
            wanted.type() == at::kFloat || wanted.type() == at::kDouble, "targets are float32 or float64, not ",
            wanted.type());
        TORCH_CHECK(!wanted.whole.defined() || !wanted.whole.requires_grad(), "targets have no gradient here");
        Inputs inputs{z.detach(), w.detach(), wanted, {pairs, pairs + crops * wanted.crops()}, r, temperature, chunk};
        auto on = at::GradMode::is_enabled();
        auto answer = PrototypeLoss::apply(z, w, inputs, on && z.requires_grad(), on && w.requires_grad());
        ct::give(total, answer[0]);
        ct::give(losses, answer[1]);
    });
}

int32_t ct_sinkhorn_scales(
    ct_tensor tokens, ct_tensor prototypes, double temperature, ct_int iterations, ct_int chunk, ct_tensor *out) noexcept {
    return ct::guard([&] {
        at::NoGradGuard no_gradient;
        auto z = ct::in(tokens), w = ct::in(prototypes);
        TORCH_CHECK(
            z.dim() == 2 && w.dim() == 2 && z.size(1) == w.size(1), "tokens [N, d] and prototypes [K, d], got ", z.sizes(),
            " and ", w.sizes());
        TORCH_CHECK(temperature > 0 && iterations >= 1 && chunk >= 1, "temperature, rounds and rows are above 0");
        auto exact = z.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
        auto transposed = w.to(z.scalar_type()).t();
        auto options = z.options().dtype(exact);
        // Of each prototype: the logarithm of what its scores are multiplied by, and of the sum that decides the next.
        auto scales = at::zeros({w.size(0)}, options);
        for (ct_int round = 0; round < iterations; round++) {
            auto largest = at::full({w.size(0)}, -std::numeric_limits<double>::infinity(), options);
            auto sum = at::zeros({w.size(0)}, options);
            for (int64_t start = 0; start < z.size(0); start += chunk) {
                auto length = std::min<int64_t>(chunk, z.size(0) - start);
                auto scores = at::mm(z.narrow(0, start, length), transposed).to(exact).div_(temperature);
                // Rows sum to one with the scales of the round before; in the first round they are as they come.
                if (round > 0) scores.sub_(at::logsumexp(scores.add(scales), {1}, true));
                auto top = at::maximum(largest, scores.amax(0));
                sum.mul_(largest.sub(top).exp_()).add_(scores.sub_(top).exp_().sum(0));
                largest = top;
            }
            scales = largest.add_(sum.log_()).neg_();
        }
        ct::give(out, scales);
    });
}
