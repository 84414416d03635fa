#include "data/row_names.h"

#include "io/atomic_file.h"

namespace metaplastic {
namespace {

std::string escaped(const std::string& name) {
  std::string line;
  for (const char c : name) {
    if (c == '\\') {
      line += "\\\\";
    } else if (c == '\n') {
      line += "\\n";
    } else if (c == '\r') {
      line += "\\r";
    } else {
      line += c;
    }
  }
  return line;
}

}  // namespace

void write_row_names(const std::string& path, const Dataset& data) {
  std::string text;
  for (std::int64_t row = 0; row < data.num_rows(); ++row) {
    text += data.row_names.empty() ? std::to_string(row)
                                   : escaped(data.row_names[static_cast<std::size_t>(row)]);
    text += '\n';
  }
  write_file_atomically(path, text);
}

}  // namespace metaplastic
