#include "tasks/task.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "base/error.h"
#include "base/nearest.h"
#include "base/sample.h"
#include "tasks/array_family.h"
#include "tasks/class_images.h"
#include "tasks/table_folder.h"

namespace metaplastic {
namespace {

constexpr std::uint64_t kSplitBit = std::uint64_t{1} << 55;

// Tasks of the two splits never share a stream.
std::uint64_t stream_of(std::uint64_t index, Split split) {
  METAPLASTIC_CHECK(index < kSplitBit);
  return split == Split::kValidation ? index | kSplitBit : index;
}

// Visits each of `count` instances once, in an order given by a random start and stride, then
// again.
struct Round {
  Round(int first_instance, int count_instances, Random& random)
      : first(first_instance), count(count_instances), position(random.below(unsigned_count())) {
    do {
      stride = 1 + random.below(unsigned_count());
    } while (std::gcd(stride, unsigned_count()) != 1);
  }
  std::uint32_t unsigned_count() const { return static_cast<std::uint32_t>(count); }
  int next() {
    position = (position + stride) % unsigned_count();
    return first + static_cast<int>(position);
  }
  int first, count;
  std::uint32_t position, stride = 1;
};

// Labels 0,1,..,N-1,0,1,..; support uses the first half of a class's instances, query the second.
void choose_balanced(const ClassSet& classes, Purpose purpose, Random& random,
                     std::span<int> labels, std::span<int> instances) {
  const int num_classes = classes.num_classes();
  for (int c = 0; c < num_classes; ++c) {
    const int count = classes.num_instances(c);
    const int half = count / 2;
    Round round =
        purpose == Purpose::kSupport ? Round(0, half, random) : Round(half, count - half, random);
    for (std::size_t b = static_cast<std::size_t>(c); b < labels.size();
         b += static_cast<std::size_t>(num_classes)) {
      labels[b] = c;
      instances[b] = round.next();
    }
  }
}

void choose_uniform(const ClassSet& classes, Random& random, std::span<int> labels,
                    std::span<int> instances) {
  for (std::size_t b = 0; b < labels.size(); ++b) {
    labels[b] = random.between(0, classes.num_classes() - 1);
    instances[b] = random.between(0, classes.num_instances(labels[b]) - 1);
  }
}

// Each instance at most once: classes are as frequent as they are in the data.
void choose_distinct(const ClassSet& classes, Random& random, std::span<int> labels,
                     std::span<int> instances) {
  std::vector<int> first = {0};  // number of each class's first instance
  for (int c = 0; c < classes.num_classes(); ++c)
    first.push_back(first.back() + classes.num_instances(c));
  const auto numbers =
      sample_without_replacement(random, first.back(), static_cast<std::int64_t>(labels.size()));
  for (std::size_t b = 0; b < labels.size(); ++b) {
    const auto number = static_cast<int>(numbers[b]);
    const auto after = std::ranges::upper_bound(first, number);
    labels[b] = static_cast<int>(after - first.begin()) - 1;
    instances[b] = number - *(after - 1);
  }
}

// instances [B,U0] -> x [U0,B], row u of x from column permutation[u].
void permute_transpose(std::span<const float> instances, std::span<const int> permutation,
                       std::size_t num_examples, std::span<float> x) {
  const std::size_t num_inputs = permutation.size();
  constexpr std::size_t kBlock = 16;  // one cache line of x
  for (std::size_t start = 0; start < num_examples; start += kBlock) {
    const std::size_t end = std::min(start + kBlock, num_examples);
    for (std::size_t u = 0; u < num_inputs; ++u) {
      const float* from = &instances[static_cast<std::size_t>(permutation[u])];
      float* to = &x[u * num_examples];
      for (std::size_t b = start; b < end; ++b) to[b] = from[b * num_inputs];
    }
  }
}

void check_order(const char* low_name, int low, const char* high_name, int high) {
  if (low > high) {
    fail("tasks: expected {0} <= {1}, found {2} and {3}; lower {0}", low_name, high_name, low,
         high);
  }
}

std::string family_names() {
  std::vector<std::string> names;
  for (const FamilyRow& row : family_rows()) names.emplace_back(row.name);
  return join_names(names);
}

}  // namespace

Task::Task(std::uint64_t seed, std::uint64_t index, Split split, std::string family,
           std::unique_ptr<ClassSet> classes, Augmenter augmenter, Painter painter,
           std::vector<int> permutation)
    : seed_(seed),
      index_(index),
      split_(split),
      family_(std::move(family)),
      classes_(std::move(classes)),
      augmenter_(std::move(augmenter)),
      painter_(std::move(painter)),
      permutation_(std::move(permutation)) {}

ImageShape Task::shape() const {
  if (classes_->num_inputs() > 0) return classes_->shape();
  const auto pixels = static_cast<double>(permutation_.size());
  const auto side = static_cast<int>(std::lround(std::sqrt(pixels)));
  return {side, side, 1};
}

Random Task::stream(Purpose purpose, std::uint32_t step) const {
  return {seed_, purpose, stream_of(index_, split_), step};
}

std::optional<int> Task::most_rows() const {
  if (!classes_->has_real_rows()) return std::nullopt;
  int rows = 0;
  for (int c = 0; c < classes_->num_classes(); ++c) rows += classes_->num_instances(c);
  return rows;
}

void Task::draw_batch(Purpose purpose, std::uint32_t step, int num_examples, TaskBatch& out,
                      int windows_each) const {
  draw(purpose, step, num_examples, false, out, windows_each);
}

void Task::draw_data_set(std::uint32_t step, int num_rows, TaskBatch& out, int windows_each) const {
  const std::optional<int> most = most_rows();
  METAPLASTIC_CHECK(!most || num_rows <= *most);
  draw(Purpose::kNeighbours, step, num_rows, most.has_value(), out, windows_each);
}

void Task::draw(Purpose purpose, std::uint32_t step, int num_examples, bool distinct,
                TaskBatch& out, int windows_each) const {
  METAPLASTIC_CHECK(num_examples >= 1);
  const auto B = static_cast<std::size_t>(num_examples);
  const std::size_t U0 = permutation_.size();
  const auto A = static_cast<std::size_t>(num_targets());
  out.num_examples = num_examples;
  out.num_inputs = num_inputs();
  out.num_targets = num_targets();
  if (!windows_) out.x.resize(U0 * B);
  out.labels.resize(B);
  out.augmentation.resize(B * A);
  TaskBatch::Scratch& scratch = out.scratch;
  scratch.source.resize(kSourcePixels);
  scratch.inputs.resize(B * U0);
  scratch.instances.resize(B);

  Random random = stream(purpose, step);
  if (purpose == Purpose::kSupport || purpose == Purpose::kQuery) {
    METAPLASTIC_CHECK(num_examples % num_classes() == 0);
    choose_balanced(*classes_, purpose, random, out.labels, scratch.instances);
  } else if (distinct) {
    choose_distinct(*classes_, random, out.labels, scratch.instances);
  } else {
    choose_uniform(*classes_, random, out.labels, scratch.instances);
  }
  for (std::size_t b = 0; b < B; ++b) {
    const auto input = std::span(scratch.inputs).subspan(b * U0, U0);
    if (classes_->num_inputs() > 0) {
      classes_->instance(out.labels[b], scratch.instances[b], random, input);
      continue;
    }
    classes_->instance(out.labels[b], scratch.instances[b], random, scratch.source);
    augmenter_.apply(scratch.source, random, scratch.workspace, input,
                     std::span(out.augmentation).subspan(b * A, A));
    painter_.apply(random, input);
  }
  if (answers_) return answer_windows(random, out);
  if (windows_) {
    const bool is_labelled = purpose == Purpose::kSupport || purpose == Purpose::kQuery;
    const int each = is_labelled ? windows_->places() : windows_each;
    return cut_windows(0, B, each, random, scratch, out.x);
  }
  permute_transpose(scratch.inputs, permutation_, B, out.x);
}

void Task::cut_windows(std::size_t first, std::size_t count, int windows_each, Random& random,
                       TaskBatch::Scratch& scratch, std::vector<float>& out) const {
  const std::size_t U0 = permutation_.size(), size = static_cast<std::size_t>(windows_->size());
  const auto P = static_cast<std::size_t>(windows_each);
  std::vector<std::int64_t> places(P);
  std::iota(places.begin(), places.end(), 0);
  std::vector<float>& windows = scratch.windows;
  windows.resize(count * P * size);
  for (std::size_t b = 0; b < count * P; ++b) {
    if (windows_each == 1) {
      places[0] = random.between(0, windows_->places() - 1);
    } else if (b % P == 0 && windows_each < windows_->places()) {
      places = sample_without_replacement(random, windows_->places(), windows_each);
    }
    read_window(*windows_, std::span(scratch.inputs).subspan((first + b / P) * U0, U0),
                static_cast<int>(places[b % P]), std::span(windows).subspan(b * size, size));
  }
  std::vector<int> order(size);
  std::iota(order.begin(), order.end(), 0);
  out.resize(size * count * P);
  permute_transpose(windows, order, count * P, out);
}

void Task::answer_windows(Random& random, TaskBatch& out) const {
  constexpr std::size_t kBlock = 32;  // instances whose windows are held at once
  const auto B = static_cast<std::size_t>(out.num_examples);
  const auto U = static_cast<std::size_t>(answers_->num_answers());
  TaskBatch::Scratch& scratch = out.scratch;
  out.x.resize(U * B);
  for (std::size_t first = 0; first < B; first += kBlock) {
    const std::size_t count = std::min(kBlock, B - first);
    cut_windows(first, count, windows_->places(), random, scratch, scratch.answered);
    const std::vector<float> answers = answers_->answer(scratch.answered, static_cast<int>(count));
    for (std::size_t u = 0; u < U; ++u)
      std::copy_n(&answers[u * count], count, &out.x[u * B + first]);
  }
}

TaskDistribution::TaskDistribution(const TaskConfig& config, const SuppliedFamilies& supplied)
    : config_(config) {
  validate_config(config, "tasks");
  check_order("min_classes", config.min_classes, "max_classes", config.max_classes);
  check_order("min_fonts", config.min_fonts, "max_fonts", config.max_fonts);
  check_order("min_inputs", config.min_inputs, "max_inputs", config.max_inputs);
  check_order("min_words", config.fewest_words(), "max_words", config.most_words());
  FamilyParts parts(config);
  for (std::size_t f = 0; f < config.weights.size(); ++f)
    if (config.weights[f] > 0) add(family_rows()[f].make(parts), config.weights[f]);
  for (const std::string& text : config.image_sources) {
    const TaskSource source = parse_task_source(text);
    if (source.weight == 0 || (source.optional && !source.exists())) continue;
    if (source.is_images) {
      const auto images = std::make_shared<ClassImageFamily>(source, config.max_images_per_class,
                                                             config.held_out_share);
      if (!images->left_out().empty()) notes_.push_back(images->left_out());
      add(images, source.weight);
    } else if (source.is_table_folder) {
      add(std::make_shared<TableFolderFamily>(source, config.held_out_share), source.weight);
    } else {
      add(std::make_shared<ArrayFamily>(source, config.held_out_share, config.image_side),
          source.weight);
    }
  }
  for (WeightedFamily& given : match_families(config.callables, supplied))
    if (given.weight > 0) add(std::move(given.family), given.weight);
  if (families_.empty()) {
    fail(
        "tasks: expected at least one family with a positive weight, found none; raise one of {}, "
        "or name data of your own in tasks.images",
        family_names());
  }
}

void TaskDistribution::add(std::shared_ptr<const TaskFamily> family, float weight) {
  for (const Split split : {Split::kTrain, Split::kValidation}) {
    // A source with few classes still gives validation tasks of as many as it holds out.
    const int least = split == Split::kTrain ? config_.min_classes : 2;
    const int found = family->max_classes(split);
    if (found < least) {
      fail(
          "task family '{}': expected at least {} classes for {}, found {}; add fonts or class "
          "folders, or lower min_classes",
          family->name(), least, split == Split::kTrain ? "meta-training" : "meta-validation",
          found);
    }
  }
  std::string description = family->describe();
  families_.push_back({std::move(family), weight, std::move(description)});
}

std::vector<std::string> TaskDistribution::describe() const {
  std::vector<std::string> lines;
  for (const Entry& entry : families_) {
    lines.push_back(fmt::format("{} (weight {})", entry.description, entry.weight));
  }
  return lines;
}

Task TaskDistribution::make_task(std::uint64_t seed, std::uint64_t index, Split split) const {
  const std::uint64_t stream = stream_of(index, split);
  Random random(seed, Purpose::kFamily, stream);
  float total = 0;
  for (const Entry& entry : families_) total += entry.weight;
  float left = random.uniform(0.0f, total);
  std::size_t chosen = 0;
  while (chosen + 1 < families_.size() && left >= families_[chosen].weight) {
    left -= families_[chosen++].weight;
  }
  const TaskFamily& family = *families_[chosen].family;
  const int most = std::min(config_.max_classes, family.max_classes(split));
  const int num_classes = random.between(std::min(config_.min_classes, most), most);
  AugmentRanges ranges = draw_augment_ranges(config_.augment, random);
  auto classes = family.draw_classes(split, num_classes, random);

  int num_inputs = classes->num_inputs();
  Appearance appearance;
  if (num_inputs > 0) {
    ranges = {};  // augmentation and looks are for images
  } else {
    num_inputs = config_.image_side * config_.image_side;
    Random look(seed, Purpose::kAppearance, stream);
    appearance = draw_appearance(config_.appearance_share, look);
  }
  std::vector<int> permutation(static_cast<std::size_t>(num_inputs));
  std::iota(permutation.begin(), permutation.end(), 0);
  if (config_.permute_inputs) {
    Random order(seed, Purpose::kPermutation, stream);
    order.shuffle(std::span(permutation));
  }
  return Task(seed, index, split, std::string(family.name()), std::move(classes),
              Augmenter(config_.image_side, ranges), Painter(config_.image_side, appearance),
              std::move(permutation));
}

}  // namespace metaplastic
