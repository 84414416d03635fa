// The part of an encoder file that says what is given out: readout, input scales, classifier.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "apply/encoder.h"
#include "io/safetensors.h"

namespace metaplastic {

// A float tensor of an encoder. Throws Error, naming the file, for another shape and for numbers
// that are not finite.
std::vector<float> take_finite(const TensorFile& file, const std::string& name,
                               std::vector<std::int64_t> shape);

void put_readout(const Encoder& encoder, TensorFile& file);
// Into an encoder whose layers are known. Files from before these parts lack them: the top layer is
// read then. Throws Error, naming the file, for damage.
void take_readout(const TensorFile& file, Encoder& encoder);

}  // namespace metaplastic
