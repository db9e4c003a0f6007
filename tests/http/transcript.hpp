#pragma once

#include "core/error.hpp"
#include "http/request.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

/// What a connection's bytes are read as, in a form to compare: one line for each request, one for the failure
/// that ends it or for the state it is left in. The tests and the fuzz target share it.
namespace portcullis::http {

using transcript = std::vector<std::string>;

/// Ends the process: an invariant of the reader is broken, whatever the input.
inline void demand(bool holds, const char* invariant) {
  if (holds)
    return;
  std::fprintf(stderr, "broken: %s\n", invariant);
  std::abort();
}

inline constexpr std::string_view field_names[] = {
  "accept",       "authorization", "content-type", "last-event-id", "traceparent", "tracestate",
  "x-caller-key", "x-min-cursor",  "x-request-id", "x-session-id",  "x-user-id"};
static_assert(std::size(field_names) == static_cast<std::size_t>(field::count_),
              "a name for each field, in its order");

/// The values of a field that was given more than once, which has to agree with what the request says of it.
inline std::string all_values(const request& r, std::size_t index) {
  demand(r.get(static_cast<field>(index)).empty(), "two values are no value");
  std::string all;
  std::size_t count = 0;
  field_lines lines{r.head, field_names[index]};
  for (auto value = lines.next(); value; value = lines.next()) {
    demand(count > 0 || *value == r.fields[index], "the first line is the first value");
    all.append(count++ > 0 ? "|" : "").append(*value);
  }
  demand(count > 1, "what is repeated has several lines");
  return all;
}

/// `GET /a?b 1.1 keep x-user-id=… body=…`, with the fields and the body that are not empty.
inline std::string to_line(const request& r) {
  std::string line{r.method_text};
  line += ' ';
  line += r.path;
  if (!r.query.empty())
    line.append("?").append(r.query);
  line += r.is_http_1_0 ? " 1.0" : " 1.1";
  line += r.keep_alive ? " keep" : " close";
  for (std::size_t i = 0; i < r.fields.size(); ++i)
    if (r.is_repeated(static_cast<field>(i)))
      line.append(" ").append(field_names[i]).append("=").append(all_values(r, i));
    else if (!r.fields[i].empty())
      line.append(" ").append(field_names[i]).append("=").append(r.fields[i]);
  if (!r.body.empty())
    line.append(" body=").append(r.body);
  return line;
}

inline std::string to_line(const failure& f) {
  return std::string{to_string(f.code)} + ": " + f.detail;
}

/// Feeds one reader and writes down what it says.
class connection {
public:
  explicit connection(const reader_limits& limits) : reader_(limits) {}

  /// Gives `bytes` at an address of their own that is gone when this returns, so that a sanitizer sees a view that
  /// outlives its input or reaches beyond it. Returns false once the reader has failed.
  bool feed(std::string_view bytes) {
    const auto memory = std::make_unique<char[]>(bytes.size());
    std::copy(bytes.begin(), bytes.end(), memory.get());
    std::string_view input{memory.get(), bytes.size()};
    for (;;) {
      const auto before = input.size();
      const auto status = reader_.read(input);
      demand(input.size() <= before && input.data() + input.size() == memory.get() + bytes.size(),
             "bytes are taken off the front of the input, and no more than there are");
      taken_ += before - input.size();
      switch (status) {
      case request_reader::status::complete:
        demand(!reader_.in_request(), "a complete request is not under way");
        waited_ = false;
        lines_.push_back(std::to_string(taken_) + " " + to_line(reader_.current()));
        continue;
      case request_reader::status::want_continue:
        demand(!waited_ && input.empty() && reader_.in_body(), "100 Continue is wanted once, before the body");
        waited_ = true;
        continue;
      case request_reader::status::need_more:
        demand(input.empty(), "all input is taken when more is needed");
        return true;
      case request_reader::status::failed:
        note_failure(input);
        return false;
      }
    }
  }

  /// What was read, and the state at the end of the bytes.
  transcript finish() {
    if (reader_.error().code == errc::none)
      lines_.push_back(reader_.in_body() ? "in a body" : reader_.in_request() ? "in a head" : "idle");
    return lines_;
  }

private:
  void note_failure(std::string_view input) {
    lines_.push_back(to_line(reader_.error()));
    demand(!reader_.error().detail.empty(), "a failure has a reason");
    demand(reader_.read(input) == request_reader::status::failed && to_line(reader_.error()) == lines_.back(),
           "a reader that has failed stays failed");
    demand(!reader_.in_request(), "nothing is under way after a failure");
  }

  request_reader reader_;
  transcript lines_;
  std::size_t taken_ = 0;
  bool waited_ = false;
};

inline transcript read_whole(std::string_view bytes, const reader_limits& limits = {}) {
  connection c{limits};
  c.feed(bytes);
  return c.finish();
}

/// Cuts the bytes into pieces of the given sizes, over and over.
inline transcript read_pieces(std::string_view bytes, const std::vector<std::size_t>& sizes,
                              const reader_limits& limits = {}) {
  connection c{limits};
  for (std::size_t i = 0; !bytes.empty(); ++i) {
    const auto size = std::min(std::max<std::size_t>(sizes[i % sizes.size()], 1), bytes.size());
    if (!c.feed(bytes.substr(0, size)))
      break;
    bytes.remove_prefix(size);
  }
  return c.finish();
}

inline transcript read_split(std::string_view bytes, std::size_t at, const reader_limits& limits = {}) {
  connection c{limits};
  if (c.feed(bytes.substr(0, at)))
    c.feed(bytes.substr(at));
  return c.finish();
}

/// The first cut that changes what is read; empty if none does: in two at every byte, and byte by byte.
inline std::string find_split_that_matters(std::string_view bytes, const reader_limits& limits = {}) {
  const auto whole = read_whole(bytes, limits);
  for (std::size_t at = 1; at < bytes.size(); ++at)
    if (const auto split = read_split(bytes, at, limits); split != whole)
      return "at " + std::to_string(at) + ": " + split.back() + " and not " + whole.back();
  if (const auto split = read_pieces(bytes, {1}, limits); split != whole)
    return "byte by byte: " + split.back() + " and not " + whole.back();
  return {};
}

} // namespace portcullis::http
