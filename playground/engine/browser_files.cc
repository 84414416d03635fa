// What the page's engine does in a way of its own: files are plain files in memory, data is a table
// or an array, and the processor is WebAssembly's.
#include <hwy/targets.h>

#include "base/error.h"
#include "data/data_form.h"
#include "data/dataset_parts.h"
#include "data/read_bytes.h"
#include "data/read_text.h"
#include "io/atomic_file.h"
#include "kiss_fftr.h"

namespace hwy {

// Kernels are compiled for one target, so nothing is chosen at run time.
std::int64_t SupportedTargets() { return HWY_STATIC_TARGET; }
void SetSupportedTargetsForTest(std::int64_t) {}

}  // namespace hwy

kiss_fftr_state* kiss_fftr_alloc(int, int, void*, std::size_t*) {
  metaplastic::fail("sounds: the page reads tables and images; use the program");
}
void kiss_fftr(kiss_fftr_state*, const float*, kiss_fft_cpx*) {}
void kiss_fftr_free(kiss_fftr_state*) {}

namespace metaplastic {

std::string read_regular_file(const std::string& path, std::uint64_t max_bytes) {
  return read_text_file(path, max_bytes);
}

std::size_t find_bad_utf8(std::string_view text) {
  for (std::size_t n = 0; n < text.size();) {
    const auto lead = static_cast<unsigned char>(text[n]);
    const std::size_t length = lead < 0x80                   ? 1
                               : lead >= 0xC2 && lead < 0xE0 ? 2
                               : lead >= 0xE0 && lead < 0xF0 ? 3
                               : lead >= 0xF0 && lead < 0xF5 ? 4
                                                             : 0;
    if (length == 0 || n + length > text.size()) return n;
    std::uint32_t point = length == 1 ? lead : lead & (0x7Fu >> length);
    for (std::size_t next = 1; next < length; ++next) {
      const auto byte = static_cast<unsigned char>(text[n + next]);
      if ((byte & 0xC0u) != 0x80) return n;
      point = point << 6 | (byte & 0x3Fu);
    }
    const bool overlong = (length == 3 && point < 0x800) || (length == 4 && point < 0x10000);
    if (overlong || point > 0x10FFFF || (point >= 0xD800 && point < 0xE000)) return n;
    n += length;
  }
  return std::string_view::npos;
}

// Words are Unicode's matter, which the page leaves to the program.
std::string fold_text(std::string_view) {
  fail("text: the page reads tables and images; use the program");
}

std::span<const DataForm> file_forms() {
  static const std::vector<DataForm> kForms = {
      {"npy", 1, 2, "npy:X.npy[,Y.npy][,image=HxW[xC]][,max=VALUE]", {"image", "max"}, load_npy},
      {"csv",
       1,
       1,
       "csv:FILE[,label=COLUMN]",
       {"label", "drop", "missing", "categorical", "category", "unknown", "header", "delimiter",
        "decimal", "image", "max"},
       load_csv},
  };
  return kForms;
}

}  // namespace metaplastic
