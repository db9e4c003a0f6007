#include "telemetry/span_sender.hpp"

#include "telemetry/export_complaints.hpp"
#include "telemetry/otlp_options.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <exception>
#include <new>
#include <opentelemetry/exporters/otlp/otlp_environment.h>
#include <optional>
#include <protozero/pbf_reader.hpp>
#include <utility>
#include <zlib.h>

namespace portcullis::tracing {

namespace {

using net::append;
using net::set_option;

/// More than an `ExportTraceServiceResponse` should have.
constexpr std::size_t answer_bytes_max = std::size_t{4} * 1024;

// The numbers of opentelemetry-proto 1.x for its fields.
constexpr protozero::pbf_tag_type response_partial_success = 1;
constexpr protozero::pbf_tag_type partial_success_rejected_spans = 1;
constexpr protozero::pbf_tag_type partial_success_error_message = 2;

struct partial_success {
  std::int64_t rejected = 0;
  std::string why;
};

/// Nothing taken for rejected where the answer cannot be read.
partial_success parse_answer(const std::string& body) noexcept {
  partial_success out;
  try {
    protozero::pbf_reader response{body};
    while (response.next(response_partial_success)) {
      auto part = response.get_message();
      while (part.next()) {
        if (part.tag() == partial_success_rejected_spans)
          out.rejected = part.get_int64();
        else if (part.tag() == partial_success_error_message)
          out.why = part.get_string();
        else
          part.skip();
      }
    }
  } catch (const std::exception&) {
    return {};
  }
  return out;
}

std::string_view field_of(CURL* handle, const char* name) noexcept {
  curl_header* found = nullptr;
  const bool is_there = curl_easy_header(handle, name, 0, CURLH_HEADER, -1, &found) == CURLHE_OK;
  return is_there ? found->value : std::string_view{};
}

/// `text` as one member of a gzip file (RFC 1952); nothing if there is no memory.
std::optional<std::string> gzip(std::string_view text) {
  constexpr int with_gzip_header = MAX_WBITS + 16;
  z_stream stream{};
  if (deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, with_gzip_header, MAX_MEM_LEVEL, Z_DEFAULT_STRATEGY) != Z_OK)
    return std::nullopt;
  std::string out(deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data())); // zlib only reads it
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const bool is_done = deflate(&stream, Z_FINISH) == Z_STREAM_END;
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return is_done ? std::optional{std::move(out)} : std::nullopt;
}

} // namespace

span_sender::span_sender(const otlp_settings& to, collector_refusals& refusals)
  : to_{to}, refusals_{refusals}, easy_{net::curl_is_usable() ? curl_easy_init() : nullptr} {
  if (easy_ == nullptr || !set_options()) {
    easy_.reset();
    complain("spans: libcurl does not take the options of the export");
  }
}

bool span_sender::set_options() {
  CURL* handle = easy_.get();
  const auto timeout = request_timeout(to_).count();
  return set_fields() && set_option(handle, CURLOPT_HTTPHEADER, fields_.get())
         && set_option(handle, CURLOPT_URL, to_.url.c_str())
         && set_option(handle, CURLOPT_PROTOCOLS_STR, "http,https") && set_option(handle, CURLOPT_POST, 1L)
         && set_option(handle, CURLOPT_WRITEFUNCTION, &span_sender::keep)
         && set_option(handle, CURLOPT_WRITEDATA, this)
         && set_option(handle, CURLOPT_TIMEOUT_MS, static_cast<long>(timeout))
         && set_option(handle, CURLOPT_NOSIGNAL, 1L)
         && net::set_tls(handle, to_.ca_file, to_.certificate_file, to_.key_file);
}

bool span_sender::set_fields() {
  bool is_set = append(fields_, "Content-Type: application/x-protobuf")
                && append(fields_, "User-Agent: " + opentelemetry::exporter::otlp::GetOtlpDefaultUserAgent())
                && append(fields_, "Expect:"); // libcurl would wait for `100 Continue` before larger bodies
  if (to_.is_gzip)
    is_set = is_set && append(fields_, "Content-Encoding: gzip");
  for (const auto& [name, value] : request_headers(to_))
    is_set =
      is_set
      && append(fields_,
                std::string{name}.append(value.empty() ? ";" : ": ").append(value)); // `;`: with an empty value
  return is_set;
}

bool span_sender::send(std::string_view body) {
  if (easy_ == nullptr)
    return false;
  std::optional<std::string> compressed;
  if (to_.is_gzip) {
    compressed = gzip(body);
    if (!compressed) {
      complain("spans: there is no memory to compress them");
      return false;
    }
    body = *compressed;
  }
  set_option(easy_.get(), CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
  set_option(easy_.get(), CURLOPT_POSTFIELDS, body.data());
  answer_.clear();
  if (const CURLcode code = curl_easy_perform(easy_.get()); code != CURLE_OK) {
    complain(std::string{"spans: the collector does not answer: "} + curl_easy_strerror(code));
    return false;
  }
  return check_answer();
}

std::size_t span_sender::keep(const char* bytes, std::size_t size, std::size_t count, void* self) noexcept {
  auto& answer = static_cast<span_sender*>(self)->answer_;
  const std::size_t more = std::min(size * count, answer_bytes_max - answer.size());
  try {
    answer.append(bytes, more);
  } catch (const std::bad_alloc&) {
    answer.clear();
  }
  return size * count; // the rest is read and dropped
}

/// What is rejected is lost: it is not to be sent again (OTLP 1.x, "Partial Success").
void span_sender::complain_of_rejected() const {
  const auto part = parse_answer(answer_);
  if (part.rejected > 0 || !part.why.empty())
    complain("spans: the collector rejects " + std::to_string(part.rejected) + ": " + part.why);
}

bool span_sender::check_answer() {
  long status = 0;
  curl_easy_getinfo(easy_.get(), CURLINFO_RESPONSE_CODE, &status);
  if (status >= 200 && status < 300) {
    complain_of_rejected();
    return true;
  }
  complain("spans: the collector answers " + std::to_string(status));
  if (const auto refused = as_refusal(static_cast<int>(status), field_of(easy_.get(), "Retry-After")))
    refusals_.note(*refused);
  return false;
}

} // namespace portcullis::tracing
