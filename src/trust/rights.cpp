#include "trust/rights.hpp"

#include <array>

namespace portcullis::trust {

namespace {

/// In the order of `right`.
constexpr std::array<std::string_view, static_cast<std::size_t>(right::count)> words{
  "sessions:resolve", "sessions:lookup",  "sessions:mint",  "sessions:revoke", "accounts:read", "accounts:write",
  "users:act",        "revocations:read", "public:forward", "admin:read",      "admin:write",   "metrics:read",
};
static_assert(!words.back().empty(), "one word for each right");

constexpr right right_at(std::size_t i) noexcept {
  return static_cast<right>(i);
}

/// The rights whose words begin with `subject`, which ends in a colon.
right_set rights_of(std::string_view subject) noexcept {
  right_set found;
  for (std::size_t i = 0; i < words.size(); ++i)
    if (words[i].substr(0, subject.size()) == subject)
      found.add(right_at(i));
  return found;
}

} // namespace

std::string_view to_string(right r) noexcept {
  const auto i = static_cast<std::size_t>(r);
  return i < words.size() ? words[i] : "unknown";
}

std::optional<right_set> parse_right(std::string_view word) noexcept {
  if (word == "*")
    return right_set::all();
  if (word == "internal")
    return rights_of("sessions:").add(rights_of("accounts:")).add(right::revocations_read);
  if (word == "user")
    return right_set{}.add(right::users_act);
  if (word == "public")
    return right_set{}.add(right::public_forward);
  if (word == "admin")
    return rights_of("admin:");
  const bool is_subject = word.size() > 2 && word.substr(word.size() - 2) == ":*";
  const auto found = is_subject ? rights_of(word.substr(0, word.size() - 1)) : right_set{};
  if (!found.empty())
    return found;
  for (std::size_t i = 0; i < words.size(); ++i)
    if (words[i] == word)
      return right_set{}.add(right_at(i));
  return {};
}

std::string to_string(right_set rights) {
  std::string text;
  for (std::size_t i = 0; i < words.size(); ++i)
    if (rights.has(right_at(i)))
      text.append(text.empty() ? "" : " ").append(words[i]);
  return text;
}

} // namespace portcullis::trust
