// The form text: documents, one per line of a TSV file or one per .txt file of a folder.
#include <algorithm>
#include <array>
#include <filesystem>
#include <limits>
#include <system_error>
#include <unordered_map>

#include "base/error.h"
#include "base/text.h"
#include "data/csv_cells.h"
#include "data/dataset_folder.h"
#include "data/dataset_parts.h"
#include "data/read_bytes.h"
#include "data/read_text.h"

namespace metaplastic {
namespace {

constexpr std::uint64_t kMaxDocumentBytes = 1u << 26;
constexpr int kMaxVocabulary = 100'000;

// Collects documents; words are numbered as they come and sorted at the end, so that the result
// does not depend on a hash.
class DocumentBuilder {
 public:
  void add(std::string_view text) {
    num_too_long_ += visit_words(text, [&](const std::string& word) {
      const auto [entry, is_new] = ids_.emplace(word, static_cast<int>(ids_.size()));
      if (is_new && ids_.size() > static_cast<std::size_t>(std::numeric_limits<int>::max() / 2)) {
        fail("text: expected fewer than 2^30 different words, found more; use less text");
      }
      documents_.word_ids.push_back(entry->second);
    });
    num_wordless_ += std::ssize(documents_.word_ids) == documents_.starts.back() ? 1 : 0;
    documents_.starts.push_back(std::ssize(documents_.word_ids));
  }

  // What a reader should know about what was passed over.
  std::vector<std::string> notes() const {
    std::vector<std::string> notes;
    if (num_wordless_ > 0) {
      notes.push_back(fmt::format("{} of {} documents have no words: rows of zeros", num_wordless_,
                                  documents_.size()));
    }
    if (num_too_long_ > 0) {
      notes.push_back(
          fmt::format("runs of more than {} bytes without a break are no words and were passed "
                      "over: {}",
                      kMaxWordBytes, num_too_long_));
    }
    return notes;
  }

  Documents finish() {
    for (const auto& [word, id] : ids_) documents_.words.push_back(word);
    std::sort(documents_.words.begin(), documents_.words.end());
    std::vector<int> rank(ids_.size());
    for (std::size_t n = 0; n < documents_.words.size(); ++n) {
      rank[static_cast<std::size_t>(ids_.at(documents_.words[n]))] = static_cast<int>(n);
    }
    for (int& id : documents_.word_ids) id = rank[static_cast<std::size_t>(id)];
    return std::move(documents_);
  }

 private:
  std::unordered_map<std::string, int> ids_;
  Documents documents_{{}, {0}, {}};
  std::int64_t num_too_long_ = 0, num_wordless_ = 0;
};

// A text file without its byte order mark, checked to be UTF-8.
std::string read_utf8(const std::string& path, std::uint64_t max_bytes) {
  std::string text = read_regular_file(path, max_bytes);
  if (text.starts_with("\xef\xbb\xbf")) text.erase(0, 3);
  const std::size_t bad = find_bad_utf8(text);
  const std::size_t zero = std::min(bad, text.find('\0'));
  if (zero != std::string::npos) {
    fail("{}: expected UTF-8 text, found byte {} in line {}; save it as UTF-8",
         printable(path, 400), static_cast<int>(static_cast<unsigned char>(text[zero])),
         1 + std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(zero), '\n'));
  }
  return text;
}

// Numbers and what stands between them, nothing else.
bool is_numbers(std::string_view line) {
  return line.find_first_of("0123456789") != line.npos &&
         line.find_first_not_of("0123456789+-.,;|eE \t") == line.npos;
}

// Names of columns as people give them, in place of a first document.
bool is_header(std::string_view label, std::string_view text, bool labelled) {
  constexpr std::array<std::string_view, 9> kLabels = {
      "label", "labels", "class", "category", "target", "sentiment", "y", "tag", "topic"};
  constexpr std::array<std::string_view, 11> kTexts = {"text",    "texts",    "sentence", "review",
                                                       "message", "document", "content",  "body",
                                                       "comment", "title",    "x"};
  const bool names_text = std::ranges::find(kTexts, fold_text(trim(text))) != kTexts.end();
  if (!labelled) return names_text;
  return names_text && std::ranges::find(kLabels, fold_text(trim(label))) != kLabels.end();
}

// The documents of a file, one a line; an empty line is a document without words.
class LineReader {
 public:
  LineReader(const std::string& path, bool skip_header)
      : name_(printable(path, 400)),
        text_(read_utf8(path, static_cast<std::uint64_t>(kMaxDataBytes))),
        skip_header_(skip_header) {}

  void read(DocumentBuilder& documents, std::vector<std::string>& labels) {
    std::int64_t line_number = 0, num_filled = 0, num_tables = 0, num_lines = 0;
    for (std::size_t begin = 0; begin < text_.size();) {
      const std::size_t end = std::min(text_.find('\n', begin), text_.size());
      std::string_view line(text_.data() + begin, end - begin);
      begin = end + 1;
      ++line_number;
      if (line.ends_with('\r')) line.remove_suffix(1);
      const bool empty = trim(line).empty();
      if (!empty && !decided_) decide(line, line_number, num_lines, labels);
      if (!empty && line_number == header_line_ && skip_header_) continue;
      ++num_lines;
      const std::string_view words = empty ? line : take_label(line, line_number, labels);
      if (empty && labelled_) labels.emplace_back();
      num_filled += empty ? 0 : 1;
      num_tables += is_numbers(words) ? 1 : 0;
      documents.add(words);
    }
    if (num_tables > 1 && 10 * num_tables > 8 * num_filled) {
      notes_.emplace_back("most lines hold numbers and no words: a table is read with csv:FILE");
    }
  }

  const std::vector<std::string>& notes() const { return notes_; }

 private:
  // The first document says whether the file has labels; those of the empty lines before it follow.
  void decide(std::string_view line, std::int64_t line_number, std::int64_t num_lines,
              std::vector<std::string>& labels) {
    decided_ = true;
    const std::size_t tab = line.find('\t');
    labelled_ = tab != line.npos;
    if (labelled_) labels.resize(static_cast<std::size_t>(num_lines));
    const std::string_view text = labelled_ ? line.substr(tab + 1) : line;
    if (!is_header(labelled_ ? line.substr(0, tab) : "", text, labelled_) && !skip_header_) return;
    header_line_ = line_number;
    if (skip_header_) return;
    notes_.push_back(fmt::format(
        "line {} looks like names of columns and is read as a document; give header=yes to leave "
        "it out",
        line_number));
  }

  // What stands behind the label, which goes to the labels; "" for none.
  std::string_view take_label(std::string_view line, std::int64_t line_number,
                              std::vector<std::string>& labels) const {
    const std::size_t tab = line.find('\t');
    if (labelled_ != (tab != line.npos)) {
      fail(
          "{}: expected {} in line {} like in the lines before it, found {}; use label TAB text in "
          "all lines or in none",
          name_, labelled_ ? "label TAB text" : "no TAB", line_number,
          labelled_ ? "no TAB" : "a TAB");
    }
    if (!labelled_) return line;
    labels.emplace_back(trim(line.substr(0, tab)));
    return line.substr(tab + 1);
  }

  std::string name_, text_;
  bool skip_header_;
  bool decided_ = false, labelled_ = false;
  std::int64_t header_line_ = 0;
  std::vector<std::string> notes_;
};

}  // namespace

Dataset load_text(const DataSpec& spec) {
  const std::string& path = spec.paths[0];
  Dataset data;
  data.kind = DataKind::kText;
  DocumentBuilder documents;
  std::vector<std::string> labels;
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) {
    const FolderListing listing = list_class_folder(path, text_endings());
    for (const std::string& file : listing.files) documents.add(read_utf8(file, kMaxDocumentBytes));
    labels = listing.classes;
    data.row_names = listing.names;
    if (!listing.left_out.empty()) data.notes.push_back(listing.left_out);
  } else {
    LineReader reader(path, spec.choice("header", {"no", "yes"}) == "yes");
    reader.read(documents, labels);
    data.notes = reader.notes();
  }
  for (std::string& note : documents.notes()) data.notes.push_back(std::move(note));
  auto built = std::make_shared<Documents>(documents.finish());
  data.num_documents = built->size();
  data.documents = std::move(built);
  if (!labels.empty()) set_labels(data, labels, printable(path, 400));
  if (spec.option("vocabulary")) data.vocabulary = spec.number("vocabulary", 1, kMaxVocabulary, 0);
  if (spec.option("weights")) data.tfidf = spec.choice("weights", {"tf", "tfidf"}) == "tfidf";
  return data;
}

}  // namespace metaplastic
