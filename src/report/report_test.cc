// Pages from synthetic run folders. tests/report_test.py checks their markup with other parsers.
#include "report/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "apply/encoder_file.h"
#include "base/random.h"
#include "chart/filters.h"
#include "io/atomic_file.h"
#include "io/test_folder.h"
#include "meta/meta_config.h"
#include "report/run_record.h"
#include "report/scripts.h"
#include "rule/classical.h"

namespace metaplastic {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string step_line(int step, double loss) {
  return fmt::format(
      "{{\"outer_step\":{},\"meta_loss\":{},\"accuracy\":0.5,\"gradient_norm\":0.1,\"inner_steps\":"
      "10,\"seconds\":0.5,\"inner_steps_per_second\":20.0,\"non_finite_share\":0.0",
      step, loss);
}

const std::string kValidation =
    ",\"validation\":{\"accuracy\":0.625,\"standard_error\":0.0125,\"random_accuracy\":0.4375,"
    "\"meta_loss\":0.5,\"by_family\":{\"<glyphs>\":0.75,\"fields\":0.5}}}\n";

class Report : public testing::Test {
 protected:
  Report() {
    options_.run = folder_.path("run");
    options_.out = folder_.path("report.html");
    std::filesystem::create_directory(options_.run);
    config_.rule = {"compact", 4, 2, 1};
    write("config.toml", to_toml(config_));
    write("metrics.jsonl", step_line(1, 0.9) + "}\n" + step_line(2, 0.8) + kValidation);
  }

  void write(const std::string& name, const std::string& text) {
    write_file_atomically(options_.run + "/" + name, text);
  }
  void write_rule(int seed) {
    Rule rule = make_classical_rule("hebb-decorrelate", config_.rule, 7);
    rule.provenance = {{"seed", seed}, {"outer_step", 2}, {"tasks", {"glyphs: <few>"}}};
    save_rule(options_.run + "/rule.safetensors", rule);
  }
  std::string refusal() {
    return error_line([&] { report_page(options_); });
  }

  TestFolder folder_;
  ReportOptions options_;
  MetaConfig config_;
};

TEST_F(Report, ShowsWhatTheRunHolds) {
  write_rule(41);
  const std::string page = report_page(options_);
  for (const char* id : {"loss-chart", "accuracy-chart", "gradient-chart", "speed-chart",
                         "validation-chart", "family-chart", "mix-chart"}) {
    EXPECT_THAT(page, HasSubstr(fmt::format("<h3 id=\"{}\">", id)));
  }
  EXPECT_THAT(page, HasSubstr("0.625 \u00B1\u00A00.013"));
  EXPECT_THAT(page, HasSubstr("random encoder 0.438"));
  EXPECT_THAT(page, HasSubstr("<dt>Seed</dt><dd>41</dd>"));
  EXPECT_THAT(page, HasSubstr("--seed 41"));
  EXPECT_THAT(page, HasSubstr("where it started"));
  EXPECT_THAT(page, HasSubstr("<th scope=\"row\">outer_lr</th><td>0.001</td>"));
  EXPECT_EQ(page, report_page(options_)) << "a page is a function of its files";
}

TEST_F(Report, EscapesWhatComesFromFiles) {
  write_rule(1);
  const std::string page = report_page(options_);
  EXPECT_THAT(page, Not(HasSubstr("<glyphs>")));
  EXPECT_THAT(page, Not(HasSubstr("<few>")));
  EXPECT_THAT(page, HasSubstr("&lt;glyphs&gt;"));
}

// The page without the contents of its scripts, which name addresses that they never ask for.
std::string without_scripts(std::string page) {
  for (std::size_t from = page.find("<script"); from != page.npos;
       from = page.find("<script", from + 1)) {
    const std::size_t text = page.find('>', from) + 1, end = page.find("</script>", text);
    if (end == page.npos) return "a script without an end";
    page.erase(text, end - text);
  }
  return page;
}

TEST_F(Report, AsksTheNetworkForNothing) {
  write_rule(1);
  const std::string page = report_page(options_);
  EXPECT_THAT(page, HasSubstr("content=\"default-src 'none'; img-src data:; style-src "
                              "'unsafe-inline'; script-src 'sha256-"));
  EXPECT_THAT(page, HasSubstr(policy_hash(page_script())));
  const std::string markup = without_scripts(page);
  for (const char* word : {"http:", "https:", "//", "<link", "@import", "url(", "src=\"h"}) {
    EXPECT_THAT(markup, Not(HasSubstr(word)));
  }
}

TEST(Scripts, AreWholeAndHashedAsBrowsersDo) {
  EXPECT_GT(chart_library().size(), 500'000u);
  EXPECT_THAT(std::string(page_script()), testing::EndsWith("})();\n"));
  for (const std::string_view script : {chart_library(), page_script()}) {
    EXPECT_EQ(script.find("</script"), script.npos);
    EXPECT_EQ(script.find('\0'), script.npos);
  }
  // printf abc | openssl dgst -sha256 -binary | base64
  EXPECT_EQ(policy_hash("abc"), "'sha256-ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0='");
}

TEST_F(Report, ShowsExperimentsWithOrWithoutARun) {
  options_.experiments = folder_.path("experiments");
  std::filesystem::create_directory(options_.experiments);
  nlohmann::json record = {{"format", "metaplastic experiment 2"},
                           {"experiment", "filters"},
                           {"claim", "<claim>"},
                           {"finding", "found"},
                           {"command", "metaplastic experiment filters"},
                           {"program", "p"},
                           {"commit", "0123abcd"},
                           {"seed", 7},
                           {"quick", true},
                           {"rules", {{{"name", "r"}, {"sha256", "s"}}}},
                           {"seconds", 1.5},
                           {"cpu_seconds", 2.5},
                           {"settings", {{"hidden", {64, 32}}}},
                           {"columns", {"dataset", "accuracy", "none"}},
                           {"rows", {{{"dataset", "digits"}, {"accuracy", 0.625}}}},
                           {"figures",
                            {{{"id", "f1"},
                              {"title", "T"},
                              {"description", "D"},
                              {"spec", {{"mark", "</script><script>alert(1)"}}}}}},
                           {"pictures",
                            {{{"title", "P"},
                              {"alt", "A"},
                              {"light", "data:image/png;base64,AA"},
                              {"dark", "data:image/png;base64,BB"}}}},
                           {"notes", {"a note"}}};
  const std::string path = options_.experiments + "/filters.json";
  write_file_atomically(path, record.dump());
  write_file_atomically(options_.experiments + "/other.json", "{\"a\":1}");
  write_file_atomically(options_.experiments + "/f1.vl.json", "no json");
  EXPECT_THAT(report_page(options_), HasSubstr("<h1>Meta-training run</h1>"));
  options_.run = "";
  const std::string page = report_page(options_);
  EXPECT_THAT(page, HasSubstr("<h1>Experiments</h1>"));
  EXPECT_THAT(page, HasSubstr("<h3 id=\"f1\">T</h3>"));
  EXPECT_THAT(page, HasSubstr("data-plot=\"f1-plot\""));
  EXPECT_THAT(page, HasSubstr("&lt;claim&gt;"));
  EXPECT_THAT(page, HasSubstr("<td class=\"number\">0.6250</td><td class=\"number\">none</td>"));
  EXPECT_THAT(page, HasSubstr("<th scope=\"row\">hidden</th><td>64, 32</td>"));
  EXPECT_THAT(page, HasSubstr("0123abcd"));
  EXPECT_THAT(page, Not(HasSubstr("alert(1)\"}</script><script>")));
  EXPECT_THAT(page, Not(HasSubstr("</script><script>alert")));

  record["pictures"][0]["dark"] = "http://example.com/x.png";
  write_file_atomically(path, record.dump());
  EXPECT_THAT(refusal(), HasSubstr("filters.json: expected pictures"));
  record.erase("rows");
  write_file_atomically(path, record.dump());
  EXPECT_THAT(refusal(), HasSubstr("filters.json: expected"));
  record["format"] = "metaplastic experiment 3";
  write_file_atomically(path, record.dump());
  EXPECT_THAT(refusal(), HasSubstr("metaplastic experiment 2"));
  std::filesystem::remove(path);
  EXPECT_THAT(refusal(), HasSubstr("found no result"));
  options_.experiments = "";
  EXPECT_THAT(refusal(), HasSubstr("found none of them"));
}

TEST_F(Report, ARunThatHasJustBegun) {
  write("metrics.jsonl", "");
  const std::string page = report_page(options_);
  EXPECT_THAT(page, HasSubstr("No outer step is finished yet."));
  EXPECT_THAT(page, HasSubstr("No meta-validation yet"));
  EXPECT_THAT(page, HasSubstr("neither a rule nor a checkpoint"));
}

TEST_F(Report, UnfinishedLastLineIsLeftOutWithANote) {
  write("metrics.jsonl", step_line(1, 0.9) + "}\n" + step_line(2, 0.8));
  std::vector<std::string> notes;
  const std::string page = report_page(options_, &notes);
  ASSERT_EQ(notes.size(), 1u);
  EXPECT_THAT(page, HasSubstr("unfinished"));
  EXPECT_EQ(read_run(options_.run).last_step(), 1);
}

TEST_F(Report, DamagedMetricsAreRefused) {
  const std::string good = step_line(1, 0.9) + "}\n";
  const auto refused = [&](const std::string& line) {
    write("metrics.jsonl", good + line + "\n" + step_line(9, 0.9) + "}\n");
    return refusal();
  };
  EXPECT_THAT(refused("garbage"), HasSubstr("metrics.jsonl:2: expected a JSON object"));
  EXPECT_THAT(refused("[1]"), HasSubstr("expected a JSON object"));
  EXPECT_THAT(refused("{}"), HasSubstr("'outer_step'"));
  EXPECT_THAT(refused("{\"outer_step\":1.5}"), HasSubstr("'outer_step'"));
  EXPECT_THAT(refused("{\"outer_step\":0}"), HasSubstr("found 0 after 1"));
  EXPECT_THAT(refused("{\"outer_step\":2,\"meta_loss\":\"x\"}"), HasSubstr("'meta_loss'"));
  EXPECT_THAT(refused("{\"outer_step\":2,\"validation\":3}"), HasSubstr("'validation'"));
  EXPECT_THAT(refused("{\"outer_step\":2,\"validation\":{\"by_family\":[]}}"),
              HasSubstr("'by_family'"));
}

TEST_F(Report, ManyValidationsAreSmoothed) {
  std::string lines;
  for (int step = 1; step <= 200; ++step) lines += step_line(step, 0.5) + kValidation;
  write("metrics.jsonl", lines);
  const std::string page = report_page(options_);
  EXPECT_THAT(page, HasSubstr("accuracy, mean of 11"));
  EXPECT_THAT(page, HasSubstr("20 of 200 meta-validations"));
  EXPECT_THAT(page, HasSubstr("<th scope=\"row\">181 to 190</th>"));
}

TEST_F(Report, NonFiniteStepsAreGapsNotZeros) {
  write("metrics.jsonl",
        "{\"outer_step\":1,\"meta_loss\":0.0,\"accuracy\":0.0,\"gradient_norm\":0.0,"
        "\"inner_steps\":5,\"non_finite_share\":1.0}\n"
        "{\"outer_step\":2,\"meta_loss\":null,\"inner_steps\":5}\n");
  const RunRecord run = read_run(options_.run);
  ASSERT_EQ(run.steps.size(), 2u);
  EXPECT_TRUE(std::isnan(run.steps[0].meta_loss) && std::isnan(run.steps[0].accuracy));
  EXPECT_TRUE(std::isnan(run.steps[1].meta_loss));
  EXPECT_THAT(report_page(options_), HasSubstr("No finite value yet."));
}

TEST_F(Report, AValidationMadeUpForAfterAResumeIsNoOuterStep) {
  write("metrics.jsonl",
        step_line(1, 0.9) + "}\n{\"outer_step\":1,\"inner_steps\":0" + kValidation);
  const RunRecord run = read_run(options_.run);
  EXPECT_EQ(run.steps.size(), 1u);
  EXPECT_EQ(run.validations.size(), 1u);
}

TEST_F(Report, MissingAndDamagedFilesAreNamed) {
  options_.evaluate = folder_.path("none.json");
  EXPECT_THAT(refusal(), HasSubstr("none.json"));
  options_.evaluate = folder_.path("bad.json");
  for (const std::string& text :
       {std::string("{"), std::string("[]"), std::string("{\"methods\":[]}"),
        std::string(100000, '['),
        std::string("{\"dataset\":\"a\",\"shots\":1,\"trials\":1,\"seed\":1,"
                    "\"methods\":[{\"name\":\"raw\",\"accuracy\":2,"
                    "\"stderr\":0}]}")}) {
    write_file_atomically(options_.evaluate, text);
    EXPECT_THAT(refusal(), HasSubstr("bad.json: expected")) << text.substr(0, 50);
  }
  options_.evaluate = "";
  write("rule.safetensors", "no rule");
  EXPECT_THAT(refusal(), HasSubstr("rule.safetensors"));
  std::filesystem::remove(options_.run + "/rule.safetensors");
  options_.encoder = folder_.path("none.safetensors");
  EXPECT_THAT(refusal(), HasSubstr("none.safetensors"));
  options_.encoder = "";
  std::filesystem::remove(options_.run + "/metrics.jsonl");
  EXPECT_THAT(refusal(), HasSubstr("no metrics.jsonl"));
  options_.run = folder_.path("nowhere");
  EXPECT_THAT(refusal(), HasSubstr("expected a run folder, found nothing"));
}

TEST_F(Report, AnErrorLeavesTheOldPage) {
  write_file_atomically(options_.out, "old");
  write("metrics.jsonl", "garbage\n");
  EXPECT_THROW(write_report(options_), Error);
  EXPECT_EQ(read_text_file(options_.out, 100), "old");
}

TEST_F(Report, ShowsTheComparison) {
  options_.evaluate = folder_.path("e.json");
  write_file_atomically(
      options_.evaluate,
      "{\"dataset\":\"<set>\",\"shots\":10,\"trials\":50,\"seed\":3,\"methods\":["
      "{\"name\":\"learned\",\"accuracy\":0.704,\"stderr\":0.004,\"seconds\":2.5,\"steps\":200,"
      "\"settings\":{\"layer\":2,\"lambda\":0.1,\"with_input\":true,\"variant\":\"usual\"}},{"
      "\"name\":\"a&b\",\"accuracy\":0.6,\"stderr\":0.01}]}");
  const std::string page = report_page(options_);
  EXPECT_THAT(page, HasSubstr("<h3 id=\"few-labels-chart\">"));
  EXPECT_THAT(page, HasSubstr("0.7040 \u00B1\u00A00.0040"));
  EXPECT_THAT(page, HasSubstr("a&amp;b"));
  EXPECT_THAT(page, HasSubstr("penalty\u00A00.1, layer\u00A02, with the inputs<"));
  EXPECT_THAT(page, HasSubstr("\"high\":0.708"));
  EXPECT_THAT(page, Not(HasSubstr("<set>")));
}

// An encoder of 3 x 4 pixels whose unit 0 has the weights 0, 1, 2, ... in the order of the pixels.
Encoder image_encoder(std::optional<std::uint64_t> permutation_seed) {
  Encoder encoder;
  encoder.preprocess.kind = DataKind::kImage;
  encoder.preprocess.input_image = encoder.preprocess.output_image = {3, 4, 1};
  encoder.preprocess.permutation_seed = permutation_seed;
  std::vector<int> pixels(12);
  for (int u = 0; u < 12; ++u) pixels[static_cast<std::size_t>(u)] = u;
  if (permutation_seed) {
    Random(*permutation_seed, Purpose::kPermutation).shuffle(std::span<int>(pixels));
  }
  FoldedLayer layer{{}, {0, 0}};
  for (const int pixel : pixels) {
    layer.W.push_back(static_cast<float>(pixel));
    layer.W.push_back(1.0f);
  }
  encoder.layers = dense_layers({{12, 2}, Unary::kRelu}, {layer});
  encoder.record.weight_std = 0.1;
  encoder.record.data = "<data>";
  return encoder;
}

TEST(Filters, UndoThePermutation) {
  for (const auto seed : {std::optional<std::uint64_t>{}, std::optional<std::uint64_t>{5}}) {
    const Filters filters = trained_filters(image_encoder(seed));
    EXPECT_EQ(filters.height, 3);
    EXPECT_EQ(filters.width, 4);
    ASSERT_EQ(filters.tiles.size(), 2u);
    for (std::size_t n = 0; n < 12; ++n) EXPECT_EQ(filters.tiles[0][n], static_cast<float>(n));
  }
}

TEST(Filters, AverageColoursAndLargeImages) {
  Encoder encoder;
  encoder.preprocess.kind = DataKind::kImage;
  encoder.preprocess.input_image = encoder.preprocess.output_image = {64, 33, 3};
  encoder.layers = dense_layers({{64 * 33 * 3, 1}, Unary::kRelu},
                                {{std::vector<float>(64 * 33 * 3, 0.25f), {0}}});
  const Filters filters = trained_filters(encoder);
  EXPECT_EQ(filters.height, 32);
  EXPECT_EQ(filters.width, 17);
  for (const float weight : filters.tiles[0]) EXPECT_FLOAT_EQ(weight, 0.25f);
}

TEST(Filters, SmoothnessTellsShapesFromNoise) {
  Filters ramp{20, 20, {std::vector<float>(400)}, {}}, noise = ramp, flat = ramp;
  Random random(3, Purpose::kTest);
  for (std::size_t n = 0; n < 400; ++n) {
    ramp.tiles[0][n] = static_cast<float>(n % 20);
    noise.tiles[0][n] = random.normal();
  }
  EXPECT_GT(smoothness(ramp), 0.8);
  EXPECT_LT(std::abs(smoothness(noise)), 0.15);  // three deviations of 1/sqrt(400)
  EXPECT_TRUE(std::isnan(smoothness(flat)));
}

// As ./demo --quick makes it: a comparison and an encoder, no run.
TEST_F(Report, WithoutARunTheComparisonAndTheFiltersAreShown) {
  options_.run = "";
  options_.experiments = "";
  options_.evaluate = folder_.path("e.json");
  write_file_atomically(options_.evaluate,
                        "{\"dataset\":\"set\",\"shots\":10,\"trials\":50,\"seed\":3,\"methods\":["
                        "{\"name\":\"learned\",\"accuracy\":0.704,\"stderr\":0.004}]}");
  options_.encoder = folder_.path("e.safetensors");
  save_encoder(options_.encoder, image_encoder(5));
  const std::string page = report_page(options_);
  EXPECT_THAT(page, HasSubstr("<h1>Results</h1>"));
  EXPECT_THAT(page, HasSubstr("With few labels"));
  EXPECT_THAT(page, HasSubstr("few-labels-chart"));
  EXPECT_THAT(page, HasSubstr("First-layer filters"));
  EXPECT_THAT(page, Not(HasSubstr("Meta-training run")));
}

TEST_F(Report, ShowsFiltersBesideUntrainedOnes) {
  options_.encoder = folder_.path("e.safetensors");
  save_encoder(options_.encoder, image_encoder(5));
  const std::string page = report_page(options_);
  EXPECT_THAT(page, HasSubstr("src=\"data:image/png;base64,iVBORw0KGgo"));
  EXPECT_THAT(page, HasSubstr("2 filters of the untrained encoder"));
  EXPECT_THAT(page, HasSubstr("back in their places"));
  EXPECT_THAT(page, Not(HasSubstr("<data>")));
}

TEST_F(Report, AnEncoderOfATableHasNoPictures) {
  Encoder encoder = image_encoder(std::nullopt);
  encoder.preprocess = {};
  encoder.preprocess.column_names.assign(12, "c");
  for (std::size_t n = 0; n < 12; ++n) encoder.preprocess.column_names[n] += std::to_string(n);
  encoder.preprocess.one_hot.assign(12, false);
  encoder.preprocess.mean.assign(12, 0.0f);
  encoder.preprocess.scale.assign(12, 1.0f);
  options_.encoder = folder_.path("e.safetensors");
  save_encoder(options_.encoder, encoder);
  EXPECT_THAT(report_page(options_), HasSubstr("are no image (table)"));
}

}  // namespace
}  // namespace metaplastic
