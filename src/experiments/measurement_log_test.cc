#include "experiments/measurement_log.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <limits>

#include "base/error.h"
#include "io/test_folder.h"

namespace metaplastic {
namespace {

TEST(MeasurementLog, GivesBackWhatWasKeptAndForgetsTheRestAtAnotherName) {
  const TestFolder folder;
  const std::string path = folder.path("a.partial");
  const double third = 1.0 / 3, none = std::numeric_limits<double>::quiet_NaN();
  {
    MeasurementLog log(path);
    EXPECT_FALSE(log.take("one", 2));
    log.keep("one", {third, none, 500, {{"layer", 1}}, 2.5});
    log.keep("two", {0.5, 0.25, 4, {}, 4});
    log.keep("three", {0.75, 0, 5, {}});
    EXPECT_EQ(log.num_done(), 3);
  }
  std::ofstream(path, std::ios::app) << "{\"name\": \"torn";
  MeasurementLog counter;
  for (const double work : {2, 3, 4}) counter.take("any", work);
  MeasurementLog log(path);
  log.plan(counter);
  EXPECT_EQ(log.total_work(), 9);
  EXPECT_EQ(log.num_kept(), 3u);
  const auto one = log.take("one", 2);
  ASSERT_TRUE(one);
  EXPECT_EQ(one->accuracy, third);
  EXPECT_TRUE(std::isnan(one->error));
  EXPECT_EQ(one->steps, 500);
  EXPECT_EQ(one->settings["layer"], 1);
  EXPECT_EQ(log.take("two", 3)->error, 0.25);
  EXPECT_FALSE(log.take("another", 1));
  EXPECT_FALSE(log.take("three", 4));
  EXPECT_EQ(log.work_done(), 5);
  EXPECT_EQ(log.kept_cpu_seconds(), 6.5);
}

TEST(MeasurementLog, CountsWithoutAFileAndRefusesAFileThatIsNotItsOwn) {
  MeasurementLog counter;
  EXPECT_EQ(counter.take("one", 2)->accuracy, 0);
  EXPECT_TRUE(counter.take("two", 5));
  EXPECT_EQ(counter.num_done(), 2);
  EXPECT_EQ(counter.total_work(), 7);
  EXPECT_EQ(counter.num_planned(), 2u);
  const TestFolder folder;
  const std::string path = folder.path("b.partial");
  std::ofstream(path) << "{\"step\": 3}\n";
  EXPECT_NE(error_line([&] { MeasurementLog log(path); }).find("remove the file"),
            std::string::npos);
}

}  // namespace
}  // namespace metaplastic
