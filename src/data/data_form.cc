#include "data/data_form.h"

#include "base/text.h"
#include "data/dataset_parts.h"

namespace metaplastic {
namespace {

Dataset load_idx(const DataSpec& spec) {
  Dataset data = load_idx_pair(spec.paths[0], spec.paths.size() > 1 ? spec.paths[1] : "");
  apply_row_options(data, spec, printable(spec.paths[0], 400), data.pixel_max);
  return data;
}

std::vector<std::string> csv_options() {
  return {"label",  "drop",      "missing", "categorical", "category", "unknown",
          "header", "delimiter", "decimal", "image",       "max",      "signal"};
}

}  // namespace

std::span<const DataForm> file_forms() {
  static const std::vector<DataForm> kForms = {
      {"fashion-mnist",
       0,
       0,
       "fashion-mnist",
       {},
       [](const DataSpec&) { return load_fashion_mnist(); }},
      {"mnist", 0, 0, "mnist", {}, [](const DataSpec&) { return load_mnist(); }},
      {"cifar10", 0, 0, "cifar10", {}, [](const DataSpec&) { return load_cifar10(); }},
      {"digits", 0, 0, "digits", {}, [](const DataSpec&) { return load_digits(); }},
      {"idx",
       1,
       2,
       "idx:IMAGES[,LABELS][,image=HxW[xC]][,max=VALUE][,signal=yes|TxC]",
       {"image", "max", "signal"},
       load_idx},
      {"npy",
       1,
       2,
       "npy:X.npy[,Y.npy][,image=HxW[xC]][,max=VALUE][,signal=yes|TxC]",
       {"image", "max", "signal"},
       load_npy},
      {"npz",
       1,
       1,
       "npz:FILE[,x=NAME][,y=NAME][,image=HxW[xC]][,max=VALUE][,signal=yes|TxC]",
       {"x", "y", "image", "max", "signal"},
       load_npz},
      {"csv", 1, 1,
       "csv:FILE[,label=COLUMN][,drop=COLUMN][,missing=error|mean|zero]"
       "[,categorical=error|onehot][,category=COLUMN][,unknown=error|ignore]"
       "[,header=auto|yes|no][,delimiter=auto|comma|semicolon|tab|bar|blank]"
       "[,decimal=auto|point|comma][,image=HxW[xC]][,max=VALUE][,signal=yes|TxC]",
       csv_options(), load_csv},
      {"images",
       1,
       1,
       "images:FOLDER[,size=SIDE][,grey=no|yes][,background=white|black|error][,bad=error|skip]",
       {"size", "grey", "background", "bad"},
       load_images},
      {"wav",
       1,
       1,
       "wav:FOLDER[,test=FOLDER][,rate=HERTZ][,length=SECONDS][,channels=keep|mono]"
       "[,features=log-mel|raw][,bands=N][,bad=error|skip]",
       {"test", "rate", "length", "channels", "features", "bands", "bad"},
       load_wav},
      {"text",
       1,
       1,
       "text:FILE.tsv|FOLDER[,vocabulary=N][,weights=tf|tfidf][,header=no|yes]",
       {"vocabulary", "weights", "header"},
       load_text},
  };
  return kForms;
}

}  // namespace metaplastic
