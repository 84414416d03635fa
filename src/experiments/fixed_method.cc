#include "experiments/fixed_method.h"

namespace metaplastic {
namespace {

class FixedMethod : public FeatureMethod {
 public:
  FixedMethod(std::string name, std::vector<FeatureCandidate> candidates)
      : name_(std::move(name)), candidates_(std::move(candidates)) {}
  std::string name() const override { return name_; }
  std::vector<FeatureCandidate> fit(const RowSource&, const MethodContext&) override {
    return candidates_;
  }

 private:
  std::string name_;
  std::vector<FeatureCandidate> candidates_;
};

}  // namespace

std::unique_ptr<FeatureMethod> fixed_method(std::string name,
                                            std::vector<FeatureCandidate> candidates) {
  return std::make_unique<FixedMethod>(std::move(name), std::move(candidates));
}

struct RememberedMethod::Memory {
  std::unique_ptr<FeatureMethod> inner;
  std::vector<FeatureCandidate> candidates;
};

RememberedMethod::RememberedMethod(std::unique_ptr<FeatureMethod> inner)
    : memory_(std::make_shared<Memory>()) {
  memory_->inner = std::move(inner);
}

RememberedMethod::RememberedMethod(std::shared_ptr<Memory> memory) : memory_(std::move(memory)) {}

RememberedMethod::~RememberedMethod() = default;

std::unique_ptr<FeatureMethod> RememberedMethod::handle() const {
  return std::unique_ptr<FeatureMethod>(new RememberedMethod(memory_));
}

std::string RememberedMethod::name() const { return memory_->inner->name(); }

std::shared_ptr<const RowSource> RememberedMethod::own_rows(const Dataset& data) {
  return memory_->inner->own_rows(data);
}

std::optional<std::string> RememberedMethod::unsuited(const MethodContext& context) const {
  return memory_->inner->unsuited(context);
}

std::vector<FeatureCandidate> RememberedMethod::fit(const RowSource& rows,
                                                    const MethodContext& context) {
  if (memory_->candidates.empty()) memory_->candidates = memory_->inner->fit(rows, context);
  return memory_->candidates;
}

}  // namespace metaplastic
