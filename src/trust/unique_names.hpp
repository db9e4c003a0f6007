#pragma once

#include <string_view>

namespace boost::json {
class value;
}

namespace portcullis::trust {

/// Whether no object of `text`, nested ones included, has a name twice. RFC 8259, section 4, leaves open which of
/// two counts, so that two readers of one document may see different ones. `document` is what Boost.JSON made of
/// `text`, which has therefore to be valid; it holds a name once. Linear in the text, and allocates nothing.
bool has_unique_names(const boost::json::value& document, std::string_view text) noexcept;

} // namespace portcullis::trust
