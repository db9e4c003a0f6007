#pragma once

#include <curl/curl.h>

#include <memory>
#include <string>

/// libcurl's handles, each owned by one object, and what every user of them needs.
namespace portcullis::net {

/// Whether libcurl can be used in this process; starts it the first time.
inline bool curl_is_usable() noexcept {
  static const bool is_usable = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
  return is_usable;
}

struct curl_multi_closer {
  void operator()(CURLM* handle) const noexcept {
    curl_multi_cleanup(handle);
  }
};
using curl_multi = std::unique_ptr<CURLM, curl_multi_closer>;

struct curl_easy_closer {
  void operator()(CURL* handle) const noexcept {
    curl_easy_cleanup(handle);
  }
};
using curl_easy = std::unique_ptr<CURL, curl_easy_closer>;

struct curl_list_closer {
  void operator()(curl_slist* list) const noexcept {
    curl_slist_free_all(list);
  }
};
using curl_list = std::unique_ptr<curl_slist, curl_list_closer>;

template <class... Values>
bool set_option(CURL* handle, CURLoption option, Values... values) noexcept {
  return curl_easy_setopt(handle, option, values...) == CURLE_OK;
}

/// False, and the list as it was, if there is no memory.
inline bool append(curl_list& list, const std::string& line) noexcept {
  curl_slist* longer = curl_slist_append(list.get(), line.c_str());
  if (longer == nullptr)
    return false;
  (void)list.release();
  list.reset(longer);
  return true;
}

} // namespace portcullis::net
