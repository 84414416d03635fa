// Data known by name: Fashion-MNIST, CIFAR-10, digits, and samples of the task families.
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>

#include "data/dataset_test_files.h"

namespace metaplastic {
namespace {

// Sets an environment variable for one test.
class ScopedVariable {
 public:
  ScopedVariable(const char* name, const std::string& value) : name_(name) {
    setenv(name, value.c_str(), 1);
  }
  ~ScopedVariable() { unsetenv(name_); }

 private:
  const char* name_;
};

TEST(NamedData, FashionMnistOfTheDebianPackage) {
  if (!std::filesystem::exists("/usr/share/datasets/fashion-mnist")) {
    GTEST_SKIP() << "dataset-fashion-mnist is not installed";
  }
  const Dataset data = load_dataset("fashion-mnist");
  EXPECT_EQ(data.num_rows(), 70000);
  EXPECT_EQ(data.first_test_row, 60000);
  EXPECT_EQ(data.image, (ImageShape{28, 28, 1}));
  ASSERT_EQ(data.num_classes(), 10);
  EXPECT_EQ(data.class_names[9], "Ankle boot");
  EXPECT_EQ(std::vector<int>(data.labels.begin(), data.labels.begin() + 5),
            (std::vector<int>{9, 0, 0, 3, 0}));
  EXPECT_EQ(std::vector<int>(data.labels.begin() + 60000, data.labels.begin() + 60008),
            (std::vector<int>{9, 2, 1, 1, 6, 1, 4, 6}));
  std::vector<int> counts(10);
  for (int n = 60000; n < 70000; ++n) ++counts[static_cast<std::size_t>(data.labels[n])];
  for (const int count : counts) EXPECT_EQ(count, 1000);
  // A read across the border of the two files.
  std::vector<float> both(2 * 784), test(784);
  data.read_rows(59999, 2, both);
  data.read_rows(60000, 1, test);
  EXPECT_TRUE(std::equal(test.begin(), test.end(), both.begin() + 784));
  EXPECT_EQ(*std::max_element(test.begin(), test.end()), 255);
  EXPECT_EQ(
      describe(data),
      "fashion-mnist: 70000 rows (60000 training, 10000 test), images of 28 x 28 pixels, grey, "
      "10 classes");
}

TEST(NamedData, DigitsShipWithTheProgram) {
  const Dataset data = load_dataset("digits");
  EXPECT_EQ(data.num_rows(), 1797);
  EXPECT_EQ(data.image, (ImageShape{8, 8, 1}));
  EXPECT_EQ(data.pixel_max, 16);
  EXPECT_EQ(data.num_classes(), 10);
  // The first row as scikit-learn's documentation prints it.
  const std::vector<float> row = row_of(data, 0);
  EXPECT_EQ(std::vector<float>(row.begin(), row.begin() + 8),
            (std::vector<float>{0, 0, 5, 13, 9, 1, 0, 0}));
  EXPECT_EQ(data.labels[1], 1);
  const TestFolder folder;
  const ScopedVariable share("METAPLASTIC_SHARE", folder.path("nothing"));
  EXPECT_NE(error_line([] {
              load_dataset("digits");
            }).find("digits.npz: expected it in " + folder.path("nothing")),
            std::string::npos);
}

TEST(NamedData, CifarFromTheDataFolder) {
  const TestFolder folder;
  const ScopedVariable variable("METAPLASTIC_DATA", folder.path(""));
  EXPECT_NE(error_line([] { load_dataset("cifar10"); }).find("cifar10: expected data_batch_1.bin"),
            std::string::npos);
  for (int n = 1; n <= 6; ++n) {
    std::string records;
    for (int label = 0; label < 10; ++label) {
      records += static_cast<char>(label);
      for (int channel = 0; channel < 3; ++channel) {
        records += std::string(1024, static_cast<char>(10 * n + channel));
      }
    }
    const std::string name = n == 6 ? "test_batch.bin" : fmt::format("data_batch_{}.bin", n);
    write_test_file(folder, "cifar-10-batches-bin/" + name, records);
  }
  const Dataset data = load_dataset("cifar10");
  EXPECT_EQ(data.num_rows(), 60);
  EXPECT_EQ(data.first_test_row, 50);
  EXPECT_EQ(data.class_names[3], "cat");
  const std::vector<float> row = row_of(data, 25);
  EXPECT_EQ(std::vector<float>(row.begin(), row.begin() + 4),
            (std::vector<float>{30, 31, 32, 30}));  // channels of a pixel together
  write_test_file(folder, "cifar-10-batches-bin/data_batch_3.bin", std::string(3073, '\x0a'));
  EXPECT_NE(error_line([] { load_dataset("cifar10"); }).find("expected labels from 0 to 9"),
            std::string::npos);
  write_test_file(folder, "cifar-10-batches-bin/data_batch_2.bin", std::string(3072, '\x01'));
  EXPECT_NE(error_line([] { load_dataset("cifar10"); }).find("records of 3073 bytes, found 3072"),
            std::string::npos);
}

TEST(NamedData, MnistNamesTheFolders) {
  const TestFolder folder;
  const ScopedVariable variable("METAPLASTIC_DATA", folder.path(""));
  EXPECT_NE(error_line([] { load_dataset("mnist"); }).find("train-images-idx3-ubyte[.gz]"),
            std::string::npos);
}

}  // namespace
}  // namespace metaplastic
