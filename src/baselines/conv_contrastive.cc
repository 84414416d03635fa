#include "baselines/conv_contrastive.h"

#include <algorithm>
#include <utility>

#include "apply/place_layers.h"
#include "apply/training_rows.h"
#include "apply/window_rows.h"
#include "base/error.h"
#include "base/transpose.h"
#include "baselines/pair_objectives.h"
#include "baselines/patch_method.h"
#include "baselines/streams.h"
#include "baselines/views.h"
#include "tensor/ops.h"

namespace metaplastic {
namespace {

constexpr int kImages = 64;       // of a step, each with two views
constexpr int kPlacesAcross = 8;  // of a view, a grid of places, pooled in 2 x 2 cells
constexpr int kCellsAcross = 2;

// Windows of two views of some images, cell by cell.
class ViewWindows {
 public:
  ViewWindows(const RowSource& images, const PatchRows& rows, const MethodContext& context,
              std::uint32_t run)
      : rows_(images, context.seed, kImages, Purpose::kBaseline, run),
        maker_(context.image),
        patch_(rows),
        seed_(context.seed),
        run_(run) {
    const ImageShape& out = rows.layers[0].out;
    across_ = std::min({kPlacesAcross, out.height, out.width}) / kCellsAcross * kCellsAcross;
    METAPLASTIC_CHECK(across_ >= kCellsAcross);
    windows_.resize(static_cast<std::size_t>(out.height * out.width) * num_inputs());
  }
  int num_views() const { return 2 * rows_.batch_size(); }
  int num_cells() const { return kCellsAcross * kCellsAcross; }
  int num_examples() const { return num_views() * across_ * across_; }
  std::size_t num_inputs() const {
    return static_cast<std::size_t>(window_size(patch_.layers[0].spec, patch_.layers[0].in));
  }

  // [K, num_examples()]
  std::span<const float> draw(int step) {
    rows_.batch(step);
    const std::span<const float> rows = rows_.last_rows();
    const std::size_t U = rows.size() / static_cast<std::size_t>(rows_.batch_size());
    const std::size_t K = num_inputs();
    Random random(seed_, Purpose::kBaseline, kNoiseStream + run_, static_cast<std::uint32_t>(step));
    std::vector<float> view(U);
    examples_.resize(static_cast<std::size_t>(num_examples()) * K);
    for (int v = 0; v < num_views(); ++v) {
      maker_.make(rows.subspan(static_cast<std::size_t>(v % rows_.batch_size()) * U, U), random,
                  view);
      read_windows(patch_.layers[0], view.data(), padded_, windows_.data());
      take_places(v);
    }
    if (patch_.whitening) patch_.whitening->apply(examples_.data(), num_examples(), scratch_);
    batch_.resize(examples_.size());
    transpose_rows(examples_, num_examples(), batch_);
    return batch_;
  }

 private:
  // Place p of cell g of view v is example (g V + v) P + p.
  void take_places(int v) {
    const ImageShape& out = patch_.layers[0].out;
    const std::size_t K = num_inputs();
    const int side = across_ / kCellsAcross;
    for (int i = 0; i < across_ * across_; ++i) {
      const int y = i / across_, x = i % across_;
      const int cell = y / side * kCellsAcross + x / side;
      const int place = y % side * side + x % side;
      const int row = y * (out.height - 1) / std::max(1, across_ - 1);
      const int column = x * (out.width - 1) / std::max(1, across_ - 1);
      const auto to = static_cast<std::size_t>((cell * num_views() + v) * side * side + place);
      std::copy_n(windows_.data() + static_cast<std::size_t>(row * out.width + column) * K, K,
                  examples_.data() + to * K);
    }
  }

  TrainingRows rows_;
  ViewMaker maker_;
  const PatchRows& patch_;
  std::uint64_t seed_;
  std::uint32_t run_;
  int across_;
  std::vector<float> windows_, padded_, examples_, batch_, scratch_;
};

class ConvContrastive : public PatchMethod {
 public:
  ConvContrastive(const FitOptions& options, int num_steps)
      : PatchMethod("conv-contrastive", options), num_steps_(num_steps) {}

 protected:
  bool takes_signals() const override { return false; }
  std::vector<FeatureCandidate> learn(int trial, const PatchRows& rows, const RowSource& images,
                                      const MethodContext& context) override {
    constexpr int kHidden = 128, kProjection = 64;
    const int K = rows.windows->num_features(), U = rows.layers[0].spec.units;
    const float temperature = trial % 3 == 1 ? 0.5f : 0.2f;
    const auto run = static_cast<std::uint32_t>(trial);
    Network network(context.seed, run);
    ViewWindows views(images, rows, context, run);
    const int trunk = network.add_stack({{K, U}, Unary::kRelu});
    const int hidden = network.add_stack({{U * views.num_cells(), kHidden}, Unary::kRelu});
    const int output = network.add_linear(kHidden, kProjection);
    const nlohmann::json settings = {{"temperature", trial % 3 == 1 ? 0.5 : 0.2}};
    return train_filters(network, trunk, trial, num_steps_, rows, context, settings, [&](int step) {
      Tape<float>& tape = network.tape();
      const Var<float> x = tape.constant(views.draw(step).data(), K, 1, views.num_examples());
      const Var<float> places = network.run_stack(trunk, x).x[1];
      const Var<float> pooled = pool_cells_of(tape, places, views.num_cells(), views.num_views());
      const Var<float> projected =
          network.run_linear(output, network.run_stack(hidden, pooled).x[1]);
      ObjectivePoint point;
      point.objective = -contrast_loss(tape, projected, temperature);
      return point;
    });
  }

 private:
  int num_steps_;
};

}  // namespace

template <class T>
Var<T> pool_cells_of(Tape<T>& tape, const Var<T>& x, int num_cells, int num_images) {
  const int num_means = num_cells * num_images, P = x.examples() / num_means;
  METAPLASTIC_CHECK(x.channels() == 1 && P * num_means == x.examples());
  T* const share = tape.scratch(P);
  std::fill_n(share, P, T(1) / T(P));
  const Var<T> means = matmul(tape, reshape(x, x.units() * num_means, 1, P), false,
                              tape.constant(share, P, 1), false);
  return reshape(means, x.units() * num_cells, 1, num_images);
}

template Var<float> pool_cells_of(Tape<float>&, const Var<float>&, int, int);
template Var<double> pool_cells_of(Tape<double>&, const Var<double>&, int, int);

std::unique_ptr<FeatureMethod> conv_contrastive_method(const FitOptions& options, int num_steps) {
  return std::make_unique<ConvContrastive>(options, num_steps);
}

}  // namespace metaplastic
