// Encoders as safetensors files: kind "encoder". Layout: docs/evaluation.md.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "apply/encoder.h"
#include "io/safetensors.h"

namespace metaplastic {

// Atomic; throws Error when the file cannot be written.
void save_encoder(const std::string& path, const Encoder& encoder);
// Throws Error, naming the file, for anything but a whole encoder of a known format.
Encoder load_encoder(const std::string& path);

// The same in memory: what those files hold.
TensorFile encoder_tensors(const Encoder& encoder);
Encoder encoder_from_tensors(const TensorFile& file);

// The record as JSON, for files and for `inspect`.
nlohmann::json record_to_json(const EncoderRecord& record);

}  // namespace metaplastic
