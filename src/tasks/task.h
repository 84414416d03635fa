// One meta-training task: an N-way problem over small grey images or other vectors, and the batches
// drawn from it.
// A task is a pure function of (config, seed, index, split); a batch, of (task, purpose, step).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/random.h"
#include "tasks/appearance.h"
#include "tasks/augment.h"
#include "tasks/supplied_families.h"
#include "tasks/task_config.h"
#include "tasks/task_family.h"
#include "tasks/task_windows.h"

namespace metaplastic {

// Buffers are reused from batch to batch without reallocation once they are large enough.
struct TaskBatch {
  int num_examples = 0;             // B
  int num_inputs = 0;               // U0; side * side of images
  int num_targets = 0;              // A, number of augmentation targets, 0 for unaugmented tasks
  std::vector<float> x;             // [U0,B] input-major: x[u * B + b], inputs in permuted order
  std::vector<int> labels;          // [B] in 0..num_classes-1
  std::vector<float> augmentation;  // [B,A] in [-1,1]

  // Scratch of draw_batch; one TaskBatch belongs to one thread.
  struct Scratch {
    Augmenter::Workspace workspace;
    std::vector<float> source;    // [kSourcePixels]
    std::vector<float> inputs;    // [B,U0] before permutation
    std::vector<int> instances;   // [B] instance of each example
    std::vector<float> windows;   // [B places,size], of some instances
    std::vector<float> answered;  // [size,B places], of some instances
  } scratch;
};

class Task {
 public:
  int num_classes() const { return classes_->num_classes(); }
  int num_inputs() const {
    if (answers_) return answers_->num_answers();
    return windows_ ? windows_->size() : static_cast<int>(permutation_.size());
  }
  // Of instances, whose number permutation()[u] is x[u]: of images and signals; else of size 0.
  ImageShape shape() const;
  // From now on the examples of a batch are windows of instances, in their places: each instance at
  // windows_each random places, but all places of each for kSupport and kQuery; those of an
  // instance one after the other.
  void see_windows(const TaskWindows& windows) { windows_ = windows; }
  // From now on the examples of a batch are instances again, each as what `answers` makes of all
  // its windows. The task sees windows already.
  void see_answers(std::shared_ptr<const WindowAnswers> answers) { answers_ = std::move(answers); }
  // Nothing where examples are instances.
  std::optional<TaskWindows> windows() const { return answers_ ? std::nullopt : windows_; }
  int num_targets() const { return augmenter_.num_targets(); }
  const std::string& family() const { return family_; }
  // x[u] of a batch is the instance's number permutation()[u].
  const std::vector<int>& permutation() const { return permutation_; }
  const AugmentRanges& augmentation() const { return augmenter_.ranges(); }
  const Appearance& appearance() const { return painter_.appearance(); }
  std::uint64_t index() const { return index_; }

  // The task's random numbers of that purpose and step.
  Random stream(Purpose purpose, std::uint32_t step) const;
  // Fills `out`. kSupport and kQuery: num_examples is a multiple of num_classes, example b has
  // label b % num_classes, a class repeats an instance only after all of its instances were used,
  // and the two purposes use different instances. Any other purpose: classes and instances uniform.
  // Thread-safe for different `out`.
  void draw_batch(Purpose purpose, std::uint32_t step, int num_examples, TaskBatch& out,
                  int windows_each = 1) const;
  // The rows of a data set: as draw_batch of kNeighbours, but of real data each instance at most
  // once, so that classes are as frequent as they are there. num_rows <= most_rows().
  void draw_data_set(std::uint32_t step, int num_rows, TaskBatch& out, int windows_each = 1) const;
  // Of real data, how many instances there are; of generated data, none: there is no limit.
  std::optional<int> most_rows() const;

 private:
  friend class TaskDistribution;
  Task(std::uint64_t seed, std::uint64_t index, Split split, std::string family,
       std::unique_ptr<ClassSet> classes, Augmenter augmenter, Painter painter,
       std::vector<int> permutation);

  std::uint64_t seed_;
  std::uint64_t index_;
  Split split_;
  std::string family_;
  std::unique_ptr<ClassSet> classes_;
  Augmenter augmenter_;
  Painter painter_;
  std::vector<int> permutation_;  // [U0]
  std::optional<TaskWindows> windows_;
  std::shared_ptr<const WindowAnswers> answers_;
  // Chooses scratch.instances and labels, then makes x.
  void draw(Purpose purpose, std::uint32_t step, int num_examples, bool distinct, TaskBatch& out,
            int windows_each) const;
  // Windows [size,count windows_each] of the batch's instances first, .. from scratch.inputs
  // [B,U0].
  void cut_windows(std::size_t first, std::size_t count, int windows_each, Random& random,
                   TaskBatch::Scratch& scratch, std::vector<float>& out) const;
  // x of a batch from scratch.inputs.
  void answer_windows(Random& random, TaskBatch& out) const;
};

// The families and their weights. Building it renders the glyphs and reads the image sources, so it
// is built once; it is immutable afterwards and may be shared by threads.
class TaskDistribution {
 public:
  // supplied: the families that config.callables names. Throws Error for missing fonts or sources,
  // or when no family has a positive weight.
  explicit TaskDistribution(const TaskConfig& config, const SuppliedFamilies& supplied = {});

  const TaskConfig& config() const { return config_; }
  // One line per family: name, weight, classes, and a digest of its images; for provenance.
  std::vector<std::string> describe() const;
  // One line per source of images that holds files which are not read.
  const std::vector<std::string>& notes() const { return notes_; }

  // index < 2^55.
  Task make_task(std::uint64_t seed, std::uint64_t index, Split split) const;

 private:
  // Throws Error where the family has too few classes.
  void add(std::shared_ptr<const TaskFamily> family, float weight);

  struct Entry {
    std::shared_ptr<const TaskFamily> family;
    float weight;
    std::string description;
  };
  TaskConfig config_;
  std::vector<Entry> families_;
  std::vector<std::string> notes_;
};

inline Task make_task(const TaskDistribution& distribution, std::uint64_t seed, std::uint64_t index,
                      Split split) {
  return distribution.make_task(seed, index, split);
}

}  // namespace metaplastic
