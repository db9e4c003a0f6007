#pragma once

#include "net/openssl_handles.hpp"

#include <string>
#include <vector>

namespace portcullis::net {

/// The URI and DNS subject alternative names of a certificate, DNS names in lower case. A name that is not what
/// its kind says is left out, so that no DNS name can look like a URI: a URI has a scheme and visible ASCII
/// characters, a DNS name letters, digits, hyphens, dots, underscores and `*`.
std::vector<std::string> subject_names(const X509* certificate);

} // namespace portcullis::net
