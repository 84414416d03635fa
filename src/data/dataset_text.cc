// The form text: documents, one per line of a TSV file or one per .txt file of a folder.
#include <algorithm>
#include <filesystem>
#include <limits>
#include <system_error>
#include <unordered_map>

#include "base/error.h"
#include "base/text.h"
#include "data/dataset_folder.h"
#include "data/dataset_parts.h"
#include "data/read_bytes.h"
#include "data/read_csv.h"
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
    visit_words(text, [&](const std::string& word) {
      const auto [entry, is_new] = ids_.emplace(word, static_cast<int>(ids_.size()));
      if (is_new && ids_.size() > static_cast<std::size_t>(std::numeric_limits<int>::max() / 2)) {
        fail("text: expected fewer than 2^30 different words, found more; use less text");
      }
      documents_.word_ids.push_back(entry->second);
    });
    documents_.starts.push_back(static_cast<std::int64_t>(documents_.word_ids.size()));
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

void read_tsv(const std::string& path, DocumentBuilder& documents,
              std::vector<std::string>& labels) {
  const std::string name = printable(path, 400);
  const std::string text = read_utf8(path, static_cast<std::uint64_t>(kMaxDataBytes));
  std::int64_t line_number = 0, num_documents = 0;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    std::string_view line(text.data() + begin, end - begin);
    begin = end + 1;
    ++line_number;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (trim(line).empty()) continue;
    const std::size_t tab = line.find('\t');
    const bool labelled = tab != line.npos;
    // The first document says whether the file has labels.
    if (num_documents > 0 && labelled == labels.empty()) {
      fail(
          "{}: expected {} in line {} like in the lines before it, found {}; use label TAB text in "
          "all lines or in none",
          name, labels.empty() ? "no TAB" : "label TAB text", line_number,
          labelled ? "a TAB" : "no TAB");
    }
    if (labelled) {
      const std::string_view label = trim(line.substr(0, tab));
      if (label.empty()) {
        fail("{}: expected a label before the TAB in line {}, found none; fill it in", name,
             line_number);
      }
      labels.emplace_back(label);
      line.remove_prefix(tab + 1);
    }
    documents.add(line);
    ++num_documents;
  }
}

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
    read_tsv(path, documents, labels);
  }
  auto built = std::make_shared<Documents>(documents.finish());
  data.num_documents = built->size();
  data.documents = std::move(built);
  if (!labels.empty()) set_labels(data, labels, printable(path, 400));
  if (spec.option("vocabulary")) data.vocabulary = spec.number("vocabulary", 1, kMaxVocabulary, 0);
  if (spec.option("weights")) data.tfidf = spec.choice("weights", {"tf", "tfidf"}) == "tfidf";
  return data;
}

}  // namespace metaplastic
