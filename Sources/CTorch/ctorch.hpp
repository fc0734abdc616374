// What all files of the shim share: handles to tensors and back, the guard around every body.
#pragma once
#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>
#include <c10/util/Exception.h>

#include <string>
#include <vector>

#include "compat.h"
#include "ctorch.h"

static_assert(sizeof(ct_int) == sizeof(int64_t) && std::is_signed_v<ct_int>, "sizes cross as 64 bits");

// Every function of the table, declared as the header says; a definition that differs does not compile.
extern "C" {
#define CT_DECLARE(result, name, arguments) result ct_##name arguments noexcept;
CT_FUNCTIONS(CT_DECLARE)
#undef CT_DECLARE
}

namespace ct {

struct ThreadState {
    std::string text;
    int32_t status = CT_OK;  // of the scope's first failure
    int32_t scopes = 0;        // how deep the thread is in scopes
    int32_t failed_scope = 0;  // how deep it was at the failure
};
ThreadState &thread_state();
int32_t failed(int32_t status, const char *text) noexcept;
int32_t failed_with_current_exception() noexcept;
void count_handle(int32_t change) noexcept;

// Runs a body; nothing leaves it but a status.
template <class Body>
int32_t guard(Body &&body) noexcept {
    if (thread_state().status != CT_OK) return CT_SKIPPED;
    try {
        body();
        return CT_OK;
    } catch (...) {
        return failed_with_current_exception();
    }
}

using Impl = c10::intrusive_ptr<c10::TensorImpl, c10::UndefinedTensorImpl>;

inline c10::TensorImpl *impl(ct_tensor x) { return reinterpret_cast<c10::TensorImpl *>(x); }

// The tensor behind a handle, or the undefined tensor.
inline at::Tensor optional(ct_tensor x) {
    return x ? at::Tensor(Impl::reclaim_copy(impl(x))) : at::Tensor();
}

inline at::Tensor in(ct_tensor x) {
    TORCH_CHECK(x, "a tensor is missing");
    return at::Tensor(Impl::reclaim_copy(impl(x)));
}

inline std::optional<at::Tensor> maybe(ct_tensor x) {
    if (!x) return std::nullopt;
    return in(x);
}

inline std::vector<at::Tensor> list(const ct_tensor *xs, ct_int count) {
    std::vector<at::Tensor> tensors;
    tensors.reserve(count);
    for (ct_int i = 0; i < count; i++) tensors.push_back(in(xs[i]));
    return tensors;
}

// Hands a tensor to the caller, who owns it from now on.
inline void give(ct_tensor *out, at::Tensor tensor) {
    if (!tensor.defined()) {
        *out = nullptr;
        return;
    }
    count_handle(1);
    *out = reinterpret_cast<ct_tensor>(tensor.unsafeReleaseTensorImpl());
}

inline at::IntArrayRef ints(const ct_int *values, ct_int count) {
    return at::IntArrayRef(reinterpret_cast<const int64_t *>(values), count);
}

inline at::IntArrayRef pair(const ct_int *values) { return ints(values, 2); }

// No dimensions at all where all are meant.
inline at::OptionalIntArrayRef dims(const ct_int *values, ct_int count) {
    if (count < 0) return std::nullopt;
    return ints(values, count);
}

inline at::ScalarType scalar_type(int32_t dtype) { return static_cast<at::ScalarType>(dtype); }

inline at::TensorOptions options(int32_t dtype, int32_t device, int32_t index) {
    auto kind = static_cast<c10::DeviceType>(device);
    auto place = kind == c10::DeviceType::CPU ? c10::Device(kind) : c10::Device(kind, index);
    return at::TensorOptions().dtype(scalar_type(dtype)).device(place);
}

// A number as integers want it where it is whole and doubles hold it exactly, so that they stay integers.
inline at::Scalar number(at::ScalarType type, double value) {
    constexpr double limit = 9007199254740992.0;  // 2^53
    bool whole = value >= -limit && value <= limit && value == static_cast<double>(static_cast<int64_t>(value));
    if (whole && at::isIntegralType(type, true)) return static_cast<int64_t>(value);
    return value;
}

inline at::Scalar number(const at::Tensor &x, double value) { return number(x.scalar_type(), value); }

std::optional<at::Generator> generator(ct_generator g);

}  // namespace ct
