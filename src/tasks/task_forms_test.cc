#include "tasks/task_forms.h"

#include <gtest/gtest.h>

namespace metaplastic {
namespace {

TEST(TaskForms, StandBesideTheFormsOfFiles) {
  EXPECT_EQ(parse_data_spec("glyphs,rows=50", data_forms()).number("rows", 1, 100, 7), 50);
  EXPECT_EQ(parse_data_spec("csv:a.csv", data_forms()).form, "csv");
  for (const DataForm& form : data_forms()) {
    const std::string spec = std::string(form.name) + (form.min_paths > 0 ? ":file" : "");
    EXPECT_EQ(parse_data_spec(spec, data_forms()).form, form.name);
    EXPECT_NE(form.load, nullptr) << form.name;
  }
}

TEST(NamedData, FieldsAndDressedGlyphsAreSamplesThatDependOnTheSeed) {
  const Dataset data = load_data("fields,rows=40,classes=4,side=14");
  EXPECT_EQ(data.num_rows(), 40);
  EXPECT_EQ(data.image, (ImageShape{14, 14, 1}));
  EXPECT_EQ(data.pixel_max, 1);
  EXPECT_EQ(data.num_classes(), 4);
  const std::vector<float> values = read_all_rows(data);
  EXPECT_EQ(values, read_all_rows(load_data("fields,rows=40,classes=4,side=14")));
  EXPECT_NE(values, read_all_rows(load_data("fields,rows=40,classes=4,side=14,seed=1")));
  const Dataset dressed = load_data("dressed,rows=40,classes=4,side=14");
  EXPECT_EQ(dressed.num_classes(), 4);
  EXPECT_NE(read_all_rows(dressed), read_all_rows(load_data("glyphs,rows=40,classes=4,side=14")));
}

}  // namespace
}  // namespace metaplastic
