#pragma once

#include "config/settings.hpp"
#include "config/variables.hpp"
#include "core/result.hpp"

#include <string>
#include <string_view>

/// Secrets that come in files, so that they stand in no environment: `BACKEND_POSTGRES_DSN_FILE` for
/// `BACKEND_POSTGRES_DSN`, and so for every variable that is one.
namespace portcullis::config {

inline constexpr std::string_view file_suffix = "_FILE";

/// The variable that names the file of a secret.
std::string file_variable(const variable& secret);

/// Whether `name` is one of a role's.
bool is_file_variable(role whose, std::string_view name);

/// What the file of a secret holds, without white space at its ends; empty when none is named. The failure says
/// what is wrong with it and repeats nothing of it.
result<std::string> read_secret_file(const variable& secret, const environment& env);

} // namespace portcullis::config
