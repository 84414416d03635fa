#include "io/json_lines.h"

#include <gtest/gtest.h>

#include <limits>
#include <nlohmann/json.hpp>

#include "io/atomic_file.h"
#include "io/test_folder.h"

namespace metaplastic {
namespace {

class JsonLines : public testing::Test {
 protected:
  std::string text() const { return read_text_file(path_, 1 << 20); }

  const TestFolder folder_;
  const std::string path_ = folder_.path("metrics.jsonl");
};

TEST_F(JsonLines, AppendsAndFlushesEveryLine) {
  JsonLinesWriter writer(path_);
  writer.write({{"outer_step", 1}, {"meta_loss", 0.5}});
  EXPECT_EQ(text(), "{\"meta_loss\":0.5,\"outer_step\":1}\n");
  JsonLinesWriter second(path_);
  second.write({{"note", "a\nb"}, {"bad", std::numeric_limits<double>::quiet_NaN()}});
  EXPECT_EQ(text(), "{\"meta_loss\":0.5,\"outer_step\":1}\n{\"bad\":null,\"note\":\"a\\nb\"}\n");
}

TEST_F(JsonLines, CutsBackToAStep) {
  const std::string start = "{\"seed\":1}\n{\"outer_step\":1}\n{\"outer_step\":2}\n{\"x\":0}\n";
  write_file_atomically(path_, start + "{\"outer_step\":3}\n{\"outer_step\":2}\n{\"outer_st");
  EXPECT_EQ(truncate_json_lines_after(path_, "outer_step", 2), 4);
  EXPECT_EQ(text(), start);
  write_file_atomically(path_, start + "{\"outer_step\":2");
  EXPECT_EQ(truncate_json_lines_after(path_, "outer_step", 9), 4);
  EXPECT_EQ(text(), start);
  EXPECT_EQ(truncate_json_lines_after(path_, "outer_step", 0), 1);
  EXPECT_EQ(text(), "{\"seed\":1}\n");
  EXPECT_EQ(truncate_json_lines_after(folder_.path("none"), "outer_step", 0), 0);
  write_file_atomically(path_, "{\"outer_step\":1}\nhello\n");
  EXPECT_EQ(error_line([&] { truncate_json_lines_after(path_, "outer_step", 5); }),
            path_ + ":2: expected a JSON object, found other text; mend or remove the file");
}

TEST_F(JsonLines, FailuresNameThePath) {
  EXPECT_EQ(error_line([&] { JsonLinesWriter{folder_.path("no/file")}; }),
            folder_.path("no/file") + ": cannot write: No such file or directory");
  JsonLinesWriter full("/dev/full");
  EXPECT_EQ(error_line([&] {
              full.write({{"a", 1}});
            }),
            "/dev/full: cannot write: No space left on device");
}

TEST_F(JsonLines, HalfALineIsTakenBack) {
  JsonLinesWriter writer(path_);
  writer.write({{"a", 1}});
  {
    const FileSizeLimit limit(100);
    EXPECT_EQ(error_line([&] {
                writer.write({{"b", std::string(200, 'x')}});
              }),
              path_ + ": cannot write: File too large");
  }
  EXPECT_EQ(text(), "{\"a\":1}\n");
}

TEST_F(JsonLines, WritesWholeDocuments) {
  write_json_atomically(path_, {{"a", {1, 2}}});
  EXPECT_EQ(text(), "{\n  \"a\": [\n    1,\n    2\n  ]\n}\n");
}

}  // namespace
}  // namespace metaplastic
