// Autoencoders of the base model: plain, denoising (Vincent et al. 2008) and variational (Kingma
// and Welling 2014), with the objective recorded over time.
//
// x -> base model -> linear code [k] -> the base model's widths in reverse order -> linear -> x.
// Inputs of images, in [0,1], are Bernoulli, or normal of a given deviation; others normal of
// variance 1.
#pragma once

#include <memory>
#include <string>

#include "apply/apply.h"
#include "baselines/training.h"
#include "eval/method.h"

namespace metaplastic {

enum class AutoencoderKind { kPlain, kDenoising, kVariational };

struct AutoencoderOptions {
  AutoencoderKind kind = AutoencoderKind::kPlain;
  BaseModel model;
  int code = 32;              // width of the code
  double masked_share = 0.3;  // kDenoising: of the inputs, set to 0
  bool bernoulli = true;      // inputs in [0,1]
  double deviation = 0;       // not 0: inputs in [0,1] are normal of this deviation instead
  std::uint64_t seed = 0;
  std::uint32_t run = 0;  // tells apart trainings that share a seed
  TrainingOptions training;
};

// The trunk of each state is the base model; its head is the code (of the VAE: the mean). Batches
// of kTrainingBatch rows. A function of rows and options. Throws Error for fewer than two rows.
Training train_autoencoder(const RowSource& training_rows, const AutoencoderOptions& options);

// "autoencoder", "denoising", "vae": searched over learning rate and width of the code (denoising:
// and the share of inputs that are masked).
std::unique_ptr<FeatureMethod> autoencoder_method(AutoencoderKind kind, const BaseModel& model,
                                                  ReadLayers layers, int num_steps);

}  // namespace metaplastic
