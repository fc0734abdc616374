// Balanced assignment of samples to prototypes (Cuturi 2013; Caron et al. 2020), in the log domain.
//
// exp(logits / temperature) is scaled in turns so that prototypes share the samples evenly and every sample's
// assignment sums to one. Constant factors cancel, so the largest logit is taken away first; what lies beyond
// 1e30 below it is brought to 1e30, since the difference of two infinities would not be a number.
#include <ATen/core/grad_mode.h>
#include <ATen/ops/logsumexp.h>

#include "../ctorch.hpp"

int32_t ct_sinkhorn(ct_tensor logits, double temperature, ct_int iterations, ct_tensor *out) noexcept {
    return ct::guard([&] {
        at::NoGradGuard no_gradient;
        auto given = ct::in(logits);
        TORCH_CHECK(given.dim() == 2, "sinkhorn needs [samples, prototypes], got ", given.sizes());
        TORCH_CHECK(temperature > 0, "the temperature must be above 0, got ", temperature);
        auto scores = given.to(given.scalar_type() == at::kDouble ? at::kDouble : at::kFloat);
        if (scores.numel() == 0) return ct::give(out, scores.clone());
        auto logs = scores.sub(scores.max()).div_(temperature).clamp_min_(-1e30);
        for (ct_int i = 0; i < iterations; i++) {
            logs.sub_(logs.logsumexp(0, true));
            logs.sub_(logs.logsumexp(1, true));
        }
        ct::give(out, logs.exp_());
    });
}
