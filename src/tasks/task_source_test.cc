#include "tasks/task_source.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "io/test_folder.h"

namespace metaplastic {
namespace {

TEST(TaskSource, NotationIsThatOfDataSpecs) {
  const TaskSource images = parse_task_source("omniglot*0.25?=images:a/b.zip,c\\,d");
  EXPECT_EQ(images.name, "omniglot");
  EXPECT_TRUE(images.is_images);
  EXPECT_EQ(images.paths, (std::vector<std::string>{"a/b.zip", "c,d"}));
  EXPECT_FLOAT_EQ(images.weight, 0.25f);
  EXPECT_TRUE(images.optional);
  const TaskSource rows = parse_task_source("wine*2=csv:wine.csv,label=class");
  EXPECT_FALSE(rows.is_images);
  EXPECT_EQ(rows.spec, "csv:wine.csv,label=class");
  EXPECT_EQ(rows.paths, (std::vector<std::string>{"wine.csv"}));
  EXPECT_FLOAT_EQ(rows.weight, 2);
  EXPECT_FALSE(rows.optional);
}

TEST(TaskSource, TheOlderNotationMeansTheSame) {
  const TaskSource source = parse_task_source("omniglot=a/b.zip,c:0.25?");
  EXPECT_EQ(source.name, "omniglot");
  EXPECT_TRUE(source.is_images);
  EXPECT_EQ(source.paths, (std::vector<std::string>{"a/b.zip", "c"}));
  EXPECT_FLOAT_EQ(source.weight, 0.25f);
  EXPECT_TRUE(source.optional);
  EXPECT_FLOAT_EQ(parse_task_source("x=folder").weight, 1.0f);
  EXPECT_FALSE(parse_task_source("x=folder").optional);
}

TEST(TaskSource, BadNotationIsRefused) {
  for (const char* text :
       {"", "folder", "=folder", "x=", "x=a,,b", "x=a:heavy", "x=a:-1", "x=a:", "x=a:1e99",
        "x=a:nan", "x=:1", "x=images:", "*2=images:a", "x*=images:a", "x*-1=images:a", "?=a"}) {
    try {
      parse_task_source(text);
      ADD_FAILURE() << text;
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find("NAME[*WEIGHT][?]=SPEC"), std::string::npos) << text;
    }
  }
}

TEST(TaskSource, AnOptionalSourceExistsWhenAllItsFilesDo) {
  const TestFolder folder;
  EXPECT_TRUE(parse_task_source("a=images:" + folder.path(".")).exists());
  EXPECT_FALSE(
      parse_task_source("a=images:" + folder.path(".") + "," + folder.path("none")).exists());
  EXPECT_FALSE(parse_task_source("a?=npz:" + folder.path("none.npz")).exists());
}

}  // namespace
}  // namespace metaplastic
