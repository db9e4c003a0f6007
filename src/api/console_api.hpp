#pragma once

#include "api/asset.hpp"
#include "api/module.hpp"

#include <vector>

namespace portcullis::api {

/// The operators' console, as the build has bundled it from console/; none when it was built without Node.js.
const std::vector<asset>& console_files();

/// Serves those files. Whoever reaches an admin listener may load them: they hold nothing, and what they ask for
/// is asked with the operator's own key.
class console_api final : public module {
public:
  void add_routes(http::router& to) override;

private:
  void show(const http::call& c, http::responder to);
};

} // namespace portcullis::api
