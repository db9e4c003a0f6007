#pragma once

#include <cstddef>

namespace portcullis::test {

/// How often this program has called operator new. Link allocation_count.cpp, which replaces it.
std::size_t allocation_count() noexcept;

} // namespace portcullis::test
