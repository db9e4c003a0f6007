#include "telemetry/log.hpp"

#include "caf/test/unit_test.hpp"

#include <algorithm>
#include <chrono>
#include <fcntl.h>
#include <functional>
#include <future>
#include <string>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

using namespace portcullis;

namespace {

constexpr std::chrono::seconds hang{60};

struct pipe_pair {
  pipe_pair() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0)
      CAF_FAIL("pipe2 failed");
    reader = ends[0];
    writer = ends[1];
  }
  ~pipe_pair() {
    close_reader();
    close_writer();
  }
  pipe_pair(const pipe_pair&) = delete;
  pipe_pair& operator=(const pipe_pair&) = delete;

  void close_reader() {
    close_end(&reader);
  }
  void close_writer() {
    close_end(&writer);
  }

  /// Makes it hold so much that no writer has to wait for its reader.
  void widen() const {
    CAF_REQUIRE(::fcntl(writer, F_SETPIPE_SZ, 1024 * 1024) > 0);
  }

  /// All that is written, up to the end: close every writing end first, or while this waits. `when_seen` is called
  /// once `mark` has come.
  std::vector<std::string> read_lines(
    const std::string& mark = {}, std::function<void()> when_seen = [] {}) const {
    std::string text;
    char chunk[65536];
    for (ssize_t n = 0; (n = ::read(reader, chunk, sizeof chunk)) > 0;) {
      const auto looked = text.size() - std::min(text.size(), mark.size());
      text.append(chunk, static_cast<std::size_t>(n));
      if (when_seen && text.find(mark, looked) != std::string::npos)
        std::exchange(when_seen, nullptr)();
    }
    std::vector<std::string> lines;
    for (std::size_t at = 0, end = 0; (end = text.find('\n', at)) != std::string::npos; at = end + 1)
      lines.push_back(text.substr(at, end - at));
    return lines;
  }

  int reader = -1;
  int writer = -1;

private:
  static void close_end(int* end) {
    if (*end >= 0)
      ::close(*end);
    *end = -1;
  }
};

// Puts the writing end in the place of stderr for a scope.
struct stderr_redirection {
  explicit stderr_redirection(int descriptor) : saved{::dup(STDERR_FILENO)} {
    ::dup2(descriptor, STDERR_FILENO);
  }
  ~stderr_redirection() {
    ::dup2(saved, STDERR_FILENO);
    ::close(saved);
  }
  stderr_redirection(const stderr_redirection&) = delete;
  stderr_redirection& operator=(const stderr_redirection&) = delete;
  int saved;
};

struct fixture {
  ~fixture() {
    log::stop();
    log::start(log::level::info, "", STDERR_FILENO); // the threshold is the process's
    log::stop();
  }
  pipe_pair pipe;
};

// The line without its time.
std::string untimed(const std::string& line) {
  return line.substr(line.find(" level=") + 1);
}

constexpr std::size_t flood_lines = 2 * log::queue_lines_max;

// Logs more than the pipe and the queue hold, while nobody reads.
void flood() {
  const std::string filler(200, 'x');
  for (std::size_t i = 0; i < flood_lines; ++i)
    log::info("flood", {{"i", i}, {"filler", filler}});
}

} // namespace

CAF_TEST_FIXTURE_SCOPE(log_tests, fixture)

CAF_TEST(lines are written in order and all of them before stop returns) {
  log::start(log::level::info, "portcullis", pipe.writer);
  for (int i = 0; i < 100; ++i)
    log::info("counting", {{"i", i}});
  log::stop();
  pipe.close_writer();
  const auto lines = pipe.read_lines();
  CAF_REQUIRE_EQUAL(lines.size(), 100u);
  for (std::size_t i = 0; i < lines.size(); ++i)
    CAF_CHECK_EQUAL(untimed(lines[i]), "level=info msg=counting service=portcullis i=" + std::to_string(i));
}

CAF_TEST(what is below the threshold is not written) {
  log::start(log::level::warn, "", pipe.writer);
  CAF_CHECK(!log::enabled(log::level::debug) && !log::enabled(log::level::info));
  CAF_CHECK(log::enabled(log::level::warn) && log::enabled(log::level::error));
  log::debug("a");
  log::info("b");
  log::warn("c");
  log::error("d");
  log::stop();
  pipe.close_writer();
  const auto lines = pipe.read_lines();
  CAF_REQUIRE_EQUAL(lines.size(), 2u);
  CAF_CHECK_EQUAL(untimed(lines[0]), "level=warn msg=c");
  CAF_CHECK_EQUAL(untimed(lines[1]), "level=error msg=d");
}

CAF_TEST(before start and after stop the caller writes) {
  {
    const stderr_redirection redirection{pipe.writer};
    log::info("before");
    log::start(log::level::info, "portcullis");
    log::info("meanwhile");
    log::stop();
    log::info("after");
  }
  pipe.close_writer();
  const auto lines = pipe.read_lines();
  CAF_REQUIRE_EQUAL(lines.size(), 3u);
  CAF_CHECK_EQUAL(untimed(lines[0]), "level=info msg=before");
  CAF_CHECK_EQUAL(untimed(lines[1]), "level=info msg=meanwhile service=portcullis");
  CAF_CHECK_EQUAL(untimed(lines[2]), "level=info msg=after");
}

CAF_TEST(a reader that is late loses the oldest lines and is told how many) {
  log::start(log::level::info, "", pipe.writer);
  flood();                     // returns although nobody reads
  std::promise<void> all_read; // a stop waits for a reader, but not for long
  const auto last = " i=" + std::to_string(flood_lines - 1) + " ";
  auto reading =
    std::async(std::launch::async, [&] { return pipe.read_lines(last, [&all_read] { all_read.set_value(); }); });
  CAF_REQUIRE(all_read.get_future().wait_for(hang) == std::future_status::ready);
  log::stop();
  pipe.close_writer();
  const auto lines = reading.get();

  std::size_t flooded = 0;
  std::size_t dropped = 0;
  for (const std::string& line : lines) {
    const std::string report = "level=warn msg=\"log lines dropped\" count=";
    if (untimed(line).rfind(report, 0) == 0)
      dropped += std::stoul(untimed(line).substr(report.size()));
    else
      ++flooded;
  }
  CAF_CHECK(dropped > 0);
  CAF_CHECK_EQUAL(flooded + dropped, flood_lines);
  CAF_REQUIRE(!lines.empty());
  CAF_CHECK_EQUAL(untimed(lines.back()).rfind("level=info msg=flood i=" + std::to_string(flood_lines - 1), 0), 0u);
}

CAF_TEST(a reader that never reads does not hold up the end) {
  log::start(log::level::info, "", pipe.writer);
  CAF_CHECK_EQUAL(log::dropped_lines(), 0u);
  flood();
  CAF_CHECK(log::dropped_lines() > 0);
  log::stop();
  CAF_CHECK(log::enabled(log::level::info)); // reached at all
}

CAF_TEST(a reader that has gone ends nothing but the log) {
  log::start(log::level::info, "", pipe.writer);
  pipe.close_reader();
  log::info("to nobody");
  log::stop();
  CAF_CHECK(log::enabled(log::level::info)); // SIGPIPE would have ended the process
}

CAF_TEST(lines of several threads stay whole while the log starts and stops) {
  pipe.widen();
  const stderr_redirection redirection{pipe.writer};
  constexpr int threads = 4;
  constexpr int lines_each = 500;
  auto reading = std::async(std::launch::async, [this] { return pipe.read_lines(); });
  std::vector<std::thread> writers;
  for (int t = 0; t < threads; ++t)
    writers.emplace_back([t] {
      for (int i = 0; i < lines_each; ++i)
        log::info("whole", {{"thread", t}, {"i", i}, {"end", true}});
    });
  for (int i = 0; i < 20; ++i) {
    log::start(log::level::info, "");
    log::stop();
  }
  for (std::thread& writer : writers)
    writer.join();
  ::dup2(redirection.saved, STDERR_FILENO);
  pipe.close_writer();
  const auto lines = reading.get();
  CAF_CHECK_EQUAL(lines.size(), static_cast<std::size_t>(threads * lines_each));
  for (const std::string& line : lines) {
    const std::string text = untimed(line);
    if (text.rfind("level=info msg=whole thread=", 0) != 0 || text.substr(text.size() - 9) != " end=true")
      CAF_FAIL("not a whole line: " << line);
  }
}

namespace {

std::string heard;

void hear(log::level l, std::string_view event, const log::field* fields, std::size_t count) noexcept {
  heard = std::string{to_string(l)} + " " + std::string{event} + " " + std::to_string(count) + " "
          + std::string{fields->key};
}

} // namespace

CAF_TEST(a listener hears of each line that is written) {
  log::start(log::level::info, "portcullis", pipe.writer);
  log::set_listener(&hear);
  log::debug("quiet", {{"a", 1}});
  CAF_CHECK_EQUAL(heard, "");
  log::warn("loud", {{"a", 1}, {"b", "x"}});
  CAF_CHECK_EQUAL(heard, "warn loud 2 a");
  log::set_listener(nullptr);
  log::error("unheard", {{"a", 1}});
  CAF_CHECK_EQUAL(heard, "warn loud 2 a");
}

CAF_TEST_FIXTURE_SCOPE_END()
