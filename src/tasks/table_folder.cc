#include "tasks/table_folder.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <numeric>

#include "base/error.h"
#include "base/sha256.h"
#include "base/text.h"

namespace metaplastic {
namespace {

namespace fs = std::filesystem;

constexpr int kFewestColumns = 4;      // of a subset
constexpr float kLeastColumns = 0.4f;  // share of the columns in a subset

// Paths by frame: the file name up to its last two dots.
std::map<std::string, std::vector<fs::path>> list_frames(const std::string& folder) {
  std::map<std::string, std::vector<fs::path>> frames;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    if (entry->path().extension() != ".csv") continue;
    frames[entry->path().stem().stem().string()].push_back(entry->path());
  }
  if (error) fail("{}: expected a readable folder of tables, found: {}", folder, error.message());
  for (auto& [name, paths] : frames) std::ranges::sort(paths);
  return frames;
}

ClassTable read_table(const fs::path& path) {
  std::string name = path.string();
  for (std::size_t at = 0; (at = name.find(',', at)) != std::string::npos; at += 2)
    name.insert(at, 1, '\\');
  const Dataset data = load_dataset("csv:" + name + ",label=class,categorical=onehot");
  ClassTable table = table_of(data, 0);
  for (int c = 0; c < data.num_classes(); ++c) {
    std::vector<int> rows;
    for (std::size_t row = 0; row < data.labels.size(); ++row)
      if (data.labels[row] == c) rows.push_back(static_cast<int>(row));
    if (rows.size() >= ClassTable::kMinRows) table.rows_of_class.push_back(std::move(rows));
  }
  if (table.rows_of_class.size() < 2)
    fail("{}: expected a column `class` with at least 2 classes of {} rows, found {}",
         path.string(), ClassTable::kMinRows, table.rows_of_class.size());
  return table;
}

// Of columns in random order, the first of them.
std::shared_ptr<const ClassTable> some_columns(const ClassTable& table, Random& random) {
  const auto U = static_cast<std::size_t>(table.num_inputs);
  std::vector<std::size_t> columns(U);
  std::iota(columns.begin(), columns.end(), 0);
  random.shuffle(std::span(columns));
  const float share = random.uniform(kLeastColumns, 1.0f);
  columns.resize(std::clamp(static_cast<std::size_t>(share * static_cast<float>(U)),
                            std::min<std::size_t>(kFewestColumns, U), U));
  ClassTable fewer;
  fewer.num_inputs = static_cast<int>(columns.size());
  fewer.rows_of_class = table.rows_of_class;
  fewer.rows.reserve(table.rows.size() / U * columns.size());
  for (std::size_t row = 0; row < table.rows.size(); row += U)
    for (const std::size_t column : columns) fewer.rows.push_back(table.rows[row + column]);
  return std::make_shared<const ClassTable>(std::move(fewer));
}

}  // namespace

TableFolderFamily::TableFolderFamily(const TaskSource& source, float held_out_share)
    : name_(source.name) {
  Sha256 digest;
  std::size_t num_tables = 0;
  std::vector<std::pair<std::string, Frame>> ranked;
  for (const auto& [name, paths] : list_frames(source.paths.front())) {
    Frame frame{name, {}};
    for (const fs::path& path : paths) {
      const auto table = std::make_shared<const ClassTable>(read_table(path));
      digest.update(path.filename().string() + "\n");
      digest.update(std::as_bytes(std::span(table->rows)));
      frame.tables.push_back(table);
      ++num_tables;
    }
    ranked.emplace_back(sha256_hex(name), std::move(frame));
  }
  if (ranked.size() < 2)
    fail(
        "tasks.images '{}': expected at least 2 tables FRAME.LABEL.csv in {}, found {}; write "
        "them with tools/make_task_tables.R",
        name_, source.paths.front(), ranked.size());
  std::ranges::sort(ranked, {}, &std::pair<std::string, Frame>::first);
  const double share = static_cast<double>(held_out_share) * static_cast<double>(ranked.size());
  const std::size_t held =
      std::clamp<std::size_t>(static_cast<std::size_t>(std::lround(share)), 1, ranked.size() - 1);
  description_ = fmt::format("{}: {} tables of {} data frames, sha256 {}", name_, num_tables,
                             ranked.size(), digest.hex_digest());
  for (std::size_t n = 0; n < ranked.size(); ++n)
    (n < held ? validation_ : train_).push_back(std::move(ranked[n].second));
  std::ranges::sort(train_, {}, &Frame::name);
  std::ranges::sort(validation_, {}, &Frame::name);
}

int TableFolderFamily::max_classes(Split split) const {
  std::size_t most = 0;
  for (const Frame& frame : frames(split))
    for (const auto& table : frame.tables) most = std::max(most, table->rows_of_class.size());
  return static_cast<int>(most);
}

std::vector<std::string> TableFolderFamily::frame_names(Split split) const {
  std::vector<std::string> names;
  for (const Frame& frame : frames(split)) names.push_back(frame.name);
  return names;
}

std::unique_ptr<ClassSet> TableFolderFamily::draw_classes(Split split, int num_classes,
                                                          Random& random) const {
  const auto draw = [&](const auto& all) -> const auto& {
    return all[random.below(static_cast<std::uint32_t>(all.size()))];
  };
  const std::shared_ptr<const ClassTable>& table = draw(draw(frames(split)).tables);
  const int classes = std::min(num_classes, static_cast<int>(table->rows_of_class.size()));
  if (random.below(2) == 0) return draw_from_table(table, classes, random);
  return draw_from_table(some_columns(*table, random), classes, random);
}

}  // namespace metaplastic
