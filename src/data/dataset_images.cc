// The form images: a folder of pictures, a sub-folder per class.
#include "base/error.h"
#include "base/stop.h"
#include "base/stopped.h"
#include "base/text.h"
#include "data/dataset_folder.h"
#include "data/dataset_parts.h"
#include "data/dataset_rows.h"
#include "data/read_bytes.h"
#include "data/read_image.h"

namespace metaplastic {
namespace {

constexpr int kMaxShownSide = 1024;

DecodedImage read_picture(const std::string& path, Background background) {
  const std::string bytes = read_regular_file(path, static_cast<std::uint64_t>(kMaxPictureBytes));
  return decode_picture({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()},
                        printable(path, 400), background);
}

Background background_of(const DataSpec& spec) {
  const std::string choice = spec.choice("background", {"white", "black", "error"});
  return choice == "white"   ? Background::kWhite
         : choice == "black" ? Background::kBlack
                             : Background::kError;
}

// How many files something was decided for, and the first of them.
struct Tally {
  std::int64_t count = 0;
  std::string first;
  void add(const std::string& text) {
    if (count++ == 0) first = text;
  }
};

class ImageLoader {
 public:
  explicit ImageLoader(const DataSpec& spec)
      : folder_(printable(spec.paths[0], 400)),
        side_(spec.number("size", 1, kMaxShownSide, 0)),
        grey_(spec.choice("grey", {"no", "yes"}) == "yes"),
        background_(background_of(spec)),
        skip_bad_(spec.choice("bad", {"error", "skip"}) == "skip"),
        listing_(list_class_folder(spec.paths[0], image_endings())) {}

  Dataset load() {
    for (std::size_t n = 0; n < listing_.files.size(); ++n) {
      if (stop_requested()) throw Stopped{};
      try {
        add(read_picture(listing_.files[n], background_), listing_.files[n]);
        row_names_.push_back(listing_.names[n]);
        if (!listing_.classes.empty()) labels_.push_back(listing_.classes[n]);
      } catch (const Error& error) {
        bad_.emplace_back(error.what());
      }
    }
    report_bad();
    Dataset data;
    data.kind = DataKind::kImage;
    data.image = {height_, width_, channels_};
    data.rows = std::make_shared<ByteRows>(std::move(pixels_), height_ * width_ * channels_);
    if (!labels_.empty()) set_labels(data, labels_, folder_);
    data.row_names = std::move(row_names_);
    add_notes(data.notes);
    return data;
  }

 private:
  void add(DecodedImage picture, const std::string& path) {
    const int own_channels = picture.channels;
    if (grey_) make_grey(picture);
    if (side_ > 0) resize_picture(picture, side_, side_);
    if (height_ == 0) {
      height_ = picture.height;
      width_ = picture.width;
      channels_ = picture.channels;
    }
    if (picture.height != height_ || picture.width != width_) {
      fail(
          "{}: expected {} x {} pixels (width x height) like the images before it, found {} x {}; "
          "give size=SIDE",
          printable(path, 400), width_, height_, picture.width, picture.height);
    }
    if (picture.channels > channels_) {
      // The first colour image: the grey ones before it get three equal channels.
      check_size(pixels_.size() * 3);
      std::vector<std::uint8_t> colour(pixels_.size() * 3);
      for (std::size_t n = 0; n < colour.size(); ++n) colour[n] = pixels_[n / 3];
      pixels_ = std::move(colour);
      channels_ = 3;
    }
    if (channels_ == 3) make_colour(picture);
    check_size(pixels_.size() + picture.pixels.size());
    pixels_.insert(pixels_.end(), picture.pixels.begin(), picture.pixels.end());
    // Of files that are read, not of those that were found bad.
    (own_channels == 1 ? num_grey_ : num_colour_) += 1;
    if (picture.is_transparent) transparent_.add(printable(path, 200));
    if (picture.is_deep) deep_.add(printable(path, 200));
    if (!picture.warning.empty()) {
      warned_.add(fmt::format("{}: {}", printable(path, 200), printable(picture.warning)));
    }
  }

  void check_size(std::size_t num_bytes) const {
    if (num_bytes <= static_cast<std::size_t>(kMaxDataBytes)) return;
    fail("{}: expected at most {} GiB of pixels, found more; give a smaller size=SIDE", folder_,
         kMaxDataBytes >> 30);
  }

  void add_notes(std::vector<std::string>& notes) const {
    for (const std::string& line : bad_) notes.push_back("skipped " + line);
    if (!listing_.left_out.empty()) notes.push_back(listing_.left_out);
    if (num_grey_ > 0 && num_colour_ > 0 && !grey_) {
      notes.push_back(
          fmt::format("{}: {} grey and {} colour images, all read as colour; grey=yes reads all "
                      "as grey",
                      folder_, num_grey_, num_colour_));
    }
    const auto add = [&](const Tally& tally, const std::string& what) {
      if (tally.count == 0) return;
      notes.push_back(fmt::format("{}: {} {} (first {})", folder_, tally.count, what, tally.first));
    };
    add(transparent_,
        fmt::format("with transparent pixels, laid over {}; background=white|black|error says how",
                    background_ == Background::kBlack ? "black" : "white"));
    add(deep_, "of 16 bits, read as 8");
    add(warned_, "JPEG with a warning, pixels whole");
  }

  void report_bad() const {
    if (bad_.empty() || (skip_bad_ && bad_.size() < listing_.files.size())) return;
    std::string line = bad_.front();
    if (bad_.size() > 1) {
      line += fmt::format(" ({} more bad files; bad=skip passes over them)", bad_.size() - 1);
    }
    throw Error(line);
  }

  std::string folder_;
  int side_;
  bool grey_;
  Background background_;
  bool skip_bad_;
  FolderListing listing_;
  int height_ = 0, width_ = 0, channels_ = 0;
  std::vector<std::uint8_t> pixels_;  // [images, height, width, channels]
  std::vector<std::string> labels_, row_names_;
  std::int64_t num_grey_ = 0, num_colour_ = 0;
  Tally transparent_, deep_, warned_;
  std::vector<std::string> bad_;
};

}  // namespace

Dataset load_images(const DataSpec& spec) { return ImageLoader(spec).load(); }

}  // namespace metaplastic
