#pragma once

#include "core/error.hpp"
#include "http/request.hpp"

#include <cstddef>
#include <string_view>

namespace portcullis::http {

/// Finds the end of a request's head in one resumable pass, and refuses on sight what no head may hold: control
/// characters, a bare CR or LF (RFC 9112, section 2.2), a folded line (5.2), a request line without a version this
/// service speaks, too many fields, too many bytes. So garbage is answered when it arrives, not at the request's
/// deadline, and the parser that follows sees whole lines only.
///
/// What is found depends on the bytes alone, never on how they were cut into calls.
class head_scanner {
public:
  enum class progress { need_more, found, refused };

  explicit head_scanner(const reader_limits& limits) noexcept;

  /// Goes on from where the last call stopped; `bytes` begins with all that was given before. `refused`
  /// says why in `why`.
  progress scan(std::string_view bytes, failure& why);

  /// After `found`: the head's length, its empty line included.
  std::size_t head_size() const noexcept {
    return at_;
  }

private:
  bool take_line(std::string_view line, failure& why);

  std::size_t head_bytes_max_;
  std::size_t fields_max_;
  std::size_t at_ = 0;         // everything before is looked at
  std::size_t line_start_ = 0; // of the line that `at_` is in
  std::size_t lines_ = 0;      // complete ones, the request line included
};

} // namespace portcullis::http
