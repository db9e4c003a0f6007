#pragma once

#include "actors/messages.hpp"

#include "caf/actor.hpp"
#include "caf/actor_cast.hpp"
#include "caf/actor_system.hpp"
#include "caf/local_actor.hpp"
#include "caf/typed_response_promise.hpp"

#include <any>
#include <cstddef>
#include <deque>
#include <memory>
#include <stdexcept>
#include <string>
#include <typeinfo>
#include <utility>

/// What the peers of an actor under test were asked. They are fakes that answer nothing by themselves: each
/// message that one of them receives is put here, in the order of arrival; the test takes it, looks at it, and
/// answers now, later, with an error, or never.
namespace portcullis::test {

/// What a request is answered with: the database operations say so themselves.
template <class Message>
struct reply_to {
  using type = typename Message::result;
};
template <class Message>
using reply_to_t = typename reply_to<Message>::type;

#define PORTCULLIS_REPLY_TO(message, reply)                                                                       \
  template <>                                                                                                     \
  struct reply_to<message> {                                                                                      \
    using type = reply;                                                                                           \
  }
PORTCULLIS_REPLY_TO(db_batch, db_batch_result);
PORTCULLIS_REPLY_TO(db_connect, db_connect_result);
PORTCULLIS_REPLY_TO(session_minted, applied);
PORTCULLIS_REPLY_TO(session_revoked, applied);
PORTCULLIS_REPLY_TO(account_revoked, applied);
PORTCULLIS_REPLY_TO(warm_sessions, applied);
PORTCULLIS_REPLY_TO(log_progress, applied);
PORTCULLIS_REPLY_TO(epoch_changed, applied);
PORTCULLIS_REPLY_TO(cache_warmed, applied);
PORTCULLIS_REPLY_TO(peek_sessions, peeked_sessions);
PORTCULLIS_REPLY_TO(load_session, resolution);
PORTCULLIS_REPLY_TO(recall_session, recalled_session);
PORTCULLIS_REPLY_TO(mint_request, mint_reply);
PORTCULLIS_REPLY_TO(find_or_create_request, store::find_or_create_account::result);
PORTCULLIS_REPLY_TO(create_guest_request, account);
PORTCULLIS_REPLY_TO(read_cache_stats, cache_stats);
PORTCULLIS_REPLY_TO(read_pool_stats, pool_stats);
PORTCULLIS_REPLY_TO(read_numbers, all_numbers);
#undef PORTCULLIS_REPLY_TO

/// A request that a fake received and has not answered.
template <class Message, class Reply = reply_to_t<Message>>
struct question {
  Message message;
  caf::typed_response_promise<Reply> promise;
  caf::actor asked; // the fake

  void answer(Reply reply) {
    leave_last_message();
    promise.deliver(std::move(reply));
  }

  void fail(errc code, std::string detail = "scripted") {
    leave_last_message();
    promise.deliver(to_caf({code, std::move(detail)}));
  }

private:
  /// A promise is kept through the execution unit of the actor that made it, and the one under which the fake
  /// ran its last message is gone.
  void leave_last_message() {
    auto* actor = static_cast<caf::local_actor*>(caf::actor_cast<caf::abstract_actor*>(asked));
    actor->context(actor->system().dummy_execution_unit());
  }
};

class probe {
public:
  template <class T>
  void put(T item) {
    items_.emplace_back(std::move(item));
  }

  /// Whether the oldest item is such a request.
  template <class Message>
  bool next_is() const {
    return !items_.empty() && items_.front().type() == typeid(question<Message>);
  }

  /// Takes the oldest item, which has to be such a request: a fake that was asked what the test did not expect
  /// ends the test.
  template <class Message>
  question<Message> take() {
    return take_item<question<Message>>();
  }

  /// The same for a message that wants no reply.
  template <class Message>
  Message take_news() {
    return take_item<Message>();
  }

  std::size_t size() const noexcept {
    return items_.size();
  }

  /// What is left would keep its fakes alive.
  void clear() {
    items_.clear();
  }

  bool empty() const noexcept {
    return items_.empty();
  }

private:
  template <class T>
  T take_item() {
    if (items_.empty())
      throw std::logic_error(std::string{"nobody was asked for "} + typeid(T).name());
    if (items_.front().type() != typeid(T))
      throw std::logic_error(std::string{"expected "} + typeid(T).name() + ", have "
                             + items_.front().type().name());
    auto item = std::any_cast<T>(std::move(items_.front()));
    items_.pop_front();
    return item;
  }

  std::deque<std::any> items_;
};

using probe_ptr = std::shared_ptr<probe>;

} // namespace portcullis::test
