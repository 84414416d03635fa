#include "data/read_cifar.h"

#include <array>

#include "base/error.h"
#include "base/text.h"
#include "data/read_bytes.h"

namespace metaplastic {

void read_cifar_batch(const std::string& path, std::vector<std::uint8_t>& pixels,
                      std::vector<std::int64_t>& labels) {
  ByteReader reader(path);
  std::array<std::uint8_t, 1 + kCifarPixels> record{};
  const std::int64_t num_records = reader.max_bytes() / std::ssize(record);
  if (num_records * std::ssize(record) != reader.max_bytes() || num_records == 0) {
    fail(
        "{}: expected a whole number of CIFAR-10 records of {} bytes, found {} bytes; is it the "
        "binary version?",
        printable(path, 400), record.size(), reader.max_bytes());
  }
  pixels.reserve(pixels.size() + static_cast<std::size_t>(num_records) * kCifarPixels);
  for (std::int64_t n = 0; n < num_records; ++n) {
    reader.read(record, "a CIFAR-10 record");
    if (record[0] > 9) {
      fail("{}: expected labels from 0 to 9, found {} in record {}; is it the binary version?",
           printable(path, 400), record[0], n);
    }
    labels.push_back(record[0]);
    for (std::size_t p = 0; p < kCifarPixels / 3; ++p) {
      for (std::size_t c = 0; c < 3; ++c) pixels.push_back(record[1 + c * kCifarPixels / 3 + p]);
    }
  }
  reader.expect_end();
}

}  // namespace metaplastic
