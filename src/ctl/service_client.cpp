#include "ctl/service_client.hpp"

#include "core/ascii.hpp"
#include "net/curl_handles.hpp"

#include <algorithm>
#include <array>
#include <cstddef>

namespace portcullis::ctl {

namespace {

using net::append;
using net::set_option;

constexpr std::size_t answer_bytes_max = std::size_t{16} * 1024 * 1024;
constexpr std::chrono::milliseconds connect_timeout_max{10'000};

std::size_t take_body(char* data, std::size_t size, std::size_t count, void* to) noexcept {
  auto& body = static_cast<service_answer*>(to)->body;
  if (size * count > answer_bytes_max - body.size())
    return 0; // ends the transfer
  body.append(data, size * count);
  return size * count;
}

std::size_t take_field(char* data, std::size_t size, std::size_t count, void* to) noexcept {
  constexpr std::string_view name = "date:";
  std::string_view line{data, size * count};
  bool is_date = line.size() > name.size();
  for (std::size_t i = 0; i < name.size() && is_date; ++i)
    is_date = ascii::to_lower(line[i]) == name[i];
  if (is_date)
    static_cast<service_answer*>(to)->date = ascii::trim(line.substr(name.size()), " \r\n");
  return size * count;
}

const char* name_of(verb method) {
  switch (method) {
  case verb::get:
    return "GET";
  case verb::post:
    return "POST";
  case verb::delete_:
    return "DELETE";
  }
  return "GET";
}

/// What is the same for every request.
bool set_connection(CURL* h, const client_options& o, const std::string& url, curl_slist* fields) {
  const auto connect_timeout = std::min(o.timeout, connect_timeout_max);
  return set_option(h, CURLOPT_URL, url.c_str()) && set_option(h, CURLOPT_PROTOCOLS_STR, "http,https")
         && set_option(h, CURLOPT_PROXY, "") // whatever http_proxy says
         && set_option(h, CURLOPT_FOLLOWLOCATION, 0L)
         && set_option(h, CURLOPT_HTTP_VERSION, long{CURL_HTTP_VERSION_1_1})
         && set_option(h, CURLOPT_NOSIGNAL, 1L) // for threads
         && set_option(h, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(connect_timeout.count()))
         && set_option(h, CURLOPT_TIMEOUT_MS, static_cast<long>(o.timeout.count()))
         && set_option(h, CURLOPT_HTTPHEADER, fields)
         && net::set_tls(h, o.ca_file, o.certificate_file, o.key_file);
}

std::size_t pass_over(char*, std::size_t size, std::size_t count, void*) noexcept {
  return size * count;
}

const failure no_memory{errc::internal, "the request could not be made"};

} // namespace

result<service_answer> service_client::call(verb method, std::string_view target, std::string_view body) const {
  net::curl_easy handle{net::curl_is_usable() ? curl_easy_init() : nullptr};
  net::curl_list fields;
  auto* h = handle.get();
  if (h == nullptr || !append(fields, "Expect:")
      || (!body.empty() && !append(fields, "Content-Type: application/json"))
      || (!options_.caller_key.empty() && !append(fields, "X-Caller-Key: " + options_.caller_key)))
    return no_memory;
  service_answer answer;
  std::array<char, CURL_ERROR_SIZE> message{};
  const auto url = options_.address + std::string{target};
  const bool is_set =
    set_connection(h, options_, url, fields.get()) && set_option(h, CURLOPT_ERRORBUFFER, message.data())
    && set_option(h, CURLOPT_WRITEFUNCTION, &take_body) && set_option(h, CURLOPT_WRITEDATA, &answer)
    && set_option(h, CURLOPT_HEADERFUNCTION, &take_field) && set_option(h, CURLOPT_HEADERDATA, &answer);
  const bool has_body = method == verb::post || !body.empty();
  if (!is_set
      || (has_body
          && !(set_option(h, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()))
               && set_option(h, CURLOPT_POSTFIELDS, body.data())))
      || !set_option(h, CURLOPT_CUSTOMREQUEST, name_of(method)))
    return no_memory;
  if (const auto code = curl_easy_perform(h); code != CURLE_OK)
    return failure{errc::database_unavailable, message[0] != '\0' ? message.data() : curl_easy_strerror(code)};
  long status = 0;
  curl_easy_getinfo(h, CURLINFO_RESPONSE_CODE, &status);
  answer.status = static_cast<int>(status);
  return answer;
}

repeated_get::repeated_get(const client_options& options, std::string_view target, std::string_view bearer) {
  net::curl_easy handle{net::curl_is_usable() ? curl_easy_init() : nullptr};
  net::curl_list fields;
  auto* h = handle.get();
  if (h == nullptr || !append(fields, "Authorization: Bearer " + std::string{bearer})
      || (!options.caller_key.empty() && !append(fields, "X-Caller-Key: " + options.caller_key))
      || !set_connection(h, options, options.address + std::string{target}, fields.get())
      || !set_option(h, CURLOPT_WRITEFUNCTION, &pass_over))
    return;
  fields_ = std::shared_ptr<curl_slist>{std::move(fields)};
  handle_ = std::shared_ptr<CURL>{std::move(handle)};
}

result<int> repeated_get::ask() {
  auto* h = handle_.get();
  if (h == nullptr)
    return no_memory;
  if (const auto code = curl_easy_perform(h); code != CURLE_OK)
    return failure{errc::database_unavailable, curl_easy_strerror(code)};
  long status = 0;
  curl_easy_getinfo(h, CURLINFO_RESPONSE_CODE, &status);
  return static_cast<int>(status);
}

} // namespace portcullis::ctl
