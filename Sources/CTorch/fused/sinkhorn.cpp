// Balanced assignment of samples to prototypes (Cuturi 2013; Caron et al. 2020), safe for logits of any size.
//
// exp(logits / temperature) is scaled in turns so that prototypes share the samples evenly and every sample's
// assignment sums to one. Each column's largest value, then each row's, is taken out in the log
// domain first. Every row and every column then holds a 1 and nothing above it, no sum can be 0 or overflow, and what
// underflows is too small to count: a matrix of exponentials scaled by two vectors gives what the log domain gives, at a
// sixth of its cost. The factors stay within (samples x prototypes)^rounds, so that
// single precision holds them for the three rounds of the reference; more rounds stay in the log domain throughout.
#include <ATen/core/grad_mode.h>
#include <ATen/ops/amax.h>
#include <ATen/ops/logsumexp.h>
#include <ATen/ops/mv.h>

#include "../ctorch.hpp"

namespace {

constexpr ct_int most_scaled_rounds = 3;

/// Logits over the temperature without their largest; what lies beyond 1e30 below it is brought to 1e30, since the
/// difference of two infinities would not be a number.
at::Tensor shifted(const at::Tensor &logits, double temperature, bool in_place) {
    auto scores = logits.to(logits.scalar_type() == at::kDouble ? at::kDouble : at::kFloat);
    // A conversion is a copy of our own.
    bool own = in_place || !scores.is_same(logits);
    auto most = scores.max();
    return (own ? scores.sub_(most) : scores.sub(most)).div_(temperature).clamp_min_(-1e30);
}

at::Tensor by_scaling(at::Tensor logs, ct_int rounds) {
    logs.sub_(logs.amax(0, true));
    auto largest = logs.amax(1, true);
    auto kernel = logs.sub_(largest).exp_();
    auto transposed = kernel.t();
    // The first round weighs columns, in which a row's factor counts: it goes back in. Where it underflows, a row that
    // holds the column's largest value stands beside it.
    auto rows = largest.squeeze(1).exp_();
    at::Tensor columns;
    for (ct_int i = 0; i < rounds; i++) {
        columns = at::mv(transposed, rows).reciprocal_();
        rows = at::mv(kernel, columns).reciprocal_();
    }
    return kernel.mul_(columns.unsqueeze(0)).mul_(rows.unsqueeze(1));
}

at::Tensor in_log_domain(at::Tensor logs, ct_int rounds) {
    for (ct_int i = 0; i < rounds; i++) {
        logs.sub_(logs.logsumexp(0, true));
        logs.sub_(logs.logsumexp(1, true));
    }
    return logs.exp_();
}

} // namespace

int32_t ct_sinkhorn(
    ct_tensor logits, double temperature, ct_int iterations, int32_t in_place, ct_tensor *out) noexcept {
    return ct::guard([&] {
        at::NoGradGuard no_gradient;
        auto given = ct::in(logits);
        TORCH_CHECK(given.dim() == 2, "sinkhorn needs [samples, prototypes], got ", given.sizes());
        TORCH_CHECK(temperature > 0, "the temperature must be above 0, got ", temperature);
        TORCH_CHECK(iterations >= 1, "sinkhorn needs one round or more, got ", iterations);
        if (given.numel() == 0) return ct::give(out, given.clone());
        auto logs = shifted(given, temperature, in_place != 0);
        ct::give(out, iterations <= most_scaled_rounds ? by_scaling(logs, iterations) : in_log_domain(logs, iterations));
    });
}
