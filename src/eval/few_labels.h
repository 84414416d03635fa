// A classifier from few labelled rows: which of the read-outs of some encoders it reads, and with
// which penalty, is chosen by cross-validation on the labelled rows alone.  docs/few-labels.md
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "apply/encoder.h"
#include "base/thread_pool.h"

namespace metaplastic {

// Prepared rows whose labels are known; every class has at least one.
struct LabelledRows {
  std::vector<float> rows;  // [n,U_0]
  std::vector<int> labels;  // [n] in 0..class_names.size()-1
  std::vector<std::string> class_names;
};

// Throws Error for fewer than two classes.
void check_labelled(const LabelledRows& labelled);

struct FewLabelOptions {
  int folds = 5;                 // stratified; fewer where a class has fewer rows, at least 2
  int repeats = 3;               // of the whole cross-validation, with other folds
  std::int64_t max_rows = 2000;  // that cross-validation looks at; all rows fit the classifier
  std::uint64_t seed = 0;
};

// What cross-validation says of one read-out, with the penalty that is best for it. Means over the
// labelled rows, out of fold.
struct ReadoutTrial {
  std::size_t encoder = 0;  // its place among the encoders
  Readout readout;
  double lambda = 0;
  double loss = 0;  // squared distance of the scores to the one-hot label, plus half of the errors
  double accuracy = 0;
  double gain = 0;        // loss of the inputs alone less this loss
  double gain_error = 0;  // standard error of the gain; rows are paired
};

struct FewLabelChoice {
  std::vector<ReadoutTrial> trials;  // the inputs alone first
  std::size_t chosen = 0;            // among the trials
  double temperature = 1;            // factor of the scores before the softmax
  const ReadoutTrial& best() const { return trials[chosen]; }
  const ReadoutTrial& inputs() const { return trials.front(); }
};

// The penalty of a read-out has the smallest squared distance. The inputs alone are taken unless
// another read-out has a smaller loss by kWantedErrors standard errors of the difference: where
// learning does not help, or nobody can tell, nothing is lost. A function of rows, encoders and
// options; the same for any number of threads. Throws Error as check_labelled does.
inline constexpr double kWantedErrors = 0.5;
FewLabelChoice choose_readout(std::span<const Encoder> encoders, const LabelledRows& labelled,
                              const FewLabelOptions& options, ThreadPool& pool);

// The encoder with the read-out chosen, and its classifier fitted on all labelled rows.
Encoder with_classifier(std::span<const Encoder> encoders, const LabelledRows& labelled,
                        const FewLabelChoice& choice);

// Lines for people: what was tried and chosen.
std::string few_label_table(const FewLabelChoice& choice, std::span<const Encoder> encoders);

}  // namespace metaplastic
