// Any operator by its name, through libtorch's dispatcher.
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/ivalue.h>
#include <ATen/core/stack.h>
#include <ATen/ops/scalar_tensor.h>

#include "ctorch.hpp"

using namespace ct;

static c10::TypePtr without_optional(const c10::TypePtr &type) {
    auto optional_type = type->cast<c10::OptionalType>();
    return optional_type ? optional_type->getElementType() : type;
}

static c10::IValue tensors(const ct_value &value, const c10::TypePtr &type) {
    auto list_type = type->cast<c10::ListType>();
    if (list_type && list_type->getElementType()->kind() == c10::TypeKind::OptionalType) {
        c10::List<std::optional<at::Tensor>> items;
        for (ct_int i = 0; i < value.count; i++) items.push_back(maybe(value.as.tensors[i]));
        return items;
    }
    c10::List<at::Tensor> items;
    for (ct_int i = 0; i < value.count; i++) items.push_back(in(value.as.tensors[i]));
    return items;
}

static c10::IValue value_for(const c10::Argument &argument, const ct_value &value) {
    auto type = without_optional(argument.type());
    switch (value.kind) {
        case CT_VALUE_NONE: return {};
        case CT_VALUE_TENSOR: return in(value.as.tensor);
        case CT_VALUE_INT:
            if (type->kind() == c10::TypeKind::FloatType) return static_cast<double>(value.as.integer);
            return static_cast<int64_t>(value.as.integer);
        case CT_VALUE_DOUBLE: return value.as.number;
        case CT_VALUE_BOOL: return value.as.integer != 0;
        case CT_VALUE_STRING:
            if (type->kind() == c10::TypeKind::DeviceObjType) return c10::Device(value.as.string);
            return std::string(value.as.string);
        case CT_VALUE_INTS: return c10::List<int64_t>(ints(value.as.integers, value.count));
        case CT_VALUE_DOUBLES:
            return c10::List<double>(c10::ArrayRef<double>(value.as.numbers, value.count));
        case CT_VALUE_TENSORS: return tensors(value, type);
        case CT_VALUE_GENERATOR: return *generator(value.as.generator);
        default: TORCH_CHECK(false, "argument ", argument.name(), " has the unknown kind ", value.kind);
    }
}

static void flatten(const c10::IValue &value, std::vector<at::Tensor> &into) {
    if (value.isTensor()) {
        into.push_back(value.toTensor());
    } else if (value.isTensorList()) {
        for (const at::Tensor &item : value.toTensorList()) into.push_back(item);
    } else if (value.isInt()) {
        into.push_back(at::scalar_tensor(value.toInt(), at::kLong));
    } else if (value.isDouble()) {
        into.push_back(at::scalar_tensor(value.toDouble(), at::kDouble));
    } else if (value.isBool()) {
        into.push_back(at::scalar_tensor(value.toBool(), at::kBool));
    } else if (value.isNone()) {
        into.push_back(at::Tensor());
    } else {
        TORCH_CHECK(false, "a result of type ", value.tagKind(), " cannot cross");
    }
}

int32_t ct_call(
    const char *name, const char *overload, const ct_value *arguments, ct_int count, ct_tensor *results,
    ct_int capacity, ct_int *written) noexcept {
    return guard([&] {
        *written = 0;
        auto operation = c10::Dispatcher::singleton().findSchemaOrThrow(name, overload);
        const auto &expected = operation.schema().arguments();
        TORCH_CHECK(
            count <= static_cast<ct_int>(expected.size()), name, " takes ", expected.size(), " arguments, got ", count);
        torch::jit::Stack stack;
        for (size_t i = 0; i < expected.size(); i++) {
            bool given = static_cast<ct_int>(i) < count && arguments[i].kind != CT_VALUE_DEFAULT;
            TORCH_CHECK(given || expected[i].default_value(), name, " needs its argument ", expected[i].name());
            stack.push_back(given ? value_for(expected[i], arguments[i]) : *expected[i].default_value());
        }
        operation.callBoxed(stack);
        std::vector<at::Tensor> tensors;
        for (const auto &value : stack) flatten(value, tensors);
        TORCH_CHECK(
            static_cast<ct_int>(tensors.size()) <= capacity, name, " gave ", tensors.size(), " tensors, room for ", capacity);
        for (size_t i = 0; i < tensors.size(); i++) give(&results[i], tensors[i]);
        *written = tensors.size();
    });
}
