// What the loaders of the forms share: labels, image options, and their entry points.
// Each load_ function gets a parsed spec of its own form (data_form.h).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "data/data_spec.h"
#include "data/dataset.h"
#include "io/npy.h"

namespace metaplastic {

// More classes than this are taken for a mistake, e.g. a regression target as label.
inline constexpr std::size_t kMaxClasses = 100'000;
// Bytes of one data set that are read into memory, at most.
inline constexpr std::int64_t kMaxDataBytes = std::int64_t{1} << 36;

// Labels become 0..num_classes-1, names in the order of their numbers when all are numbers, else in
// natural order (base/natural_order.h). No label is: an empty name, or one of is_missing() where
// the column could hold it; where all are numbers, also -1 (scikit-learn's convention) and NaN. A
// note counts such rows. What cannot serve as labels is said in data.unusable_labels and left out.
// `source` starts such lines.
void set_labels(Dataset& data, const std::vector<std::string>& values, const std::string& source);
void set_labels(Dataset& data, const std::vector<std::int64_t>& values, const std::string& source);
void set_labels(Dataset& data, const std::vector<double>& values, const std::string& source);

// Applies the options image=HxW[xC] and max=VALUE, or signal=yes|TIME[xCHANNELS]. `default_max` is
// the form's value of white. Without image= and signal= the number of dimensions decides; max= is
// for images alone.
void apply_row_options(Dataset& data, const DataSpec& spec, const std::string& source,
                       float default_max);

// The value of white in an array of pixels of this type: 1 for floats and bools, 65535 for 16 bits
// without a sign, else 255.
float white_of(const NpyType& type);

// The folder of mnist and cifar10: METAPLASTIC_DATA, else ./data.
std::string data_folder();
// A file that ships with the program, looked for in METAPLASTIC_SHARE, beside the executable, in
// the install prefix and in the source tree. Throws Error that lists the folders.
std::string find_shared_file(const std::string& name);

Dataset load_idx_pair(const std::string& images, const std::string& labels);  // labels may be ""
Dataset load_fashion_mnist();
Dataset load_mnist();
Dataset load_cifar10();
Dataset load_digits();
Dataset load_npy(const DataSpec& spec);
Dataset load_npz(const DataSpec& spec);
Dataset load_csv(const DataSpec& spec);
Dataset load_images(const DataSpec& spec);
Dataset load_text(const DataSpec& spec);
Dataset load_wav(const DataSpec& spec);

}  // namespace metaplastic
