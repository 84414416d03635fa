// The parts of experiments on data where the answer is known. tests/experiments_test.py runs all of
// them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "experiments/build_commit.h"
#include "experiments/checkpoints.h"
#include "experiments/experiment.h"
#include "experiments/fixed_method.h"
#include "experiments/lesion.h"
#include "experiments/own_data.h"
#include "experiments/package_texts.h"
#include "experiments/result_file.h"
#include "experiments/row_lines.h"
#include "io/atomic_file.h"
#include "io/test_folder.h"
#include "rule/classical.h"
#include "rule/terms.h"

namespace metaplastic {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;

RuleSizes small_sizes() {
  RuleSizes sizes;
  sizes.C = 4;
  sizes.D = 2;
  sizes.G = 1;
  return sizes;
}

// Every term, and every input of the hidden network, is silenced by one lesion.
void expect_all_parts(const RuleSizes& sizes, int expected_terms, int expected_inputs) {
  Rule rule;
  rule.sizes = sizes;
  const ThetaLayout layout(sizes);
  rule.theta.assign(static_cast<std::size_t>(layout.size()), 1.0f);
  std::vector<int> touched(rule.theta.size(), 0);
  int num_terms = 0, num_inputs = 0;
  for (const Lesion& lesion : lesions_of(sizes)) {
    const Rule without = lesioned(rule, lesion);
    std::size_t num_zeros = 0;
    for (std::size_t at = 0; at < without.theta.size(); ++at) {
      if (without.theta[at] != 0.0f) continue;
      ++num_zeros;
      ++touched[at];
    }
    EXPECT_EQ(num_zeros, lesion.places.size()) << lesion.name;
    EXPECT_GE(num_zeros, 1u) << lesion.name;
    (lesion.part == "term" ? num_terms : num_inputs) += 1;
  }
  EXPECT_EQ(num_terms, expected_terms);
  EXPECT_EQ(num_inputs, expected_inputs);
  // The rows of the hidden network's inputs: each in one lesion.
  const ThetaEntry& hidden = layout[ThetaName::kHiddenIn];
  for (std::int64_t at = 0; at < hidden.size(); ++at) {
    EXPECT_EQ(touched[static_cast<std::size_t>(hidden.offset + at)], 1);
  }
}

TEST(Lesion, SilencesOneTermOrOneInput) {
  RuleSizes sizes = small_sizes();
  expect_all_parts(sizes, ThetaLayout(sizes).num_terms(), 11);
  sizes.views = "neighbours";
  expect_all_parts(sizes, ThetaLayout(sizes).num_terms(), 13);
}

TEST(Lesion, KnowsEveryFormOfTheRule) {
  for (const char* preset : {"compact", "metz2019"}) {
    for (const char* locality : {"layer", "neuron"}) {
      RuleSizes sizes = small_sizes();
      sizes.preset = preset;
      sizes.locality = locality;
      sizes.v_step = "separate";
      const ThetaLayout layout(sizes);
      int num_terms = 0, num_inputs = 0;
      for (const Lesion& lesion : lesions_of(sizes)) {
        EXPECT_FALSE(lesion.places.empty());
        for (const std::size_t at : lesion.places) {
          EXPECT_LT(at, static_cast<std::size_t>(layout.size()));
        }
        (lesion.part == "term" ? num_terms : num_inputs) += 1;
      }
      EXPECT_EQ(num_terms, layout.num_terms());
      EXPECT_GE(num_inputs, 7);
    }
  }
}

TEST(Lesion, NamesTheTermThatItSilences) {
  const RuleSizes sizes;
  const Rule rule = make_classical_rule("hebb-decorrelate", sizes, 0);
  for (const Lesion& lesion : lesions_of(sizes)) {
    const bool changes = lesioned(rule, lesion).theta != rule.theta;
    if (lesion.part != "term") continue;
    EXPECT_EQ(changes, lesion.name == "hebb" || lesion.name == "decorrelate") << lesion.name;
  }
}

TEST(Checkpoints, AreEvenlySpreadByNumberNotByName) {
  const TestFolder folder;
  std::filesystem::create_directories(folder.path("run/rules"));
  const Rule rule = make_classical_rule("oja", small_sizes(), 0);
  for (const char* step : {"9", "10", "100", "25", "000050"}) {
    save_rule(folder.path(std::string("run/rules/step-") + step + ".safetensors"), rule);
  }
  write_file_atomically(folder.path("run/rules/step-x.safetensors"), "no rule");
  write_file_atomically(folder.path("run/rules/step-7.safetensors.part"), "no rule");
  const auto steps = [&](std::size_t count) {
    std::vector<std::int64_t> found;
    for (const auto& each : load_checkpoint_rules(folder.path("run"), count)) {
      found.push_back(each.outer_step);
    }
    return found;
  };
  EXPECT_THAT(steps(9), ElementsAre(9, 10, 25, 50, 100));
  EXPECT_THAT(steps(3), ElementsAre(9, 25, 100));
  EXPECT_THAT(steps(1), ElementsAre(100));
  EXPECT_THAT(error_line([&] { load_checkpoint_rules(folder.path("none"), 3); }),
              HasSubstr("rules/step-*.safetensors"));
}

TEST(PackageTexts, TakeSectionsWithEnoughPackages) {
  const TestFolder folder;
  std::string status;
  const auto add = [&](const std::string& section, int count) {
    for (int n = 0; n < count; ++n) {
      status += fmt::format(
          "Package: p{0}\nStatus: install ok installed\nSection: {1}\nDepends: libc6\n"
          "Description: thing {0} of {1}\n a second line\n .\n a\tthird\nHomepage: none\n\n",
          n, section);
    }
  };
  add("libs", 25);
  add("contrib/libs", 1);
  add("python", 20);
  add("fonts", 310);
  add("games", 19);
  write_file_atomically(folder.path("status"), status);
  write_package_texts(folder.path("status"), folder.path("texts.tsv"));
  const std::string tsv = read_text_file(folder.path("texts.tsv"), 1 << 20);
  EXPECT_EQ(std::ranges::count(tsv, '\n'), 300 + 26 + 20);
  EXPECT_EQ(std::ranges::count(tsv, '\t'), 300 + 26 + 20);
  EXPECT_THAT(tsv, HasSubstr("python\t thing 0 of python a second line a third\n"));
  EXPECT_THAT(tsv, testing::Not(HasSubstr("games")));
  EXPECT_THAT(tsv, testing::Not(HasSubstr("none")));

  write_file_atomically(folder.path("status"), "Package: a\nSection: b\nDescription: c\n");
  EXPECT_THAT(
      error_line([&] { write_package_texts(folder.path("status"), folder.path("texts.tsv")); }),
      HasSubstr("expected at least 3 sections"));
}

TEST(RowLines, OneLinePerDataSetAndMethod) {
  const std::vector<json> rows = {
      {{"dataset", "a"}, {"method", "learned"}, {"n", 1}, {"accuracy", 0.5}, {"stderr", 0.1}},
      {{"dataset", "a"}, {"method", "random"}, {"n", 1}, {"accuracy", 0.25}, {"stderr", 0.1}},
      {{"dataset", "a"}, {"method", "learned"}, {"n", 2}, {"accuracy", 0.75}, {"stderr", 0.1}},
      {{"dataset", "a"}, {"method", "learned"}, {"n", nullptr}, {"accuracy", 1}, {"stderr", 0}}};
  const std::vector<Line> lines = lines_of(rows, {"n"});
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines[0].name, "a, learned");
  EXPECT_EQ(lines[0].points.size(), 2u);
  EXPECT_EQ(lines[0].points[1].y, 0.75);
  EXPECT_EQ(lines[1].style, LineStyle::kDashed);
  EXPECT_EQ(lines_of(rows, {"n", {"dataset"}, "method", "random"}).size(), 1u);
}

class CountingMethod : public FeatureMethod {
 public:
  explicit CountingMethod(int& count) : count_(count) {}
  std::shared_ptr<const RowSource> own_rows(const Dataset&) override { return rows_of({3.0f}, 1); }
  std::string name() const override { return "counting"; }
  std::vector<FeatureCandidate> fit(const RowSource&, const MethodContext&) override {
    ++count_;
    return {FeatureCandidate{}};
  }

 private:
  int& count_;
};

TEST(RememberedMethod, LearnsOnce) {
  int count = 0;
  const RememberedMethod method(std::make_unique<CountingMethod>(count));
  const auto rows = rows_of({1.0f, 2.0f}, 1);
  for (int n = 0; n < 3; ++n) EXPECT_EQ(method.handle()->fit(*rows, {}).size(), 1u);
  EXPECT_EQ(count, 1);
  EXPECT_EQ(method.name(), "counting");
  EXPECT_EQ(method.handle()->own_rows({})->num_rows(), 1);
}

TEST(RowLines, EveryRuleIsBold) {
  const std::vector<json> rows = {
      {{"method", "oja"}, {"n", 1}, {"accuracy", 0.5}, {"stderr", 0.1}},
      {{"method", "hebb"}, {"n", 1}, {"accuracy", 0.5}, {"stderr", 0.1}},
      {{"method", "random"}, {"n", 1}, {"accuracy", 0.25}, {"stderr", 0.1}}};
  const std::vector<Line> lines =
      lines_of(rows, {.x = "n", .series = {"method"}, .rules = {"oja", "hebb"}});
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_EQ(lines[0].style, LineStyle::kBold);
  EXPECT_EQ(lines[1].style, LineStyle::kBold);
  EXPECT_EQ(lines[2].style, LineStyle::kDashed);
}

ExperimentOptions with_rules(const std::vector<std::string>& names) {
  ExperimentOptions options;
  for (const std::string& name : names) {
    options.rules.push_back({make_classical_rule("oja", small_sizes(), 0), name, "", ""});
  }
  return options;
}

TEST(RuleCases, HaveTheirNamesWhereThereAreSeveral) {
  const ExperimentOptions one = with_rules({"runs/a.safetensors"});
  const RuleCase only = rule_cases(one).front();
  EXPECT_EQ(only.method, "learned");
  EXPECT_EQ(only.label("relu"), "relu");
  EXPECT_EQ(only.suffix, "");
  const ExperimentOptions two = with_rules({"oja", "runs/a.safetensors"});
  EXPECT_THAT(rule_methods(two), ElementsAre("oja", "runs/a.safetensors"));
  const RuleCase last = rule_cases(two).back();
  EXPECT_EQ(last.label("relu"), "relu, runs/a.safetensors");
  EXPECT_EQ(last.suffix, "-runs-a-safetensors");
  EXPECT_EQ(last.found, &two.rules[1]);
}

TEST(RuleCases, TallyCountsEachRuleForItself) {
  const ExperimentOptions options = with_rules({"a", "b"});
  const std::vector<RuleCase> cases = rule_cases(options);
  Tally tally(cases);
  const Measured random{0.5, 0.1, 0, {}, 0};
  tally.add(cases[0], {0.75, 0.1, 0, {}, 0}, random);
  tally.add(cases[0], {0.65, 0.1, 0, {}, 0}, random);
  tally.add(cases[1], {0.25, 0.1, 0, {}, 0}, random);
  EXPECT_THAT(tally.text("shapes"), HasSubstr("a is more accurate than"));
  EXPECT_THAT(tally.text("shapes"), HasSubstr("for 1 of 2 shapes. b is"));
  EXPECT_THAT(tally.text("shapes"), HasSubstr("for 0 of 1 shapes."));
}

TEST(Workbench, ShrinksLargerImagesToEachChosenSide) {
  ExperimentOptions options = with_rules({"oja"});
  options.sides = {6, 4, 28, 30};
  options.data = {"digits"};
  std::vector<std::string> names;
  for (const ChosenData& chosen : image_data(options)) {
    const Workbench bench(options, chosen);
    names.push_back(fmt::format("{}: {}", bench.name(), bench.prepared()->num_features()));
  }
  EXPECT_THAT(names, ElementsAre("digits 6x6: 36", "digits 4x4: 16", "digits: 64"));
}

TEST(OwnData, MoonsAreTwoClassesThatALineDoesNotPart) {
  const TestFolder folder;
  ExperimentOptions options = with_rules({"oja"});
  options.out = folder.path("with, comma");
  std::filesystem::create_directories(options.out);
  const Workbench bench(options, moons_data(options));
  EXPECT_EQ(bench.name(), "two moons");
  EXPECT_EQ(bench.slug(), "two-moons");
  EXPECT_EQ(bench.data().num_rows(), 1000);
  EXPECT_EQ(bench.data().num_classes(), 2);
  EXPECT_EQ(bench.prepared()->num_features(), 2);
}

TEST(Experiment, AllOfThemAndNearNames) {
  std::vector<std::string> names;
  for (const Experiment& experiment : experiments()) names.push_back(experiment.name);
  EXPECT_THAT(names, ElementsAre("mismatch", "few-shot", "meta-curves", "permutation", "text",
                                 "architecture", "activation", "filters", "embedding", "data-size",
                                 "layers", "ablation"));
  EXPECT_THAT(error_line([] { find_experiment("ablatoin"); }), HasSubstr("'ablation'"));
}

TEST(ResultFile, CarriesWhatTheNumbersNeed) {
  const TestFolder folder;
  ExperimentOptions options;
  options.rules = {{make_classical_rule("oja", small_sizes(), 0), "oja", "", ""},
                   {make_classical_rule("hebb", small_sizes(), 0), "hebb", "", "f00"}};
  options.out = folder.path("");
  options.seed = 12;
  ExperimentResult result;
  result.columns = {"name", "accuracy"};
  result.rows = {{{"name", "a"}, {"accuracy", 0.5}}};
  result.figures = {{"f", "t", "d", {{"mark", "bar"}}}};
  result.finding = "half.";
  write_result(find_experiment("ablation"), options, result, "the command", {1.5, 2.5});
  const json read = json::parse(read_text_file(folder.path("ablation.json"), 1 << 20));
  EXPECT_EQ(read["format"], kExperimentFormat);
  EXPECT_EQ(read["seed"], 12);
  EXPECT_EQ(read["commit"], build_commit());
  EXPECT_EQ(read["command"], "the command");
  EXPECT_EQ(read["seconds"], 1.5);
  EXPECT_EQ(read["cpu_seconds"], 2.5);
  EXPECT_EQ(read["rules"],
            json({{{"name", "oja"}, {"sha256", ""}}, {{"name", "hebb"}, {"sha256", "f00"}}}));
  EXPECT_EQ(read["rows"][0]["accuracy"], 0.5);
  EXPECT_EQ(json::parse(read_text_file(folder.path("f.vl.json"), 1000)), json({{"mark", "bar"}}));
  EXPECT_EQ(result_table(result), "name  accuracy\na     0.5000\nhalf.\n");
}

}  // namespace
}  // namespace metaplastic
