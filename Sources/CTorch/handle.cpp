// Handles, the text of failures, error scopes, values out of tensors.
#include <c10/core/ScalarType.h>

#include <atomic>
#include <cstring>

#include "ctorch.hpp"

#define SAME(ours, theirs) static_assert(static_cast<int>(theirs) == ours)
SAME(CT_UINT8, at::ScalarType::Byte);
SAME(CT_INT8, at::ScalarType::Char);
SAME(CT_INT16, at::ScalarType::Short);
SAME(CT_INT32, at::ScalarType::Int);
SAME(CT_INT64, at::ScalarType::Long);
SAME(CT_FLOAT16, at::ScalarType::Half);
SAME(CT_FLOAT32, at::ScalarType::Float);
SAME(CT_FLOAT64, at::ScalarType::Double);
SAME(CT_BOOL, at::ScalarType::Bool);
SAME(CT_BFLOAT16, at::ScalarType::BFloat16);
SAME(CT_CPU, c10::DeviceType::CPU);
SAME(CT_CUDA, c10::DeviceType::CUDA);

namespace ct {

ThreadState &thread_state() {
    static thread_local ThreadState state;
    return state;
}

static std::atomic<int64_t> live{0};
void count_handle(int32_t change) noexcept { live.fetch_add(change, std::memory_order_relaxed); }

int32_t failed(int32_t status, const char *text) noexcept {
    auto &state = thread_state();
    try {
        state.text = text ? text : "";
    } catch (...) {  // no memory for the text: the status alone must do
    }
    if (state.scopes > 0) {
        state.status = status;
        state.failed_scope = state.scopes;
    }
    return status;
}

// The allocator of the CPU reports lack of memory as a plain error.
static bool is_out_of_memory(const char *text) {
    return std::strstr(text, "DefaultCPUAllocator: not enough memory")
        || std::strstr(text, "DefaultCPUAllocator: can't allocate memory");
}

int32_t failed_with_current_exception() noexcept {
    try {
        throw;
    } catch (const c10::OutOfMemoryError &error) {
        return failed(CT_OUT_OF_MEMORY, error.what_without_backtrace());
    } catch (const c10::Error &error) {
        auto text = error.what_without_backtrace();
        return failed(is_out_of_memory(text) ? CT_OUT_OF_MEMORY : CT_ERROR, text);
    } catch (const std::bad_alloc &error) {
        return failed(CT_OUT_OF_MEMORY, error.what());
    } catch (const std::exception &error) {
        return failed(CT_ERROR, error.what());
    } catch (...) {
        return failed(CT_ERROR, "an exception of unknown type");
    }
}

}  // namespace ct

using namespace ct;

const char *ct_error_text() noexcept { return thread_state().text.c_str(); }

void ct_scope_enter() noexcept { thread_state().scopes++; }

int32_t ct_scope_leave() noexcept {
    auto &state = thread_state();
    auto status = state.status;
    // A failure older than the scope belongs to an outer one, which still has to report it.
    if (state.failed_scope >= state.scopes) state.status = CT_OK;
    state.scopes--;
    return status;
}

int32_t ct_scope_active() noexcept { return thread_state().scopes > 0; }

void ct_scope_explain(const char *text) noexcept {
    try {
        thread_state().text = text;
    } catch (...) {
    }
}

ct_int ct_live_handles() noexcept { return live.load(std::memory_order_relaxed); }

void ct_retain(ct_tensor x) noexcept {
    if (!x) return;
    Impl::reclaim_copy(impl(x)).release();
    count_handle(1);
}

void ct_release(ct_tensor x) noexcept {
    if (!x) return;
    Impl::reclaim(impl(x));
    count_handle(-1);
}

int32_t ct_dtype(ct_tensor x) noexcept {
    return x ? static_cast<int32_t>(c10::typeMetaToScalarType(impl(x)->dtype())) : -1;
}

int32_t ct_device(ct_tensor x, int32_t *index) noexcept {
    *index = 0;
    if (!x) return -1;
    auto device = impl(x)->device();
    *index = device.has_index() ? device.index() : 0;
    return static_cast<int32_t>(device.type());
}

ct_int ct_rank(ct_tensor x) noexcept { return x ? impl(x)->dim() : 0; }

ct_int ct_count(ct_tensor x) noexcept { return x ? impl(x)->numel() : 0; }

void ct_sizes(ct_tensor x, ct_int *sizes) noexcept {
    if (!x) return;
    auto from = impl(x)->sizes();
    std::copy(from.begin(), from.end(), sizes);
}

int32_t ct_data(ct_tensor x, void **pointer) noexcept {
    return guard([&] {
        auto tensor = in(x);
        TORCH_CHECK(tensor.is_cpu() && tensor.is_contiguous(), "the tensor is not contiguous on the CPU");
        *pointer = tensor.data_ptr();
    });
}

int32_t ct_copy_out(ct_tensor x, int32_t dtype, void *bytes, ct_int byte_count) noexcept {
    return guard([&] {
        auto tensor = in(x).detach().to(at::kCPU, scalar_type(dtype)).contiguous();
        TORCH_CHECK(
            static_cast<ct_int>(tensor.nbytes()) == byte_count, "the tensor holds ", tensor.nbytes(),
            " bytes, not ", byte_count);
        if (byte_count > 0) std::memcpy(bytes, tensor.const_data_ptr(), byte_count);
    });
}

int32_t ct_item(ct_tensor x, double *value) noexcept {
    return guard([&] { *value = in(x).item().toDouble(); });
}
