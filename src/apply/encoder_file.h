// Encoders as safetensors files: kind "encoder". Layout: docs/evaluation.md.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "apply/encoder.h"
#include "data/read_text.h"
#include "io/safetensors.h"

namespace metaplastic {

// Atomic; throws Error when the file cannot be written.
void save_encoder(const std::string& path, const Encoder& encoder);
// Throws Error, naming the file, for anything but a whole encoder of a known format.
// Encoders of before words were folded by Unicode's rules have some in other forms: `fold` folds
// them. nullptr, for programs that carry no such rules: an encoder of text is an Error.
using FoldText = std::string (*)(std::string_view);
Encoder load_encoder(const std::string& path, FoldText fold = fold_text);

// The same in memory: what those files hold.
TensorFile encoder_tensors(const Encoder& encoder);
Encoder encoder_from_tensors(const TensorFile& file, FoldText fold = fold_text);

// The record as JSON, for files and for `inspect`.
nlohmann::json record_to_json(const EncoderRecord& record);

}  // namespace metaplastic
