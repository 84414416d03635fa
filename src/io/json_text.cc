#include "io/json_text.h"

namespace metaplastic {

nlohmann::json parse_json(std::string_view text) {
  using nlohmann::json;
  bool is_too_deep = false;
  // Values beyond the depth are dropped while parsing.
  const auto keep = [&](int depth, json::parse_event_t, json&) {
    is_too_deep = is_too_deep || depth > kMaxJsonDepth;
    return depth <= kMaxJsonDepth;
  };
  json value = json::parse(text, keep, /*allow_exceptions=*/false);
  return is_too_deep ? json(json::value_t::discarded) : value;
}

}  // namespace metaplastic
