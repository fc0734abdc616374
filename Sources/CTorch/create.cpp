// New tensors: filled, from bytes, from memory of others, on another device or of another type.
#include <ATen/ops/empty.h>
#include <ATen/ops/eye.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros_like.h>

#include <cstring>

#include "ctorch.hpp"

using namespace ct;

static at::Scalar number_of(int32_t dtype, double value) { return number(scalar_type(dtype), value); }

int32_t ct_empty(
    const ct_int *sizes, ct_int rank, int32_t dtype, int32_t device, int32_t index, ct_tensor *out) noexcept {
    return guard([&] { give(out, at::empty(ints(sizes, rank), options(dtype, device, index))); });
}

int32_t ct_full(
    const ct_int *sizes, ct_int rank, double value, int32_t dtype, int32_t device, int32_t index,
    ct_tensor *out) noexcept {
    return guard([&] {
        give(out, at::full(ints(sizes, rank), number_of(dtype, value), options(dtype, device, index)));
    });
}

int32_t ct_eye(
    ct_int rows, ct_int columns, int32_t dtype, int32_t device, int32_t index, ct_tensor *out) noexcept {
    return guard([&] { give(out, at::eye(rows, columns, options(dtype, device, index))); });
}

int32_t ct_zeros_like(ct_tensor x, ct_tensor *out) noexcept {
    return guard([&] { give(out, at::zeros_like(in(x))); });
}

int32_t ct_from_bytes(
    const void *bytes, ct_int byte_count, const ct_int *sizes, ct_int rank, int32_t dtype,
    ct_tensor *out) noexcept {
    return guard([&] {
        auto tensor = at::empty(ints(sizes, rank), options(dtype, CT_CPU, 0));
        TORCH_CHECK(
            static_cast<ct_int>(tensor.nbytes()) == byte_count, "the tensor needs ", tensor.nbytes(), " bytes, got ",
            byte_count);
        if (byte_count > 0) std::memcpy(tensor.data_ptr(), bytes, byte_count);
        give(out, tensor);
    });
}

int32_t ct_from_buffer(
    void *bytes, const ct_int *sizes, ct_int rank, int32_t dtype, void (*deleter)(void *), void *context,
    ct_tensor *out) noexcept {
    return guard([&] {
        auto let_go = [deleter, context](void *) {
            if (deleter) deleter(context);
        };
        give(out, at::from_blob(bytes, ints(sizes, rank), let_go, options(dtype, CT_CPU, 0)));
    });
}

int32_t ct_to(
    ct_tensor x, int32_t dtype, int32_t device, int32_t index, ct_tensor *out) noexcept {
    return guard([&] {
        auto target = options(dtype, device, index);
        give(out, in(x).to(target.device(), scalar_type(dtype)));
    });
}

int32_t ct_clone(ct_tensor x, ct_tensor *out) noexcept {
    return guard([&] { give(out, in(x).clone()); });
}

int32_t ct_contiguous(ct_tensor x, ct_tensor *out) noexcept {
    return guard([&] { give(out, in(x).contiguous()); });
}

int32_t ct_detach(ct_tensor x, ct_tensor *out) noexcept {
    return guard([&] { give(out, in(x).detach()); });
}
