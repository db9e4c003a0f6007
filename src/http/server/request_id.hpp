#pragma once

#include <cstdint>
#include <string>

namespace portcullis::http {

/// Fifteen hex digits, which a std::string holds without the heap: a counter, scattered by a bijection so that ids
/// of several replicas do not meet.
std::string make_request_id(std::uint64_t counter);

} // namespace portcullis::http
