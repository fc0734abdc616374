// Shapes, views, joins, indices.
#include <ATen/ops/cat.h>
#include <ATen/ops/pad.h>
#include <ATen/ops/stack.h>

#include "ctorch.hpp"

using namespace ct;

int32_t ct_reshape(ct_tensor x, const ct_int *sizes, ct_int rank, ct_tensor *out) noexcept {
    return guard([&] { give(out, in(x).reshape(ints(sizes, rank))); });
}

int32_t ct_permute(ct_tensor x, const ct_int *dims, ct_int count, ct_tensor *out) noexcept {
    return guard([&] { give(out, in(x).permute(ints(dims, count))); });
}

int32_t ct_transpose(ct_tensor x, ct_int a, ct_int b, ct_tensor *out) noexcept {
    return guard([&] { give(out, in(x).transpose(a, b)); });
}

int32_t ct_expand(ct_tensor x, const ct_int *sizes, ct_int rank, ct_tensor *out) noexcept {
    return guard([&] { give(out, in(x).expand(ints(sizes, rank))); });
}

int32_t ct_narrow(ct_tensor x, ct_int dim, ct_int start, ct_int length, ct_tensor *out) noexcept {
    return guard([&] { give(out, in(x).narrow(dim, start, length)); });
}

int32_t ct_select(ct_tensor x, ct_int dim, ct_int index, ct_tensor *out) noexcept {
    return guard([&] { give(out, in(x).select(dim, index)); });
}

int32_t ct_squeeze(ct_tensor x, ct_int dim, ct_tensor *out) noexcept {
    return guard([&] { give(out, in(x).squeeze(dim)); });
}

int32_t ct_unsqueeze(ct_tensor x, ct_int dim, ct_tensor *out) noexcept {
    return guard([&] { give(out, in(x).unsqueeze(dim)); });
}

int32_t ct_flatten(ct_tensor x, ct_int first, ct_int last, ct_tensor *out) noexcept {
    return guard([&] { give(out, in(x).flatten(first, last)); });
}

int32_t ct_cat(const ct_tensor *xs, ct_int count, ct_int dim, ct_tensor *out) noexcept {
    return guard([&] { give(out, at::cat(list(xs, count), dim)); });
}

int32_t ct_stack(const ct_tensor *xs, ct_int count, ct_int dim, ct_tensor *out) noexcept {
    return guard([&] { give(out, at::stack(list(xs, count), dim)); });
}

int32_t ct_split(ct_tensor x, const ct_int *sizes, ct_int count, ct_int dim, ct_tensor *outs) noexcept {
    return guard([&] {
        auto parts = in(x).split_with_sizes(ints(sizes, count), dim);
        for (size_t i = 0; i < parts.size(); i++) give(&outs[i], parts[i]);
    });
}

int32_t ct_index_select(ct_tensor x, ct_int dim, ct_tensor index, ct_tensor *out) noexcept {
    return guard([&] { give(out, in(x).index_select(dim, in(index))); });
}

int32_t ct_index_add(ct_tensor x, ct_int dim, ct_tensor index, ct_tensor source, ct_tensor *out) noexcept {
    return guard([&] { give(out, in(x).index_add(dim, in(index), in(source))); });
}

int32_t ct_gather(ct_tensor x, ct_int dim, ct_tensor index, ct_tensor *out) noexcept {
    return guard([&] { give(out, in(x).gather(dim, in(index))); });
}

int32_t ct_flip(ct_tensor x, const ct_int *dims, ct_int count, ct_tensor *out) noexcept {
    return guard([&] { give(out, in(x).flip(ints(dims, count))); });
}

int32_t ct_pad(
    ct_tensor x, const ct_int *pads, ct_int count, int32_t mode, double value, ct_tensor *out) noexcept {
    return guard([&] {
        static const char *const modes[] = {"constant", "reflect", "replicate", "circular"};
        TORCH_CHECK(mode >= 0 && mode < 4, "there is no padding mode ", mode);
        auto filler = mode == CT_PAD_CONSTANT ? std::optional<double>(value) : std::nullopt;
        give(out, at::pad(in(x), ints(pads, count), modes[mode], filler));
    });
}

int32_t ct_diagonal(ct_tensor x, ct_int offset, ct_int a, ct_int b, ct_tensor *out) noexcept {
    return guard([&] { give(out, in(x).diagonal(offset, a, b)); });
}
