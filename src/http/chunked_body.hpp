#pragma once

#include "core/error.hpp"
#include "http/request.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace portcullis::http {

/// Decodes a body in chunked transfer coding (RFC 9112, section 7.1), byte by byte where it is framing and in runs
/// where it is data. Written out rather than left to Beast: that one takes trailers for header fields (a trailing
/// `Connection` or `Content-Length` would count), lets control characters stand in extensions, and sets no bound
/// on either. Extensions and trailers are checked for syntax, counted and dropped.
class chunked_body {
public:
  enum class progress { need_more, complete, refused };

  explicit chunked_body(const reader_limits& limits) noexcept;

  /// Takes bytes off the front of `input` and appends the decoded ones to `out`.
  progress read(std::string_view& input, std::string& out, failure& why);

private:
  enum class state : std::uint8_t {
    size,       // hexadecimal digits
    after_size, // blanks between the size and the `;` of an extension
    ext_before_name,
    ext_name,
    ext_after_name, // blanks before `=` or the next `;`
    ext_before_value,
    ext_value, // a token
    ext_quoted,
    ext_quoted_pair, // behind a backslash
    ext_quoted_end,
    ext_after_value, // blanks before the next `;`
    size_lf,         // the LF of the size line
    data,            // `size_` bytes are still to come
    data_cr,         // the CR LF behind the data
    data_lf,
    trailer_start, // a trailer's first byte, or the CR that ends the body
    trailer_name,
    trailer_value,
    trailer_lf,
    last_lf,
    complete,
  };

  void take_data(std::string_view& input, std::string& out);
  bool step(char c, failure& why);
  bool step_size(char c, failure& why);
  bool step_extension(char c, failure& why);
  std::optional<state> after_extension_byte(char c) const noexcept;
  bool step_trailer(char c, failure& why);
  bool expect(char c, char wanted, state next, failure& why);

  std::size_t body_bytes_max_;
  std::size_t extension_bytes_max_;
  std::size_t trailer_bytes_max_;
  std::uint64_t size_ = 0;    // of the current chunk, what is left of it in `data`
  std::uint64_t room_;        // what the chunks to come may hold
  std::size_t digits_ = 0;    // of the current chunk's size
  std::size_t extension_ = 0; // bytes of extensions so far, all chunks together
  std::size_t trailer_ = 0;   // bytes of trailers so far
  state state_ = state::size;
};

} // namespace portcullis::http
