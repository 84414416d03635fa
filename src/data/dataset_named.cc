// The forms idx, fashion-mnist, mnist, cifar10 and digits.
#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <system_error>

#include "base/error.h"
#include "base/share.h"
#include "base/text.h"
#include "data/data_form.h"
#include "data/dataset_arrays.h"
#include "data/dataset_parts.h"
#include "data/dataset_rows.h"
#include "data/read_cifar.h"
#include "data/read_idx.h"

namespace metaplastic {
namespace {

namespace fs = std::filesystem;

// Where Debian's package dataset-fashion-mnist puts its files.
constexpr const char* kFashionFolder = "/usr/share/datasets/fashion-mnist";

bool is_there(const fs::path& path) {
  std::error_code error;
  return fs::exists(path, error);
}

const std::array<const char*, 4> kMnistFiles = {"train-images-idx3-ubyte",
                                                "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte",
                                                "t10k-labels-idx1-ubyte"};

// The file with or without .gz; "" when neither exists.
std::string mnist_file(const fs::path& folder, const char* name) {
  for (const std::string& candidate : {std::string(name) + ".gz", std::string(name)}) {
    if (is_there(folder / candidate)) return (folder / candidate).string();
  }
  return "";
}

// The first folder that has all four files, training rows before test rows.
Dataset load_mnist_like(const std::string& name, const std::vector<fs::path>& folders,
                        const std::string& advice) {
  for (const fs::path& folder : folders) {
    std::vector<std::string> files;
    for (const char* file : kMnistFiles) files.push_back(mnist_file(folder, file));
    if (std::find(files.begin(), files.end(), "") != files.end()) continue;
    const Dataset train = load_idx_pair(files[0], files[1]);
    const Dataset test = load_idx_pair(files[2], files[3]);
    if (!(train.image == test.image) || train.class_names != test.class_names) {
      fail(
          "{}: expected test images and classes like the training ones, found others; get the "
          "files again",
          printable(files[2], 400));
    }
    Dataset data = train;
    data.rows = std::make_shared<ConcatRows>(train.rows, test.rows);
    data.labels.insert(data.labels.end(), test.labels.begin(), test.labels.end());
    data.first_test_row = train.num_rows();
    return data;
  }
  std::vector<std::string> names;
  for (const fs::path& folder : folders) names.push_back(printable(folder.string(), 200));
  fail("{}: expected {}[.gz] and its three companions in {}, found none; {}", name, kMnistFiles[0],
       fmt::join(names, " or "), advice);
}

}  // namespace

std::string data_folder() {
  const char* folder = std::getenv("METAPLASTIC_DATA");
  return folder != nullptr && *folder != 0 ? folder : "data";
}

std::string find_shared_file(const std::string& name) {
  std::vector<std::string> tried;
  for (const fs::path& folder : share_folders()) {
    if (is_there(folder / name)) return (folder / name).string();
    tried.push_back(printable(folder.string(), 200));
  }
  fail(
      "{}: expected it in {}, found it nowhere; set METAPLASTIC_SHARE to the folder 'share' of the "
      "sources",
      name, fmt::join(tried, " or "));
}

Dataset load_idx_pair(const std::string& images, const std::string& labels) {
  IdxArray array = read_idx(images);
  const std::string name = printable(images, 400);
  if (array.shape.size() < 2) {
    fail(
        "{}: expected values of 2 to 4 dimensions [rows, height, width], found type {} of {} "
        "dimensions; are these labels?",
        name, array.type, array.shape.size());
  }
  Dataset data;
  if (array.type == 0x08) {
    data = dataset_of_shape(array.shape, name);
    const std::int64_t num_features = array.num_values() / array.shape[0];
    data.rows = std::make_shared<ByteRows>(std::move(array.bytes), static_cast<int>(num_features));
  } else {
    NpyReader reader = std::move(array).reader(name);
    const float white = white_of(reader.header());
    data = array_dataset(std::move(reader));
    data.pixel_max = white;
  }
  if (labels.empty()) return data;
  IdxArray values = read_idx(labels);
  if (values.shape.size() != 1) {
    fail("{}: expected labels of 1 dimension, found {} dimensions; are these images?",
         printable(labels, 400), values.shape.size());
  }
  read_labels(std::move(values).reader(printable(labels, 400)), data.num_rows())
      .set(data, printable(labels, 400));
  return data;
}

Dataset load_fashion_mnist() {
  Dataset data =
      load_mnist_like("fashion-mnist", {kFashionFolder, fs::path(data_folder()) / "fashion-mnist"},
                      "install the Debian package dataset-fashion-mnist");
  if (data.num_classes() == 10) {
    data.class_names = {"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
                        "Sandal",      "Shirt",   "Sneaker",  "Bag",   "Ankle boot"};
  }
  return data;
}

Dataset load_mnist() {
  const fs::path folder = data_folder();
  return load_mnist_like("mnist", {folder / "mnist", folder},
                         "put the four files there or set METAPLASTIC_DATA");
}

Dataset load_cifar10() {
  const fs::path root = data_folder();
  for (const fs::path& folder : {root / "cifar-10-batches-bin", root / "cifar10", root}) {
    if (!is_there(folder / "data_batch_1.bin")) continue;
    Dataset data;
    data.kind = DataKind::kImage;
    data.image = {kCifarSide, kCifarSide, 3};
    std::vector<std::uint8_t> pixels;
    std::vector<std::int64_t> labels;
    for (int n = 1; n <= 5; ++n) {
      read_cifar_batch((folder / fmt::format("data_batch_{}.bin", n)).string(), pixels, labels);
    }
    data.first_test_row = static_cast<std::int64_t>(labels.size());
    read_cifar_batch((folder / "test_batch.bin").string(), pixels, labels);
    data.rows = std::make_shared<ByteRows>(std::move(pixels), static_cast<int>(kCifarPixels));
    set_labels(data, labels, folder.string());
    if (data.num_classes() == 10) {
      data.class_names = {"airplane", "automobile", "bird",  "cat",  "deer",
                          "dog",      "frog",       "horse", "ship", "truck"};
    }
    return data;
  }
  fail(
      "cifar10: expected data_batch_1.bin and its companions in {0}/cifar-10-batches-bin, "
      "{0}/cifar10 or {0}, found none; put the binary version there or set METAPLASTIC_DATA",
      printable(root.string(), 200));
}

Dataset load_digits() {
  DataSpec spec = parse_data_spec("npz:digits.npz", file_forms());
  spec.paths[0] = find_shared_file("digits.npz");
  Dataset data = load_npz(spec);
  // Counts of ink in 4 x 4 cells.
  data.pixel_max = 16;
  return data;
}

}  // namespace metaplastic
