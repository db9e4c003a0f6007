#include "ctl/command_tree.hpp"

#include "ctl/commands.hpp"
#include "ctl/doctor.hpp"

#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <CLI/Validators.hpp>

#include <chrono>
#include <iostream>

namespace portcullis::ctl {

namespace {

const char* const exit_codes =
  "Exit codes: 0 done; 1 refused, or something is wrong (doctor); 2 the command line cannot be understood; 3 "
  "there is"
  " no such thing; 4 the caller is not known or has no right to this; 5 no answer, or one that says to come again;"
  " 6 it was not confirmed.";

constexpr std::size_t rows_limit = 100'000;

using tree_ptr = std::shared_ptr<command_tree>;

/// Makes the commands. What they are given is kept by the functions that run them, and the tree keeps those.
class builder {
public:
  explicit builder(command_tree& to) : tree_(to), root_(*to.root) {}

  void add_all() {
    add_connection();
    add_sessions();
    add_accounts();
    add_revoke();
    add_feed();
    add_operators();
    add_shell();
  }

private:
  CLI::App* group(const char* name, const char* help) {
    auto* made = root_.add_subcommand(name, help);
    made->require_subcommand(1);
    return made;
  }

  CLI::App* command(CLI::App* under, const char* name, const char* help,
                    std::function<exit_code(const context&)> does) {
    auto* made = under->add_subcommand(name, help);
    made->callback([this_tree = &tree_, does = std::move(does)] { this_tree->chosen = does; });
    return made;
  }

  template <class T>
  static std::shared_ptr<T> room() {
    return std::make_shared<T>();
  }

  static void add_limit(CLI::App* to, std::size_t& rows_max) {
    to->add_option("--limit", rows_max, "rows at most")
      ->check(CLI::Range(std::size_t{1}, rows_limit))
      ->capture_default_str();
  }

  static void add_reason(CLI::App* to, std::string& reason) {
    to->add_option("--reason", reason, "why; it goes into the log of revocations");
  }

  void add_connection() {
    auto& s = tree_.given.service;
    root_.add_option("--address", s.address, "the service: http://host:port or https://…")
      ->envname("PORTCULLIS_ADDRESS")
      ->capture_default_str();
    root_
      .add_option("--caller-key-file", tree_.caller_key_file,
                  "a file whose first line is the caller's key; without it, PORTCULLIS_CALLER_KEY holds the key")
      ->envname("PORTCULLIS_CALLER_KEY_FILE");
    root_
      .add_option("--ca-file", s.ca_file, "whose servers are trusted (PEM); without it, the system's authorities")
      ->envname("PORTCULLIS_CA_FILE");
    auto* certificate = root_.add_option("--cert-file", s.certificate_file, "the caller's certificate (PEM)")
                          ->envname("PORTCULLIS_CERT_FILE");
    auto* key =
      root_.add_option("--key-file", s.key_file, "the certificate's key (PEM)")->envname("PORTCULLIS_KEY_FILE");
    certificate->needs(key);
    key->needs(certificate);
    root_
      .add_option_function<unsigned>(
        "--timeout",
        [tree = &tree_](const unsigned& seconds) { tree->given.service.timeout = std::chrono::seconds{seconds}; },
        "seconds that a request may take (30)")
      ->check(CLI::Range(1u, 86'400u));
    root_
      .add_option_function<std::string>(
        "-o,--output",
        [tree = &tree_](const std::string& form) {
          tree->given.output = form == "json" ? output_form::json : output_form::table;
        },
        "how it is shown")
      ->check(CLI::IsMember({"table", "json"}));
    root_.add_flag("-y,--yes", tree_.given.is_confirmed, "do it, without asking");
  }

  void add_sessions() {
    auto* sessions = group("session", "one session");
    auto id = room<std::string>();
    auto reason = room<std::string>();
    auto rows = std::make_shared<std::size_t>(50);
    command(sessions, "get", "show a session, dead or alive",
            [id](const context& c) { return show_session(c, *id); })
      ->add_option("session", *id, "its id")
      ->required();
    auto* list = command(sessions, "list", "the active sessions of an account",
                         [id, rows](const context& c) { return list_sessions(c, *id, *rows); });
    list->add_option("account", *id, "the account's id")->required();
    add_limit(list, *rows);
    auto* revoke = command(sessions, "revoke", "end a session",
                           [id, reason](const context& c) { return revoke_session(c, *id, *reason); });
    revoke->add_option("session", *id, "its id")->required();
    add_reason(revoke, *reason);
  }

  void add_accounts() {
    auto* accounts = group("account", "one account, or a search");
    auto id = room<std::string>();
    auto reason = room<std::string>();
    auto search = room<account_search>();
    auto* find = command(accounts, "find", "search; all that is given has to hold",
                         [search](const context& c) { return find_accounts(c, *search); });
    find->add_option("--kind", search->kind, "has an identity of this kind")
      ->check(CLI::IsMember({"telegram", "email"}));
    find->add_option("--external-id", search->external_id, "has an identity that begins with this");
    find->add_option("--guest", search->guest, "is a guest, or is none")->check(CLI::IsMember({"true", "false"}));
    find->add_option("--created-before", search->created_before, "a time (RFC 3339)");
    find->add_option("--created-after", search->created_after, "a time (RFC 3339), itself counted in");
    add_limit(find, search->rows_max);
    command(accounts, "show", "show an account", [id](const context& c) { return show_account(c, *id); })
      ->add_option("account", *id, "its id")
      ->required();
    auto* sessions = command(accounts, "sessions", "its active sessions",
                             [id, search](const context& c) { return list_sessions(c, *id, search->rows_max); });
    sessions->add_option("account", *id, "its id")->required();
    add_limit(sessions, search->rows_max);
    auto* remove = command(accounts, "delete", "delete an account and all it has; its sessions end",
                           [id, reason](const context& c) { return delete_account(c, *id, *reason); });
    remove->add_option("account", *id, "its id")->required();
    add_reason(remove, *reason);
  }

  void add_revoke() {
    auto order = room<revoke_order>();
    auto* revoke =
      command(&root_, "revoke", "end many sessions: counted, confirmed, then done by a job of the service",
              [order](const context& c) { return revoke_many(c, *order); });
    revoke->add_option("--account", order->accounts, "all of an account's; may be given again");
    revoke->add_option("--session", order->sessions, "a session; may be given again");
    revoke
      ->add_option(
        "--where", order->conditions,
        "those for which it holds, and all others given: created_before=TIME, created_after=TIME,"
        " ip_in=NETWORK[,NETWORK…], user_agent_contains=TEXT, guest=true|false, identity_kind=telegram|email")
      ->type_name("NAME=VALUE");
    revoke->add_flag("--all", order->is_all, "every session");
    add_reason(revoke, order->reason);
    revoke->add_flag("--dry-run", order->is_dry_run, "count, and change nothing");
    revoke->add_flag("--detach", order->is_detached, "do not wait for the end");
    auto id = room<std::string>();
    auto waits = room<bool>();
    auto* job = command(&root_, "job", "how far a job has come",
                        [id, waits](const context& c) { return show_job(c, *id, *waits); });
    job->add_option("job", *id, "its id")->required();
    job->add_flag("--wait", *waits, "wait for its end");
  }

  void add_feed() {
    auto* feed = group("feed", "the log of revocations");
    auto order = room<tail_order>();
    auto* tail = command(feed, "tail", "show revocations as they come, until interrupted",
                         [order](const context& c) { return tail_feed(c, *order); });
    tail->add_option("--since", order->since, "a cursor to go on after; without it, from now on");
    tail->add_option("--count", order->count, "end after so many")->check(CLI::Range(std::size_t{1}, rows_limit));
    tail->add_flag("--no-follow", order->ends_at_end, "end where the log does");
  }

  void add_operators() {
    command(&root_, "followers",
            "who follows this replica's feed and how far behind, and how far it has come itself", show_followers);
    command(&root_, "stats", "numbers of the service", show_stats);
    auto is_dry_run = room<bool>();
    command(&root_, "sweep", "remove abandoned guests, dead rows and old events now",
            [is_dry_run](const context& c) { return sweep(c, *is_dry_run); })
      ->add_flag("--dry-run", *is_dry_run, "count the guests that would go");
    auto search = room<audit_search>();
    auto* audit = command(&root_, "audit", "who did what, newest first",
                          [search](const context& c) { return show_audit(c, *search); });
    audit->add_option("--account", search->account_id, "to this account");
    audit->add_option("--caller", search->caller, "by this caller");
    audit->add_option("--action", search->action, "this action");
    audit->add_option("--since", search->since, "a time (RFC 3339)");
    audit->add_option("--until", search->until, "a time (RFC 3339)");
    add_limit(audit, search->rows_max);
    command(
      &root_, "doctor",
      "check the service and, where BACKEND_POSTGRES_DSN is set, its database; say what to do about what is wrong",
      examine);
    auto bench_this = room<bench_order>();
    auto* measure =
      command(&root_, "bench", "mint a session, resolve it over several connections, and tell how fast that went",
              [bench_this](const context& c) { return bench(c, *bench_this); });
    measure->add_option("--connections", bench_this->connections, "connections, each with one request at a time")
      ->check(CLI::Range(1u, bench_connections_max))
      ->capture_default_str();
    measure->add_option("--seconds", bench_this->seconds, "for how long")
      ->check(CLI::Range(1u, bench_seconds_max))
      ->capture_default_str();
    measure->add_option("--account", bench_this->account_id,
                        "whose session it is; without it, a guest's, who is deleted at the end");
  }

  void add_shell() {
    auto shell = room<std::string>();
    command(&root_, "completion", "print a script that completes this command line",
            [shell, tree = &tree_](const context&) {
              std::cout << completion_script(*tree->root, *shell);
              return exit_code::done;
            })
      ->add_option("shell", *shell, "for which shell")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
    command(&root_, "manual", "print the manual page, for man(1)", [tree = &tree_](const context&) {
      std::cout << manual_page(*tree->root);
      return exit_code::done;
    });
  }

  command_tree& tree_;
  CLI::App& root_;
};

} // namespace

std::shared_ptr<command_tree> make_command_tree() {
  auto tree = std::make_shared<command_tree>();
  tree->root = std::make_unique<CLI::App>("Operate a Portcullis service from a shell.", "portcullis ctl");
  tree->root->require_subcommand(1);
  tree->root->fallthrough(); // options of the connection may stand behind the command
  tree->root->footer(exit_codes);
  builder{*tree}.add_all();
  return tree;
}

std::string full_name(const CLI::App& command) {
  const auto* parent = command.get_parent();
  return parent == nullptr ? command.get_name() : full_name(*parent) + " " + command.get_name();
}

std::vector<const CLI::App*> commands_of(const CLI::App& command) {
  return command.get_subcommands([](const CLI::App*) { return true; });
}

bool is_positional(const CLI::Option& option) {
  return option.get_positional();
}

} // namespace portcullis::ctl
