#include "io/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/random.h"
#include "io/atomic_file.h"
#include "io/config_reference.h"
#include "io/test_folder.h"

namespace metaplastic {
namespace {

struct RuleOptions {
  int channels = 16;
  std::string activation = "relu";

  template <class Visitor>
  void visit(Visitor& v) {
    v("channels", channels, Range{1, 256}, "channels of the hidden state", "64");
    v("activation", activation, Choices{"relu", "tanh", "elu"}, "of the base model");
  }
};

struct Options {
  bool permute = true;
  std::int64_t num_steps = 100;
  std::uint64_t seed = 1;
  float outer_lr = 3e-4f;
  double share = 0.25;
  std::string note = "plain";
  std::vector<int> hidden{64, 64};
  std::vector<float> weights{0.5f};
  std::vector<double> scales;
  std::vector<std::string> sources;
  std::vector<std::string> methods{"pca"};
  RuleOptions rule;
  int last = 3;

  template <class Visitor>
  void visit(Visitor& v) {
    v("permute", permute, "shuffle the inputs");
    v("num_steps", num_steps, Range{0, 1e15}, "steps");
    v("seed", seed, "of every random stream");
    v("outer_lr", outer_lr, Range{1e-7, 1.0}, "Adam step size", "3e-4");
    v("share", share, Range{0, 1}, "a | share");
    v("note", note, "free text");
    v("hidden", hidden, Range{1, 4096}, "widths");
    v("weights", weights, Range{0, 1}, "weights");
    v("scales", scales, "scales");
    v("sources", sources, "names");
    v("methods", methods, Choices{"pca", "raw"}, "methods");
    v.section("rule", rule);
    v("last", last, Range{0, 9}, "behind the section");
  }
};

std::string toml_error(std::string_view text) {
  return error_line([&] {
    Options options;
    load_toml(text, "a.toml", options);
  });
}

Options with_overrides(const std::vector<std::string>& words) {
  Options options;
  apply_overrides(words, options);
  return options;
}

std::string override_error(const std::string& word) {
  return error_line([&] { with_overrides({word}); });
}

TEST(Config, LoadsEveryType) {
  Options options;
  load_toml(R"(
permute = false
num_steps = 900_000_000_000
seed = 7
outer_lr = 1          # an integer is a number too
share = 5e-1
note = "two\nlines \"quoted\" \u00e9"
hidden = [32, 16, 8]
weights = [0.1, 1]
scales = [-1e300, 2.5]
sources = ["a=b:1", 'c']
methods = ["raw", "pca"]
last = 9
[rule]
channels = 0x20
activation = "elu"
)",
            "a.toml", options);
  EXPECT_FALSE(options.permute);
  EXPECT_EQ(options.num_steps, 900000000000);
  EXPECT_EQ(options.seed, 7u);
  EXPECT_EQ(options.outer_lr, 1.0f);
  EXPECT_EQ(options.share, 0.5);
  EXPECT_EQ(options.note, "two\nlines \"quoted\" \xc3\xa9");
  EXPECT_EQ(options.hidden, (std::vector<int>{32, 16, 8}));
  EXPECT_EQ(options.weights, (std::vector<float>{0.1f, 1.0f}));
  EXPECT_EQ(options.scales, (std::vector<double>{-1e300, 2.5}));
  EXPECT_EQ(options.sources, (std::vector<std::string>{"a=b:1", "c"}));
  EXPECT_EQ(options.methods, (std::vector<std::string>{"raw", "pca"}));
  EXPECT_EQ(options.rule.channels, 32);
  EXPECT_EQ(options.rule.activation, "elu");
  EXPECT_EQ(options.last, 9);
}

TEST(Config, EmptyTextAndEmptyKnownSectionChangeNothing) {
  Options options;
  load_toml("", "a.toml", options);
  load_toml("[rule]\n", "a.toml", options);
  EXPECT_EQ(to_toml(options), to_toml(Options()));
}

struct BadText {
  const char* text;
  const char* error;
};

TEST(Config, EveryMistakeInAFileGetsItsLine) {
  const BadText cases[] = {
      {"\n\noutr_lr = 1", "a.toml:3: unknown option 'outr_lr'; did you mean 'outer_lr'?"},
      {"channels = 3", "a.toml:1: unknown option 'channels'; did you mean 'rule.channels'?"},
      {"[rul]\nchannels = 3",
       "a.toml:2: unknown option 'rul.channels'; did you mean 'rule.channels'?"},
      {"[rul]", "a.toml:1: unknown section 'rul'; did you mean 'rule'?"},
      {"rule = 3", "a.toml:1: expected a section for 'rule', found a single value"},
      {"[seed]", "a.toml:1: seed: expected an integer, found a section"},
      {"outer_lr = 2", "a.toml:1: outer_lr: expected a number in [1e-07, 1], found 2"},
      {"outer_lr = nan", "a.toml:1: outer_lr: expected a number in [1e-07, 1], found nan"},
      {"scales = [inf]", "a.toml:1: scales: expected a list of numbers, found inf"},
      {"outer_lr = \"1\"", "a.toml:1: outer_lr: expected a number in [1e-07, 1], found '1'"},
      {"num_steps = 1.0",
       "a.toml:1: num_steps: expected an integer in [0, 1000000000000000], found 1.0"},
      {"seed = -1", "a.toml:1: seed: expected an integer, found -1"},
      {"permute = 1", "a.toml:1: permute: expected true or false, found 1"},
      {"note = 3", "a.toml:1: note: expected a string, found 3"},
      {"note = 2020-01-01",
       "a.toml:1: expected a number, a string, true, false or a list, found a date or time"},
      {"hidden = 3", "a.toml:1: hidden: expected a list of integers in [1, 4096], found 3"},
      {"hidden = [3, 0]", "a.toml:1: hidden: expected a list of integers in [1, 4096], found 0"},
      {"hidden = [[3]]",
       "a.toml:1: hidden: expected a list of integers in [1, 4096], found a list of 1"},
      {"methods = [\"rwa\"]",
       "a.toml:1: methods: expected a list of: pca, raw, found 'rwa'; did you mean 'raw'?"},
      {"[rule]\nactivation = \"rleu\"",
       "a.toml:2: rule.activation: expected one of relu, tanh, elu, found 'rleu'; did you mean "
       "'relu'?"},
      {"[rule]\nchannels = 99999999999",
       "a.toml:2: rule.channels: expected an integer in [1, 256], found 99999999999"},
      {"[[rule]]\nchannels = 1", "a.toml:1: expected a section for 'rule', found a single value"},
  };
  for (const BadText& bad : cases) EXPECT_EQ(toml_error(bad.text), bad.error) << bad.text;
}

TEST(Config, SyntaxErrorsNameFileAndLine) {
  for (const char* text :
       {"seed = 1\nseed 2", "seed = 1\nseed = 2", "seed = 1\nnote = \"open",
        "seed = 1\nnote = \"\xff\"", "a = 1\nseed = 99999999999999999999", "seed = 1\n[rule\n"}) {
    EXPECT_THAT(toml_error(text), testing::StartsWith("a.toml:2: expected TOML: ")) << text;
  }
  EXPECT_THAT(toml_error("a = " + std::string(100000, '[')),
              testing::StartsWith("a.toml:1: expected TOML: "));
}

TEST(Config, AnErrorLeavesTheConfigAsItWas) {
  Options options;
  EXPECT_NE(error_line([&] { load_toml("last = 5\nzzz = 1", "a.toml", options); }), "no error");
  EXPECT_EQ(to_toml(options), to_toml(Options()));
}

TEST(Config, LoadsFiles) {
  const TestFolder folder;
  Options options;
  write_file_atomically(folder.path("a.toml"), "last = 5\n");
  load_toml_file(folder.path("a.toml"), options);
  EXPECT_EQ(options.last, 5);
  EXPECT_EQ(error_line([&] { load_toml_file(folder.path("b.toml"), options); }),
            folder.path("b.toml") + ": cannot open: No such file or directory");
}

TEST(Config, Overrides) {
  const Options options = with_overrides(
      {"permute=false", "seed=18446744073709551615", "outer_lr=1e-3", "note=123", "hidden=[64,32]",
       "weights=0.5,0.25", "scales=[]", "sources=[a=b.zip:1,'x y']", "methods=raw,pca",
       "rule.channels = 8", "rule.activation=\"tanh\"", "num_steps=0"});
  EXPECT_FALSE(options.permute);
  EXPECT_EQ(options.seed, 18446744073709551615ull);
  EXPECT_EQ(options.outer_lr, 1e-3f);
  EXPECT_EQ(options.note, "123");
  EXPECT_EQ(options.hidden, (std::vector<int>{64, 32}));
  EXPECT_EQ(options.weights, (std::vector<float>{0.5f, 0.25f}));
  EXPECT_TRUE(options.scales.empty());
  EXPECT_EQ(options.sources, (std::vector<std::string>{"a=b.zip:1", "x y"}));
  EXPECT_EQ(options.methods, (std::vector<std::string>{"raw", "pca"}));
  EXPECT_EQ(options.rule.channels, 8);
  EXPECT_EQ(options.rule.activation, "tanh");
  EXPECT_EQ(with_overrides({"note='it is'"}).note, "it is");
  EXPECT_EQ(with_overrides({"note="}).note, "");
  EXPECT_EQ(with_overrides({"note=a=b"}).note, "a=b");
  EXPECT_EQ(with_overrides({"note=\"\\n\""}).note, "\n");
  EXPECT_EQ(with_overrides({"hidden=[7]"}).hidden, std::vector<int>{7});
}

TEST(Config, EveryMistakeInAnOverrideGetsItsLine) {
  const BadText cases[] = {
      {"outer_lr", "command line: expected key=value, found 'outer_lr'"},
      {"=1", "command line: expected key=value, found '=1'"},
      {"rule.chanels=3",
       "command line: unknown option 'rule.chanels'; did you mean 'rule.channels'?"},
      {"rule=3", "command line: expected a section for 'rule', found a single value"},
      {"outer_lr=fast", "command line: outer_lr: expected a number in [1e-07, 1], found 'fast'"},
      {"outer_lr=1e999", "command line: outer_lr: expected a number in [1e-07, 1], found '1e999'"},
      {"last=", "command line: last: expected an integer in [0, 9], found ''"},
      {"last=3x", "command line: last: expected an integer in [0, 9], found '3x'"},
      {"last={}", "command line: last: expected an integer in [0, 9], found a section"},
      {"last=null", "command line: last: expected an integer in [0, 9], found null"},
      {"permute=yes", "command line: permute: expected true or false, found 'yes'"},
      {"hidden=[1,,2]", "command line: hidden: expected a list of integers in [1, 4096], found ''"},
      {"hidden=[1,2", "command line: hidden: expected a list of integers in [1, 4096], found '[1'"},
      {"note=\xff", "command line: note: expected UTF-8, found '\\xff'"},
      {"a\nb=1", "command line: unknown option 'a\\x0ab'; did you mean 'last'?"},
  };
  for (const BadText& bad : cases) EXPECT_EQ(override_error(bad.text), bad.error) << bad.text;
  EXPECT_EQ(error_line([] {
              with_overrides({"last=1", "last=2"});
            }),
            "command line: last is given twice; keep one");
}

TEST(Config, CanonicalText) {
  EXPECT_EQ(to_toml(Options()), R"(permute = true
num_steps = 100
seed = 1
outer_lr = 0.0003
share = 0.25
note = "plain"
hidden = [64, 64]
weights = [0.5]
scales = []
sources = []
methods = ["pca"]
last = 3

[rule]
channels = 16
activation = "relu"
)");
}

TEST(Config, RoundTripsExactlyThroughTomlAndJson) {
  Options options = with_overrides({"seed=18446744073709551615", "outer_lr=1", "share=1e-9",
                                    "scales=[5e-324,1.7976931348623157e308,-0.0,0.1]"});
  options.note = "quote \" back \\ tab \t end \x7f \x01 \xc3\xa9";
  options.sources = {"", "a,b", "[x]"};
  Options from_toml, from_json;
  load_toml(to_toml(options), "copy", from_toml);
  load_json(nlohmann::json::parse(to_json(options).dump()), "copy", from_json);
  for (const Options& copy : {from_toml, from_json}) {
    EXPECT_EQ(copy.seed, options.seed);
    EXPECT_EQ(copy.scales, options.scales);
    EXPECT_TRUE(std::signbit(copy.scales[2]));
    EXPECT_EQ(copy.note, options.note);
    EXPECT_EQ(copy.sources, options.sources);
    EXPECT_EQ(to_toml(copy), to_toml(options));
  }
}

TEST(Config, FloatsRoundTripWhateverTheirBits) {
  Random random(1, Purpose::kTest);
  Options options;
  options.weights.clear();
  for (int i = 0; i < 20000; ++i) {
    // Random bits of a number in (0, 1): every exponent, subnormals too.
    options.weights.push_back(std::bit_cast<float>(random.below(0x3f800000u)));
  }
  Options from_toml, from_json;
  load_toml(to_toml(options), "copy", from_toml);
  load_json(to_json(options), "copy", from_json);
  EXPECT_EQ(from_toml.weights, options.weights);
  EXPECT_EQ(from_json.weights, options.weights);
}

TEST(Config, JsonIsNestedAndShort) {
  const nlohmann::json json = to_json(Options());
  EXPECT_EQ(json["rule"]["channels"], 16);
  EXPECT_EQ(json["outer_lr"].dump(), "0.0003");
  EXPECT_EQ(json["hidden"].dump(), "[64,64]");
  Options options;
  EXPECT_EQ(error_line([&] {
              load_json({{"lsat", 1}}, "r.safetensors", options);
            }),
            "r.safetensors: unknown option 'lsat'; did you mean 'last'?");
  EXPECT_EQ(error_line([&] { load_json(nlohmann::json::array(), "x", options); }),
            "x: expected a section of options, found another value");
}

TEST(Config, ValidateChecksValuesSetInCode) {
  Options options;
  validate_config(options);
  options.rule.channels = 0;
  EXPECT_EQ(error_line([&] { validate_config(options); }),
            "config: rule.channels: expected an integer in [1, 256], found 0");
  options = Options();
  options.outer_lr = std::numeric_limits<float>::infinity();
  EXPECT_EQ(error_line([&] { validate_config(options); }),
            "config: outer_lr: expected a number in [1e-07, 1], found inf");
}

struct Bounds {
  float rate = 0.1f;
  template <class Visitor>
  void visit(Visitor& v) {
    v("rate", rate, Range{0.1, 0.1}, "0.1f is above 0.1 as a double");
  }
};

TEST(Config, BoundsHoldForTheDecimalAsWritten) {
  Bounds bounds;
  validate_config(bounds);
  load_toml("rate = 0.1", "a.toml", bounds);
  EXPECT_EQ(bounds.rate, 0.1f);
}

TEST(Config, NamesAreDotted) {
  const std::vector<std::string> names = option_names<Options>();
  EXPECT_EQ(names.size(), 14u);
  EXPECT_EQ(names[11], "rule.channels");
}

TEST(ConfigReference, TablesHaveARowForEachOption) {
  const std::string text = markdown_table(Options());
  EXPECT_THAT(
      text, testing::HasSubstr("| `outer_lr` | `0.0003` | [1e-07, 1] | Adam step size | 3e-4 |\n"));
  EXPECT_THAT(text, testing::HasSubstr("| `share` | `0.25` | [0, 1] | a \\| share |  |\n"));
  EXPECT_THAT(text, testing::HasSubstr("\n## [rule]\n\n| option |"));
  EXPECT_THAT(text, testing::HasSubstr("| `activation` | `\"relu\"` | relu, tanh, elu | of "
                                       "the base model |  |\n"));
}

TEST(ConfigReference, CommentedTomlIsAConfigWithTheSameValues) {
  Options changed;
  changed.outer_lr = 0.5f;
  changed.hidden = {1, 2};
  changed.rule.channels = 9;
  const std::string text = commented_toml(changed);
  EXPECT_THAT(text, testing::HasSubstr("# Adam step size; allowed: [1e-07, 1]; paper: 3e-4\n"
                                       "outer_lr = 0.5\n"));
  Options loaded;
  load_toml(text, "commented.toml", loaded);
  EXPECT_EQ(to_toml(loaded), to_toml(changed));
}

TEST(ConfigReference, SchemaSaysTypeRangeChoicesAndDefault) {
  const nlohmann::json schema = options_schema(Options(), "options");
  const nlohmann::json& options = schema["properties"];
  EXPECT_EQ(options["outer_lr"]["type"], "number");
  EXPECT_EQ(options["outer_lr"]["maximum"], 1.0);
  EXPECT_EQ(options["hidden"]["items"]["type"], "integer");
  EXPECT_EQ(options["hidden"]["items"]["minimum"], 1);
  EXPECT_EQ(options["hidden"]["default"], nlohmann::json({64, 64}));
  EXPECT_EQ(options["methods"]["items"]["enum"], nlohmann::json({"pca", "raw"}));
  const nlohmann::json& rule = options["rule"];
  EXPECT_EQ(rule["additionalProperties"], false);
  EXPECT_EQ(rule["properties"]["channels"]["description"],
            "channels of the hidden state (paper: 64)");
}

struct Twice {
  int a = 0;
  template <class Visitor>
  void visit(Visitor& v) {
    v("a", a, "once");
    v("a", a, "twice");
  }
};

TEST(ConfigDeathTest, ANameDeclaredTwiceIsAProgrammingError) {
  EXPECT_DEATH(option_names<Twice>(), "CHECK failed");
}

}  // namespace
}  // namespace metaplastic
