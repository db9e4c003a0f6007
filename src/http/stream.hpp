#pragma once

#include <cstddef>
#include <string_view>

namespace portcullis::http {

/// An answer that goes on: bytes are appended until either side ends it. Destroying it does not end it.
class stream {
public:
  virtual ~stream() = default;

  /// Appends bytes and hands them to the kernel as far as it takes them. Does nothing once the stream is over.
  virtual void append(std::string_view bytes) = 0;

  /// Bytes that were appended and not yet taken by the kernel.
  virtual std::size_t unsent() const = 0;

  /// False once the client has gone or the stream was ended.
  virtual bool is_open() const = 0;

  /// Ends it at once; what is unsent is lost.
  virtual void cut() = 0;

  /// Ends it once all is sent.
  virtual void close() = 0;
};

} // namespace portcullis::http
