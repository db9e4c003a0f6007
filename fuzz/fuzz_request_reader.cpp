// Any bytes, cut in any way, read the same; transcript.hpp demands the reader's other invariants as it goes.

#include "http/transcript.hpp"

#include <cstdint>

namespace {

using namespace portcullis::http;

/// The last bytes of the input are also the sizes of its pieces, so that a plain request is a seed and the fuzzer
/// still chooses the cuts.
std::vector<std::size_t> piece_sizes(std::string_view bytes) {
  constexpr std::size_t sizes_max = 8;
  std::vector<std::size_t> sizes;
  for (const char c : bytes.substr(bytes.size() - std::min(bytes.size(), sizes_max)))
    sizes.push_back(static_cast<unsigned char>(c));
  return sizes;
}

/// Limits that a short input can reach.
reader_limits low_limits() {
  reader_limits limits;
  limits.head_bytes_max = 128;
  limits.fields_max = 4;
  limits.body_bytes_max = 16;
  limits.chunk_extension_bytes_max = 8;
  limits.trailer_bytes_max = 8;
  return limits;
}

void check(std::string_view bytes, const reader_limits& limits) {
  const auto whole = read_whole(bytes, limits);
  demand(read_pieces(bytes, piece_sizes(bytes), limits) == whole, "pieces read as the whole");
  demand(read_pieces(bytes, {1}, limits) == whole, "single bytes read as the whole");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes{reinterpret_cast<const char*>(data), size};
  if (bytes.empty())
    return 0;
  check(bytes, {});
  check(bytes, low_limits());
  return 0;
}
