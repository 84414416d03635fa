#include "comm/comm.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <thread>

#include "base/error.h"
#include "comm/comm_conformance.h"
#include "comm/launch.h"
#include "comm/local_comm.h"
#include "comm/pack.h"

namespace metaplastic {
namespace {

using testing::HasSubstr;

TEST(CommTest, LocalRanksConform) {
  for (const int size : {1, 2, 3, 8}) {
    LocalGroup group(size);
    std::vector<std::string> problems(static_cast<std::size_t>(size));
    std::vector<std::thread> threads;
    for (int rank = 0; rank < size; ++rank) {
      threads.emplace_back([&, rank] {
        try {
          check_conformance(group.at(rank));
        } catch (const std::exception& error) {
          problems[static_cast<std::size_t>(rank)] = error.what();
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    for (const std::string& problem : problems) EXPECT_EQ(problem, "") << size << " ranks";
  }
}

TEST(CommTest, ALostRankWakesThoseWhoWaitAfterTheMessagesThatCame) {
  LocalGroup group(2);
  group.at(1).send(0, 4, {});
  std::thread other([&] { EXPECT_THROW(group.at(1).receive(60), LostRank); });
  group.lose(1);
  other.join();
  EXPECT_EQ(group.at(0).receive(60)->tag, 4);
  try {
    group.at(0).receive(60);
    FAIL();
  } catch (const LostRank& lost) {
    EXPECT_THAT(lost.what(), HasSubstr("rank 1"));
  }
}

TEST(PackTest, ReadsBackWhatWasWrittenAndRefusesTheRest) {
  Packer packer;
  packer.add(std::int64_t{-5})
      .add(std::vector<float>{1.5f, -2.0f})
      .add(std::string("name"))
      .add(std::vector<std::vector<float>>{{1}, {}, {2, 3}})
      .add(true);
  Unpacker unpacker(packer.bytes());
  EXPECT_EQ(unpacker.get<std::int64_t>(), -5);
  EXPECT_EQ(unpacker.get<std::vector<float>>(), (std::vector<float>{1.5f, -2.0f}));
  EXPECT_EQ(unpacker.get<std::string>(), "name");
  EXPECT_EQ(unpacker.get<std::vector<std::vector<float>>>(),
            (std::vector<std::vector<float>>{{1}, {}, {2, 3}}));
  EXPECT_DEATH(unpacker.finish(), "rest_");
  EXPECT_TRUE(unpacker.get<bool>());
  unpacker.finish();
  EXPECT_DEATH(unpacker.get<bool>(), "size");
  Packer huge;
  huge.add(std::uint64_t{1} << 62);
  EXPECT_DEATH(Unpacker(huge.bytes()).get<std::vector<double>>(), "number");
}

std::optional<Launch> launch_of(const std::map<std::string, std::string>& variables) {
  return find_launch([&](const char* name) -> const char* {
    const auto found = variables.find(name);
    return found == variables.end() ? nullptr : found->second.c_str();
  });
}

TEST(LaunchTest, KnowsTheLaunchersByTheirVariables) {
  EXPECT_FALSE(launch_of({}));
  EXPECT_FALSE(launch_of({{"SLURM_NTASKS", "4"}, {"SLURM_PROCID", "0"}}));  // inside sbatch
  EXPECT_FALSE(launch_of({{"SLURM_STEP_NUM_TASKS", "1"}}));
  const auto mpirun = launch_of({{"OMPI_COMM_WORLD_RANK", "2"},
                                 {"OMPI_COMM_WORLD_SIZE", "4"},
                                 {"PMIX_RANK", "2"},
                                 {"OMPI_COMM_WORLD_LOCAL_SIZE", "2"}});
  ASSERT_TRUE(mpirun);
  EXPECT_EQ(mpirun->rank, 2);
  EXPECT_EQ(mpirun->size, 4);
  EXPECT_EQ(mpirun->ranks_here, 2);
  const auto srun = launch_of(
      {{"PMIX_RANK", "1"}, {"PMIX_NAMESPACE", "slurm.1.0"}, {"SLURM_STEP_NUM_TASKS", "3"}});
  ASSERT_TRUE(srun);
  EXPECT_EQ(srun->launcher, "srun");
  EXPECT_EQ(srun->size, 3);
  const auto hydra = launch_of({{"PMI_RANK", "0"}, {"PMI_SIZE", "2"}});
  ASSERT_TRUE(hydra);
  EXPECT_EQ(hydra->size, 2);
  EXPECT_FALSE(launch_of({{"OMPI_COMM_WORLD_RANK", "x"}, {"OMPI_COMM_WORLD_SIZE", "4"}}));
  try {
    launch_of({{"SLURM_STEP_NUM_TASKS", "3"}});
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("--mpi=pmix"));
  }
}

TEST(LaunchTest, ABuildWithoutMpiSaysSo) {
  if (!mpi_library().empty()) GTEST_SKIP() << "built with " << mpi_library();
  try {
    join_launch({"mpirun", 1, 4, 4}, 1, [](const std::string&) {});
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("METAPLASTIC_MPI"));
  }
}

}  // namespace
}  // namespace metaplastic
