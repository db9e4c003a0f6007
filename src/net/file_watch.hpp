#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace portcullis::net {

/// Tells when files have changed, by what `stat` says of them. Symbolic links are followed, so that a directory of
/// secrets that is swapped as a whole (as Kubernetes does) counts as a change.
class file_watch {
public:
  /// Empty paths are left out.
  explicit file_watch(std::vector<std::string> paths);

  /// Whether any of them has changed, come or gone since the last call (or since it was made). One system call per
  /// file.
  bool has_changed();

private:
  struct stamp {
    std::uint64_t device = 0; // all 0: there is no such file
    std::uint64_t inode = 0;
    std::int64_t modified_ns = 0;
    std::int64_t size_bytes = 0;

    bool operator==(const stamp& other) const noexcept;
  };
  static stamp look_at(const std::string& path) noexcept;

  std::vector<std::string> paths_;
  std::vector<stamp> seen_;
};

} // namespace portcullis::net
