#pragma once

#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <string>

namespace portcullis::test {

/// A file that is gone with the test.
class temporary_file {
public:
  explicit temporary_file(const std::string& content) {
    char name[] = "/tmp/portcullis-settings-XXXXXX";
    ::close(::mkstemp(name));
    path_ = name;
    std::ofstream{path_} << content;
  }
  ~temporary_file() {
    ::unlink(path_.c_str());
  }
  const std::string& path() const {
    return path_;
  }

private:
  std::string path_;
};

} // namespace portcullis::test
