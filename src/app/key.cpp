#include "app/key.hpp"

#include "config/command_line.hpp"
#include "trust/caller_key.hpp"
#include "trust/callers_file.hpp"

#include <openssl/crypto.h>

#include <array>
#include <cstdint>
#include <cstdlib>
#include <iostream>

namespace portcullis {

int make_key(std::string_view caller_name) {
  if (!trust::is_caller_name(caller_name)) {
    std::cerr << "portcullis: a caller's name has 1 to " << trust::caller_name_bytes_max
              << " letters, digits, dots, hyphens or underscores\n";
    return config::usage_exit_code;
  }
  std::array<std::uint8_t, 32> bits{};
  fill_random(bits.data(), bits.size());
  const auto key = trust::caller_key::from_random(bits);
  OPENSSL_cleanse(bits.data(), bits.size());
  std::cout << "key of " << caller_name << ", shown this once: " << key.reveal() << '\n'
            << "its hash, for the callers' file: " << to_hex(key.hash()) << std::endl;
  return std::cout ? EXIT_SUCCESS : EXIT_FAILURE;
}

} // namespace portcullis
