// Features as a .npy file, or as text with commas or tabs, written block by block while they are
// computed.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "apply/encoder.h"
#include "base/stopped.h"

namespace metaplastic {

// Where whole rows of features go.
class FeatureTable;

// Names that end in .csv or .tsv get text: a header feature0,feature1,.. and the shortest decimals
// that read back as the same floats. All others get npy.
const std::vector<std::string>& feature_endings();

// Opens the file at once, so that a path that cannot be written fails before long work; the file
// appears under its name only after the last row.
class FeatureFile {
 public:
  explicit FeatureFile(const std::string& path);
  ~FeatureFile();

  // Writes [num_rows, num_features] float32 of every prepared row. should_stop may be empty;
  // Stopped leaves no file. places_of_first: encode_rows. Returns the number of features.
  int write(const Encoder& encoder, const RowSource& prepared, const Readout& readout,
            const std::function<bool()>& should_stop = {}, int num_threads = 1,
            const RowSource* places_of_first = nullptr);

 private:
  std::unique_ptr<FeatureTable> table_;
};

}  // namespace metaplastic
