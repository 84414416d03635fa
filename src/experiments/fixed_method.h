// Methods whose learning is over: the same features judged at several numbers of labels, and every
// state of a training judged for itself.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "eval/method.h"

namespace metaplastic {

// Offers these candidates; learns nothing.
std::unique_ptr<FeatureMethod> fixed_method(std::string name,
                                            std::vector<FeatureCandidate> candidates);

// Lets `inner` learn at the first fit, from the rows and the context of that, and offers the same
// candidates ever after.
class RememberedMethod : public FeatureMethod {
 public:
  explicit RememberedMethod(std::unique_ptr<FeatureMethod> inner);
  ~RememberedMethod() override;
  // A method that shares this one's memory and is good for one evaluation.
  std::unique_ptr<FeatureMethod> handle() const;

  std::string name() const override;
  std::shared_ptr<const RowSource> own_rows(const Dataset& data) override;
  std::optional<std::string> unsuited(const MethodContext& context) const override;
  std::vector<FeatureCandidate> fit(const RowSource& rows, const MethodContext& context) override;

 private:
  struct Memory;
  explicit RememberedMethod(std::shared_ptr<Memory> memory);
  std::shared_ptr<Memory> memory_;
};

}  // namespace metaplastic
