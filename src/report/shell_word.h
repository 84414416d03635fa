// Words of a command that a reader copies from the page into a shell.
#pragma once

#include <string>

namespace metaplastic {

// The word as it is where it needs no quotes, else in single quotes.
std::string shell_word(const std::string& word);

}  // namespace metaplastic
