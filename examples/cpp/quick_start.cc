// Learns features of the bundled digits without a label, writes the encoder, uses it.
// Built against an installed Metaplastic: see CMakeLists.txt beside this file.
#include <cstdio>

#include "apply/encoder_file.h"
#include "apply/fit_encoder.h"
#include "base/error.h"
#include "onnx/export_onnx.h"
#include "tasks/task_forms.h"

namespace {

void run() {
  using namespace metaplastic;
  const Dataset data = load_data("digits");
  FitOptions options;
  options.training.model.hidden = {32};
  options.training.model.features = 16;
  options.training.inner_steps = 50;
  const Applied applied = fit_encoder(find_rule("hebb-decorrelate"), data, options);
  save_encoder("encoder.safetensors", applied.last());
  save_onnx("encoder.onnx", applied.last(), {.pixel_max = data.pixel_max});

  const Encoder again = load_encoder("encoder.safetensors");
  const auto rows = prepare_rows(again.preprocess, data);
  std::vector<float> features(static_cast<std::size_t>(data.num_rows() * again.num_features()));
  encode(again, read_all_rows(*rows), data.num_rows(), again.num_layers(), features);  // [N,16]
  std::printf("%lld rows, %d features, effective rank %.1f\n",
              static_cast<long long>(data.num_rows()), again.num_features(),
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
