// Reads TensorFlow's checkpoints of version 2 without TensorFlow: PREFIX.index (names, types,
// shapes and places) and PREFIX.data-0000n-of-0000m (the tensors' bytes).
#pragma once

#include <string>
#include <vector>

#include "io/safetensors.h"

namespace metaplastic {

struct TensorBundle {
  TensorFile file;                   // whole tensors of the types that TensorFile knows, by name
  std::vector<std::string> skipped;  // "NAME (why)" of the others, e.g. texts
  std::vector<std::string> paths;    // the files that were read
};

// Throws Error, one line that names the file, when one is missing, or a size, place or checksum is
// wrong. Memory is taken only for bytes that the files have.
TensorBundle read_tensor_bundle(const std::string& prefix);

}  // namespace metaplastic
