// Generated texts as bags of words: word frequencies follow Zipf's law, topics prefer some of the
// words, classes prefer some of the topics; counts are scaled to length 1 as preprocess.h does it.
// Every task invents its own language; the ways in which classes differ in meta-validation are
// other ones than those of meta-training.
#pragma once

#include <limits>
#include <memory>
#include <span>
#include <string_view>

#include "tasks/task_family.h"

namespace metaplastic {

// How a document comes from its class.
enum class WordModel {
  kUnigrams,  // one topic for all of its words
  kMixture,   // a mixture of topics, drawn for each document
  kBursty,    // the same, and words come again once they were used
  kKeywords,  // the same topics for all classes, each class has some words of its own; held out
  kBranches,  // one topic per class, alike within groups of classes; held out
};
std::span<const WordModel> word_models(Split split);

class WordFamily : public TaskFamily {
 public:
  // A task counts min_inputs to max_inputs words (log-uniform).
  WordFamily(int min_inputs, int max_inputs) : min_inputs_(min_inputs), max_inputs_(max_inputs) {}

  std::string_view name() const override { return "words"; }
  std::string describe() const override { return "words: generated, version 1"; }
  int max_classes(Split) const override { return std::numeric_limits<int>::max(); }
  std::unique_ptr<ClassSet> draw_classes(Split split, int num_classes,
                                         Random& random) const override;
  // The same with a given model.
  std::unique_ptr<ClassSet> draw_classes(WordModel model, int num_classes, Random& random) const;

 private:
  int min_inputs_, max_inputs_;
};

}  // namespace metaplastic
