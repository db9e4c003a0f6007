#include "trust/caller_registry.hpp"

#include <algorithm>
#include <set>
#include <utility>

namespace portcullis::trust {

namespace {

template <class Map, class Key>
const caller* find_in(const Map& map, const Key& key) noexcept {
  const auto found = map.find(key);
  return found == map.end() ? nullptr : &found->second->who;
}

} // namespace

bool caller_registry::add(caller who, caller_proofs proofs) {
  const auto is_taken = [](const auto& map) {
    return [&map](const auto& proof) { return map.count(proof) != 0; };
  };
  std::sort(proofs.certificates.begin(), proofs.certificates.end());
  const auto& names = proofs.certificates;
  const bool repeats_name = std::adjacent_find(names.begin(), names.end()) != names.end();
  std::set<std::array<std::uint8_t, 32>> keys;
  for (const auto& key : proofs.keys)
    keys.insert(key.bytes);
  if (repeats_name || keys.size() != proofs.keys.size() || by_name_.count(who.name) != 0
      || std::any_of(proofs.keys.begin(), proofs.keys.end(), is_taken(by_key_))
      || std::any_of(names.begin(), names.end(), is_taken(by_certificate_)))
    return false;
  auto made = std::make_unique<entry>(entry{std::move(who), std::move(proofs.certificates), proofs.keys.size()});
  for (const auto& key : proofs.keys)
    by_key_.emplace(key, made.get());
  for (const auto& name : made->certificates)
    by_certificate_.emplace(name, made.get());
  const std::string_view name = made->who.name;
  by_name_.emplace(name, std::move(made));
  return true;
}

const caller* caller_registry::find_key(const token_hash& hash) const noexcept {
  return find_in(by_key_, hash);
}

const caller* caller_registry::find_certificate(std::string_view name) const noexcept {
  return find_in(by_certificate_, name);
}

const caller* caller_registry::find_name(std::string_view name) const noexcept {
  return find_in(by_name_, name);
}

std::vector<caller_registry::listed> caller_registry::list() const {
  std::vector<listed> all;
  all.reserve(by_name_.size());
  for (const auto& [name, made] : by_name_)
    all.push_back({&made->who, made->keys, &made->certificates});
  std::sort(all.begin(), all.end(), [](const listed& a, const listed& b) { return a.who->name < b.who->name; });
  return all;
}

} // namespace portcullis::trust
