#include "api/asset.hpp"

#include "http/accept.hpp"
#include "http/server/server.hpp"

#include <string>

namespace portcullis::api {

namespace {

// A browser or a gateway keeps the file and asks each time whether it is still the one.
constexpr std::string_view ask_again = "no-cache";
constexpr std::string_view keep_a_year = "public, max-age=31536000, immutable";

/// Whether an element of If-None-Match is `tag`. The weak comparison counts (RFC 9110, section 13.1.2).
bool names_tag(std::string_view element, std::string_view tag) noexcept {
  constexpr std::string_view blanks = " \t";
  const auto first = element.find_first_not_of(blanks);
  if (first == std::string_view::npos)
    return false;
  element = element.substr(first, element.find_last_not_of(blanks) - first + 1);
  if (element == "*")
    return true;
  if (element.substr(0, 2) == "W/")
    element.remove_prefix(2);
  return element == tag;
}

bool is_known(const http::request& r, std::string_view tag) noexcept {
  http::field_lines lines{r.head, "If-None-Match"};
  for (auto line = lines.next(); line; line = lines.next()) {
    // No tag of ours holds a comma: one that does is split, and is still none of ours.
    while (!line->empty()) {
      const auto comma = line->find(',');
      if (names_tag(line->substr(0, comma), tag))
        return true;
      line->remove_prefix(comma == std::string_view::npos ? line->size() : comma + 1);
    }
  }
  return false;
}

std::string_view form_of(const asset& file, http::content_coding coding) noexcept {
  switch (coding) {
  case http::content_coding::identity:
    return file.body;
  case http::content_coding::gzip:
    return file.gzip;
  case http::content_coding::brotli:
    return file.brotli;
  }
  return file.body;
}

} // namespace

void send_asset(const http::request& r, const http::responder& to, const asset& file,
                const std::vector<http::extra_header>& extra) {
  const auto coding = http::choose_coding({r.head, "Accept-Encoding"}, !file.gzip.empty(), !file.brotli.empty());
  const bool is_compressed = coding != http::content_coding::identity;
  const auto name = to_string(coding);
  // The forms of one file are several representations, which a strong tag tells apart.
  const auto tag = "\"" + std::string{file.tag} + (is_compressed ? "-" + std::string{name} + "\"" : "\"");
  auto fields = extra;
  fields.push_back({"ETag", tag});
  fields.push_back({"Vary", "Accept-Encoding"});
  const bool is_unchanged = is_known(r, tag);
  if (is_compressed && !is_unchanged)
    fields.push_back({"Content-Encoding", name});
  const int status = is_unchanged ? 304 : 200;
  to.write(status, [&](http::byte_buffer& out, http::response_context ctx) {
    ctx.cache_control = file.is_immutable ? keep_a_year : ask_again;
    if (is_unchanged)
      http::append_response(out, ctx, status, {}, {}, fields);
    else
      http::append_response(out, ctx, status, file.content_type, form_of(file, coding), fields);
  });
}

} // namespace portcullis::api
