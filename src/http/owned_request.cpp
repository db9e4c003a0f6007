#include "http/owned_request.hpp"

#include <string_view>

namespace portcullis::http {

namespace {

template <class Visit>
void for_each_view(request& r, Visit visit) {
  for (auto* view : {&r.method_text, &r.target, &r.path, &r.query, &r.head, &r.body})
    visit(*view);
  for (auto& field : r.fields)
    visit(field);
}

} // namespace

owned_request::owned_request(const request& from) : view_(from) {
  // Of the head only what is read line by line is kept, not an outsider's cookies.
  std::string accept_lines;
  field_lines lines{from.head, "accept"};
  for (auto value = lines.next(); value; value = lines.next())
    accept_lines.append("accept:").append(*value).append("\r\n");
  view_.head = accept_lines;
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
