#include "db/sqlstate.hpp"

namespace portcullis::db {

namespace {

struct entry {
  std::string_view prefix; // five characters name a condition, two a class
  sqlstate_meaning meaning;
};

// The first match counts, so conditions stand before their class.
constexpr entry table[] = {
  {"40001", {remedy::retry, errc::database_unavailable}},     // serialization_failure
  {"40P01", {remedy::retry, errc::database_unavailable}},     // deadlock_detected
  {"55P03", {remedy::wait, errc::database_unavailable}},      // lock_not_available: lock_timeout
  {"57014", {remedy::give_up, errc::database_unavailable}},   // query_canceled: statement_timeout
  {"53", {remedy::give_up, errc::database_unavailable}},      // insufficient_resources
  {"57P", {remedy::reconnect, errc::database_unavailable}},   // the server shuts down, crashed or starts
  {"25006", {remedy::reconnect, errc::database_unavailable}}, // read_only_sql_transaction: a primary no more
  {"25P03", {remedy::reconnect, errc::database_unavailable}}, // idle_in_transaction_session_timeout
  {"08", {remedy::reconnect, errc::database_unavailable}},    // connection_exception
  {"26000", {remedy::reconnect, errc::database_unavailable}}, // a prepared statement that the server does not have
  {"0A000", {remedy::reconnect, errc::database_unavailable}}, // cached plan must not change result type
  {"58", {remedy::reconnect, errc::database_unavailable}},    // system_error
  {"XX", {remedy::reconnect, errc::database_unavailable}},    // internal_error, corruption
  // The only foreign key that an operation can run into is a game's on its player; see delete_account.
  {"23503", {remedy::isolate, errc::account_seated}},  // foreign_key_violation
  {"22", {remedy::isolate, errc::value_unacceptable}}, // data_exception: an address that is none, a NUL in a text
};

} // namespace

sqlstate_meaning meaning_of(std::string_view sqlstate) noexcept {
  for (const auto& e : table)
    if (sqlstate.substr(0, e.prefix.size()) == e.prefix)
      return e.meaning;
  return {};
}

} // namespace portcullis::db
