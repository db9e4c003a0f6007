#pragma once

#include "core/result.hpp"

#include <string>
#include <string_view>

namespace portcullis::text {

/// An address or a network in CIDR notation, in canonical text: `192.0.2.7`, `192.0.2.0/24`, `2001:db8::/32`. An
/// IPv4 address that is written as an IPv6 one becomes what sessions are stored with. `value_unacceptable` for
/// what is neither, and for a network with bits beyond its prefix, which may mean another one than is written.
result<std::string> canonical_network(std::string_view text);

} // namespace portcullis::text
