#include "net/file_watch.hpp"

#include "caf/test/unit_test.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace fs = std::filesystem;
using portcullis::net::file_watch;

namespace {

struct fixture {
  fixture() {
    auto name = (fs::temp_directory_path() / "portcullis-XXXXXX").string();
    CAF_REQUIRE(::mkdtemp(name.data()) != nullptr);
    folder = name;
    write("a", "1");
    write("b", "1");
  }
  ~fixture() {
    fs::remove_all(folder);
  }
  void write(const std::string& name, const std::string& content) {
    std::ofstream{folder / name} << content;
  }
  std::string path(const std::string& name) {
    return (folder / name).string();
  }

  fs::path folder;
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(files, fixture)

CAF_TEST(what stays as it is has not changed) {
  file_watch watch{{path("a"), "", path("missing")}};
  CAF_CHECK(!watch.has_changed());
  CAF_CHECK(!watch.has_changed());
}

CAF_TEST(every change is told once) {
  file_watch watch{{path("a"), path("b")}};
  write("b", "22");
  CAF_CHECK(watch.has_changed());
  CAF_CHECK(!watch.has_changed());
  write("a", "333");
  CAF_CHECK(watch.has_changed());
  CAF_CHECK(!watch.has_changed());
}

CAF_TEST(a file of the same size is told by its time) {
  file_watch watch{{path("a")}};
  fs::last_write_time(folder / "a", fs::last_write_time(folder / "a") + std::chrono::nanoseconds{1000});
  CAF_CHECK(watch.has_changed());
}

CAF_TEST(a file of the same size and time is told by its inode) {
  file_watch watch{{path("a")}};
  write("c", "1");
  fs::last_write_time(folder / "c", fs::last_write_time(folder / "a"));
  fs::rename(folder / "c", folder / "a");
  CAF_CHECK(watch.has_changed());
}

CAF_TEST(coming and going are changes) {
  file_watch watch{{path("a"), path("new")}};
  fs::remove(folder / "a");
  CAF_CHECK(watch.has_changed());
  write("new", "1");
  CAF_CHECK(watch.has_changed());
  CAF_CHECK(!watch.has_changed());
}

CAF_TEST(a link that is swapped is a change) {
  fs::create_symlink("a", folder / "link");
  file_watch watch{{path("link")}};
  fs::create_symlink("b", folder / "other");
  fs::rename(folder / "other", folder / "link");
  CAF_CHECK(watch.has_changed());
}

CAF_TEST_FIXTURE_SCOPE_END()
