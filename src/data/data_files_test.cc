#include "data/data_files.h"

#include <gtest/gtest.h>

#include "data/dataset_test_files.h"
#include "data/row_names.h"
#include "io/atomic_file.h"

namespace metaplastic {
namespace {

using Files = std::vector<std::string>;

Files files_of(std::string_view spec) { return data_files(spec, file_forms()); }

TEST(DataFiles, OfEveryForm) {
  const TestFolder folder;
  EXPECT_EQ(files_of("npy:x.npy,y.npy,image=8x8"), (Files{"x.npy", "y.npy"}));
  EXPECT_EQ(files_of("csv:a\\,b.csv,label=0"), (Files{"a,b.csv"}));
  EXPECT_EQ(files_of("digits"), Files{});
  for (const char* name : {"set/b/2.png", "set/b/10.png", "set/a/1.JPG", "set/a/x.bmp"}) {
    write_test_file(folder, name, "content is not looked at");
  }
  EXPECT_EQ(
      files_of("images:" + folder.path("set")),
      (Files{folder.path("set/a/1.JPG"), folder.path("set/b/2.png"), folder.path("set/b/10.png")}));
  EXPECT_EQ(files_of("text:" + folder.path("set")), Files{});
}

TEST(DataFiles, WithoutFolders) {
  EXPECT_EQ(without_folders("npy:/home/me/x.npy,/data/y.npy,image=8x8"),
            "npy:x.npy,y.npy,image=8x8");
  EXPECT_EQ(without_folders("images:/home/me/set/,size=8"), "images:set,size=8");
  EXPECT_EQ(without_folders("csv:/home/a\\,b/c\\,d.csv,label=k"), "csv:c\\,d.csv,label=k");
  EXPECT_EQ(without_folders("npy:sets/x.npy"), "npy:sets/x.npy");
  EXPECT_EQ(without_folders("/rules/mine.safetensors"), "mine.safetensors");
  EXPECT_EQ(without_folders("compact-v1"), "compact-v1");
  EXPECT_EQ(without_folders("/"), "");
  EXPECT_EQ(without_folders(""), "");
}

TEST(RowNames, NumbersWhereRowsHaveNone) {
  const TestFolder folder;
  Dataset data;
  data.rows = rows_of({1, 2, 3}, 1);
  write_row_names(folder.path("n"), data);
  EXPECT_EQ(read_text_file(folder.path("n"), 100), "0\n1\n2\n");
  data.row_names = {"a", "b\\\n", "c\r"};
  write_row_names(folder.path("n"), data);
  EXPECT_EQ(read_text_file(folder.path("n"), 100), "a\nb\\\\\\n\nc\\r\n");
}

}  // namespace
}  // namespace metaplastic
