// The families of generated tasks, one row each. From a row come the option tasks.NAME (the
// family's weight), the family itself, and for images and signals the data form NAME
// (task_forms.h). A new family is its own source and header, and its row in family_rows.cc.
#pragma once

#include <memory>
#include <span>
#include <string_view>
#include <vector>

namespace metaplastic {

struct TaskConfig;  // task_config.h
class TaskFamily;

// What a maker may use: the options, and the family of glyphs, which dressed objects share with it.
class FamilyParts {
 public:
  explicit FamilyParts(const TaskConfig& config) : config_(config) {}
  const TaskConfig& config() const { return config_; }
  // Rendered once, when it is first used.
  const std::shared_ptr<const TaskFamily>& glyphs();

 private:
  const TaskConfig& config_;
  std::shared_ptr<const TaskFamily> glyphs_;
};

struct FamilyRow {
  std::string_view name;
  std::string_view help;  // of its weight
  float default_weight = 0;
  bool has_images = false;
  std::shared_ptr<const TaskFamily> (*make)(FamilyParts& parts) = nullptr;
  bool has_signals = false;
};

// The order decides which family a task's random number draws: append new rows.
std::span<const FamilyRow> family_rows();
std::vector<float> default_family_weights();  // [rows]
// The row's position; an unknown name is a programming error.
std::size_t family_index(std::string_view name);

}  // namespace metaplastic
