#pragma once

#include "http/request.hpp"

#include <string>

namespace portcullis::http {

/// A request that keeps its own text, for one that has to wait. Not movable: the views point into it.
class owned_request {
public:
  explicit owned_request(const request& from);
  owned_request(const owned_request&) = delete;
  owned_request& operator=(const owned_request&) = delete;

  const request& get() const noexcept {
    return view_;
  }

private:
  std::string text_;
  request view_;
};

} // namespace portcullis::http
