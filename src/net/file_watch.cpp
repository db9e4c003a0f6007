#include "net/file_watch.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <tuple>
#include <utility>

namespace portcullis::net {

file_watch::file_watch(std::vector<std::string> paths) : paths_(std::move(paths)) {
  paths_.erase(std::remove(paths_.begin(), paths_.end(), std::string{}), paths_.end());
  for (const auto& path : paths_)
    seen_.push_back(look_at(path));
}

bool file_watch::has_changed() {
  bool changed = false;
  for (std::size_t i = 0; i < paths_.size(); ++i) {
    const auto now = look_at(paths_[i]);
    changed |= !(now == seen_[i]);
    seen_[i] = now;
  }
  return changed;
}

bool file_watch::stamp::operator==(const stamp& other) const noexcept {
  return std::tie(device, inode, modified_ns, size_bytes)
         == std::tie(other.device, other.inode, other.modified_ns, other.size_bytes);
}

file_watch::stamp file_watch::look_at(const std::string& path) noexcept {
  constexpr std::int64_t ns_per_s = 1'000'000'000;
  struct stat found {};
  if (::stat(path.c_str(), &found) != 0)
    return {};
  return {found.st_dev, found.st_ino, found.st_mtim.tv_sec * ns_per_s + found.st_mtim.tv_nsec, found.st_size};
}

} // namespace portcullis::net
