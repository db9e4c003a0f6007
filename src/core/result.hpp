#pragma once

#include "core/error.hpp"

#include <cassert>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

namespace portcullis {

/// A value, or why there is none. The one way in which our own functions report an error; actors send the same
/// `failure` as a CAF error (`to_caf`).
///
///     auto page = decode_page(query);
///     if (!page)
///       return page.error();
///     use(page->limit);
template <class T>
class [[nodiscard]] result {
public:
  using value_type = T;

  result(T value) : content_(std::in_place_index<0>, std::move(value)) {}  // NOLINT(google-explicit-constructor)
  result(failure why) : content_(std::in_place_index<1>, std::move(why)) { // NOLINT(google-explicit-constructor)
    assert(error().code != errc::none);
  }

  bool has_value() const noexcept {
    return content_.index() == 0;
  }
  explicit operator bool() const noexcept {
    return has_value();
  }

  T& operator*() & noexcept {
    return *std::get_if<0>(&content_);
  }
  const T& operator*() const& noexcept {
    return *std::get_if<0>(&content_);
  }
  T&& operator*() && noexcept {
    return std::move(*std::get_if<0>(&content_));
  }
  T* operator->() noexcept {
    return std::get_if<0>(&content_);
  }
  const T* operator->() const noexcept {
    return std::get_if<0>(&content_);
  }

  /// Only when there is no value.
  const failure& error() const& noexcept {
    return *std::get_if<1>(&content_);
  }
  failure&& error() && noexcept {
    return std::move(*std::get_if<1>(&content_));
  }

private:
  std::variant<T, failure> content_;
};

/// Success without a value, or why not.
template <>
class [[nodiscard]] result<void> {
public:
  using value_type = void;

  result() = default;
  result(failure why) : why_(std::move(why)) { // NOLINT(google-explicit-constructor): `return failure;`
    assert(why_->code != errc::none);
  }

  bool has_value() const noexcept {
    return !why_;
  }
  explicit operator bool() const noexcept {
    return has_value();
  }

  const failure& error() const& noexcept {
    return *why_;
  }
  failure&& error() && noexcept {
    return std::move(*why_);
  }

private:
  std::optional<failure> why_;
};

} // namespace portcullis
