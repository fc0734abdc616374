// Random numbers from generators that can be saved and restored.
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Context.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/bernoulli.h>
#include <ATen/ops/multinomial.h>
#include <ATen/ops/randperm.h>

#include <cmath>

#include "ctorch.hpp"

using namespace ct;
using GeneratorImpl = c10::intrusive_ptr<c10::GeneratorImpl>;

std::optional<at::Generator> ct::generator(ct_generator g) {
    if (!g) return std::nullopt;
    return at::Generator(GeneratorImpl::reclaim_copy(reinterpret_cast<c10::GeneratorImpl *>(g)));
}

static at::Generator required(ct_generator g) {
    TORCH_CHECK(g, "a generator is missing");
    return *generator(g);
}

int32_t ct_new_generator(uintptr_t seed, int32_t device, int32_t index, ct_generator *out) noexcept {
    return guard([&] {
        auto kind = static_cast<c10::DeviceType>(device);
        auto place = kind == c10::DeviceType::CPU ? c10::Device(kind) : c10::Device(kind, index);
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

int32_t ct_generator_state(ct_generator g, ct_tensor *out) noexcept {
    return guard([&] { give(out, required(g).get_state()); });
}

int32_t ct_generator_restore(ct_generator g, ct_tensor state) noexcept {
    return guard([&] { required(g).set_state(in(state)); });
}

int32_t ct_uniform_(ct_tensor x, double low, double high, ct_generator g) noexcept {
    return guard([&] { in(x).uniform_(low, high, generator(g)); });
}

int32_t ct_normal_(ct_tensor x, double mean, double deviation, ct_generator g) noexcept {
    return guard([&] { in(x).normal_(mean, deviation, generator(g)); });
}

// The inverse of the normal distribution's integral, at uniform numbers between its values at the two limits.
int32_t ct_truncated_normal_(
    ct_tensor a, double mean, double deviation, double low, double high, ct_generator g) noexcept {
    return guard([&] {
        auto x = in(a);
        TORCH_CHECK(deviation > 0 && low < high, "a truncated normal needs deviation > 0 and low < high");
        auto integral = [&](double value) { return std::erf((value - mean) / (deviation * std::sqrt(2.0))); };
        at::NoGradGuard no_gradient;
        x.uniform_(integral(low), integral(high), generator(g));
        x.erfinv_().mul_(deviation * std::sqrt(2.0)).add_(mean).clamp_(low, high);
    });
}

int32_t ct_bernoulli_(ct_tensor x, double p, ct_generator g) noexcept {
    return guard([&] { in(x).bernoulli_(p, generator(g)); });
}

int32_t ct_bernoulli(ct_tensor p, ct_generator g, ct_tensor *out) noexcept {
    return guard([&] { give(out, at::bernoulli(in(p), generator(g))); });
}

int32_t ct_randint_(ct_tensor x, ct_int low, ct_int high, ct_generator g) noexcept {
    return guard([&] { in(x).random_(low, high, generator(g)); });
}

int32_t ct_randperm(ct_int count, ct_generator g, ct_tensor *out) noexcept {
    return guard([&] {
        auto place = g ? generator(g)->device() : c10::Device(c10::DeviceType::CPU);
        give(out, at::randperm(count, generator(g), at::TensorOptions().dtype(at::kLong).device(place)));
    });
}

int32_t ct_multinomial(
    ct_tensor weights, ct_int count, int32_t replacement, ct_generator g, ct_tensor *out) noexcept {
    return guard([&] { give(out, at::multinomial(in(weights), count, replacement, generator(g))); });
}
