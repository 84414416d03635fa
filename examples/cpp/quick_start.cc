// Learns features of the digits that come along without a label, writes the encoder, uses it.
// Built against an installed Metaplastic: see CMakeLists.txt beside this file.
#include <cstdio>

#include "apply/apply.h"
#include "apply/encoder_file.h"
#include "apply/find_rule.h"
#include "base/error.h"
#include "data/dataset.h"
#include "data/preprocess.h"
#include "onnx/export_onnx.h"
#include "tasks/task_forms.h"

namespace {

void run() {
  using namespace metaplastic;
  const FoundRule found = find_rule("hebb-decorrelate");
  const Dataset data = load_data("digits");
  const Preprocess preprocess = fit_preprocess(data);
  const auto rows = prepare_rows(preprocess, data);

  ApplyOptions options;
  options.model.hidden = {32};
  options.model.features = 16;
  options.inner_steps = 50;
  const Applied applied = apply_rule(found.rule, *rows, options);

  Encoder encoder = applied.last();
  encoder.preprocess = preprocess;
  save_encoder("encoder.safetensors", encoder);
  save_onnx("encoder.onnx", encoder, {.pixel_max = data.pixel_max});

  const Encoder again = load_encoder("encoder.safetensors");
  std::vector<float> features(static_cast<std::size_t>(data.num_rows()) * 16);  // [N,16]
  encode(again, read_all_rows(*rows), data.num_rows(), again.num_layers(), features);
  std::printf("%lld rows, %d features, effective rank %.1f\n",
              static_cast<long long>(data.num_rows()), again.architecture.num_features(),
              applied.health.effective_rank);
}

}  // namespace

int main() {
  try {
    run();
    return 0;
  } catch (const metaplastic::Error& error) {
    std::fprintf(stderr, "quick_start: %s\n", error.what());
    return 2;
  }
}
