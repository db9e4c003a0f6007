#pragma once

#include <cstddef>

namespace portcullis {

/// How often `operator new` was called in this process, in executables that link allocations.cpp.
std::size_t allocations() noexcept;

} // namespace portcullis
