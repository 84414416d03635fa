#include "tasks/word_family.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

namespace metaplastic {
namespace {

constexpr int kNumDocuments = 1 << 16;  // documents of a class; made when asked for, never stored
constexpr int kMinWords = 3, kMaxWords = 600;

// Sums of weights, from which an index is drawn in proportion.
class Cumulative {
 public:
  Cumulative() = default;
  explicit Cumulative(std::span<const float> weights) {
    float sum = 0;
    for (const float weight : weights) sums_.push_back(sum += weight);
  }
  std::size_t draw(Random& random) const {
    const float at = random.uniform() * sums_.back();
    const auto found = std::upper_bound(sums_.begin(), sums_.end(), at);
    return std::min(static_cast<std::size_t>(found - sums_.begin()), sums_.size() - 1);
  }

 private:
  std::vector<float> sums_;
};

class WordClassSet : public ClassSet {
 public:
  WordClassSet(WordModel model, int num_classes, int num_words, Random& random)
      : model_(model),
        num_classes_(num_classes),
        num_words_(num_words),
        seed_(draw_seed(random)),
        median_length_(random.log_uniform(20, 200)),
        length_spread_(random.uniform(0.3f, 0.9f)),
        common_share_(random.uniform(0.1f, 0.6f)),
        topic_spread_(random.uniform(0.3f, 1.2f)),
        repeat_(model == WordModel::kBursty ? random.uniform(0.2f, 0.6f) : 0.0f) {
    draw_language(random);
    for (int c = 0; c < num_classes; ++c) draw_class(random);
  }
  int num_classes() const override { return num_classes_; }
  int num_inputs() const override { return num_words_; }
  int num_instances(int) const override { return kNumDocuments; }
  // A document is a function of its number.
  void instance(int class_index, int instance_index, Random&, std::span<float> out) const override {
    Random random(seed_, Purpose::kTask, static_cast<std::uint64_t>(class_index),
                  static_cast<std::uint32_t>(instance_index));
    std::fill(out.begin(), out.end(), 0.0f);
    const Cumulative topics = document_topics(class_index, random);
    const float length = median_length_ * std::exp(length_spread_ * random.normal());
    const int count = static_cast<int>(std::clamp<float>(length, kMinWords, kMaxWords));
    std::size_t word = 0;
    for (int n = 0; n < count; ++n) {
      if (n == 0 || random.uniform() >= repeat_) word = draw_word(class_index, topics, random);
      out[word] += 1;
    }
    double squares = 0;
    for (const float value : out) squares += double{value} * value;
    const auto scale = static_cast<float>(1 / std::sqrt(squares));
    for (float& value : out) value *= scale;
  }

 private:
  struct WordClass {
    std::vector<float> topics;  // [num_topics] weights
    std::vector<std::uint32_t> keywords;
  };

  // Words in the order of their frequency, and topics that raise and lower it.
  void draw_language(Random& random) {
    const auto V = static_cast<std::size_t>(num_words_);
    const float exponent = random.uniform(0.7f, 1.3f);
    std::vector<float> common(V);
    for (std::size_t w = 0; w < V; ++w) {
      common[w] = std::pow(static_cast<float>(w) + 2.7f, -exponent);
    }
    common_ = Cumulative(common);
    const bool branches = model_ == WordModel::kBranches;
    const int num_topics = branches ? num_classes_ : random.between(num_classes_, 3 * num_classes_);
    const int group = branches ? random.between(2, 3) : 1;
    const float strength = random.uniform(0.8f, 2.0f);
    const float own_strength = branches ? 0.5f * strength : 0.0f;  // within a group
    std::vector<float> shared(V), topic(V);
    for (int k = 0; k < num_topics; ++k) {
      for (std::size_t w = 0; w < V; ++w) {
        if (k % group == 0) shared[w] = strength * random.normal();
        const float own = own_strength > 0 ? own_strength * random.normal() : 0.0f;
        topic[w] = common[w] * std::exp(shared[w] + own);
      }
      topics_.emplace_back(topic);
    }
    keyword_share_ = random.uniform(0.05f, 0.2f);
  }

  void draw_class(Random& random) {
    const auto num_topics = static_cast<std::uint32_t>(topics_.size());
    WordClass drawn;
    drawn.topics.assign(num_topics, 0.0f);
    if (model_ == WordModel::kBranches) {
      drawn.topics[classes_.size()] = 1;
    } else if (model_ == WordModel::kKeywords) {
      drawn.topics.assign(num_topics, 1.0f);
      const int count = random.between(2, 5);
      for (int n = 0; n < count; ++n) {
        drawn.keywords.push_back(random.below(static_cast<std::uint32_t>(num_words_)));
      }
    } else {
      // A little of everything, much of one to three.
      drawn.topics.assign(num_topics, random.log_uniform(0.005f, 0.1f));
      const int num_main = random.between(1, 3);
      for (int n = 0; n < num_main; ++n) {
        drawn.topics[random.below(num_topics)] += random.uniform(1, 3);
      }
    }
    classes_.push_back(std::move(drawn));
  }

  Cumulative document_topics(int class_index, Random& random) const {
    const std::vector<float>& weights = classes_[static_cast<std::size_t>(class_index)].topics;
    std::vector<float> drawn(weights.size(), 0.0f);
    if (model_ == WordModel::kUnigrams) {
      drawn[Cumulative(weights).draw(random)] = 1;
    } else {
      for (std::size_t k = 0; k < drawn.size(); ++k) {
        drawn[k] = weights[k] * std::exp(topic_spread_ * random.normal());
      }
    }
    return Cumulative(drawn);
  }

  std::size_t draw_word(int class_index, const Cumulative& topics, Random& random) const {
    const std::vector<std::uint32_t>& keywords =
        classes_[static_cast<std::size_t>(class_index)].keywords;
    if (!keywords.empty() && random.uniform() < keyword_share_) {
      return keywords[random.below(static_cast<std::uint32_t>(keywords.size()))];
    }
    if (random.uniform() < common_share_) return common_.draw(random);
    return topics_[topics.draw(random)].draw(random);
  }

  WordModel model_;
  int num_classes_, num_words_;
  std::uint64_t seed_;
  float median_length_, length_spread_;
  float common_share_;  // of words that come from no topic
  float topic_spread_;  // of a document's topics around its class's, log-normal
  float repeat_;        // probability that a word is the last one again
  float keyword_share_ = 0;
  Cumulative common_;
  std::vector<Cumulative> topics_;
  std::vector<WordClass> classes_;
};

}  // namespace

std::span<const WordModel> word_models(Split split) {
  static constexpr std::array kTrain = {WordModel::kUnigrams, WordModel::kMixture,
                                        WordModel::kBursty};
  static constexpr std::array kValidation = {WordModel::kKeywords, WordModel::kBranches};
  if (split == Split::kTrain) return kTrain;
  return kValidation;
}

std::unique_ptr<ClassSet> WordFamily::draw_classes(Split split, int num_classes,
                                                   Random& random) const {
  const auto models = word_models(split);
  const WordModel model = models[random.below(static_cast<std::uint32_t>(models.size()))];
  return draw_classes(model, num_classes, random);
}

std::unique_ptr<ClassSet> WordFamily::draw_classes(WordModel model, int num_classes,
                                                   Random& random) const {
  const int num_inputs = draw_num_inputs(min_inputs_, max_inputs_, random);
  return std::make_unique<WordClassSet>(model, num_classes, num_inputs, random);
}

}  // namespace metaplastic
