#pragma once

#include "http/request.hpp"
#include "http/server/responder.hpp"

#include <string_view>
#include <vector>

namespace portcullis::api {

/// A file that was built into the program. All views have static storage.
struct asset {
  std::string_view path; // as it is asked for
  std::string_view content_type;
  std::string_view body;
  std::string_view gzip;     // the same, compressed; empty where that is not smaller
  std::string_view brotli;   // likewise; empty where the build had nothing to make it with
  std::string_view tag;      // names these bytes, within quotes: [0-9a-f]+
  bool is_immutable = false; // its name changes with its bytes
};

/// Answers GET or HEAD with the file, compressed as the request prefers it, or with 304 when the request's
/// If-None-Match names it. `extra` comes with either.
void send_asset(const http::request& r, const http::responder& to, const asset& file,
                const std::vector<http::extra_header>& extra = {});

} // namespace portcullis::api
