// The notation of `--data SPEC`: which form, which files, which options. dataset.h loads it.
// The forms of files are listed here; tasks/task_forms.h adds samples of task families.
//
//   fashion-mnist | mnist | cifar10 | digits
//   idx:IMAGES[,LABELS]          gzip-compressed or not
//   npy:X.npy[,Y.npy]            [N,F] table; [N,H,W] or [N,H,W,C] images; with signal=yes [N,T] or
//                                [N,T,C] signals
//   npz:FILE                     keys x, X, data or arr_0; labels y, labels or target
//   csv:FILE[,label=COLUMN]      by name or by index from 0; -1 is the last column
//   images:FOLDER                PNG, JPEG, PGM; a sub-folder is a class, a flat folder unlabelled
//   wav:FOLDER                   WAV files; a sub-folder is a class, a flat folder unlabelled
//   text:FILE.tsv | text:FOLDER  label TAB text, or a sub-folder of .txt files per class
// Options follow as ,NAME=VALUE. A comma in a file name is written \, .
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace metaplastic {

struct DataForm;  // data_form.h

struct DataSpec {
  std::string text;                // as the user wrote it
  std::string form;                // "csv"
  std::vector<std::string> paths;  // one or two files, or a folder; none for named data
  std::vector<std::pair<std::string, std::string>> options;  // in the order given

  // Value of an option, or nothing. An option other than drop and category is given at most once.
  std::optional<std::string> option(std::string_view name) const;
  std::vector<std::string> all(std::string_view name) const;
  // Whole number in low..high, or `fallback` when not given. Throws Error.
  int number(std::string_view name, int low, int high, int fallback) const;
  // One of the choices, the first when not given. Throws Error that lists them.
  std::string choice(std::string_view name, const std::vector<std::string>& choices) const;
};

// Throws Error for a form that `forms` lacks (with the nearest one), a wrong number of files, an
// option that the form does not have (listing those it has). Looks at no file.
DataSpec parse_data_spec(std::string_view text, std::span<const DataForm> forms);

// Every form's notation, e.g. "csv:FILE[,label=COLUMN]..."; for help texts.
std::vector<std::string> data_spec_notations(std::span<const DataForm> forms);

}  // namespace metaplastic
