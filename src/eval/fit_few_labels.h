// From partly labelled data to an encoder with a classifier: encoders learn from all rows without a
// label being looked at, then few_labels.h chooses and fits.
#pragma once

#include <string>
#include <vector>

#include "apply/fit_encoder.h"
#include "eval/few_labels.h"

namespace metaplastic {

struct FewLabelRequest {
  FitOptions fit;  // of every encoder; its variant and readout are not looked at
  // One encoder each. On generated tables a second one, `alone`, did not pay.
  std::vector<RuleVariant> variants = {RuleVariant{}};
  FewLabelOptions choice;
};

struct FewLabelFit {
  Encoder encoder;  // with its classifier
  FewLabelChoice choice;
  std::vector<std::string> variants;  // of the encoders that were tried
  std::string table;                  // few_label_table
  std::vector<std::string> notes;
};

// Rows that have a label and are not official test rows, as few_labels.h wants them; classes that
// none of these rows has are left out. Throws Error where no row has a label.
LabelledRows labelled_rows(const Dataset& data, const RowSource& prepared);

FewLabelFit fit_few_labels(const FoundRule& rule, const Dataset& data,
                           const FewLabelRequest& request);
// The same for other labels with an encoder that is there already: a new classifier of it. Rows
// without a label are not looked at.
FewLabelFit refit_few_labels(const Encoder& encoder, const Dataset& data,
                             const FewLabelOptions& options, int num_threads);

}  // namespace metaplastic
