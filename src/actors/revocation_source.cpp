#include "actors/revocation_source.hpp"

#include <poll.h>

#include <algorithm>
#include <array>
#include <utility>

namespace portcullis {

namespace {

class postgres_source final : public revocation_source {
public:
  postgres_source(db::connect_options connect, log_doorbell_ptr bell, std::size_t page_events_max,
                  std::size_t warm_chunk_entries)
    : connect_(std::move(connect)), bell_(std::move(bell)), page_events_max_(page_events_max),
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

  failure read(cursor after, db::revocation_log::page* out, instant deadline) override {
    return log_.read(after, page_events_max_, out, deadline);
  }

  failure stream_active(std::size_t limit, const warm_sink& sink, instant deadline) override {
    auto convert = [&](std::vector<db::revocation_log::warm_entry>&& from) {
      std::vector<warm_sessions::entry> to;
      to.reserve(from.size());
      for (auto& entry : from)
        to.push_back({entry.hash, entry.record});
      return sink(std::move(to));
    };
    return log_.stream_active(limit, warm_chunk_entries_, convert, deadline);
  }

  failure notify(instant deadline) override {
    return log_.notify(deadline);
  }

  wake wait(std::chrono::nanoseconds timeout) override {
    std::array<pollfd, 2> watched{};
    watched[0] = {bell_->descriptor(), POLLIN, 0};
    watched[1] = {log_.socket(), POLLIN, 0}; // -1 while closed: poll ignores it
    auto ms = std::chrono::ceil<std::chrono::milliseconds>(timeout).count();
    ::poll(watched.data(), watched.size(), static_cast<int>(std::max<std::int64_t>(ms, 0)));
    bool hinted = log_.is_open() && log_.drain_hints();
    if (bell_->answer())
      return wake::bell;
    return hinted ? wake::hint : wake::timeout;
  }

private:
  db::connect_options connect_;
  log_doorbell_ptr bell_;
  std::size_t page_events_max_;
  std::size_t warm_chunk_entries_;
  db::revocation_log log_;
};

} // namespace

std::unique_ptr<revocation_source> make_postgres_source(db::connect_options connect, log_doorbell_ptr bell,
                                                        std::size_t page_events_max,
                                                        std::size_t warm_chunk_entries) {
  return std::make_unique<postgres_source>(std::move(connect), std::move(bell), page_events_max,
                                           warm_chunk_entries);
}

} // namespace portcullis
