#include "ctl/table.hpp"

#include "core/environment.hpp"

#include <unistd.h>

#include <algorithm>
#include <iostream>

namespace portcullis::ctl {

namespace {

constexpr std::size_t gap = 2; // blanks between columns

/// Code points, which is near enough to columns for ids, times and names.
std::size_t width_of(const std::string& text) {
  return static_cast<std::size_t>(std::count_if(
    text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

bool has_colours() {
  static const bool has = isatty(STDOUT_FILENO) == 1 && environment_variable("NO_COLOR").empty();
  return has;
}

const char* code_of(style how) {
  switch (how) {
  case style::bold:
    return "1";
  case style::good:
    return "32";
  case style::doubtful:
    return "33";
  case style::bad:
    return "31";
  }
  return "0";
}

} // namespace

std::string printable(std::string_view text) {
  std::string out{text};
  for (std::size_t i = 0; i < out.size(); ++i) {
    const auto byte = static_cast<unsigned char>(out[i]);
    // U+0080 to U+009F are control characters, too: C2 80 to C2 9F in UTF-8.
    const bool is_c1 = byte == 0xC2 && i + 1 < out.size() && static_cast<unsigned char>(out[i + 1]) < 0xA0;
    if (byte < 0x20 || byte == 0x7F)
      out[i] = '?';
    else if (is_c1)
      out.replace(i, 2, "?");
  }
  return out;
}

std::string styled(style how, const std::string& text) {
  return has_colours() ? "\033[" + std::string{code_of(how)} + "m" + text + "\033[0m" : text;
}

void table::add(std::vector<std::string> row) {
  for (auto& cell : row)
    cell = printable(cell);
  row.resize(titles_.size());
  rows_.push_back(std::move(row));
}

void table::print() const {
  std::vector<std::size_t> widths;
  for (const auto& title : titles_)
    widths.push_back(width_of(title));
  for (const auto& row : rows_)
    for (std::size_t i = 0; i < row.size(); ++i)
      widths[i] = std::max(widths[i], width_of(row[i]));
  auto line = [&](const std::vector<std::string>& cells) {
    std::string out;
    for (std::size_t i = 0; i < cells.size(); ++i) {
      out += cells[i];
      if (i + 1 < cells.size())
        out.append(widths[i] - width_of(cells[i]) + gap, ' ');
    }
    out.erase(out.find_last_not_of(' ') + 1);
    return out;
  };
  std::cout << styled(style::bold, line(titles_)) << '\n';
  for (const auto& row : rows_)
    std::cout << line(row) << '\n';
}

} // namespace portcullis::ctl
