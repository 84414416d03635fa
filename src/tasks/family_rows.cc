#include "tasks/family_rows.h"

#include <algorithm>

#include "base/error.h"
#include "tasks/dressed_family.h"
#include "tasks/field_family.h"
#include "tasks/glyph_family.h"
#include "tasks/signal_family.h"
#include "tasks/table_family.h"
#include "tasks/task_config.h"
#include "tasks/word_family.h"

namespace metaplastic {
namespace {

using Family = std::shared_ptr<const TaskFamily>;

constexpr FamilyRow kRows[] = {
    {"glyphs", "weight of rendered characters among the families", 1, true,
     [](FamilyParts& parts) { return parts.glyphs(); }},
    {"dressed",
     "weight of solid, textured objects with the outlines of characters among the families", 0,
     true,
     [](FamilyParts& parts) -> Family { return std::make_shared<DressedFamily>(parts.glyphs()); }},
    {"fields", "weight of procedural images among the families", 1, true,
     [](FamilyParts&) -> Family { return std::make_shared<FieldFamily>(); }},
    {"tables", "weight of generated tables among the families", 0, false,
     [](FamilyParts& parts) -> Family {
       return std::make_shared<TableFamily>(parts.config().min_inputs, parts.config().max_inputs);
     }},
    {"words", "weight of generated bags of words among the families", 0, false,
     [](FamilyParts& parts) -> Family {
       return std::make_shared<WordFamily>(parts.config().fewest_words(),
                                           parts.config().most_words());
     }},
    {"signals", "weight of generated signals among the families", 0, false,
     [](FamilyParts& parts) -> Family {
       return std::make_shared<SignalFamily>(parts.config().min_inputs, parts.config().max_inputs);
     },
     true},
};

}  // namespace

const std::shared_ptr<const TaskFamily>& FamilyParts::glyphs() {
  if (!glyphs_) {
    glyphs_ =
        std::make_shared<GlyphFamily>(config_.min_fonts, config_.max_fonts, config_.held_out_share);
  }
  return glyphs_;
}

std::span<const FamilyRow> family_rows() { return kRows; }

std::vector<float> default_family_weights() {
  std::vector<float> weights;
  for (const FamilyRow& row : kRows) weights.push_back(row.default_weight);
  return weights;
}

std::size_t family_index(std::string_view name) {
  const auto row = std::ranges::find(kRows, name, &FamilyRow::name);
  METAPLASTIC_CHECK(row != std::end(kRows));
  return static_cast<std::size_t>(row - std::begin(kRows));
}

}  // namespace metaplastic
