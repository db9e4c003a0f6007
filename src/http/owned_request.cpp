#include "http/owned_request.hpp"

#include <string_view>

namespace portcullis::http {

namespace {

template <class Visit>
void for_each_view(request& r, Visit visit) {
  for (auto* view : {&r.method_text, &r.target, &r.path, &r.query, &r.body})
    visit(*view);
  for (auto& field : r.fields)
    visit(field);
}

} // namespace

owned_request::owned_request(const request& from) : view_(from) {
  std::size_t size = 0;
  for_each_view(view_, [&](std::string_view& view) { size += view.size(); });
  text_.reserve(size); // so that no view moves
  for_each_view(view_, [&](std::string_view& view) {
    const auto start = text_.size();
    text_.append(view);
    view = std::string_view{text_}.substr(start, view.size());
  });
}

} // namespace portcullis::http
