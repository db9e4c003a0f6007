#pragma once

#include "ctl/context.hpp"

#include <string_view>

namespace portcullis::ctl {

/// Whether what destroys may go on: with `--yes`, or where somebody at a terminal says so. Else it tells why not.
bool is_confirmed(const context& with, std::string_view question);

} // namespace portcullis::ctl
