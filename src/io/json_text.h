// JSON that comes from files: parsed without trust.
#pragma once

#include <nlohmann/json.hpp>
#include <string_view>

namespace metaplastic {

// The value, or a discarded one (is_discarded(), and no object, array, ...) when the text is no
// JSON or is nested deeper than anything of ours: reading and writing values recurses, and a text
// of open brackets must not reach the end of the stack.
inline constexpr int kMaxJsonDepth = 32;
nlohmann::json parse_json(std::string_view text);

}  // namespace metaplastic
