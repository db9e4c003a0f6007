#include "trust/callers_file.hpp"

#include "core/ascii.hpp"
#include "trust/caller_key.hpp"
#include "trust/unique_names.hpp"

#include <boost/json.hpp>

#include <algorithm>
#include <string>
#include <utility>

namespace portcullis::trust {

namespace {

namespace json = boost::json;

constexpr std::size_t depth_max = 8; // the document needs 4
constexpr std::size_t problems_max = 32;
constexpr std::size_t shown_bytes_max = 64; // of a value that is repeated in a problem
constexpr std::size_t certificate_name_bytes_max = 2048;
constexpr std::int64_t quota_requests_max = 1'000'000'000;
constexpr std::int64_t quota_window_s_max = 86'400;

/// Where something stands in the document: `callers[0].may[1]`.
std::string member_of(const std::string& path, std::string_view name) {
  return path.empty() ? std::string{name} : path + '.' + std::string{name};
}

std::string element_of(const std::string& path, std::size_t index) {
  return path + '[' + std::to_string(index) + ']';
}

std::string_view view_of(const json::string& text) noexcept {
  return {text.data(), text.size()};
}

/// As JSON, so that it is one line of visible characters whatever is in it.
std::string shown(std::string_view text) {
  std::string visible{text.substr(0, shown_bytes_max)};
  for (char& c : visible)
    if (c < ' ' || c > '~')
      c = '?';
  return '"' + visible + '"';
}

bool is_certificate_name(std::string_view text) noexcept {
  const bool is_uri = text.find("://") != std::string_view::npos;
  return !text.empty() && text.size() <= certificate_name_bytes_max
         && std::all_of(text.begin(), text.end(), [is_uri](char c) {
              return is_uri ? c > ' ' && c < '\x7f'
                            : ascii::is_digit(c) || (c >= 'a' && c <= 'z') || c == '-' || c == '.' || c == '_';
            });
}

class reader {
public:
  result<std::shared_ptr<const caller_registry>> read(std::string_view text);

private:
  void read_document(const json::value& document);
  void read_caller(const json::value& value, const std::string& path);
  std::string read_name(const json::object& from, const std::string& path);
  right_set read_rights(const json::object& from, const std::string& path);
  caller_proofs read_proofs(const json::object& from, const std::string& path);
  std::optional<quota> read_rate(const json::object& from, const std::string& path);
  std::uint32_t read_number(const json::object& from, const std::string& path, std::string_view name,
                            std::int64_t maximum);

  const json::object* object_at(const json::value& value, const std::string& path);
  const json::array* array_in(const json::object& from, const std::string& path, std::string_view name,
                              std::size_t elements_max);
  template <std::size_t N>
  void refuse_others(const json::object& from, const std::string& path, const std::string_view (&known)[N]);
  void complain(const std::string& path, std::string_view what);

  caller_registry callers_;
  std::string problems_;
  std::size_t problem_count_ = 0;
};

void reader::complain(const std::string& path, std::string_view what) {
  if (++problem_count_ > problems_max)
    return;
  if (!problems_.empty())
    problems_ += "; ";
  problems_.append(path.empty() ? "the document" : path).append(": ").append(what);
}

const json::object* reader::object_at(const json::value& value, const std::string& path) {
  const auto* object = value.if_object();
  if (object == nullptr)
    complain(path, "must be an object");
  return object;
}

/// Null when it is absent (no complaint) or no array, or when it is too long.
const json::array* reader::array_in(const json::object& from, const std::string& path, std::string_view name,
                                    std::size_t elements_max) {
  const auto* value = from.if_contains(name);
  if (value == nullptr)
    return nullptr;
  const auto* array = value->if_array();
  if (array == nullptr) {
    complain(member_of(path, name), "must be an array");
  } else if (array->size() > elements_max) {
    complain(member_of(path, name), "must have at most " + std::to_string(elements_max) + " elements");
    return nullptr;
  }
  return array;
}

template <std::size_t N>
void reader::refuse_others(const json::object& from, const std::string& path, const std::string_view (&known)[N]) {
  for (const auto& member : from) {
    const std::string_view name{member.key().data(), member.key().size()};
    if (std::find(std::begin(known), std::end(known), name) == std::end(known))
      complain(path, "has no member " + shown(name));
  }
}

result<std::shared_ptr<const caller_registry>> reader::read(std::string_view text) {
  if (text.size() > callers_file_bytes_max)
    return failure{errc::value_unacceptable,
                   "the document: must be at most " + std::to_string(callers_file_bytes_max) + " bytes long"};
  json::parse_options options;
  options.max_depth = depth_max;
  json::error_code error;
  const auto document = json::parse({text.data(), text.size()}, error, {}, options);
  if (error)
    return failure{errc::value_unacceptable, "the document: is not JSON (" + error.message() + ")"};
  if (!has_unique_names(document, text))
    return failure{errc::value_unacceptable, "the document: an object has two members of the same name"};
  read_document(document);
  if (problem_count_ == 0)
    return std::make_shared<const caller_registry>(std::move(callers_));
  if (problem_count_ > problems_max)
    problems_ += "; and " + std::to_string(problem_count_ - problems_max) + " more";
  return failure{errc::value_unacceptable, std::move(problems_)};
}

void reader::read_document(const json::value& document) {
  const auto* object = object_at(document, "");
  if (object == nullptr)
    return;
  refuse_others(*object, "", {"callers"});
  if (!object->contains("callers"))
    complain("callers", "is missing");
  const auto* callers = array_in(*object, "", "callers", callers_max);
  for (std::size_t i = 0; callers != nullptr && i < callers->size(); ++i)
    read_caller((*callers)[i], element_of("callers", i));
}

void reader::read_caller(const json::value& value, const std::string& path) {
  const auto* object = object_at(value, path);
  if (object == nullptr)
    return;
  const auto problems_before = problem_count_;
  refuse_others(*object, path, {"name", "may", "keys", "certificates", "rate"});
  caller who;
  who.name = read_name(*object, path);
  who.may = read_rights(*object, path);
  who.rate = read_rate(*object, path);
  auto proofs = read_proofs(*object, path);
  if (problem_count_ != problems_before)
    return;
  if (proofs.keys.empty() && proofs.certificates.empty())
    complain(path, "needs a key or a certificate");
  else if (!callers_.add(std::move(who), std::move(proofs)))
    complain(path, "repeats a proof"); // every repetition has been found before
}

std::string reader::read_name(const json::object& from, const std::string& path) {
  const auto* value = from.if_contains("name");
  const auto* text = value == nullptr ? nullptr : value->if_string();
  std::string name{text == nullptr ? std::string_view{} : view_of(*text)};
  if (!is_caller_name(name))
    complain(member_of(path, "name"), "must be 1 to " + std::to_string(caller_name_bytes_max)
                                        + " letters, digits, dots, hyphens or underscores");
  else if (callers_.find_name(name) != nullptr)
    complain(member_of(path, "name"), "is another caller's already: " + shown(name));
  return name;
}

right_set reader::read_rights(const json::object& from, const std::string& path) {
  right_set rights;
  const auto where = member_of(path, "may");
  const auto* words = array_in(from, path, "may", caller_words_max);
  if (!from.contains("may") || (words != nullptr && words->empty()))
    complain(where, "must name at least one right");
  for (std::size_t i = 0; words != nullptr && i < words->size(); ++i) {
    const auto* word = (*words)[i].if_string();
    const auto granted = word == nullptr ? std::nullopt : parse_right(view_of(*word));
    if (granted)
      rights.add(*granted);
    else
      complain(element_of(where, i),
               word == nullptr ? "must be a string" : "is no right or audience: " + shown(view_of(*word)));
    for (std::size_t earlier = 0; granted && earlier < i; ++earlier)
      if ((*words)[earlier] == (*words)[i])
        complain(element_of(where, i), "is given twice: " + shown(view_of(*word)));
  }
  return rights;
}

caller_proofs reader::read_proofs(const json::object& from, const std::string& path) {
  caller_proofs proofs;
  const auto* keys = array_in(from, path, "keys", caller_keys_max);
  for (std::size_t i = 0; keys != nullptr && i < keys->size(); ++i) {
    const auto where = element_of(member_of(path, "keys"), i);
    const auto* text = (*keys)[i].if_string();
    const auto hash = text == nullptr ? std::nullopt : parse_key_hash(view_of(*text));
    if (text != nullptr && view_of(*text).substr(0, caller_key::prefix.size()) == caller_key::prefix)
      complain(where, "is a key itself: only its hash belongs here, and the key is to be replaced");
    else if (!hash)
      complain(where, "must be the SHA-256 of a key in 64 lower-case hexadecimal digits");
    else if (callers_.find_key(*hash) != nullptr
             || std::find(proofs.keys.begin(), proofs.keys.end(), *hash) != proofs.keys.end())
      complain(where, "is given twice");
    else
      proofs.keys.push_back(*hash);
  }
  const auto* names = array_in(from, path, "certificates", caller_certificates_max);
  for (std::size_t i = 0; names != nullptr && i < names->size(); ++i) {
    const auto where = element_of(member_of(path, "certificates"), i);
    const auto* text = (*names)[i].if_string();
    const std::string name{text == nullptr ? std::string_view{} : view_of(*text)};
    if (!is_certificate_name(name))
      complain(where, "must be a URI (spiffe://…) or a DNS name in lower case");
    else if (callers_.find_certificate(name) != nullptr
             || std::find(proofs.certificates.begin(), proofs.certificates.end(), name)
                  != proofs.certificates.end())
      complain(where, "is given twice: " + shown(name));
    else
      proofs.certificates.push_back(name);
  }
  return proofs;
}

std::optional<quota> reader::read_rate(const json::object& from, const std::string& path) {
  const auto* value = from.if_contains("rate");
  if (value == nullptr)
    return {};
  const auto where = member_of(path, "rate");
  const auto* object = object_at(*value, where);
  if (object == nullptr)
    return {};
  refuse_others(*object, where, {"quota", "window_s"});
  return quota{read_number(*object, where, "quota", quota_requests_max),
               read_number(*object, where, "window_s", quota_window_s_max)};
}

std::uint32_t reader::read_number(const json::object& from, const std::string& path, std::string_view name,
                                  std::int64_t maximum) {
  const auto* value = from.if_contains(name);
  const auto* number = value == nullptr ? nullptr : value->if_int64();
  if (number != nullptr && *number >= 1 && *number <= maximum)
    return static_cast<std::uint32_t>(*number);
  complain(member_of(path, name), "must be a whole number from 1 to " + std::to_string(maximum));
  return 1;
}

} // namespace

bool is_caller_name(std::string_view text) noexcept {
  return !text.empty() && text.size() <= caller_name_bytes_max
         && std::all_of(text.begin(), text.end(),
                        [](char c) { return ascii::is_alphanumeric(c) || c == '.' || c == '_' || c == '-'; });
}

result<std::shared_ptr<const caller_registry>> parse_callers(std::string_view text) {
  return reader{}.read(text);
}

} // namespace portcullis::trust
