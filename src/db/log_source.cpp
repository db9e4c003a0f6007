#include "db/log_source.hpp"

#include "core/failpoint.hpp"
#include "db/revocation_log.hpp"

#include <poll.h>

#include <algorithm>
#include <array>
#include <utility>

namespace portcullis {

namespace {

class postgres_source final : public log_source, public snapshot_source, public log_notifier {
public:
  postgres_source(db::connect_options connect, log_wakeup_ptr wakeup, std::size_t page_events_max,
                  std::size_t warm_chunk_entries)
    : connect_(std::move(connect)), wakeup_(std::move(wakeup)), page_events_max_(page_events_max),
      warm_chunk_entries_(warm_chunk_entries) {}

  bool is_open() const override {
    return log_.is_open();
  }

  failure open(instant deadline) override {
    return log_.open(connect_, deadline);
  }

  failure position(cursor* out, instant deadline) override {
    return log_.position(out, deadline);
  }

  failure read(cursor after, log_page* out, instant deadline) override {
    auto began = boot_clock::now();
    auto result = log_.read(after, page_events_max_, out, deadline);
    out->as_of = fails(failpoint::lease_from_read_start) ? boot_clock::now() : began;
    return result;
  }

  failure stream_active(std::size_t limit, const sink& take, instant deadline) override {
    return log_.stream_active(limit, warm_chunk_entries_, take, deadline);
  }

  failure notify(instant deadline) override {
    return log_.notify(deadline);
  }

  wake wait(std::chrono::nanoseconds timeout) override {
    std::array<pollfd, 2> watched{};
    watched[0] = {wakeup_->descriptor(), POLLIN, 0};
    watched[1] = {log_.socket(), POLLIN, 0}; // -1 while closed: poll ignores it
    auto ms = std::chrono::ceil<std::chrono::milliseconds>(timeout).count();
    ::poll(watched.data(), watched.size(), static_cast<int>(std::max<std::int64_t>(ms, 0)));
    bool hinted = log_.is_open() && log_.drain_hints();
    if (wakeup_->consume())
      return wake::notified;
    return hinted ? wake::hint : wake::timeout;
  }

private:
  db::connect_options connect_;
  log_wakeup_ptr wakeup_;
  std::size_t page_events_max_;
  std::size_t warm_chunk_entries_;
  db::revocation_log log_;
};

} // namespace

log_sources make_postgres_sources(db::connect_options connect, log_wakeup_ptr wakeup, std::size_t page_events_max,
                                  std::size_t warm_chunk_entries) {
  auto source =
    std::make_unique<postgres_source>(std::move(connect), std::move(wakeup), page_events_max, warm_chunk_entries);
  log_sources result;
  result.snapshot = source.get();
  result.notifier = source.get();
  result.log = std::move(source);
  return result;
}

} // namespace portcullis
