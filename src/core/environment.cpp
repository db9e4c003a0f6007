#include "core/environment.hpp"

#include <cstdlib>

namespace portcullis {

std::string_view environment_variable(const char* name) noexcept {
  const char* value = std::getenv(name); // NOLINT(concurrency-mt-unsafe)
  return value == nullptr ? std::string_view{} : value;
}

} // namespace portcullis
