// From data to a complete encoder: preprocessing, layers, record, health. The only way to one.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "apply/apply.h"
#include "apply/find_rule.h"
#include "apply/image_views.h"
#include "apply/layer_choice.h"
#include "apply/window_whitening.h"

namespace metaplastic {

struct FitOptions {
  ApplyOptions training;              // of every group of layers; start, snapshots and pool belong
                                      // to the last group
  std::optional<LayerChoice> layers;  // nothing: default_layer_choice
  ResizeChoice resize;
  std::optional<ViewKind> views;  // where a layer sees places; nothing: neighbours
  Readout readout;                // what the encoders give out
  // Preprocessing and all but the last group of layers are those of this encoder; with
  // training.start.
  const Encoder* previous = nullptr;
  // What will be done, one line each, before it is done; may be empty.
  std::function<void(const std::string&)> on_note;
};

// Layers learn in groups, from the bottom up: each conv layer by itself, from windows of the
// images; the dense layers together, from what lies below them. Returns the states of the last
// group as complete encoders. on_step counts the steps of all groups. Labels and test rows are not
// read. Throws Error as apply_rule, chosen_layers and fit_preprocess do.
Applied fit_encoder(const FoundRule& rule, const Dataset& data, const FitOptions& options);

// Throws Error where training cannot go on from that encoder: the whitening of its dense layers is
// folded into their weights.
void check_goes_on(const Encoder& previous);

// The seed that layer 1 was trained with; the last group's is the encoder's own.
std::uint64_t first_seed(const Encoder& encoder);

// The same in two parts, for several trainings of the last group on the same layers below it.
struct Foundation {
  Preprocess preprocess;
  std::string data;                                  // for the record
  std::vector<EncoderLayer> below;                   // trained
  std::vector<EncoderLayer> last;                    // the last group, without weights
  std::shared_ptr<const RowSource> rows;             // what the last group learns from
  std::shared_ptr<const WindowWhitening> whitening;  // of those rows; or nothing
  std::shared_ptr<const RowSource> partners;         // a second view of each of them; or nothing
  std::vector<float> scale_rows;                     // prepared; what input scales are fitted on
  int steps_below = 0;                               // inner steps that `below` took
  std::vector<std::string> notes;
};
// training_rows: prepared. Memory: what the last group learns from, up to 1 GB.
Foundation fit_foundation(const FoundRule& rule, Preprocess preprocess,
                          std::shared_ptr<const RowSource> training_rows,
                          const FitOptions& options);
// Of the last state alone, the input scales are fitted.
Applied fit_last_group(const FoundRule& rule, const Foundation& foundation,
                       const FitOptions& options);

}  // namespace metaplastic
