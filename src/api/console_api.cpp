#include "api/console_api.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace portcullis::api {

namespace {

constexpr std::string_view root = "/console/";
constexpr std::string_view first_page = "/console/index.html";

/// A page that shows what clients have said of themselves must run nothing but the console's own script, send
/// nothing elsewhere, and stand in nobody's frame.
const std::vector<http::extra_header>& protection() {
  static const std::vector<http::extra_header> fields{
    {"Content-Security-Policy",
     "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
     "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; "
     "trusted-types 'none'"},
    {"X-Content-Type-Options", "nosniff"},
    {"Referrer-Policy", "no-referrer"},
    {"Cross-Origin-Opener-Policy", "same-origin"},
    {"Cross-Origin-Resource-Policy", "same-origin"},
  };
  return fields;
}

} // namespace

void console_api::add_routes(http::router& to) {
  using http::audience;
  using http::trait;
  using http::verb;
  static constexpr std::array table{
    http::endpoint<console_api>{verb::get, "/console/**", "console", audience::admin, trait::early,
                                &console_api::show},
  };
  to.add(*this, table);
}

void console_api::show(const http::call& c, http::responder to) {
  auto path = c.request.path;
  if (path.size() < root.size()) // without the slash, what the page links to would be looked for beside it
    return to.answer(308, {}, {}, {{"Location", root}});
  if (path == root)
    path = first_page;
  const auto& files = console_files();
  const auto found =
    std::find_if(files.begin(), files.end(), [&](const asset& file) { return file.path == path; });
  if (found != files.end())
    return send_asset(c.request, to, *found, protection());
  to.problem({errc::route_unknown, files.empty() ? "this build has no console: it was made without Node.js"
                                                 : "the console has no such file"});
}

} // namespace portcullis::api
