#include "actors/mailbox_gauge.hpp"

#include "caf/test/unit_test.hpp"

#include <optional>

using namespace portcullis;

CAF_TEST(what each actor saw last is added up) {
  auto gauge = std::make_shared<mailbox_gauge>();
  mailbox_share one;
  std::optional<mailbox_share> other{std::in_place};
  one.tell(7); // to nobody
  one.join(gauge);
  other->join(gauge);
  CAF_CHECK_EQUAL(gauge->waiting(), 0u);
  one.tell(3);
  other->tell(4);
  CAF_CHECK_EQUAL(gauge->waiting(), 7u);
  one.tell(1);
  CAF_CHECK_EQUAL(gauge->waiting(), 5u);
  other.reset(); // an actor that has ended
  CAF_CHECK_EQUAL(gauge->waiting(), 1u);
}
