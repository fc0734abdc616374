// Reductions, soft maxima, order.
#include <ATen/ops/all.h>
#include <ATen/ops/isfinite.h>
#include <ATen/ops/linalg_vector_norm.h>

#include <numeric>

#include "ctorch.hpp"

using namespace ct;

// Dimensions for the operators that cannot say "all" by themselves.
static std::vector<int64_t> spelled(const at::Tensor &x, const ct_int *values, ct_int count) {
    if (count >= 0) return ints(values, count).vec();
    std::vector<int64_t> every(x.dim());
    std::iota(every.begin(), every.end(), 0);
    return every;
}

#define REDUCTION(name, expression) \
    int32_t ct_##name( \
        ct_tensor a, const ct_int *list, ct_int count, int32_t keep, ct_tensor *out) noexcept { \
        return guard([&] { \
            auto x = in(a); \
            give(out, expression); \
        }); \
    }
REDUCTION(sum, x.sum(dims(list, count), keep))
REDUCTION(mean, x.mean(dims(list, count), keep))
REDUCTION(amax, x.amax(spelled(x, list, count), keep))
REDUCTION(all, x.all(dims(list, count), keep))

int32_t ct_var(
    ct_tensor a, const ct_int *list, ct_int count, double correction, int32_t keep, ct_tensor *out) noexcept {
    return guard([&] { give(out, in(a).var(dims(list, count), at::Scalar(correction), keep)); });
}

int32_t ct_norm(
    ct_tensor a, double p, const ct_int *list, ct_int count, int32_t keep, ct_tensor *out) noexcept {
    return guard([&] { give(out, at::linalg_vector_norm(in(a), p, dims(list, count), keep)); });
}

static std::optional<int64_t> one(const ct_int *dim) {
    if (!dim) return std::nullopt;
    return *dim;
}

int32_t ct_argmax(ct_tensor a, const ct_int *dim, int32_t keep, ct_tensor *out) noexcept {
    return guard([&] { give(out, in(a).argmax(one(dim), keep)); });
}

static void give_two(std::tuple<at::Tensor, at::Tensor> two, ct_tensor *values, ct_tensor *indices) {
    give(values, std::move(std::get<0>(two)));
    give(indices, std::move(std::get<1>(two)));
}

int32_t ct_median_dim(ct_tensor a, ct_int dim, int32_t keep, ct_tensor *values, ct_tensor *indices) noexcept {
    return guard([&] { give_two(in(a).median(dim, keep), values, indices); });
}

int32_t ct_softmax(ct_tensor a, ct_int dim, ct_tensor *out) noexcept {
    return guard([&] { give(out, in(a).softmax(dim)); });
}

int32_t ct_log_softmax(ct_tensor a, ct_int dim, ct_tensor *out) noexcept {
    return guard([&] { give(out, in(a).log_softmax(dim)); });
}

int32_t ct_topk(
    ct_tensor a, ct_int k, ct_int dim, int32_t largest, ct_tensor *values, ct_tensor *indices) noexcept {
    return guard([&] { give_two(in(a).topk(k, dim, largest, true), values, indices); });
}

// Stable, so that equal values keep their order on every machine.
int32_t ct_sort(ct_tensor a, ct_int dim, int32_t descending, ct_tensor *values, ct_tensor *indices) noexcept {
    return guard([&] { give_two(in(a).sort(true, dim, descending), values, indices); });
}

int32_t ct_is_all_finite(ct_tensor a, int32_t *answer) noexcept {
    return guard([&] { *answer = at::isfinite(in(a).detach()).all().item<bool>(); });
}
