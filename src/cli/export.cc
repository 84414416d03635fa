// metaplastic export: an encoder in another format.
#include <memory>

#include "apply/encoder_file.h"
#include "base/error.h"
#include "cli/command_files.h"
#include "cli/commands.h"
#include "cli/flags.h"
#include "cli/progress.h"
#include "onnx/export_onnx.h"

namespace metaplastic {
namespace {

struct ExportFlags {
  std::string model, onnx;
  OnnxOptions options;
  ReadoutFlags readout;
  bool quiet = false;
};

CommandFiles files_of(const ExportFlags& flags) {
  CommandFiles files;
  files.reads("--model", flags.model);
  files.writes("--onnx", flags.onnx, {".onnx"});
  return files;
}

int run_export(const ExportFlags& flags) {
  files_of(flags).check();
  Encoder encoder = load_encoder(flags.model);
  const Readout readout = flags.readout.over(encoder.readout);
  // The classifier reads the features that it was fitted on.
  if (readout != encoder.readout) encoder.classifier.reset();
  encoder.readout = readout;
  save_onnx(flags.onnx, encoder, flags.options);
  Progress(flags.quiet)
      .note(fmt::format("wrote an ONNX model of {} features{} to {}",
                        num_features(encoder, encoder.readout),
                        encoder.classifier ? " and a classifier" : "", flags.onnx));
  return kExitOk;
}

}  // namespace

Action add_export(CLI::App& app) {
  auto flags = std::make_shared<ExportFlags>();
  app.add_option("--model", flags->model, "encoder that apply wrote")
      ->required()
      ->type_name("FILE");
  app.add_option("--onnx", flags->onnx, "ONNX model to write, preprocessing included")
      ->required()
      ->type_name("FILE");
  app.add_option_function<std::string>(
         "--pixel-max",
         [flags](const std::string& text) {
           flags->options.pixel_max =
               static_cast<float>(parse_real("--pixel-max", text, 1e-3, 1e6));
         },
         "images: the value of white in the model's input (default 255)")
      ->type_name("VALUE");
  add_readout(app, flags->readout, "as the encoder was made");
  app.add_flag("--quiet", flags->quiet, "no progress on stderr");
  return [flags] { return run_export(*flags); };
}

}  // namespace metaplastic
