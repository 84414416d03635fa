#include "apply/find_rule.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <algorithm>
#include <filesystem>

#include "io/test_folder.h"
#include "rule/classical.h"

namespace metaplastic {
namespace {

TEST(FindRule, FilesShippedNamesAndClassicalNames) {
  const TestFolder folder;
  std::filesystem::create_directories(folder.path("rules"));
  const Rule rule = make_classical_rule("oja", {"compact", 4, 2, 1}, 1);
  save_rule(folder.path("rules/compact-test.safetensors"), rule);
  ASSERT_EQ(setenv("METAPLASTIC_SHARE", folder.path("").c_str(), 1), 0);

  const FoundRule shipped = find_rule("compact-test");
  EXPECT_EQ(shipped.rule.theta, rule.theta);
  EXPECT_EQ(shipped.sha256.size(), 64u);
  EXPECT_EQ(find_rule(folder.path("rules/compact-test.safetensors")).sha256, shipped.sha256);
  EXPECT_EQ(find_rule("hebb").path, "");
  EXPECT_TRUE(std::ranges::count(rule_names(), "compact-test"));

  EXPECT_NE(error_line([] { find_rule("compact-tets"); }).find("did you mean 'compact-test'?"),
            std::string::npos);
  EXPECT_NE(
      error_line([] { find_rule("hebb-decorelate"); }).find("did you mean 'hebb-decorrelate'?"),
      std::string::npos);
  EXPECT_NE(error_line([&] { find_rule(folder.path("rules")); }).find("rules"), std::string::npos);
  unsetenv("METAPLASTIC_SHARE");
}

}  // namespace
}  // namespace metaplastic
