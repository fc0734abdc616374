// Random numbers from generators that a seed starts.
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Context.h>

#include "ctorch.hpp"

using namespace ct;
using GeneratorImpl = c10::intrusive_ptr<c10::GeneratorImpl>;

std::optional<at::Generator> ct::generator(ct_generator g) {
    if (!g) return std::nullopt;
    return at::Generator(GeneratorImpl::reclaim_copy(reinterpret_cast<c10::GeneratorImpl *>(g)));
}

int32_t ct_new_generator(uintptr_t seed, int32_t device, int32_t index, ct_generator *out) noexcept {
    return guard([&] {
        auto kind = static_cast<c10::DeviceType>(device);
        // A fresh one, never libtorch's own default generator.
        auto made = kind == c10::DeviceType::CPU
            ? at::detail::createCPUGenerator(seed)
            : at::globalContext().getAcceleratorHooksInterface(kind).getNewGenerator(index);
        made.set_current_seed(seed);
        *out = reinterpret_cast<::ct_generator>(made.unsafeReleaseGeneratorImpl());
    });
}

void ct_generator_release(ct_generator g) noexcept {
    if (g) GeneratorImpl::reclaim(reinterpret_cast<c10::GeneratorImpl *>(g));
}

int32_t ct_uniform_(ct_tensor x, double low, double high, ct_generator g) noexcept {
    return guard([&] { in(x).uniform_(low, high, generator(g)); });
}

int32_t ct_normal_(ct_tensor x, double mean, double deviation, ct_generator g) noexcept {
    return guard([&] { in(x).normal_(mean, deviation, generator(g)); });
}
