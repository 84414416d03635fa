// The small helpers: stop flag, nearest name, digests, errors.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/nearest.h"
#include "base/sha256.h"
#include "base/stop.h"

namespace metaplastic {
namespace {

TEST(Error, CarriesItsLine) {
  try {
    fail("{}: expected {} columns, found {}", "x.csv", 3, 4);
    FAIL();
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "x.csv: expected 3 columns, found 4");
  }
}

TEST(Stop, FirstSignalSetsTheFlag) {
  for (const int number : {SIGTERM, SIGINT, SIGUSR1}) {
    install_stop_handlers();
    clear_stop();
    EXPECT_FALSE(stop_requested());
    EXPECT_EQ(stop_signal(), 0);
    ASSERT_EQ(std::raise(number), 0);
    EXPECT_TRUE(stop_requested());
    EXPECT_EQ(stop_signal(), number);
  }
  clear_stop();
  request_stop();
  EXPECT_TRUE(stop_requested());
  clear_stop();
}

TEST(Stop, ALaunchersSignalMayComeTwice) {
  install_stop_handlers();
  clear_stop();
  ASSERT_EQ(std::raise(SIGUSR1), 0);
  ASSERT_EQ(std::raise(SIGUSR1), 0);
  EXPECT_EQ(stop_signal(), SIGUSR1);
  clear_stop();
}

TEST(Stop, SecondSignalKills) {
  for (const int second : {SIGTERM, SIGINT}) {
    const pid_t child = fork();
    if (child == 0) {
      install_stop_handlers();
      std::raise(SIGINT);
      if (!stop_requested()) _exit(1);
      std::raise(second);
      _exit(2);
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status)) << WEXITSTATUS(status);
    EXPECT_EQ(WTERMSIG(status), second);
  }
}

TEST(Nearest, EditDistance) {
  EXPECT_EQ(edit_distance("", ""), 0);
  EXPECT_EQ(edit_distance("", "abc"), 3);
  EXPECT_EQ(edit_distance("abc", ""), 3);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3);
  EXPECT_EQ(edit_distance("outer", "otuer"), 1);
  EXPECT_EQ(edit_distance("same", "same"), 0);
}

TEST(Nearest, FindsTheMisspeltName) {
  const std::vector<std::string> names{"outer_lr", "inner_lr", "inner_batch", "seed"};
  EXPECT_EQ(nearest_name("outr_lr", names), "outer_lr");
  EXPECT_EQ(nearest_name("inner_bacth", names), "inner_batch");
  EXPECT_EQ(nearest_name("SEED", names), "seed");
  EXPECT_EQ(nearest_name("x", {}), "");
  // Quadratic time on a megabyte of junk would hang here.
  EXPECT_FALSE(nearest_name(std::string(1000000, 'a'), names).empty());
  EXPECT_EQ(did_you_mean("sed", names), "; did you mean 'seed'?");
  EXPECT_EQ(did_you_mean("sed", {}), "");
  EXPECT_EQ(join_names(names), "outer_lr, inner_lr, inner_batch, seed");
}

// FIPS 180-2, appendix B.
TEST(Sha256, PublishedVectors) {
  EXPECT_EQ(sha256_hex(std::string_view("")),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256_hex(std::string_view("abc")),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  Sha256 pieces;
  for (int i = 0; i < 1000; ++i) pieces.update(std::string(1000, 'a'));
  EXPECT_EQ(pieces.hex_digest(),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

}  // namespace
}  // namespace metaplastic
