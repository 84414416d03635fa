// A classifier from few labelled rows: logistic regression of the inputs, blended with ridge
// regression of the read-outs of an encoder by how well each does in a cross-validation on the
// labelled rows alone.  docs/few-labels.md
#pragma once

#include <span>
#include <string>
#include <vector>

#include "apply/encoder.h"
#include "base/thread_pool.h"
#include "eval/few_label_folds.h"

namespace metaplastic {

// What cross-validation says, out of fold: means over the labelled rows.
struct OutOfFold {
  double loss = 0;  // log loss plus half of the errors
  double accuracy = 0;
  double gain = 0;        // loss of logistic regression less this loss
  double gain_error = 0;  // standard error of the gain; rows are paired
};

// One read-out, with the penalty and the share that are best for it.
struct ReadoutTrial : OutOfFold {
  std::size_t encoder = 0;  // its place among the encoders
  Readout readout;          // what ridge regression reads
  double lambda = 0;        // its penalty
  double factor = 1;        // of its scores
  double share = 0;         // of ridge regression beside logistic regression of the inputs
  double weight = 0;        // of its logits in the blend
};

struct FewLabelChoice {
  std::vector<ReadoutTrial> trials;  // logistic regression alone first; the weights sum to 1
  OutOfFold blend;                   // what with_classifier fits
  std::size_t encoder = 0;           // whose read-outs have weights
  double logistic_factor = 1;        // of the logits of logistic regression
  double factor = 1;                 // of the blend's logits
  const ReadoutTrial& logistic() const { return trials.front(); }
  bool uses_features() const { return trials.front().weight < 1; }
};

// Each trial, with each share, has the weight exp(-kWeightOfLoss * its loss summed over the rows);
// so has logistic regression. Logistic regression alone is taken unless the blend's loss is smaller
// by kWantedErrors standard errors of the difference: where learning does not help, or nobody can
// tell, nothing is lost. Of several encoders the one with the best trial is blended. A function of
// rows, encoders and options; the same for any number of threads. Throws Error as check_labelled
// does.
inline constexpr double kWeightOfLoss = 0.5;
inline constexpr double kWantedErrors = 0.5;
FewLabelChoice choose_readout(std::span<const Encoder> encoders, const LabelledRows& labelled,
                              const FewLabelOptions& options, ThreadPool& pool);

// The encoder with the read-out that the blend needs, and the blend fitted on all labelled rows.
Encoder with_classifier(std::span<const Encoder> encoders, const LabelledRows& labelled,
                        const FewLabelChoice& choice);

// Lines for people: what was tried and chosen.
std::string few_label_table(const FewLabelChoice& choice, std::span<const Encoder> encoders);

}  // namespace metaplastic
