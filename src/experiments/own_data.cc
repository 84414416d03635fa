#include "experiments/own_data.h"

#include <cmath>
#include <numbers>

#include "base/error.h"
#include "base/random.h"
#include "experiments/package_texts.h"
#include "io/atomic_file.h"

namespace metaplastic {
namespace {

constexpr const char* kStatus = "/var/lib/dpkg/status";
constexpr const char* kTexts = "package-texts.tsv";
constexpr const char* kMoons = "two-moons.csv";
constexpr int kNumPoints = 1000;
constexpr double kNoise = 0.1;
// Stream of Purpose::kEvaluation, beside those of embedding.cc and data_size.cc.
constexpr std::uint64_t kMoonPoints = std::uint64_t{10} << 32;

// A path in a SPEC.
std::string escaped_path(const std::string& path) {
  std::string escaped;
  for (const char c : path) escaped += c == ',' ? "\\," : std::string(1, c);
  return escaped;
}

}  // namespace

ChosenData package_data(const ExperimentOptions& options, std::vector<std::string>& notes) {
  const std::string tsv = fmt::format("{}/{}", options.out, kTexts);
  write_package_texts(kStatus, tsv);
  notes.push_back(
      fmt::format("text: descriptions of the Debian packages of this machine, classes are their "
                  "sections; kept in {}",
                  kTexts));
  return {.spec = "text:" + escaped_path(tsv), .name = "package descriptions"};
}

ChosenData moons_data(const ExperimentOptions& options) {
  Random random(options.seed, Purpose::kEvaluation, kMoonPoints);
  std::string csv = "x,y,moon\n";
  for (int n = 0; n < kNumPoints; ++n) {
    const bool is_lower = n % 2 == 1;
    const double angle = std::numbers::pi * static_cast<double>(random.uniform());
    const double x = is_lower ? 1 - std::cos(angle) : std::cos(angle);
    const double y = is_lower ? 0.5 - std::sin(angle) : std::sin(angle);
    const double right = kNoise * static_cast<double>(random.normal());
    const double up = kNoise * static_cast<double>(random.normal());
    csv += fmt::format("{:.6f},{:.6f},{}\n", x + right, y + up, is_lower ? "lower" : "upper");
  }
  const std::string path = fmt::format("{}/{}", options.out, kMoons);
  write_file_atomically(path, csv);
  return {.spec = fmt::format("csv:{},label=moon", escaped_path(path)), .name = "two moons"};
}

}  // namespace metaplastic
