#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace portcullis::db {

/// The parameters of a connection string, in libpq's order, those that it sets alone.
using conninfo_parameters = std::vector<std::pair<std::string, std::string>>;

/// Parses what libpq takes. Nothing on any mistake: libpq's own message may quote the password.
std::optional<conninfo_parameters> parse_conninfo(const std::string& conninfo);

/// The key=value form of `parameters`.
std::string to_conninfo(const conninfo_parameters& parameters);

const std::string* find_parameter(const conninfo_parameters& parameters, std::string_view key);
void set_parameter(conninfo_parameters& parameters, std::string_view key, std::string value);
void set_default(conninfo_parameters& parameters, std::string_view key, std::string value);

/// Whether libpq reads a private key to show who we are: `sslkey`, PGSSLKEY, or the file that it looks for by
/// itself.
bool reads_client_key(const std::string& conninfo);

} // namespace portcullis::db
