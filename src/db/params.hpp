#pragma once

#include "db/wire.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace portcullis::db {

/// The parameters of one statement in binary format, $1 first.
class parameters {
public:
  parameters& add(std::int64_t value);
  parameters& add(const uuid& value);
  parameters& add(std::string_view value);

  /// Adds one array parameter with an element per item of `items`: what `project` makes of it (an empty optional
  /// is null).
  template <class Items, class Project>
  parameters& add_each(const Items& items, Project project) {
    using element = typename wire::element_of<std::decay_t<decltype(project(*items.begin()))>>::type;
    begin_array(wire::type_of<element>::oid, items.size());
    for (const auto& item : items)
      append_element(project(item));
    end();
    return *this;
  }

  /// The three arrays that libpq takes. Points into this object: keep it unchanged while in use.
  struct view {
    std::vector<const char*> values;
    std::vector<int> lengths;
    std::vector<int> formats;
  };
  view to_libpq() const;

private:
  void begin_array(unsigned element_oid, std::size_t elements);
  void append_element(const uuid& value);
  void append_element(const token_hash& value);
  void append_element(std::string_view value);
  template <class T>
  void append_element(const std::optional<T>& value) {
    if (value)
      append_element(*value);
    else
      wire::append_integer(bytes_, std::int32_t{-1});
  }
  void end();

  std::string bytes_;
  std::vector<std::size_t> ends_; // where each parameter ends in bytes_
};

} // namespace portcullis::db
