// Threads, CUDA, and what libtorch says about itself.
#include <ATen/Context.h>
#include <ATen/DeviceAccelerator.h>
#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <ATen/detail/CUDAHooksInterface.h>
#include <dlfcn.h>
#include <elf.h>
#include <link.h>

#include <cstring>

#include "ctorch.hpp"

using namespace ct;

int32_t ct_set_threads(ct_int count) noexcept {
    return guard([&] {
        // A thread takes over the process's number at its first use of it, which would undo what is set here if another
        // thread set another number in between.
        at::get_num_threads();
        at::set_num_threads(static_cast<int>(count));
    });
}

ct_int ct_threads() noexcept { return at::get_num_threads(); }

ct_int ct_cuda_devices() noexcept {
    try {
        return at::hasCUDA() ? at::detail::getCUDAHooks().deviceCount() : 0;
    } catch (...) {
        return 0;
    }
}

int32_t ct_cuda_synchronize(int32_t index) noexcept {
    return guard([&] { at::accelerator::synchronizeDevice(static_cast<c10::DeviceIndex>(index)); });
}

namespace {

std::string path_of(const void *address) {
    Dl_info info;
    if (!address || !dladdr(address, &info) || !info.dli_fname) return "unknown";
    return info.dli_fname;
}

// What a loaded library's call of `symbol` arrives at, read from the library's own jump table: what counts
// is not which `sgemm_` exists but which one libtorch_cpu was bound to when it was loaded.
struct Search {
    const char *library;
    const char *symbol;
    const void *found;
};

int look_at(dl_phdr_info *object, size_t, void *context) {
    auto search = static_cast<Search *>(context);
    if (!object->dlpi_name || !std::strstr(object->dlpi_name, search->library)) return 0;
    const ElfW(Dyn) *dynamic = nullptr;
    for (int i = 0; i < object->dlpi_phnum; i++) {
        if (object->dlpi_phdr[i].p_type == PT_DYNAMIC)
            dynamic = reinterpret_cast<const ElfW(Dyn) *>(object->dlpi_addr + object->dlpi_phdr[i].p_vaddr);
    }
    const ElfW(Sym) *symbols = nullptr;
    const char *names = nullptr;
    const ElfW(Rela) *jumps = nullptr, *others = nullptr;
    size_t jump_bytes = 0, other_bytes = 0;
    for (; dynamic && dynamic->d_tag != DT_NULL; dynamic++) {
        auto address = dynamic->d_un.d_ptr;
        switch (dynamic->d_tag) {
            case DT_SYMTAB: symbols = reinterpret_cast<const ElfW(Sym) *>(address); break;
            case DT_STRTAB: names = reinterpret_cast<const char *>(address); break;
            case DT_JMPREL: jumps = reinterpret_cast<const ElfW(Rela) *>(address); break;
            case DT_PLTRELSZ: jump_bytes = dynamic->d_un.d_val; break;
            case DT_RELA: others = reinterpret_cast<const ElfW(Rela) *>(address); break;
            case DT_RELASZ: other_bytes = dynamic->d_un.d_val; break;
        }
    }
    if (!symbols || !names) return 0;
    auto scan = [&](const ElfW(Rela) *entries, size_t bytes) {
        for (size_t i = 0; entries && i < bytes / sizeof(*entries) && !search->found; i++) {
            auto symbol = ELF64_R_SYM(entries[i].r_info);
            if (symbol == 0 || std::strcmp(names + symbols[symbol].st_name, search->symbol) != 0) continue;
            search->found = *reinterpret_cast<void *const *>(object->dlpi_addr + entries[i].r_offset);
        }
    };
    scan(jumps, jump_bytes);
    scan(others, other_bytes);
    return search->found ? 1 : 0;
}

std::string sgemm_path() {
    Search search{"libtorch_cpu.so", "sgemm_", nullptr};
    dl_iterate_phdr(look_at, &search);
    // Without such an entry the call cannot be taken over: the BLAS lies inside libtorch_cpu itself.
    return search.found ? path_of(search.found) : path_of(reinterpret_cast<const void *>(&at::get_num_threads));
}

std::string line_about(const std::string &text, const char *word) {
    auto at = text.find(word);
    if (at == std::string::npos) return "unknown";
    auto start = text.rfind('\n', at);
    start = start == std::string::npos ? 0 : start + 1;
    auto line = text.substr(start, text.find('\n', at) - start);
    auto first = line.find_first_not_of(" -");
    return first == std::string::npos ? line : line.substr(first);
}

std::string blas_line() {
    auto config = at::show_config();
    if (config.find("Intel(R) oneAPI Math Kernel") != std::string::npos) return line_about(config, "Intel(R) oneAPI Math Kernel");
    auto at = config.find("BLAS_INFO=");
    if (at == std::string::npos) return "unknown";
    return config.substr(at + 10, config.find_first_of(",\n", at) - at - 10);
}

std::string cuda_version() {
    if (!at::hasCUDA()) return "none";
    auto number = at::detail::getCUDAHooks().versionCUDART();
    return std::to_string(number / 1000) + "." + std::to_string(number % 1000 / 10);
}

std::string value_of(int32_t what) {
    switch (what) {
        case CT_INFO_TORCH: return TORCH_VERSION;
        case CT_INFO_CUDA: return cuda_version();
        case CT_INFO_BLAS: return blas_line();
        case CT_INFO_LIBTORCH: return path_of(reinterpret_cast<const void *>(&at::get_num_threads));
        case CT_INFO_SGEMM: return sgemm_path();
        default: return "unknown";
    }
}

}  // namespace

const char *ct_info(int32_t what) noexcept {
    static thread_local std::string text;
    try {
        text = value_of(what);
        return text.c_str();
    } catch (...) {
        return "unknown";
    }
}
