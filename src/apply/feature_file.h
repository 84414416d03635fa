// Features as a .npy file, written block by block while they are computed.
#pragma once

#include <functional>
#include <string>

#include "apply/encoder.h"
#include "base/stopped.h"
#include "io/npy.h"

namespace metaplastic {

// Opens the file at once, so that a path that cannot be written fails before long work; the file
// appears under its name only after the last row.
class FeatureFile {
 public:
  explicit FeatureFile(const std::string& path) : writer_(path) {}

  // Writes [num_rows, num_features] float32: layer `layer` of every prepared row. should_stop may
  // be empty; Stopped leaves no file.
  void write(const Encoder& encoder, const RowSource& prepared, int layer,
             const std::function<bool()>& should_stop = {}, int num_threads = 1);

 private:
  NpyWriter writer_;
};

}  // namespace metaplastic
