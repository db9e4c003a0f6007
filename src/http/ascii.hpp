#pragma once

#include "core/ascii.hpp"

namespace portcullis::http {
namespace ascii = portcullis::ascii;
} // namespace portcullis::http
