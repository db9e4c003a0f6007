// Replays the fuzz target's seeds and every input that it ever found fault with.

#include "http/transcript.hpp"

#include "caf/test/unit_test.hpp"

#include <filesystem>
#include <fstream>
#include <sstream>

using namespace portcullis::http;

namespace {

std::string read_file(const std::filesystem::path& path) {
  std::ifstream file{path, std::ios::binary};
  std::ostringstream bytes;
  bytes << file.rdbuf();
  return bytes.str();
}

/// Returns how many files were replayed.
std::size_t replay(std::string_view folder) {
  std::size_t count = 0;
  reader_limits low;
  low.head_bytes_max = 64;
  low.fields_max = 2;
  low.body_bytes_max = 8;
  low.chunk_extension_bytes_max = 4;
  low.trailer_bytes_max = 4;
  for (const auto& entry :
       std::filesystem::directory_iterator{std::filesystem::path{PORTCULLIS_FUZZ_DIR} / folder}) {
    const auto bytes = read_file(entry.path());
    const auto name = entry.path().filename().string();
    CAF_CHECK_EQUAL(name + find_split_that_matters(bytes), name);
    CAF_CHECK_EQUAL(name + find_split_that_matters(bytes, low), name);
    ++count;
  }
  return count;
}

} // namespace

CAF_TEST(the seeds read the same however they are cut) {
  CAF_CHECK_GREATER_OR_EQUAL(replay("corpus/request_reader"), 20u);
}

CAF_TEST(the regressions read the same however they are cut) {
  CAF_CHECK_GREATER_OR_EQUAL(replay("regressions/request_reader"), 1u);
}
