// The form images: a folder of pictures, a sub-folder per class.
#include "base/error.h"
#include "base/text.h"
#include "data/dataset_folder.h"
#include "data/dataset_parts.h"
#include "data/dataset_rows.h"
#include "data/read_bytes.h"
#include "data/read_image.h"

namespace metaplastic {
namespace {

constexpr int kMaxShownSide = 1024;

Picture read_picture(const std::string& path) {
  const std::string bytes = read_regular_file(path, static_cast<std::uint64_t>(kMaxPictureBytes));
  return decode_picture({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()},
                        printable(path, 400));
}

class ImageLoader {
 public:
  explicit ImageLoader(const DataSpec& spec)
      : folder_(printable(spec.paths[0], 400)),
        side_(spec.number("size", 1, kMaxShownSide, 0)),
        grey_(spec.choice("grey", {"no", "yes"}) == "yes"),
        skip_bad_(spec.choice("bad", {"error", "skip"}) == "skip"),
        listing_(list_class_folder(spec.paths[0], {".png", ".jpg", ".jpeg", ".pgm", ".ppm"})) {}

  Dataset load() {
    for (std::size_t n = 0; n < listing_.files.size(); ++n) {
      try {
        add(read_picture(listing_.files[n]), listing_.files[n]);
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
    for (const std::string& line : bad_) data.notes.push_back("skipped " + line);
    return data;
  }

 private:
  void add(Picture picture, const std::string& path) {
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
      std::vector<std::uint8_t> colour(pixels_.size() * 3);
      for (std::size_t n = 0; n < colour.size(); ++n) colour[n] = pixels_[n / 3];
      pixels_ = std::move(colour);
      channels_ = 3;
    }
    if (channels_ == 3) make_colour(picture);
    if (pixels_.size() + picture.pixels.size() > static_cast<std::size_t>(kMaxDataBytes)) {
      fail("{}: expected at most {} GiB of pixels, found more; give a smaller size=SIDE", folder_,
           kMaxDataBytes >> 30);
    }
    pixels_.insert(pixels_.end(), picture.pixels.begin(), picture.pixels.end());
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
  bool grey_, skip_bad_;
  FolderListing listing_;
  int height_ = 0, width_ = 0, channels_ = 0;
  std::vector<std::uint8_t> pixels_;  // [images, height, width, channels]
  std::vector<std::string> labels_;
  std::vector<std::string> bad_;
};

}  // namespace

Dataset load_images(const DataSpec& spec) { return ImageLoader(spec).load(); }

}  // namespace metaplastic
