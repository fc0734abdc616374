// Differences between the supported versions of libtorch, 2.11 to 2.13, and nowhere else.
#pragma once
#include <torch/version.h>

#if TORCH_VERSION_MAJOR != 2 || TORCH_VERSION_MINOR < 11
#error "geodino needs libtorch 2.11 to 2.13"
#endif
