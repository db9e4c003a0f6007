#pragma once

#include <curl/curl.h>

#include <memory>

/// libcurl's handles, each owned by one object.
namespace portcullis::edge {

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

} // namespace portcullis::edge
