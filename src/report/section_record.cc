// What the page says in numbers and words: summary, configuration, how it was made.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "io/config.h"
#include "report/html.h"
#include "report/sections.h"
#include "report/shell_word.h"

namespace metaplastic {
namespace {

using nlohmann::json;

struct Tile {
  std::string name, value, note;
};

std::string tiles_html(const std::vector<Tile>& tiles) {
  std::string out = "<dl class=\"tiles\">\n";
  for (const Tile& tile : tiles) {
    out += fmt::format(
        "<div><dt>{}</dt><dd><span class=\"value\">{}</span><span class=\"note\">{}</span></dd>"
        "</div>\n",
        escape(tile.name), escape(tile.value), escape(tile.note));
  }
  return out + "</dl>\n";
}

double total(const RunRecord& run, double StepRecord::*number) {
  double sum = 0;
  for (const StepRecord& step : run.steps) {
    if (std::isfinite(step.*number)) sum += step.*number;
  }
  return sum;
}

Tile evaluation_tile(const EvaluationRecord& evaluation) {
  const EvaluatedMethod* learned = evaluation.find("learned");
  const EvaluatedMethod* random = evaluation.find("random");
  const EvaluatedMethod& shown = learned ? *learned : evaluation.methods.front();
  std::string note = evaluation.dataset + ", all labels";
  if (evaluation.shots > 0)
    note = fmt::format("{}, {} labels per class", evaluation.dataset, evaluation.shots);
  if (learned && random) note += fmt::format("; random encoder {}", fixed(random->accuracy, 3));
  return {learned ? "Learned rule, few labels" : shown.name + ", few labels",
          with_error(shown.accuracy, shown.standard_error, 3), note};
}

Tile validation_tile(const RunRecord& run) {
  const auto best = std::ranges::max_element(run.validations, {}, [](const ValidationRecord& v) {
    return std::isfinite(v.accuracy) ? v.accuracy : -1.0;
  });
  return {"Held-out tasks, best", with_error(best->accuracy, best->standard_error, 3),
          fmt::format("outer step {}; random encoder {}", grouped(best->outer_step),
                      fixed(best->random_accuracy, 3))};
}

std::string value_text(const json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (!value.is_array()) return value.dump();
  std::string text;
  for (const json& item : value) text += (text.empty() ? "" : ", ") + value_text(item);
  return text.empty() ? "none" : text;
}

// A string of the rule's provenance, or "".
std::string provenance_text(const RunRecord& run, const char* key) {
  if (!run.rule || !run.rule->rule.provenance.is_object()) return "";
  const auto found = run.rule->rule.provenance.find(key);
  if (found == run.rule->rule.provenance.end() || !found->is_string()) return "";
  return found->get<std::string>();
}

std::string tasks_html(const RunRecord& run) {
  if (!run.rule || !run.rule->rule.provenance.is_object()) return "";
  const auto tasks = run.rule->rule.provenance.find("tasks");
  if (tasks == run.rule->rule.provenance.end() || !tasks->is_array()) return "";
  std::string out;
  for (const json& task : *tasks) {
    if (task.is_string()) out += "<li>" + escape(task.get<std::string>()) + "</li>\n";
  }
  return out.empty() ? "" : "<h3>Families of tasks</h3>\n<ul>\n" + out + "</ul>\n";
}

std::vector<std::pair<std::string, std::string>> run_facts(const RunRecord& run) {
  const std::string program = provenance_text(run, "program");
  std::vector<std::pair<std::string, std::string>> facts = {
      {"Run folder", run.folder},
      {"Seed",
       run.seed ? fmt::format("{}", *run.seed) : "not recorded before the first checkpoint"},
      {"Trained by", program.empty() ? "version not recorded by the run" : program}};
  if (run.rule) facts.emplace_back("SHA-256 of " + run.rule->file, run.rule->sha256);
  return facts;
}

std::string run_command_html(const RunRecord& run) {
  std::string command = provenance_text(run, "command");
  const char* heading = command.empty() ? "The same run again" : "Command";
  if (command.empty()) {
    command = fmt::format("metaplastic train --config {} --out NEW_FOLDER --outer-steps {}",
                          shell_word(run.folder + "/config.toml"),
                          std::max<std::int64_t>(run.last_step(), 1));
    if (run.seed) command += fmt::format(" --seed {}", *run.seed);
  }
  return fmt::format("<h3>{}</h3>\n<pre tabindex=\"0\"><code>{}</code></pre>\n", heading,
                     escape(command));
}

}  // namespace

std::string paragraph(const std::string& text) { return "<p>" + escape(text) + "</p>\n"; }

std::string picture_html(const std::string& title, const std::string& alt, const std::string& light,
                         const std::string& dark) {
  return fmt::format(
      "<figure class=\"filters\"><figcaption><h3>{}</h3></figcaption>\n<picture>"
      "<source media=\"(prefers-color-scheme: dark)\" srcset=\"{}\" />"
      "<img src=\"{}\" alt=\"{}\" /></picture></figure>\n",
      escape(title), escape(dark), escape(light), escape(alt));
}

std::string definitions_html(const std::vector<std::pair<std::string, std::string>>& rows) {
  std::string out = "<dl class=\"facts\">\n";
  for (const auto& [term, description] : rows) {
    out += fmt::format("<dt>{}</dt><dd>{}</dd>\n", escape(term), escape(description));
  }
  return out + "</dl>\n";
}

Section summary_section(const ReportInputs& inputs) {
  METAPLASTIC_CHECK(inputs.run);
  const RunRecord& run = *inputs.run;
  std::vector<Tile> tiles;
  if (inputs.evaluation && !inputs.evaluation->methods.empty()) {
    tiles.push_back(evaluation_tile(*inputs.evaluation));
  }
  if (!run.validations.empty()) tiles.push_back(validation_tile(run));
  const double seconds = total(run, &StepRecord::seconds);
  const double inner_steps = total(run, &StepRecord::inner_steps);
  tiles.push_back(
      {"Outer steps", grouped(run.last_step()),
       fmt::format("of {} in the configuration", grouped(run.config.outer.outer_steps))});
  tiles.push_back({"Time in outer steps", duration(seconds), "validation not counted"});
  if (seconds > 0) {
    tiles.push_back({"Inner steps", grouped(std::llround(std::min(inner_steps, 1e15))),
                     fmt::format("{} per second", fixed(inner_steps / seconds, 0))});
  }
  double non_finite = 0;
  for (const StepRecord& step : run.steps) {
    if (std::isfinite(step.non_finite_share)) non_finite += step.non_finite_share;
  }
  if (!run.steps.empty()) {
    tiles.push_back({"Non-finite truncations",
                     fixed(100 * non_finite / static_cast<double>(run.steps.size()), 2) + " %",
                     "counted, logged, and their tasks restarted"});
  }
  return {"summary", "At a glance", tiles_html(tiles)};
}

Section config_section(const MetaConfig& config) {
  Section section{"configuration", "Configuration", ""};
  MetaConfig copy = config;
  const json values = to_json(config);
  std::vector<std::pair<std::string, Table>> tables;
  for (const Option& option : options_of(copy)) {
    const std::size_t dot = option.name.rfind('.');
    const std::string group = dot == std::string::npos ? "" : option.name.substr(0, dot);
    if (tables.empty() || tables.back().first != group) {
      tables.emplace_back(
          group, Table{"[" + group + "]", {"option", "value", "meaning", "paper"}, {}, {1, 2, 3}});
    }
    std::string pointer = "/" + option.name;
    std::ranges::replace(pointer, '.', '/');
    tables.back().second.rows.push_back({option.name.substr(dot + 1),
                                         value_text(values.at(json::json_pointer(pointer))),
                                         option.help, option.paper});
  }
  section.html = paragraph(
      "Every option of the run's config.toml, by section; empty where the "
      "paper has no such value.");
  for (const auto& [group, table] : tables) {
    section.html +=
        folded_table_html(fmt::format("{} \u2013 {} options", group, table.rows.size()), table);
  }
  return section;
}

Section provenance_section(const ReportInputs& inputs) {
  Section section{"provenance", "How it was made", ""};
  std::vector<std::pair<std::string, std::string>> facts;
  if (inputs.run) facts = run_facts(*inputs.run);
  facts.emplace_back("Report written by", "metaplastic " METAPLASTIC_VERSION);
  if (inputs.encoder) {
    const EncoderRecord& record = inputs.encoder->record;
    facts.emplace_back("Encoder", fmt::format("{}: rule {}, data {}, seed {}, {} inner steps of {}",
                                              inputs.encoder_path, record.rule, record.data,
                                              record.seed, record.inner_steps, record.inner_batch));
  }
  section.html = definitions_html(facts);
  if (inputs.run) section.html += run_command_html(*inputs.run);
  if (!inputs.command.empty()) {
    section.html += "<h3>This page</h3>\n<pre tabindex=\"0\"><code>" + escape(inputs.command) +
                    "</code></pre>\n";
  }
  if (inputs.run) section.html += tasks_html(*inputs.run);
  return section;
}

}  // namespace metaplastic
