#include "app/reloading.hpp"

#include "telemetry/log.hpp"
#include "trust/callers_file.hpp"

#include <algorithm>
#include <chrono>
#include <fstream>
#include <string>

namespace portcullis {

namespace {

/// The text of a file that is not larger than `size_max`.
result<std::string> read_file(const std::string& path, std::size_t size_max) {
  std::ifstream file{path, std::ios::binary};
  if (!file)
    return failure{errc::value_unacceptable, "cannot read " + path};
  std::string text(size_max + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (file.bad() || text.size() > size_max)
    return failure{errc::value_unacceptable, path + " cannot be read as a whole, or is too large"};
  return text;
}

result<void> load_callers(const std::string& path, published_callers& into) {
  auto text = read_file(path, trust::callers_file_bytes_max);
  if (!text)
    return std::move(text).error();
  auto registry = trust::parse_callers(*text);
  if (!registry)
    return failure{errc::value_unacceptable, path + ": " + registry.error().detail};
  into.publish(*std::move(registry));
  return {};
}

result<void> load_tls(const net::tls_files& files, published_tls& into) {
  auto context = net::tls_context::load(files, std::chrono::system_clock::now());
  if (!context)
    return std::move(context).error();
  into.publish(*std::move(context));
  return {};
}

} // namespace

reloading::reloading(const config::settings& settings) {
  if (const auto& path = settings.access.callers_file; !path.empty()) {
    callers = std::make_shared<published_callers>();
    parts_.push_back(
      {"callers", net::file_watch{{path}}, [path, to = callers] { return load_callers(path, *to); }});
  }
  const auto& listen = settings.http.listen;
  if (std::any_of(listen.begin(), listen.end(), [](const auto& a) { return a.is_tls; })) {
    tls = std::make_shared<published_tls>();
    const auto& files = settings.tls;
    parts_.push_back({"certificate", net::file_watch{{files.certificate, files.key, files.client_ca}},
                      [files, to = tls] { return load_tls(files, *to); }});
  }
}

result<void> reloading::load() {
  for (auto& p : parts_)
    if (auto done = p.load(); !done)
      return done;
  return {};
}

void reloading::look_again() {
  for (auto& p : parts_)
    if (p.watch.has_changed())
      load_again(p);
}

void reloading::reload() {
  for (auto& p : parts_) {
    p.watch.has_changed();
    load_again(p);
  }
}

void reloading::load_again(part& p) {
  if (auto done = p.load(); !done)
    log::error("a changed file is refused, what was read before stays",
               {{"file", p.what}, {"reason", done.error().detail}});
  else
    log::info("a changed file is in force", {{"file", p.what}});
}

} // namespace portcullis
