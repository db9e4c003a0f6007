#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace portcullis::ctl {

/// Columns for people. Control characters of what came from outside are shown as `?`, so that no text can steer
/// the terminal.
class table {
public:
  explicit table(std::vector<std::string> titles) : titles_(std::move(titles)) {}

  void add(std::vector<std::string> row);

  /// On standard output; the titles are bold on a terminal.
  void print() const;

private:
  std::vector<std::string> titles_;
  std::vector<std::vector<std::string>> rows_;
};

/// `text` without characters that steer a terminal.
std::string printable(std::string_view text);

enum class style : std::uint8_t { bold, good, doubtful, bad };

/// Colours only where standard output is a terminal, and NO_COLOR is not set (https://no-color.org).
std::string styled(style how, const std::string& text);

} // namespace portcullis::ctl
