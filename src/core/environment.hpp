#pragma once

#include <string_view>

namespace portcullis {

/// The value of an environment variable, empty where it is not set. Nobody in this process changes the
/// environment, so any thread may ask, and the value stays where it is.
std::string_view environment_variable(const char* name) noexcept;

} // namespace portcullis
