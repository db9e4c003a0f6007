#pragma once

#include "app/front_parts.hpp"
#include "http/router.hpp"

namespace portcullis::test {

/// The routes of the service, as its modules bring them.
class service_routes {
public:
  service_routes() {
    for (auto& m : parts_.modules)
      m->add_routes(owner_.routes());
  }

  http::router& get() {
    return owner_.routes();
  }

private:
  http::server owner_{nullptr, {}};
  api::front_parts parts_ = make_front_parts(nullptr, owner_, {}, {});
};

} // namespace portcullis::test
