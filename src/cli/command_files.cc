#include "cli/command_files.h"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <functional>
#include <system_error>

#include "base/error.h"
#include "base/nearest.h"
#include "base/text.h"
#include "data/data_files.h"
#include "io/atomic_file.h"
#include "io/file_identity.h"
#include "tasks/task_forms.h"

namespace metaplastic {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxShown = 200;

// Endings that say what a file holds. A name with another ending, or without one, may hold
// anything.
const std::vector<std::string>& known_endings() {
  static const std::vector<std::string> kEndings = {
      ".npy",    ".npz", ".csv",  ".tsv",  ".txt", ".json",   ".jsonl",
      ".html",   ".htm", ".onnx", ".toml", ".idx", ".gz",     ".zip",
      ".tar",    ".png", ".jpg",  ".jpeg", ".pgm", ".ppm",    ".svg",
      ".pdf",    ".xls", ".xlsx", ".ods",  ".h5",  ".hdf5",   ".parquet",
      ".arrow",  ".mat", ".pt",   ".pth",  ".pkl", ".pickle", ".feather",
      ".joblib", ".rds", ".arff", ".yaml", ".yml", ".md",     ".safetensors"};
  return kEndings;
}

std::string ending_of(const std::string& path) {
  std::string ending = fs::path(path).extension().string();
  for (char& c : ending) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return ending;
}

bool contains(const std::vector<std::string>& words, const std::string& word) {
  return std::ranges::find(words, word) != words.end();
}

// Every regular file in a folder and below it, until `visit` returns false.
void visit_folder(const std::string& folder, const std::function<void(const std::string&)>& visit) {
  constexpr int kMaxEntries = 1'000'000;
  std::error_code error;
  fs::recursive_directory_iterator entry(folder, fs::directory_options::skip_permission_denied,
                                         error);
  for (int n = 0; !error && entry != fs::recursive_directory_iterator() && n < kMaxEntries;
       entry.increment(error), ++n) {
    std::error_code ignored;
    if (entry->is_regular_file(ignored)) visit(entry->path().string());
  }
}

[[noreturn]] void fail_as_input(const std::string& flag, const std::string& path,
                                const std::string& input_flag, const std::string& input) {
  fail("{}: expected another file than {} reads, found {} ({} reads {}); give another name", flag,
       input_flag, quote_text(path, kMaxShown), input_flag, quote_text(input, kMaxShown));
}

}  // namespace

void CommandFiles::reads(const std::string& flag, const std::string& path) {
  if (!path.empty()) inputs_.push_back({flag, path});
}

void CommandFiles::reads_rule(const std::string& flag, const std::string& name_or_path) {
  std::error_code error;
  // A name stands for a rule that ships with the program.
  if (fs::exists(name_or_path, error)) reads(flag, name_or_path);
}

void CommandFiles::reads_data(const std::string& flag, const std::string& spec) {
  for (const std::string& path : data_files(spec, data_forms())) reads(flag, path);
}

void CommandFiles::writes(const std::string& flag, const std::string& path,
                          const std::vector<std::string>& endings) {
  if (!path.empty()) outputs_.push_back({flag, path, endings});
}

void CommandFiles::writes_into(const std::string& flag, const std::string& folder,
                               const std::vector<std::string>& names) {
  if (!folder.empty()) folders_.push_back({flag, folder, names});
}

void CommandFiles::check_ending(const Output& output) const {
  const std::string ending = ending_of(output.path);
  if (contains(output.endings, ending) || !contains(known_endings(), ending)) return;
  fail("{}: expected a name ending in {}, found {}; the file would not hold what {} says",
       output.flag, join_names(output.endings), quote_text(output.path, kMaxShown), ending);
}

void CommandFiles::check_against_inputs(const Output& output) const {
  const FileIdentity identity = identify_file(output.path);
  for (const Input& input : inputs_) {
    std::error_code error;
    if (!fs::is_directory(input.path, error)) {
      if (is_same_file(identity, identify_file(input.path))) {
        fail_as_input(output.flag, output.path, input.flag, input.path);
      }
      continue;
    }
    // A folder that is read may hold earlier outputs, which are no inputs.
    if (!identity.node || contains(output.endings, ending_of(output.path))) continue;
    visit_folder(input.path, [&](const std::string& file) {
      if (is_same_file(identity, identify_file(file))) {
        fail_as_input(output.flag, output.path, input.flag, file);
      }
    });
  }
}

void CommandFiles::check_folder(const Output& folder) const {
  const FileIdentity identity = identify_file(folder.path);
  const auto check_file = [&](const Input& input, const std::string& file) {
    const std::string name = fs::path(file).filename().string();
    const bool is_written = std::ranges::any_of(folder.endings, [&](const std::string& written) {
      return written.starts_with('.') ? name.ends_with(written) : name == written;
    });
    if (!is_written) return;
    const std::string parent = fs::path(identify_file(file).place).parent_path().string();
    if (!is_same_file(identity, identify_file(parent))) return;
    fail(
        "{}: expected another folder than that of {}, which {} reads and {} would replace; give "
        "another one",
        folder.flag, quote_text(file, kMaxShown), input.flag, folder.flag);
  };
  if (!identity.node) return;  // a new folder holds no input
  for (const Input& input : inputs_) {
    std::error_code error;
    if (fs::is_directory(input.path, error)) {
      visit_folder(input.path, [&](const std::string& file) { check_file(input, file); });
    } else {
      check_file(input, input.path);
    }
  }
}

void CommandFiles::check() const {
  for (std::size_t n = 0; n < outputs_.size(); ++n) {
    const Output& output = outputs_[n];
    for (std::size_t m = 0; m < n; ++m) {
      if (!is_same_file(identify_file(output.path), identify_file(outputs_[m].path))) continue;
      fail("{}: expected another file than {}, found {} for both", output.flag, outputs_[m].flag,
           quote_text(output.path, kMaxShown));
    }
    check_against_inputs(output);
    check_ending(output);
  }
  for (const Output& folder : folders_) check_folder(folder);
  // Opened and closed again: what cannot be written fails before long work.
  for (const Output& output : outputs_) AtomicFileWriter{output.path};
}

}  // namespace metaplastic
