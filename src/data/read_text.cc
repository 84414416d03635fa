#include "data/read_text.h"

#include <unicode/brkiter.h>
#include <unicode/bytestream.h>
#include <unicode/locid.h>
#include <unicode/normalizer2.h>
#include <unicode/uchar.h>
#include <unicode/utext.h>
#include <unicode/utf8.h>

#include <algorithm>
#include <memory>

#include "base/error.h"

namespace metaplastic {
namespace {

constexpr std::size_t kMaxFoldedBytes = std::size_t{1} << 30;  // ICU counts in 32 bits

bool is_ascii(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

bool is_letter(UChar32 c) {
  return (U_GET_GC_MASK(c) & (U_GC_L_MASK | U_GC_M_MASK | U_GC_N_MASK)) != 0;
}

bool is_apostrophe(UChar32 c) { return c == '\'' || c == 0x2019; }

// Of a script that is written without blanks between words.
bool needs_dictionary(UChar32 c) {
  if (c < 0x0e00) return false;
  const int kind = u_getIntPropertyValue(c, UCHAR_LINE_BREAK);
  return kind == U_LB_COMPLEX_CONTEXT || kind == U_LB_IDEOGRAPHIC ||
         kind == U_LB_CONDITIONAL_JAPANESE_STARTER;
}

void require(UErrorCode code, const char* what) {
  if (U_FAILURE(code)) fail("text: expected ICU's {}, found: {}", what, u_errorName(code));
}

// Divides runs of letters at the borders of words. Not for several threads at once.
class WordBreaker {
 public:
  WordBreaker() {
    UErrorCode code = U_ZERO_ERROR;
    iterator_.reset(icu::BreakIterator::createWordInstance(icu::Locale::getRoot(), code));
    require(code, "word boundaries");
  }

  void visit(std::string_view run, const std::function<void(const std::string&)>& use) {
    UErrorCode code = U_ZERO_ERROR;
    UText* text = utext_openUTF8(nullptr, run.data(), static_cast<std::int64_t>(run.size()), &code);
    iterator_->setText(text, code);
    require(code, "word boundaries");
    std::int32_t begin = iterator_->first();
    for (std::int32_t end = iterator_->next(); end != icu::BreakIterator::DONE;
         begin = end, end = iterator_->next()) {
      use(std::string(
          run.substr(static_cast<std::size_t>(begin), static_cast<std::size_t>(end - begin))));
    }
    utext_close(text);
  }

 private:
  std::unique_ptr<icu::BreakIterator> iterator_;
};

// Collects letters and hands out words.
class WordReader {
 public:
  explicit WordReader(const std::function<void(const std::string&)>& visit) : visit_(visit) {}

  void add(UChar32 c, std::string_view bytes) {
    if (is_letter(c)) {
      if (apostrophe_) word_ += '\'';
      apostrophe_ = false;
      word_ += bytes;
      dictionary_ = dictionary_ || needs_dictionary(c);
    } else if (is_apostrophe(c) && !word_.empty() && !apostrophe_) {
      apostrophe_ = true;  // kept only if a letter follows
    } else {
      finish();
    }
  }

  void finish() {
    if (dictionary_) {
      thread_local WordBreaker breaker;
      breaker.visit(word_, [this](const std::string& word) { use(word); });
    } else if (!word_.empty()) {
      use(word_);
    }
    word_.clear();
    apostrophe_ = dictionary_ = false;
  }

  std::int64_t num_too_long() const { return num_too_long_; }

 private:
  void use(const std::string& word) {
    if (word.size() > kMaxWordBytes) {
      ++num_too_long_;
    } else if (word != "'") {
      visit_(word);
    }
  }

  const std::function<void(const std::string&)>& visit_;
  std::string word_;
  bool apostrophe_ = false, dictionary_ = false;
  std::int64_t num_too_long_ = 0;
};

}  // namespace

std::size_t find_bad_utf8(std::string_view text) {
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(text.data());
  const auto size = static_cast<std::int64_t>(text.size());
  for (std::int64_t n = 0; n < size;) {
    const std::int64_t start = n;
    UChar32 c = 0;
    U8_NEXT(bytes, n, size, c);
    if (c < 0) return static_cast<std::size_t>(start);
  }
  return std::string_view::npos;
}

std::string fold_text(std::string_view text) {
  std::string folded;
  if (is_ascii(text)) {
    folded = text;
    for (char& c : folded) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    return folded;
  }
  if (text.size() > kMaxFoldedBytes) {
    fail("text: expected documents of at most {} bytes, found {}; divide it into lines",
         kMaxFoldedBytes, text.size());
  }
  UErrorCode code = U_ZERO_ERROR;
  const icu::Normalizer2* fold = icu::Normalizer2::getNFKCCasefoldInstance(code);
  require(code, "case folding");
  icu::StringByteSink<std::string> sink(&folded);
  fold->normalizeUTF8(0, icu::StringPiece(text.data(), static_cast<std::int32_t>(text.size())),
                      sink, nullptr, code);
  require(code, "case folding");
  return folded;
}

std::int64_t visit_words(std::string_view text,
                         const std::function<void(const std::string&)>& visit) {
  const std::string folded = fold_text(text);
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(folded.data());
  const auto size = static_cast<std::int64_t>(folded.size());
  WordReader words(visit);
  for (std::int64_t n = 0; n < size;) {
    const std::int64_t start = n;
    UChar32 c = 0;
    U8_NEXT(bytes, n, size, c);
    words.add(c, std::string_view(folded).substr(static_cast<std::size_t>(start),
                                                 static_cast<std::size_t>(n - start)));
  }
  words.finish();
  return words.num_too_long();
}

}  // namespace metaplastic
