// How far a probe's predictions are from their targets.
#pragma once

namespace metaplastic {

enum class ProbeLoss {
  kCosine,        // mean cosine distance over all targets, 0..2               [paper: section 3.3]
  kCrossEntropy,  // of a softmax over the classes, whose logits are kCrossEntropyScale times the
                  // predictions; coefficients are fitted but not judged
};
// Targets of C classes are C / sqrt(C - 1) apart, so two makes a perfect prediction's odds some 800
// to 1 for ten classes. The paper has no such loss; after R2-D2 (Bertinetto et al. 2019), where the
// scale is learned.
constexpr double kCrossEntropyScale = 2;

// Of M examples; the first num_classes of the Y targets are one-hot classes, centred and scaled.
template <class T>
struct Predictions {
  const T* targets;  // [Y,M]
  T* predicted;      // [Y,M]
  int Y, M, num_classes;
};

// The class with the largest of values [Y,M] of example m; of targets, its label. Ties go to the
// lower class.
template <class T>
int largest_class(const T* values, int num_classes, int M, int m);

// Mean over the examples.
template <class T>
T probe_loss(ProbeLoss kind, const Predictions<T>& p);
// predicted <- loss_bar d loss / d predicted
template <class T>
void probe_loss_vjp(ProbeLoss kind, const Predictions<T>& p, T loss_bar);
// Share of examples whose largest class prediction is their label.
template <class T>
double probe_accuracy(const Predictions<T>& p);

}  // namespace metaplastic
