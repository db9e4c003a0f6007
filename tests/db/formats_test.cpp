#include "caf/test/unit_test.hpp"

#include "db/copy_stream.hpp"
#include "db/sqlstate.hpp"
#include "db/wire.hpp"

#include <string>
#include <vector>

using namespace portcullis;
using namespace portcullis::db;

namespace {

using tuples = std::vector<std::vector<std::string>>;

std::string header() {
  std::string out{"PGCOPY\n\377\r\n\0", 11};
  wire::append_integer(out, std::int32_t{0});
  wire::append_integer(out, std::int32_t{3}); // an extension that nobody knows is skipped
  return out + "ext";
}

std::string field(std::string_view value) {
  std::string out;
  wire::append_integer(out, static_cast<std::int32_t>(value.size()));
  return out.append(value);
}

std::string sample() {
  auto out = header();
  wire::append_integer(out, std::int16_t{2});
  out += field("one") + field("");
  wire::append_integer(out, std::int16_t{2});
  wire::append_integer(out, std::int32_t{-1});
  out += field(std::string(300, 'x'));
  wire::append_integer(out, std::int16_t{-1});
  return out;
}

/// Feeds `pieces` one after the other; whether the end was reached, and the tuples until then.
bool decode(const std::vector<std::string>& pieces, tuples* out) {
  copy_stream stream;
  auto last = copy_stream::state::more;
  for (const auto& piece : pieces) {
    stream.append(piece.data(), piece.size());
    for (last = stream.next(); last == copy_stream::state::tuple; last = stream.next()) {
      out->emplace_back();
      for (auto one : stream.fields())
        out->back().emplace_back(one);
    }
    if (last == copy_stream::state::malformed)
      return false;
  }
  return last == copy_stream::state::done;
}

const tuples expected{{"one", ""}, {"", std::string(300, 'x')}};

} // namespace

CAF_TEST(a COPY stream decodes whole and cut in two anywhere) {
  auto bytes = sample();
  tuples whole;
  CAF_CHECK(decode({bytes}, &whole));
  CAF_CHECK(whole == expected);
  for (std::size_t cut = 1; cut < bytes.size(); ++cut) {
    tuples parts;
    CAF_CHECK(decode({bytes.substr(0, cut), bytes.substr(cut)}, &parts) && parts == expected);
  }
}

CAF_TEST(a COPY stream decodes byte by byte) {
  std::vector<std::string> pieces;
  for (auto c : sample())
    pieces.emplace_back(1, c);
  tuples parts;
  CAF_CHECK(decode(pieces, &parts));
  CAF_CHECK(parts == expected);
}

CAF_TEST(a COPY stream that is cut short does not end) {
  auto bytes = sample();
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    tuples parts;
    CAF_CHECK(!decode({bytes.substr(0, size)}, &parts));
  }
}

CAF_TEST(what is no COPY stream is malformed) {
  copy_stream wrong_signature;
  std::string text(40, 'x');
  wrong_signature.append(text.data(), text.size());
  CAF_CHECK(wrong_signature.next() == copy_stream::state::malformed);

  copy_stream wrong_count;
  auto bytes = header();
  wire::append_integer(bytes, std::int16_t{-2});
  wrong_count.append(bytes.data(), bytes.size());
  CAF_CHECK(wrong_count.next() == copy_stream::state::malformed);

  tuples parts;
  CAF_CHECK(!decode({sample() + "more"}, &parts));
}

CAF_TEST(numbers are big - endian and timestamps count from 2000) {
  std::string bytes;
  wire::append_integer(bytes, std::int32_t{-2});
  CAF_CHECK_EQUAL(bytes, std::string("\377\377\377\376"));
  CAF_CHECK_EQUAL(wire::read_integer<std::int32_t>(bytes.data()), -2);
  std::string day;
  wire::append_integer(day, std::int64_t{86'400'000'001});
  CAF_CHECK_EQUAL(to_rfc3339(wire::read_timestamp(day.data())), "2000-01-02T00:00:00.000001Z");
}

CAF_TEST(SQLSTATE means one thing to the caller and one to the executor) {
  struct {
    const char* sqlstate;
    remedy what;
    errc code;
  } table[] = {
    {"40001", remedy::retry, errc::database_unavailable},
    {"40P01", remedy::retry, errc::database_unavailable},
    {"55P03", remedy::wait, errc::database_unavailable},
    {"57014", remedy::give_up, errc::database_unavailable},
    {"53300", remedy::give_up, errc::database_unavailable},
    {"57P01", remedy::reconnect, errc::database_unavailable},
    {"25006", remedy::reconnect, errc::database_unavailable},
    {"26000", remedy::reconnect, errc::database_unavailable},
    {"08006", remedy::reconnect, errc::database_unavailable},
    {"22P02", remedy::isolate, errc::value_unacceptable},
    {"22021", remedy::isolate, errc::value_unacceptable},
    {"23503", remedy::isolate, errc::account_seated},
    {"23505", remedy::isolate, errc::internal},
    {"42P01", remedy::isolate, errc::internal},
    {"", remedy::isolate, errc::internal},
  };
  for (const auto& row : table) {
    auto meaning = meaning_of(row.sqlstate);
    CAF_CHECK(meaning.what == row.what);
    CAF_CHECK(meaning.code == row.code);
  }
}
