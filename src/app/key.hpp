#pragma once

#include <string_view>

namespace portcullis {

/// `portcullis key new NAME`: makes a key for a caller and prints it and its hash, each once. Nothing is stored:
/// who loses the key makes another. Returns the process's exit code.
int make_key(std::string_view caller_name);

} // namespace portcullis
