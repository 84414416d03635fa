#include "readers.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>

#include "apply/encoder_file.h"
#include "base/error.h"
#include "data/dataset.h"
#include "data/preprocess.h"
#include "data/read_cifar.h"
#include "data/read_image.h"
#include "io/bundle/sorted_table.h"
#include "io/bundle/tensor_bundle.h"
#include "io/config.h"
#include "io/crc32c.h"
#include "io/npy.h"
#include "io/safetensors.h"
#include "meta/checkpoint.h"
#include "rule/released_checkpoint.h"
#include "rule/rule_file.h"
#include "tasks/task_forms.h"

namespace metaplastic::fuzz {
namespace {

using Bytes = std::span<const std::uint8_t>;

// A file in memory that the readers open by its path.
class MemoryFile {
 public:
  MemoryFile() : descriptor_(memfd_create("fuzz", MFD_CLOEXEC)) {
    METAPLASTIC_CHECK(descriptor_ >= 0);
  }
  ~MemoryFile() { close(descriptor_); }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;

  std::string path() const { return "/proc/self/fd/" + std::to_string(descriptor_); }
  void fill(Bytes bytes) const {
    METAPLASTIC_CHECK(ftruncate(descriptor_, 0) == 0);
    METAPLASTIC_CHECK(pwrite(descriptor_, bytes.data(), bytes.size(), 0) ==
                      static_cast<ssize_t>(bytes.size()));
  }

 private:
  int descriptor_;
};

const std::string& path_of(Bytes bytes) {
  static const MemoryFile file;
  static const std::string path = file.path();
  file.fill(bytes);
  return path;
}

// Loads, fits and prepares, as apply does. Tiny files may stand for large matrices (one-hot
// columns, words): those are only loaded.
void use_data(const std::string& spec) {
  const Dataset data = load_data(spec);
  describe(data);
  PreprocessOptions options;
  if (data.kind == DataKind::kImage && data.image.size() > 64) options.resize = 5;
  const Preprocess preprocess = fit_preprocess(data, options);
  describe(preprocess);
  from_saved(to_saved(preprocess), "saved");
  if (data.num_rows() * preprocess.num_inputs() <= 1 << 22) apply_preprocess(preprocess, data);
}

void use_twice(const std::string& form, const std::string& options, Bytes bytes) {
  const std::string spec = form + path_of(bytes);
  try {
    use_data(spec);
  } catch (const Error&) {
    use_data(spec + options);
    throw;
  }
  use_data(spec + options);
}

const std::string& own_folder() {
  static const std::string folder = [] {
    std::string name = "/tmp/metaplastic-fuzz-XXXXXX";
    if (access("/dev/shm", W_OK) == 0) name = "/dev/shm/metaplastic-fuzz-XXXXXX";
    METAPLASTIC_CHECK(mkdtemp(name.data()) != nullptr);
    static std::string made;
    made = name;
    std::atexit([] { std::filesystem::remove_all(made); });
    return name;
  }();
  return folder;
}

// Files of ours carry a digest that no mutation survives. So the input is an unsigned one, and this
// signs it; `load` then sees any content with a valid digest, as an ill-meaning author would send.
template <class Load>
void use_signed(Bytes bytes, const Load& load) {
  TensorFile file = read_safetensors(path_of(bytes));
  const std::string path = own_folder() + "/signed.safetensors";
  write_safetensors(path, file);
  load(path);
}

void append_number(std::uint64_t value, std::string& out) {
  for (; value >= 128; value >>= 7) out += static_cast<char>((value & 127) | 128);
  out += static_cast<char>(value);
}

// The input is one block of a checkpoint's index. Around it comes a table with the right checksums
// and places, and beside that a file of data.
void use_block(Bytes bytes) {
  std::string file;
  const auto add_block = [&](const std::string& content) {
    std::string place;
    append_number(file.size(), place);
    append_number(content.size(), place);
    const std::string checked = content + '\0';
    const std::uint32_t checksum = masked_crc32c(std::as_bytes(std::span(checked)));
    file += checked;
    file.append(reinterpret_cast<const char*>(&checksum), sizeof checksum);
    return place;
  };
  const std::string one_restart("\0\0\0\0\1\0\0\0", 8);
  const std::string place = add_block({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  std::string index(1, '\0');  // shares nothing
  index += '\1';
  append_number(place.size(), index);
  index += '\xff' + place + one_restart;
  std::string handles = add_block(one_restart);
  handles += add_block(index);
  handles.resize(40);
  file += handles + "\x57\xfb\x80\x8b\x24\x75\x47\xdb";
  const std::string prefix = own_folder() + "/bundle";
  std::ofstream(prefix + ".index", std::ios::binary) << file;
  std::ofstream(prefix + ".data-00000-of-00001", std::ios::binary) << std::string(4096, '\0');
  rule_from_checkpoint(read_tensor_bundle(prefix).file);
}

void use_picture(DecodedImage picture) {
  make_grey(picture);
  if (picture.height <= 2048 && picture.width <= 2048) resize_picture(picture, 7, 9);
}

MetaConfig small_config() {
  MetaConfig config;
  config.rule.C = config.rule.D = config.rule.G = 1;
  config.inner.min_layers = config.inner.max_layers = 1;
  config.inner.min_units = config.inner.max_units = 1;
  config.inner.min_features = config.inner.max_features = 1;
  config.outer.outer_batch = 1;
  return config;
}

using Use = void (*)(Bytes);

const std::map<std::string, Use>& uses() {
  static const std::map<std::string, Use> kUses = {
      {"idx", [](Bytes bytes) { use_data("idx:" + path_of(bytes)); }},
      {"npy", [](Bytes bytes) { use_twice("npy:", "," + path_of(bytes), bytes); }},
      {"npz", [](Bytes bytes) { use_data("npz:" + path_of(bytes)); }},
      {"csv",
       [](Bytes bytes) {
         use_twice("csv:", ",label=0,categorical=onehot,missing=mean,header=yes", bytes);
       }},
      {"text", [](Bytes bytes) { use_twice("text:", ",weights=tfidf,vocabulary=7", bytes); }},
      {"png", [](Bytes bytes) { use_picture(picture_detail::decode_png(bytes, "a.png")); }},
      {"jpeg", [](Bytes bytes) { use_picture(picture_detail::decode_jpeg(bytes, "a.jpg")); }},
      {"picture", [](Bytes bytes) { use_picture(decode_picture(bytes, "a.pgm")); }},
      {"cifar",
       [](Bytes bytes) {
         std::vector<std::uint8_t> pixels;
         std::vector<std::int64_t> labels;
         read_cifar_batch(path_of(bytes), pixels, labels);
       }},
      {"index", [](Bytes bytes) { read_sorted_table(std::as_bytes(bytes), "a.index"); }},
      {"bundle", use_block},
      {"safetensors", [](Bytes bytes) { read_safetensors(path_of(bytes)); }},
      {"rule", [](Bytes bytes) { use_signed(bytes, [](const auto& path) { load_rule(path); }); }},
      {"encoder",
       [](Bytes bytes) { use_signed(bytes, [](const auto& path) { load_encoder(path); }); }},
      {"checkpoint",
       [](Bytes bytes) {
         use_signed(bytes, [](const auto& path) { load_checkpoint(path, small_config()); });
       }},
      {"toml",
       [](Bytes bytes) {
         MetaConfig config;
         load_toml({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, "a.toml", config);
       }},
  };
  return kUses;
}

void check_line(const std::string& line) {
  const bool printable =
      std::ranges::all_of(line, [](unsigned char c) { return c >= 0x20 && c != 0x7f; });
  if (!line.empty() && line.size() <= 2000 && printable) return;
  std::fprintf(stderr, "expected one short printable line as error, found: %s\n", line.c_str());
  std::abort();
}

}  // namespace

std::vector<std::string> reader_names() {
  std::vector<std::string> names;
  for (const auto& [name, use] : uses()) names.push_back(name);
  return names;
}

bool is_reader(const std::string& name) { return uses().contains(name); }

void write_good_files(const std::string& folder) {
  const MetaConfig config = small_config();
  Rule rule;
  rule.sizes = config.rule;
  rule.theta.resize(static_cast<std::size_t>(ThetaLayout(rule.sizes).size()));
  save_rule(folder + "/rule.good", rule);
  RunState state;
  state.outer.theta.resize(static_cast<std::size_t>(ThetaLayout(config.rule).size()));
  state.outer.moment1 = state.outer.moment2 = state.outer.average = state.outer.theta;
  state.slots.resize(1);
  state.slots[0].phi.resize(8);  // its size is checked when the task is drawn again
  save_checkpoint(folder + "/checkpoint.good", config, state);
}

void read_bytes_as(const std::string& reader, std::span<const std::uint8_t> bytes) {
  try {
    uses().at(reader)(bytes);
  } catch (const Error& error) {
    check_line(error.what());
  }
}

}  // namespace metaplastic::fuzz
