// metaplastic import: the rule of the paper's authors, from their TensorFlow checkpoint.
#include <cstdio>
#include <filesystem>
#include <memory>

#include "base/sha256.h"
#include "base/text.h"
#include "cli/command_files.h"
#include "cli/commands.h"
#include "data/data_files.h"
#include "io/bundle/tensor_bundle.h"
#include "io/file_reader.h"
#include "rule/released_checkpoint.h"

namespace metaplastic {
namespace {

struct ImportFlags {
  std::string checkpoint, out;
};

std::string file_digest(const std::string& path) {
  const FileReader reader(path);
  std::vector<std::byte> block(std::size_t{1} << 20);
  Sha256 digest;
  for (std::uint64_t at = 0; at < reader.size(); at += block.size()) {
    const auto count =
        static_cast<std::size_t>(std::min<std::uint64_t>(block.size(), reader.size() - at));
    const auto bytes = std::span(block).first(count);
    reader.read_at(at, bytes);
    digest.update(std::span<const std::byte>(bytes));
  }
  return digest.hex_digest();
}

// `checkpoint`: the files of that prefix.
CommandFiles files_of(const ImportFlags& flags, const std::vector<std::string>& checkpoint) {
  CommandFiles files;
  for (const std::string& path : checkpoint) files.reads("--checkpoint", path);
  files.writes("--out", flags.out, {".safetensors"});
  return files;
}

// Names, at most five of them.
std::string some_names(const std::vector<std::string>& names) {
  std::string text;
  for (std::size_t n = 0; n < names.size() && n < 5; ++n)
    text += (n > 0 ? ", " : "") + printable(names[n]);
  return names.size() > 5 ? text + ", .." : text;
}

int run_import(const ImportFlags& flags) {
  const TensorBundle bundle = read_tensor_bundle(flags.checkpoint);
  files_of(flags, bundle.paths).check();
  ReleasedRule released = rule_from_checkpoint(bundle.file);
  std::vector<std::string> others = released.others;
  others.insert(others.end(), bundle.skipped.begin(), bundle.skipped.end());
  nlohmann::json digests;
  for (const std::string& path : bundle.paths)
    digests[std::filesystem::path(path).filename().string()] = file_digest(path);
  released.rule.provenance = {{"made_by", "metaplastic import"},
                              {"checkpoint", without_folders(flags.checkpoint)},
                              {"sha256", digests},
                              {"variables_used", released.num_used},
                              {"biases_without_effect", released.num_biases},
                              {"moving_averages_unused", released.num_averages},
                              {"other_variables_unused", others.size()}};
  save_rule(flags.out, released.rule);
  std::printf(
      "%s: %s; %d variables used, %d biases in front of a norm and %d moving averages not\n",
      printable(flags.out, 400).c_str(), describe(released.rule.sizes).c_str(), released.num_used,
      released.num_biases, released.num_averages);
  if (!others.empty()) {
    std::fprintf(stderr, "metaplastic: %s: %zu variables that are no part of the rule: %s\n",
                 printable(flags.checkpoint, 400).c_str(), others.size(),
                 some_names(others).c_str());
  }
  return kExitOk;
}

}  // namespace

Action add_import(CLI::App& app) {
  auto flags = std::make_shared<ImportFlags>();
  app.add_option("--checkpoint", flags->checkpoint,
                 "checkpoint of the released code: its path without .index and .data-*")
      ->required()
      ->type_name("PREFIX");
  app.add_option("--out", flags->out, "rule to write")->required()->type_name("FILE");
  return [flags] { return run_import(*flags); };
}

}  // namespace metaplastic
