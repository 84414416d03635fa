// A fitted Preprocess as metadata and tensors, and back with every field checked.
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/text.h"
#include "data/preprocess.h"
#include "data/read_image.h"
#include "io/json_text.h"

namespace metaplastic {
namespace {

constexpr const char* kFormatVersion = "1";
// Of tables with offsets and of images that are subsampled, which a program that knows version 1
// only would leave out.
constexpr const char* kLaterVersion = "2";

std::string shape_text(const ImageShape& image) {
  return fmt::format("{}x{}x{}", image.height, image.width, image.channels);
}

// Reads the fields of one file; every problem is an Error that begins with its name.
class Loader {
 public:
  Loader(const SavedPreprocess& saved, const std::string& source)
      : saved_(saved), source_(printable(source, 400)) {}

  const std::string& text(const char* key) const {
    const auto found = saved_.metadata.find(key);
    if (found == saved_.metadata.end()) {
      fail("{}: expected the metadata '{}', found none; the file is damaged or no encoder", source_,
           key);
    }
    return found->second;
  }

  std::size_t choice(const char* key, std::initializer_list<const char*> names) const {
    const std::string& value = text(key);
    std::size_t index = 0;
    for (const char* name : names) {
      if (value == name) return index;
      ++index;
    }
    bad(key, fmt::format("one of {}", fmt::join(names, ", ")));
  }

  ImageShape shape(const char* key, int most) const {
    const std::string& value = text(key);
    int parts[3] = {};
    const char *next = value.data(), *end = value.data() + value.size();
    for (int n = 0; n < 3; ++n) {
      if (n > 0 && (next == end || *next++ != 'x')) bad(key, "HxWxC");
      const auto [rest, code] = std::from_chars(next, end, parts[n]);
      if (code != std::errc{} || parts[n] < 1 || parts[n] > most) bad(key, "HxWxC");
      next = rest;
    }
    if (next != end) bad(key, "HxWxC");
    return {parts[0], parts[1], parts[2]};
  }

  ImageShape image(const char* key) const {
    const ImageShape found = shape(key, kMaxImageSide);
    if ((found.channels != 1 && found.channels != 3) ||
        std::int64_t{found.height} * found.width > kMaxPicturePixels) {
      bad(key, "HxWxC of an image");
    }
    return found;
  }

  ImageShape signal(const char* key) const {
    const ImageShape found = shape(key, kMaxSignalNumbers);
    if (found.height != 1 || found.size() > kMaxSignalNumbers) bad(key, "1xTxC of a signal");
    return found;
  }

  bool has(const char* key) const { return saved_.metadata.contains(key); }

  int whole(const char* key, int low, int high) const {
    const std::string& value = text(key);
    int number = 0;
    const char* end = value.data() + value.size();
    const auto [rest, code] = std::from_chars(value.data(), end, number);
    if (code != std::errc{} || rest != end || number < low || number > high) {
      bad(key, fmt::format("a whole number from {} to {}", low, high));
    }
    return number;
  }

  std::vector<std::string> names(const char* key) const {
    const nlohmann::json list = parse_json(text(key));
    if (!list.is_array() || list.empty()) bad(key, "a list of names");
    std::vector<std::string> result;
    for (const auto& entry : list) {
      if (!entry.is_string()) bad(key, "a list of names");
      result.push_back(entry.get<std::string>());
    }
    return result;
  }

  std::vector<double> numbers(const char* key, std::size_t size) const {
    const nlohmann::json list = parse_json(text(key));
    if (!list.is_array() || list.size() != size) bad(key, fmt::format("{} numbers", size));
    std::vector<double> result;
    for (const auto& entry : list) {
      if (!entry.is_number() || !std::isfinite(entry.get<double>())) bad(key, "finite numbers");
      result.push_back(entry.get<double>());
    }
    return result;
  }

  std::vector<float> tensor(const char* key, std::size_t size) const {
    const auto found = saved_.tensors.find(key);
    if (found == saved_.tensors.end() || found->second.size() != size) {
      fail(
          "{}: expected a tensor '{}' of {} numbers, found {}; the file is damaged", source_, key,
          size,
          found == saved_.tensors.end() ? "none" : fmt::format("{} of them", found->second.size()));
    }
    for (const float value : found->second) {
      if (!std::isfinite(value)) bad(key, "finite numbers");
    }
    return found->second;
  }

  std::optional<std::uint64_t> seed(const char* key) const {
    const auto found = saved_.metadata.find(key);
    if (found == saved_.metadata.end()) return std::nullopt;
    std::uint64_t value = 0;
    const char* end = found->second.data() + found->second.size();
    const auto [rest, code] = std::from_chars(found->second.data(), end, value);
    if (code != std::errc{} || rest != end) bad(key, "a seed");
    return value;
  }

  [[noreturn]] void bad(const char* key, const std::string& expected) const {
    const auto found = saved_.metadata.find(key);
    fail("{}: expected {} as '{}', found {}; the file is damaged", source_, expected, key,
         found == saved_.metadata.end() ? "others" : quote_text(found->second));
  }

 private:
  const SavedPreprocess& saved_;
  std::string source_;
};

void take_signal(const Loader& loader, const std::string& source, Preprocess& result) {
  result.input_image = result.output_image = loader.signal("preprocess.signal");
  if (loader.has("preprocess.rate")) {
    result.rate = loader.whole("preprocess.rate", kMinRate, kMaxRate);
  }
  if (loader.has("preprocess.bands")) {
    if (result.rate == 0) loader.bad("preprocess.bands", "no bands without a rate");
    result.log_mel =
        log_mel_of(result.rate, loader.whole("preprocess.bands", kMinBands, kMaxBands));
    result.output_image = log_mel_shape(*result.log_mel, result.input_image, source);
  }
  const auto C = static_cast<std::size_t>(result.output_image.channels);
  result.mean = loader.tensor("preprocess.mean", C);
  result.scale = loader.tensor("preprocess.scale", C);
}

}  // namespace

SavedPreprocess to_saved(const Preprocess& preprocess) {
  SavedPreprocess saved;
  auto& metadata = saved.metadata;
  metadata["preprocess.version"] = preprocess.offset.empty() ? kFormatVersion : kLaterVersion;
  metadata["preprocess.kind"] = kind_name(preprocess.kind);
  if (preprocess.permutation_seed) {
    metadata["preprocess.permutation_seed"] = std::to_string(*preprocess.permutation_seed);
  }
  if (preprocess.kind == DataKind::kImage) {
    metadata["preprocess.input_image"] = shape_text(preprocess.input_image);
    metadata["preprocess.output_image"] = shape_text(preprocess.output_image);
    if (preprocess.resize_method == ResizeMethod::kSubsample) {
      metadata["preprocess.version"] = kLaterVersion;
      metadata["preprocess.resize"] = "subsample";
    }
  } else if (preprocess.kind == DataKind::kSignal) {
    metadata["preprocess.version"] = kLaterVersion;
    metadata["preprocess.signal"] = shape_text(preprocess.input_image);
    if (preprocess.rate > 0) metadata["preprocess.rate"] = std::to_string(preprocess.rate);
    if (preprocess.log_mel) {
      metadata["preprocess.bands"] = std::to_string(preprocess.log_mel->bands);
    }
    saved.tensors["preprocess.mean"] = preprocess.mean;
    saved.tensors["preprocess.scale"] = preprocess.scale;
  } else if (preprocess.kind == DataKind::kTable) {
    metadata["preprocess.columns"] = nlohmann::json(preprocess.column_names).dump();
    metadata["preprocess.missing"] = preprocess.missing == MissingPolicy::kMean   ? "mean"
                                     : preprocess.missing == MissingPolicy::kZero ? "zero"
                                                                                  : "error";
    if (!preprocess.offset.empty()) {
      metadata["preprocess.offset"] = nlohmann::json(preprocess.offset).dump();
    }
    saved.tensors["preprocess.mean"] = preprocess.mean;
    saved.tensors["preprocess.scale"] = preprocess.scale;
    saved.tensors["preprocess.one_hot"] =
        std::vector<float>(preprocess.one_hot.begin(), preprocess.one_hot.end());
  } else {
    metadata["preprocess.words"] = nlohmann::json(preprocess.words).dump();
    metadata["preprocess.weights"] = preprocess.tfidf ? "tfidf" : "tf";
    saved.tensors["preprocess.word_weights"] = preprocess.word_weights;
  }
  return saved;
}

Preprocess from_saved(const SavedPreprocess& saved, const std::string& source) {
  const Loader loader(saved, source);
  const std::string& version = loader.text("preprocess.version");
  if (version != kFormatVersion && version != kLaterVersion) {
    fail("{}: expected preprocessing of version {} or {}, found {}; use a newer program",
         printable(source, 400), kFormatVersion, kLaterVersion, quote_text(version));
  }
  Preprocess result;
  result.kind =
      static_cast<DataKind>(loader.choice("preprocess.kind", {"image", "table", "text", "signal"}));
  result.permutation_seed = loader.seed("preprocess.permutation_seed");
  if (result.kind == DataKind::kImage) {
    result.input_image = loader.image("preprocess.input_image");
    result.output_image = loader.image("preprocess.output_image");
    if (version == kLaterVersion)
      result.resize_method =
          static_cast<ResizeMethod>(loader.choice("preprocess.resize", {"area", "subsample"}));
    if (result.output_image.channels > result.input_image.channels) {
      loader.bad("preprocess.output_image", "no more channels than the input has");
    }
  } else if (result.kind == DataKind::kSignal) {
    take_signal(loader, source, result);
  } else if (result.kind == DataKind::kTable) {
    result.column_names = loader.names("preprocess.columns");
    const std::size_t count = result.column_names.size();
    if (version == kLaterVersion) result.offset = loader.numbers("preprocess.offset", count);
    result.mean = loader.tensor("preprocess.mean", count);
    result.scale = loader.tensor("preprocess.scale", count);
    for (const float value : loader.tensor("preprocess.one_hot", count)) {
      result.one_hot.push_back(value != 0);
    }
    result.missing =
        static_cast<MissingPolicy>(loader.choice("preprocess.missing", {"error", "mean", "zero"}));
  } else {
    result.words = loader.names("preprocess.words");
    result.word_weights = loader.tensor("preprocess.word_weights", result.words.size());
    result.tfidf = loader.choice("preprocess.weights", {"tf", "tfidf"}) == 1;
  }
  return result;
}

}  // namespace metaplastic
