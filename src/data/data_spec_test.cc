#include "data/data_spec.h"

#include <gtest/gtest.h>

#include "data/data_form.h"
#include "io/test_folder.h"

namespace metaplastic {
namespace {

DataSpec parse(std::string_view spec) { return parse_data_spec(spec, file_forms()); }

TEST(DataSpec, NamesFormsFilesAndOptions) {
  const DataSpec csv = parse("csv:my\\,file=1.csv,label=kind,drop=id,drop=3");
  EXPECT_EQ(csv.form, "csv");
  EXPECT_EQ(csv.paths, std::vector<std::string>{"my,file=1.csv"});
  EXPECT_EQ(csv.option("label"), "kind");
  EXPECT_EQ(csv.all("drop"), (std::vector<std::string>{"id", "3"}));
  EXPECT_EQ(csv.option("missing"), std::nullopt);
  EXPECT_EQ(csv.choice("missing", {"error", "mean"}), "error");
  EXPECT_EQ(parse("idx:a:b.gz,c.gz").paths, (std::vector<std::string>{"a:b.gz", "c.gz"}));
  EXPECT_EQ(parse("images:x,size=50").number("size", 1, 100, 7), 50);
  EXPECT_EQ(parse("images:x").number("size", 1, 100, 7), 7);
  // An upper-case name is no option but a file.
  EXPECT_EQ(parse("npy:x.npy,A=1.npy").paths[1], "A=1.npy");
}

TEST(DataSpec, EveryNotationBeginsWithAFormThatParses) {
  for (const std::string& notation : data_spec_notations(file_forms())) {
    const std::size_t end = notation.find_first_of(":[");
    const std::string form = notation.substr(0, end);
    const bool has_file = end != notation.npos && notation[end] == ':';
    EXPECT_EQ(parse(form + (has_file ? ":file" : "")).form, form) << notation;
  }
}

struct BadSpec {
  const char* spec;
  const char* message;
};

TEST(DataSpec, RefusesWhatItDoesNotKnow) {
  const BadSpec cases[] = {
      {"fashon-mnist", "did you mean 'fashion-mnist'?"},
      {"", "expected one of fashion-mnist, mnist"},
      {"/tmp/file.csv",
       "expected a form and a colon before the name of a file, found none; write csv:"},
      {"X.npy", "write npy:X.npy"},
      {"mnits", "expected one of fashion-mnist, mnist"},
      {"cvs:a.csv", "did you mean 'csv'?"},
      {"mnist:folder", "expected no file name after 'mnist'"},
      {"mnist,resize=14", "'mnist' has no options, found 'resize'"},
      {"csv:a.csv,labels=2",
       "expected an option of 'csv' (label, drop, missing, categorical, category, unknown, "
       "header, delimiter, decimal, image, max, signal), found 'labels'; did you mean 'label'?"},
      {"csv:a.csv,sep=;", "found 'sep'; did you mean 'delimiter'?"},
      {"csv:a.csv,label=", "expected a value after 'label='"},
      {"csv:a.csv,label=1,label=2", "expected option 'label' once"},
      {"csv:", "expected a file name, found an empty one"},
      {"csv", "expected 1 file names, found 0; write csv:FILE"},
      {"csv:a.csv,b.csv", "expected 1 file names, found 2"},
      {"idx:a,b,c", "expected 1 or 2 file names, found 3"},
      {"npz:a.npz,y.npy", "expected 1 file names, found 2"},
      {"images:folder,sise=3", "did you mean 'size'?"},
      {"text:a\nb.tsv,x=1", "data 'text:a\\x0ab.tsv,x=1': expected an option of 'text'"},
  };
  for (const auto& [spec, message] : cases) {
    EXPECT_NE(error_line([&] { parse(spec); }).find(message), std::string::npos)
        << spec << " gave: " << error_line([&] { parse(spec); });
  }
}

TEST(DataSpec, ChecksValuesWhenTheyAreRead) {
  const DataSpec spec = parse("csv:a.csv,missing=meen,max=12x");
  EXPECT_NE(error_line([&] {
              spec.choice("missing", {"error", "mean", "zero"});
            })
                .find("expected missing to be one of error, mean, zero, found 'meen'; did you mean "
                      "'mean'?"),
            std::string::npos);
  EXPECT_NE(error_line([&] {
              spec.number("max", 1, 99, 1);
            }).find("expected max as a whole number from 1 to 99, found '12x'"),
            std::string::npos);
}

}  // namespace
}  // namespace metaplastic
