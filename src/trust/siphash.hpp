#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace portcullis::trust {

using siphash_key = std::array<std::uint64_t, 2>;

/// SipHash-2-4 (Aumasson and Bernstein, 2012): where others choose what is hashed, without the key they cannot
/// choose where it goes.
std::uint64_t siphash(const siphash_key& key, std::string_view bytes) noexcept;

} // namespace portcullis::trust
