#include "rule/released_checkpoint.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <set>

#include "base/error.h"
#include "base/text.h"
#include "rule/convert_theta.h"
#include "rule/layout_file.h"

namespace metaplastic {
namespace {

using Shape = std::vector<std::int64_t>;

constexpr const char* kModule = "MoreLocalWeightUpdateProcess/";

// A convolution without its bias, and the offset of the norm behind it, which theta has under the
// same name with _offset.
struct Block {
  const char* convolution;
  const char* norm;
  const char* theta;
  int taps;
};
constexpr Block kBlocks[] = {
    {"compute_top_delta/conv_1d", "compute_top_delta/batch_norm", "top_conv_in", 5},
    {"compute_top_delta/conv_1d_1", "compute_top_delta/batch_norm_1", "top_mix_1", 3},
    {"compute_top_delta/conv_1d_2", "compute_top_delta/batch_norm_2", "top_mix_2", 3},
    {"compute_top_delta/conv_1d_3", "compute_top_delta/batch_norm_3", "top_conv_1", 3},
    {"compute_top_delta/conv_1d_4", "compute_top_delta/batch_norm_4", "top_conv_2", 3},
    {"conv_1d", "batch_norm_1", "hidden_conv_1", 3},
    {"ConcatUnitConv/conv_1d", "ConcatUnitConv/batch_norm", "hidden_unit_1a", 3},
    {"ConcatUnitConv/conv_1d_1", "ConcatUnitConv/batch_norm_1", "hidden_unit_1b", 3},
    {"conv_1d_1", "batch_norm_2", "hidden_conv_2", 3},
    {"ConcatUnitConv_1/conv_1d", "ConcatUnitConv_1/batch_norm", "hidden_unit_2a", 3},
    {"ConcatUnitConv_1/conv_1d_1", "ConcatUnitConv_1/batch_norm_1", "hidden_unit_2b", 3},
};

// Readouts in the order of theta's columns, up0.. and lo0..; behind the prefix of their direction.
constexpr const char* kUpReadouts[] = {"weight_readout_0_top",  "weight_readout_rbf_top",
                                       "weight_readout_1_top",  "lin_upper_symm_top",
                                       "lin_upper_symm_bottom", "lin_upper_psd_top",
                                       "sqr_upper_symm_top",    "sqr_upper_symm_bottom"};
constexpr const char* kLowReadouts[] = {"weight_readout_0_bottom", "weight_readout_rbf_bottom",
                                        "weight_readout_1_bottom", "lin_lower_symm_top",
                                        "lin_lower_symm_bottom",   "sqr_lower_symm_top",
                                        "sqr_lower_symm_bottom"};

// The terms of the mix, in the alphabetical order of the release's names.
struct ReleasedTerm {
  const char* variable;
  const char* term;
};
constexpr ReleasedTerm kReleasedTerms[] = {
    {"0_order", "zero_order"},
    {"1_order", "first_order"},
    {"decorr_x", "decorrelate"},
    {"hebb", "hebb"},
    {"large_decay", "decay"},
    {"lin_lower_symm", "lin_lo"},
    {"lin_upper_psd", "lin_up_psd"},
    {"lin_upper_symm", "lin_up"},
    {"rbf", "rbf"},
    {"sqr_lower_symm", "sqr_lo"},
    {"sqr_upper_symm", "sqr_up"},
    {"w_base", "base"},
};

// What the release trains its base model with (run_eval and LinearBatchNorm).
InnerSettings released_inner() {
  InnerSettings inner;
  inner.inner_lr = 1e-4;
  inner.weight_std = 0.01;
  inner.bias_std = 0.1;
  inner.init = "truncated";
  inner.inner_batch = 128;
  inner.inner_steps = 3000;
  return inner;
}

// Copies variables into theta and remembers which.
class Importer {
 public:
  Importer(const TensorFile& file, const ThetaLayout& layout, std::vector<float>& theta)
      : file_(file), layout_(layout), theta_(theta) {}
  const std::set<std::string>& used() const { return used_; }

  std::span<const float> values(const std::string& name, const Shape& shape) {
    const std::string full = kModule + name;
    used_.insert(full);
    const auto found = file_.require(full, DType::kF32, shape).as<float>();
    if (!std::ranges::all_of(found, [](float v) { return std::isfinite(v); })) {
      fail("{}: expected finite numbers in {}, found others; import another checkpoint",
           file_.source, quote_text(full));
    }
    return found;
  }
  // Rows of the matrix from a column on; the variable has `shape`, whose last extent is the number
  // of columns.
  void copy(const std::string& name, const Shape& shape, std::string_view theta, int column = 0) {
    const ThetaEntry& to = entry(theta);
    const std::span<const float> from = values(name, shape);
    const auto count = static_cast<std::ptrdiff_t>(shape.back());
    METAPLASTIC_CHECK(column + count <= to.cols &&
                      static_cast<std::ptrdiff_t>(from.size()) == to.rows * count);
    for (std::ptrdiff_t row = 0; row < to.rows; ++row) {
      std::copy_n(from.begin() + row * count, count,
                  theta_.begin() + to.offset + row * to.cols + column);
    }
  }
  // A linear map [C,n] and its bias [n].
  void copy_linear(const std::string& name, int outputs, const std::string& theta, int column) {
    copy(name + "/w", {layout_.sizes().C, outputs}, theta, column);
    copy(name + "/b", {outputs}, theta + "_bias", column);
  }
  const ThetaEntry& entry(std::string_view name) const {
    const auto found = std::ranges::find(layout_.entries(), name, &ThetaEntry::name);
    METAPLASTIC_CHECK(found != layout_.entries().end());
    return *found;
  }
  float& number(const ThetaEntry& to, std::size_t column) {
    return theta_[static_cast<std::size_t>(to.offset) + column];
  }

 private:
  const TensorFile& file_;
  const ThetaLayout& layout_;
  std::vector<float>& theta_;
  std::set<std::string> used_;
};

// The extent of a variable, which gives one of the rule's sizes.
int size_from(const TensorFile& file, const char* name, std::size_t rank, std::size_t axis,
              int most) {
  const Tensor& tensor = file.require(std::string(kModule) + name, DType::kF32);
  if (tensor.shape.size() != rank || tensor.shape[axis] < 1 || tensor.shape[axis] > most) {
    fail("{}: expected {} of {} dimensions, the size {} from 1 to {}, found shape [{}]",
         file.source, quote_text(tensor.name), rank, axis, most, fmt::join(tensor.shape, ","));
  }
  return static_cast<int>(tensor.shape[axis]);
}

RuleSizes sizes_of(const TensorFile& file) {
  RuleSizes sizes;
  sizes.preset = "metz2019";
  sizes.C = size_from(file, "compute_top_delta/conv_1d/w", 3, 2, 128);
  sizes.top_units = size_from(file, "compute_top_delta/conv_1d_1/w", 3, 2, 256);
  sizes.D = size_from(file, "compute_top_delta/conv_1d_5/w", 3, 2, 64);
  sizes.G = size_from(file, "forwardweight_readout_0_top/linear/w", 2, 1, 16);
  const bool has_backward = std::ranges::any_of(file.tensors, [](const Tensor& tensor) {
    return tensor.name.starts_with(std::string(kModule) + "backward");
  });
  if (has_backward) sizes.v_step = "separate";
  return sizes;
}

void copy_networks(Importer& importer, const ThetaLayout& layout) {
  const RuleSizes& sizes = layout.sizes();
  for (const Block& block : kBlocks) {
    const ThetaEntry& to = importer.entry(block.theta);
    importer.copy(std::string(block.convolution) + "/w",
                  {block.taps, to.rows / block.taps, to.cols}, block.theta);
    importer.copy(std::string(block.norm) + "/beta", {1, 1, to.cols},
                  std::string(block.theta) + "_offset");
  }
  importer.copy("compute_top_delta/conv_1d_5/w", {3, sizes.C, sizes.D}, "top_out");
  importer.copy("compute_top_delta/conv_1d_5/b", {sizes.D}, "top_out_bias");
  importer.copy("batch_norm/beta", {1, 1, importer.entry("hidden_inputs_offset").cols},
                "hidden_inputs_offset");
  importer.copy_linear("linear", sizes.D, "readout", layout.delta_column());
  importer.copy_linear("bias_readout", 1, "readout", layout.bias_column());
}

// The readouts and the mix of one direction: W's ("forward"), or V's own.
void copy_direction(Importer& importer, const ThetaLayout& layout, bool is_forward) {
  const int G = layout.sizes().G;
  const std::string direction = is_forward ? "forward" : "backward";
  const std::string readout = is_forward ? "readout" : "readout_v";
  const std::string mix = is_forward ? "mix" : "mix_v";
  const int num_up = static_cast<int>(std::size(kUpReadouts));
  METAPLASTIC_CHECK(num_up == layout.num_up_readouts() &&
                    static_cast<int>(std::size(kLowReadouts)) == layout.num_low_readouts());
  const auto low_column = [&](int n) {
    return is_forward ? layout.low_column(n) : (num_up + n) * G;
  };
  int n = 0;
  for (const char* name : kUpReadouts)
    importer.copy_linear(direction + name + "/linear", G, readout, layout.up_column(n++));
  n = 0;
  for (const char* name : kLowReadouts)
    importer.copy_linear(direction + name + "/linear", G, readout, low_column(n++));

  const std::string coefficients = direction + "_weight_readout_coeffs";
  const auto num_terms = static_cast<std::int64_t>(std::size(kReleasedTerms));
  const std::vector<std::string_view> names = term_names(layout);
  METAPLASTIC_CHECK(static_cast<std::int64_t>(names.size()) == num_terms);
  const auto weights = importer.values(coefficients + "/w", {num_terms, 1});
  for (std::size_t k = 0; k < std::size(kReleasedTerms); ++k) {
    const auto place = std::ranges::find(names, std::string_view(kReleasedTerms[k].term));
    METAPLASTIC_CHECK(place != names.end());
    importer.number(importer.entry(mix), static_cast<std::size_t>(place - names.begin())) =
        weights[k];
  }
  importer.copy(coefficients + "/b", {1}, mix + "_bias");
}

bool is_bias_before_norm(std::string_view name) {
  return std::ranges::any_of(kBlocks, [&](const Block& block) {
    return name == std::string(kModule) + block.convolution + "/b";
  });
}

bool is_average(std::string_view name) {
  return name.starts_with(kModule) &&
         (name.ends_with("/moving_mean") || name.ends_with("/moving_variance"));
}

}  // namespace

ReleasedRule rule_from_checkpoint(const TensorFile& checkpoint) {
  ReleasedRule result;
  Rule& rule = result.rule;
  rule.sizes = sizes_of(checkpoint);
  rule.inner = released_inner();
  // The release has the terms of the first version, whatever the table of terms has now.
  const ThetaLayout layout = first_version_layout(rule.sizes);
  // What no variable fills would stay.
  std::vector<float> theta(static_cast<std::size_t>(layout.size()), std::nanf(""));
  Importer importer(checkpoint, layout, theta);
  copy_networks(importer, layout);
  copy_direction(importer, layout, true);
  if (rule.sizes.has_v_step()) copy_direction(importer, layout, false);
  METAPLASTIC_CHECK(std::ranges::none_of(theta, [](float v) { return std::isnan(v); }));
  rule.theta = convert_theta(layout, theta, ThetaLayout(rule.sizes));
  for (const Tensor& tensor : checkpoint.tensors) {
    if (importer.used().contains(tensor.name)) {
      ++result.num_used;
    } else if (is_bias_before_norm(tensor.name)) {
      ++result.num_biases;
    } else if (is_average(tensor.name)) {
      ++result.num_averages;
    } else {
      result.others.push_back(tensor.name);
    }
  }
  return result;
}

}  // namespace metaplastic
