#include "experiments/checkpoints.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <system_error>

#include "base/error.h"
#include "base/text.h"

namespace metaplastic {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPrefix = "step-", kSuffix = ".safetensors";

// The N of "step-N.safetensors", -1 for another name.
std::int64_t step_of(const std::string& name) {
  if (!name.starts_with(kPrefix) || !name.ends_with(kSuffix)) return -1;
  std::int64_t step = -1;
  const char* end = name.data() + name.size() - kSuffix.size();
  const auto [stopped, error] = std::from_chars(name.data() + kPrefix.size(), end, step);
  return error == std::errc{} && stopped == end ? step : -1;
}

}  // namespace

std::vector<RuleCheckpoint> load_checkpoint_rules(const std::string& run, std::size_t max_count) {
  std::vector<std::pair<std::int64_t, std::string>> files;
  std::error_code error;
  for (fs::directory_iterator entry(fs::path(run) / "rules", error), end; !error && entry != end;
       entry.increment(error)) {
    const std::int64_t step = step_of(entry->path().filename().string());
    if (step >= 0) files.emplace_back(step, entry->path().string());
  }
  if (files.empty()) {
    fail(
        "--run: expected the folder of a meta-training run with rules/step-*.safetensors, found "
        "none in {}; give the folder that train --out wrote after its first validation",
        quote_text(run, 200));
  }
  std::ranges::sort(files);
  const std::size_t count = std::min(files.size(), std::max<std::size_t>(max_count, 1));
  std::vector<RuleCheckpoint> checkpoints;
  for (std::size_t n = 0; n < count; ++n) {
    const std::size_t at = count == 1 ? files.size() - 1 : n * (files.size() - 1) / (count - 1);
    checkpoints.push_back({files[at].first, load_rule(files[at].second)});
  }
  return checkpoints;
}

}  // namespace metaplastic
