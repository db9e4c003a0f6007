#include "db/pool_numbers.hpp"

#include "core/error.hpp"

#include <array>
#include <cstddef>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>

namespace portcullis::db {

namespace {

/// `db.operation.name` of each kind.
template <class Operation>
constexpr std::string_view name;

template <>
constexpr std::string_view name<store::find_session> = "find_session";
template <>
constexpr std::string_view name<store::get_session> = "get_session";
template <>
constexpr std::string_view name<store::list_sessions> = "list_sessions";
template <>
constexpr std::string_view name<store::get_account> = "get_account";
template <>
constexpr std::string_view name<store::find_account> = "find_account";
template <>
constexpr std::string_view name<store::read_events> = "read_events";
template <>
constexpr std::string_view name<store::read_clock> = "read_clock";
template <>
constexpr std::string_view name<store::ping> = "ping";
template <>
constexpr std::string_view name<store::list_accounts> = "list_accounts";
template <>
constexpr std::string_view name<store::count_all> = "count_all";
template <>
constexpr std::string_view name<store::count_selected> = "count_selected";
template <>
constexpr std::string_view name<store::get_revocation_job> = "get_revocation_job";
template <>
constexpr std::string_view name<store::list_audit> = "list_audit";
template <>
constexpr std::string_view name<store::mint_session> = "mint_session";
template <>
constexpr std::string_view name<store::mint_for_identity> = "mint_for_identity";
template <>
constexpr std::string_view name<store::mint_guest> = "mint_guest";
template <>
constexpr std::string_view name<store::find_or_create_account> = "find_or_create_account";
template <>
constexpr std::string_view name<store::create_guest> = "create_guest";
template <>
constexpr std::string_view name<store::link_identity> = "link_identity";
template <>
constexpr std::string_view name<store::unlink_identity> = "unlink_identity";
template <>
constexpr std::string_view name<store::set_display_name> = "set_display_name";
template <>
constexpr std::string_view name<store::seat_player> = "seat_player";
template <>
constexpr std::string_view name<store::unseat_player> = "unseat_player";
template <>
constexpr std::string_view name<store::unseat_game> = "unseat_game";
template <>
constexpr std::string_view name<store::revoke_session> = "revoke_session";
template <>
constexpr std::string_view name<store::revoke_account> = "revoke_account";
template <>
constexpr std::string_view name<store::delete_account> = "delete_account";
template <>
constexpr std::string_view name<store::reap_guests> = "reap_guests";
template <>
constexpr std::string_view name<store::delete_dead_sessions> = "delete_dead_sessions";
template <>
constexpr std::string_view name<store::delete_dead_generations> = "delete_dead_generations";
template <>
constexpr std::string_view name<store::delete_expired_sessions> = "delete_expired_sessions";
template <>
constexpr std::string_view name<store::prune_events> = "prune_events";
template <>
constexpr std::string_view name<store::create_revocation_job> = "create_revocation_job";
template <>
constexpr std::string_view name<store::work_on_revocation_jobs> = "work_on_revocation_jobs";
template <>
constexpr std::string_view name<store::record_audit> = "record_audit";
template <>
constexpr std::string_view name<store::prune_audit> = "prune_audit";
template <>
constexpr std::string_view name<store::canary_step> = "canary_step";

template <std::size_t... Index>
constexpr auto names_in_order(std::index_sequence<Index...>) {
  static_assert((!name<std::variant_alternative_t<Index, store::operation>>.empty() && ...));
  return std::array{name<std::variant_alternative_t<Index, store::operation>>...};
}

// A kind without a name does not compile.
constexpr auto names = names_in_order(std::make_index_sequence<std::variant_size_v<store::operation>>{});

/// What a caller did wrong is an answer of the database like any other.
errc error_of(const store::outcome& became) {
  const auto* failed = std::get_if<failure>(&became);
  const auto code = failed == nullptr ? errc::none : failed->code;
  const bool is_own = code == errc::internal || code == errc::database_unavailable || code == errc::overloaded
                      || code == errc::deadline_exceeded || code == errc::history_stale;
  return is_own ? code : errc::none;
}

} // namespace

std::string_view name_of(const store::operation& op) noexcept {
  return names[op.index()];
}

/// Counts what each kind of operation has done. Reads, and what changes neither session nor account, are none.
class pool_numbers::reader {
public:
  reader(domain& to, const store::outcome& became) : to_{to}, became_{became} {}

  void operator()(const store::mint_session&) const {
    ++to_.minted_for_account;
    count_superseded();
  }
  void operator()(const store::mint_for_identity&) const {
    ++to_.minted_for_identity;
    count_superseded();
    if (const auto* made = std::get_if<store::minted>(&became_))
      to_.accounts_created += made->account_created ? 1 : 0;
  }
  void operator()(const store::mint_guest&) const {
    ++to_.minted_for_guest;
    ++to_.guests_created;
  }
  void operator()(const store::find_or_create_account&) const {
    if (const auto* made = std::get_if<store::find_or_create_account::result>(&became_))
      to_.accounts_created += made->created ? 1 : 0;
  }
  void operator()(const store::create_guest&) const {
    ++to_.guests_created;
  }
  void operator()(const store::link_identity&) const {
    const auto* made = std::get_if<store::link_identity::result>(&became_);
    if (made == nullptr)
      return;
    to_.identities_linked += made->was_linked ? 0 : 1;
    to_.guests_upgraded += made->was_upgraded ? 1 : 0;
    to_.rotated += made->rotated ? 1 : 0;
  }
  void operator()(const store::revoke_session&) const {
    if (const auto* ended = std::get_if<store::revoke_session::result>(&became_))
      to_.revoked += ended->revoked ? 1 : 0;
  }
  void operator()(const store::revoke_account&) const {
    if (const auto* ended = std::get_if<store::revoke_account::result>(&became_))
      to_.revoked_all += ended->revoked;
  }
  void operator()(const store::delete_account&) const {
    ++to_.accounts_deleted;
  }
  void operator()(const store::reap_guests& op) const {
    if (!op.dry_run)
      to_.guests_swept += rows();
  }
  void operator()(const store::delete_dead_sessions&) const {
    to_.sessions_swept += rows();
  }
  void operator()(const store::delete_dead_generations&) const {
    to_.sessions_swept += rows();
  }
  void operator()(const store::delete_expired_sessions&) const {
    to_.sessions_swept += rows();
  }
  void operator()(const store::prune_events&) const {
    to_.events_swept += rows();
  }
  void operator()(const store::prune_audit&) const {
    to_.audit_swept += rows();
  }
  void operator()(const store::work_on_revocation_jobs&) const {
    if (const auto* done = std::get_if<store::work_on_revocation_jobs::result>(&became_))
      to_.bulk_revoked += done->sessions;
  }
  template <class Other>
  void operator()(const Other&) const {}

private:
  void count_superseded() const {
    if (const auto* made = std::get_if<store::minted>(&became_))
      to_.superseded += made->superseded.size();
  }
  std::size_t rows() const {
    const auto* done = std::get_if<store::swept>(&became_);
    return done == nullptr ? 0 : done->rows;
  }

  domain& to_;
  const store::outcome& became_;
};

void pool_numbers::note(const store::operation& op, const store::outcome& became, std::chrono::nanoseconds took) {
  took_[{op.index(), error_of(became)}].observe(took);
  if (!std::holds_alternative<failure>(became))
    std::visit(reader{done_, became}, op);
}

void pool_numbers::add_to(metrics::snapshot& s) const {
  s.add("db_client_connection_wait_time_seconds", wait_, {{"db.client.connection.pool.name", "main"}});
  s.add("portcullis_db_batch_operations", batch_);
  for (const auto& [kind, took] : took_) {
    metrics::labels labels{{"db.system.name", "postgresql"},
                           {"db.operation.name", std::string{names[kind.first]}}};
    if (kind.second != errc::none)
      labels.emplace_back("error.type", std::string{to_string(kind.second)});
    s.add("db_client_operation_duration_seconds", took, std::move(labels));
  }
  add_domain_to(s);
}

void pool_numbers::add_domain_to(metrics::snapshot& s) const {
  const auto minted = [&](const char* whose, std::uint64_t count) {
    s.add("portcullis_sessions_minted_total", count, {{"holder", whose}});
  };
  minted("account", done_.minted_for_account);
  minted("identity", done_.minted_for_identity);
  minted("guest", done_.minted_for_guest);
  minted("rotation", done_.rotated);
  const auto ended = [&](const char* cause, std::uint64_t count) {
    s.add("portcullis_sessions_ended_total", count, {{"cause", cause}});
  };
  ended("revoked", done_.revoked);
  ended("revoked_all", done_.revoked_all);
  ended("rotated", done_.rotated);
  ended("superseded", done_.superseded);
  ended("bulk", done_.bulk_revoked);
  ended("account_deleted", done_.accounts_deleted);
  ended("guest_reaped", done_.guests_swept);
  s.add("portcullis_accounts_created_total", done_.accounts_created, {{"kind", "account"}});
  s.add("portcullis_accounts_created_total", done_.guests_created, {{"kind", "guest"}});
  s.add("portcullis_accounts_deleted_total", done_.accounts_deleted);
  s.add("portcullis_identities_linked_total", done_.identities_linked);
  s.add("portcullis_guests_upgraded_total", done_.guests_upgraded);
  s.add("portcullis_swept_rows_total", done_.guests_swept, {{"what", "guests"}});
  s.add("portcullis_swept_rows_total", done_.sessions_swept, {{"what", "sessions"}});
  s.add("portcullis_swept_rows_total", done_.events_swept, {{"what", "events"}});
  s.add("portcullis_swept_rows_total", done_.audit_swept, {{"what", "audit"}});
}

} // namespace portcullis::db
