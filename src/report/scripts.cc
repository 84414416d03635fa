#include "report/scripts.h"

#include <openssl/evp.h>

#include <array>

#include "base/error.h"

// The assembler reads the files: a compiler would need minutes for a literal of a megabyte.
__asm__(
    ".pushsection .rodata\n"
    ".global metaplastic_chart_library\nmetaplastic_chart_library:\n"
    ".incbin \"" METAPLASTIC_VEGA_FOLDER
    "/vega.min.js\"\n.ascii \"\\n\"\n"
    ".incbin \"" METAPLASTIC_VEGA_FOLDER
    "/vega-lite.min.js\"\n.ascii \"\\n\"\n"
    ".incbin \"" METAPLASTIC_VEGA_FOLDER
    "/vega-embed.min.js\"\n"
    ".global metaplastic_chart_library_end\nmetaplastic_chart_library_end:\n.byte 0\n"
    ".global metaplastic_page_script\nmetaplastic_page_script:\n"
    ".incbin \"" METAPLASTIC_PAGE_FOLDER
    "/page.js\"\n"
    ".global metaplastic_page_script_end\nmetaplastic_page_script_end:\n.byte 0\n"
    ".popsection\n");

extern "C" {
extern const char metaplastic_chart_library[], metaplastic_chart_library_end[];
extern const char metaplastic_page_script[], metaplastic_page_script_end[];
}

namespace metaplastic {

std::string_view chart_library() {
  return {metaplastic_chart_library, metaplastic_chart_library_end};
}

std::string_view page_script() { return {metaplastic_page_script, metaplastic_page_script_end}; }

std::string policy_hash(std::string_view script) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  const int done =
      EVP_Digest(script.data(), script.size(), digest.data(), &size, EVP_sha256(), nullptr);
  METAPLASTIC_CHECK(done == 1);
  std::string text(4 * ((size + 2) / 3) + 1, '\0');  // EVP_EncodeBlock adds a zero
  const int length = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()), digest.data(),
                                     static_cast<int>(size));
  text.resize(static_cast<std::size_t>(length));
  return "'sha256-" + text + "'";
}

}  // namespace metaplastic
