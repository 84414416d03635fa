// Thrown by long work whose should_stop said so; nothing was written.
#pragma once

namespace metaplastic {

struct Stopped {};

}  // namespace metaplastic
