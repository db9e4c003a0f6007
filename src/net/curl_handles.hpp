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

/// TLS 1.2 and later. Each of the files (PEM) may be missing: whose servers are trusted (without it, those of the
/// system's authorities), the client's certificate, its key.
inline bool set_tls(CURL* handle, const std::string& ca_file, const std::string& certificate_file,
                    const std::string& key_file) noexcept {
  const auto set_file = [handle](CURLoption option, const std::string& path) {
    return path.empty() || set_option(handle, option, path.c_str());
  };
  const bool trusts_system = ca_file.empty() || set_option(handle, CURLOPT_CAPATH, static_cast<char*>(nullptr));
  return set_option(handle, CURLOPT_SSLVERSION, long{CURL_SSLVERSION_TLSv1_2}) && trusts_system
         && set_file(CURLOPT_CAINFO, ca_file) && set_file(CURLOPT_SSLCERT, certificate_file)
         && set_file(CURLOPT_SSLKEY, key_file);
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
