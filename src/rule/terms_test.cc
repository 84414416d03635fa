// The table of terms, and what derives from it: layouts, the parts of a rule that its weights use,
// rule files by the names of terms.
#include "rule/terms.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "io/safetensors.h"
#include "io/test_folder.h"
#include "rule/classical.h"
#include "rule/constants.h"
#include "rule/convert_theta.h"
#include "rule/layout_file.h"
#include "rule/rule_file.h"
#include "rule/test_step.h"

namespace metaplastic {
namespace {

RuleSizes form_of(const char* preset, const char* views = "one") {
  RuleSizes sizes;
  sizes.preset = preset;
  sizes.C = 5, sizes.D = 3, sizes.G = 2, sizes.top_units = 4;
  sizes.views = views;
  return sizes;
}

std::vector<RuleSizes> forms() {
  std::vector<RuleSizes> all = {form_of("compact"), form_of("metz2019"), form_of("compact", "two"),
                                form_of("compact", "neighbours")};
  for (const char* preset : {"compact", "metz2019"}) {
    all.push_back(form_of(preset));
    all.back().v_step = "separate", all.back().locality = "neuron";
    all.push_back(form_of(preset));
    all.back().v_step = "separate", all.back().bias_mean = "free";
  }
  all[3].bias_mean = "homeostatic";
  return all;
}

std::string error_line(const auto& call) {
  try {
    call();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

// A step of float on a small network, from theta in a layout.
std::vector<float> step_of(const ThetaLayout& layout, const std::vector<float>& theta) {
  Architecture architecture;
  architecture.widths = {70, 6, 4};  // so many inputs that sym takes its factors
  const std::vector<float> phi = make_phi<float>(architecture, {}, Random(1, Purpose::kPhiInit));
  std::vector<float> x(70 * 8);
  Random random(2, Purpose::kTest);
  for (float& value : x) value = random.normal();
  return phi_after_step(layout, theta, architecture, phi, x, 0.1f);
}

TEST(Terms, HaveNamesOfTheirOwnThatAreFound) {
  for (const Term& term : all_terms()) EXPECT_EQ(find_term(term.name), &term);
  EXPECT_EQ(find_term("hebbian"), nullptr);
}

TEST(Terms, TheLayoutHasTheReadoutsThatTheyRead) {
  for (const RuleSizes& sizes : forms()) {
    SCOPED_TRACE(describe(sizes));
    const ThetaLayout layout(sizes);
    int ups = 0, lows = 0;
    for (const LayoutTerm& term : layout.terms()) {
      EXPECT_EQ(term.first_up, ups);
      EXPECT_EQ(term.first_lo, lows);
      ups += term.term->num_up, lows += term.term->num_lo;
    }
    EXPECT_EQ(layout.num_up_readouts(), ups);
    EXPECT_EQ(layout.num_low_readouts(), lows);
    EXPECT_EQ(layout[ThetaName::kReadout].cols, (ups + lows) * sizes.G + sizes.D + 1);
  }
}

// Each term acts: a weight for it alone changes the step, in every form that has the term.
TEST(Terms, EachChangesTheStep) {
  for (const RuleSizes& sizes : forms()) {
    const ThetaLayout layout(sizes);
    std::vector<float> theta = random_theta(layout, 3);
    float* mix = theta.data() + layout[ThetaName::kMix].offset;
    std::fill_n(mix, layout.num_terms(), 0.0f);
    const std::vector<float> none = step_of(layout, theta);
    for (int k = 0; k < layout.num_terms(); ++k) {
      mix[k] = 0.5f;
      EXPECT_NE(step_of(layout, theta), none)
          << describe(sizes) << " " << layout.terms()[std::size_t(k)].name;
      mix[k] = 0;
    }
  }
}

// Above kWideUnits no matrix of U_up U_up is made. The same values come from that matrix.
TEST(Terms, OfAWideUpperLayerEqualThoseOfItsMatrix) {
  constexpr int U = kWideUnits + 76, kLow = 3, B = 2;
  RuleSizes sizes = form_of("compact");
  sizes.G = 1;
  ASSERT_TRUE(takes_factors_above(kLow, U, B));
  ASSERT_FALSE(takes_factors_above(kLow, kWideUnits, B));
  Random random(4, Purpose::kTest);
  const auto normals = [&](int count) {
    std::vector<double> values(static_cast<std::size_t>(count));
    for (double& value : values) value = random.normal();
    return values;
  };
  const auto w = normals(kLow * U), s = normals(U * B), readouts = normals(U * 2 * B);
  Tape<double> tape;
  tape.reset(false);
  Side<double> up{
      tape.constant(s.data(), U, 1, B), tape.constant(readouts.data(), U, 2, B), 0, {}, {}};
  const Side<double> lo{};
  const TermReads<double> reads{tape, sizes, tape.constant(w.data(), kLow, 1, U), up, lo, 0, 0, {}};
  const auto by_matrix = [&](const Var<double>& a, const Var<double>& b, double share) {
    return matmul(tape, reads.w, false, symmetric_product(tape, a, b, share), false, 1.0);
  };
  const double share = 1 / (B * std::sqrt(2.0 * U));
  const auto expect_equal = [&](const Var<double>& found, const Var<double>& expected) {
    // Sums of up to U products of normals: a few thousand roundings of numbers below 10.
    for (int i = 0; i < kLow * U; ++i) ASSERT_NEAR(found.data[i], expected.data[i], 1e-11) << i;
  };
  const Var<double> r = reads.r_up(0), other = reads.r_up(1);
  expect_equal(reads.times_sym_up(reads.w), by_matrix(r, other, share));
  expect_equal(reads.times_psd_up(reads.w), by_matrix(r, r, share));
  expect_equal(reads.decorrelate(), rms_normalise(tape, by_matrix(up.s, up.s, 0.5 / B), Over::kAll,
                                                  kRule.decorrelate_eps));
}

TEST(UsedPart, OfARandomRuleIsAllOfIt) {
  for (const RuleSizes& sizes : forms()) {
    const ThetaLayout layout(sizes);
    const std::vector<float> theta = random_theta(layout, 3);
    const UsedPart used = used_part(layout, theta);
    EXPECT_EQ(used.theta, theta) << describe(sizes);
  }
}

// To the bit, for every term left out, for all but one, and for none left.
TEST(UsedPart, TakesTheSameStepAsTheWholeRule) {
  for (const RuleSizes& sizes : forms()) {
    SCOPED_TRACE(describe(sizes));
    const ThetaLayout layout(sizes);
    const std::vector<float> whole = random_theta(layout, 3);
    for (int k = -1; k < layout.num_terms(); ++k) {
      for (const bool only : {false, true}) {
        std::vector<float> theta = whole;
        for (int j = 0; j < layout.num_terms(); ++j) {
          if ((j == k) == only) continue;
          for (const ThetaName mix : {ThetaName::kMix, ThetaName::kMixV}) {
            if (layout.has(mix)) theta[std::size_t(layout[mix].offset + j)] = 0;
          }
        }
        const UsedPart used = used_part(layout, theta);
        EXPECT_EQ(used.layout.num_terms(), only && k >= 0  ? 1
                                           : only || k < 0 ? used.layout.num_terms()
                                                           : layout.num_terms() - 1);
        EXPECT_EQ(step_of(used.layout, used.theta), step_of(layout, theta))
            << k << (only ? " only" : " left out");
      }
    }
  }
}

TEST(UsedPart, LeavesOutTermsBelowAShareOfTheLargest) {
  for (const RuleSizes& sizes : forms()) {
    SCOPED_TRACE(describe(sizes));
    const ThetaLayout layout(sizes);
    std::vector<float> theta = random_theta(layout, 3), without = theta;
    const int n = layout.num_terms();
    for (const ThetaName mix : {ThetaName::kMix, ThetaName::kMixV}) {
      for (int k = 0; layout.has(mix) && k < n; ++k) {
        const auto at = std::size_t(layout[mix].offset + k);
        theta[at] = k % 2 == 0 ? -0.5f : k == 1 ? 0.009f : 0.011f;
        without[at] = k == 1 ? 0 : theta[at];
      }
    }
    EXPECT_EQ(used_part(layout, theta, 0.01).layout.num_terms(), n);
    const UsedPart used = used_part(layout, theta, 0.02);
    EXPECT_EQ(used.layout.num_terms(), n - 1);
    EXPECT_EQ(used.layout.term_index(layout.terms()[1].name), -1);
    EXPECT_EQ(step_of(used.layout, used.theta), step_of(layout, without));
    EXPECT_NE(step_of(used.layout, used.theta), step_of(layout, theta));
    EXPECT_EQ(used_part(layout, theta, 0.03).layout.num_terms(), (n + 1) / 2);
  }
}

TEST(UsedPart, OfARuleWithoutReadoutsHasNoNetworks) {
  for (const ClassicalRule& classical : classical_rules()) {
    SCOPED_TRACE(classical.name);
    const Rule rule =
        make_classical_rule(classical.name, form_of("compact", classical.views.c_str()), 1);
    const ThetaLayout layout(rule.sizes);
    const UsedPart used = used_part(layout, rule.theta);
    EXPECT_FALSE(used.layout.has_networks());
    EXPECT_EQ(used.theta.size(), classical.mix.size());
    EXPECT_EQ(step_of(used.layout, used.theta), step_of(layout, rule.theta));
    // A bias that reads the hidden state needs the networks.
    std::vector<float> reading = rule.theta;
    reading[std::size_t(layout[ThetaName::kReadoutBias].offset + layout.bias_column())] = 0.5f;
    EXPECT_TRUE(used_part(layout, reading).layout.has_networks());
  }
}

Rule random_rule(const RuleSizes& sizes) {
  Rule rule;
  rule.sizes = sizes;
  rule.theta = random_theta(ThetaLayout(sizes), 3);
  return rule;
}

// theta of a layout in the place of the file's tensors.
void put_theta(const ThetaLayout& layout, const std::vector<float>& theta, TensorFile& file) {
  file.tensors.clear();
  for (const ThetaEntry& entry : layout.entries()) {
    file.tensors.push_back(
        make_tensor("theta." + std::string(entry.name), {entry.rows, entry.cols},
                    std::span<const float>(theta.data() + entry.offset,
                                           static_cast<std::size_t>(entry.size()))));
  }
}

class RuleFileByName : public testing::Test {
 protected:
  TensorFile saved(const Rule& rule) {
    save_rule(path_, rule);
    return read_safetensors(path_);
  }
  Rule load(const TensorFile& file) {
    write_safetensors(path_, file);
    return load_rule(path_);
  }
  const TestFolder folder_;  // of its own: tests run side by side
  const std::string path_ = folder_.path("rule.safetensors");
};

TEST_F(RuleFileByName, OfTheFirstVersionIsTheSameRule) {
  for (const RuleSizes& sizes : forms()) {
    const ThetaLayout first = first_version_layout(sizes), layout(sizes);
    const std::vector<float> theta = random_theta(first, 3);
    Rule rule = random_rule(sizes);
    TensorFile file = saved(rule);
    for (const char* key : {"rule_version", "terms", "mix_gain"}) file.metadata.erase(key);
    put_theta(first, theta, file);
    const Rule loaded = load(file);
    EXPECT_EQ(loaded.theta, convert_theta(first, theta, layout)) << describe(sizes);
    EXPECT_EQ(convert_theta(layout, loaded.theta, first), theta) << describe(sizes);
    EXPECT_EQ(loaded.sizes, rule.sizes);
  }
}

// A file of a program with fewer terms, and with one more that has no weight.
TEST_F(RuleFileByName, TermsAreFoundByName) {
  for (const RuleSizes& sizes : forms()) {
    SCOPED_TRACE(describe(sizes));
    const Rule rule = random_rule(sizes);
    const ThetaLayout layout(sizes);
    std::vector<LayoutTerm> terms = layout.terms();
    std::swap(terms.front(), terms.back());
    const LayoutTerm missing = terms[1];
    terms[1] = {"of_tomorrow", 1, 1, 0, 0, nullptr};
    const ThetaLayout other(sizes, terms);
    const std::vector<float> theta = convert_theta(layout, rule.theta, other);
    TensorFile file = saved(rule);
    nlohmann::json named = nlohmann::json::array();
    for (const LayoutTerm& term : other.terms())
      named.push_back({{"name", term.name}, {"up", term.num_up}, {"lo", term.num_lo}});
    file.metadata["terms"] = named.dump();
    put_theta(other, theta, file);
    const Rule loaded = load(file);
    std::vector<float> expected = rule.theta;
    for (const ThetaName mix : {ThetaName::kMix, ThetaName::kMixV}) {
      if (!layout.has(mix)) continue;
      expected[std::size_t(layout[mix].offset + layout.term_index(missing.name))] = 0;
    }
    EXPECT_EQ(step_of(layout, loaded.theta), step_of(layout, expected));
    for (Tensor& tensor : file.tensors)
      if (tensor.name == "theta.mix") tensor.as<float>()[1] = 0.25f;
    EXPECT_THAT(error_line([&] { load(file); }), testing::HasSubstr("found 'of_tomorrow'"));
  }
}

TEST_F(RuleFileByName, KeepsAGainOfItsOwn) {
  Rule rule = random_rule(form_of("compact"));
  rule.sizes.own_mix_gain = 1.25;
  const Rule loaded = load(saved(rule));
  EXPECT_EQ(loaded.sizes, rule.sizes);
  EXPECT_EQ(loaded.sizes.mix_gain(), 1.25);
  EXPECT_NE(step_of(ThetaLayout(rule.sizes), rule.theta),
            step_of(ThetaLayout(form_of("compact")), rule.theta));
}

TEST_F(RuleFileByName, DamageIsOneLine) {
  const TensorFile good = saved(random_rule(form_of("compact")));
  const auto line = [&](const char* key, const char* value) {
    TensorFile file = good;
    file.metadata[key] = value;
    return error_line([&] { load(file); });
  };
  EXPECT_THAT(line("rule_version", "5"), testing::HasSubstr("version 1 to 4, found '5'"));
  EXPECT_THAT(line("mix_gain", "null"), testing::HasSubstr("mix_gain"));
  EXPECT_THAT(line("mix_gain", "1e999"), testing::HasSubstr("mix_gain"));
  for (const char* terms :
       {"{}", "[]", "[1]", R"([{"name":"base"}])", R"([{"name":"base","up":-1,"lo":0}])",
        R"([{"name":"base","up":0,"lo":99}])", R"([{"name":3,"up":0,"lo":0}])",
        R"([{"name":"base","up":0,"lo":0},{"name":"base","up":0,"lo":0}])"}) {
    EXPECT_THAT(line("terms", terms), testing::HasSubstr("'terms'")) << terms;
  }
  EXPECT_THAT(line("terms", R"([{"name":"base","up":0,"lo":0}])"), testing::HasSubstr("theta."));
}

}  // namespace
}  // namespace metaplastic
