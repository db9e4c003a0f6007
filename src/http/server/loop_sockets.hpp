#pragma once

#include <caf/io/network/doorman_impl.hpp>
#include <caf/io/network/scribe_impl.hpp>

/// CAF's sockets, with a `halt` and a `trigger` of which the last one holds. CAF 0.17 changes what a socket waits
/// for at the end of an iteration of its loop, and two calls that cancel each other within one iteration confuse
/// it: after `halt` and `trigger` nothing is read any more, and after `trigger` and `halt` the socket is never
/// given back.
namespace portcullis::http {

class loop_scribe final : public caf::io::network::scribe_impl {
public:
  using scribe_impl::scribe_impl;

  void add_to_loop() override;
  void remove_from_loop() override;
};

/// A listening socket whose connections are `loop_scribe`s.
class loop_doorman final : public caf::io::network::doorman_impl {
public:
  using doorman_impl::doorman_impl;

  void add_to_loop() override;
  void remove_from_loop() override;
  bool new_connection() override;
};

} // namespace portcullis::http
