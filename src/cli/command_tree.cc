#include "cli/command_tree.h"

namespace metaplastic {

std::string FlagText::long_name() const {
  for (const std::string& name : names) {
    if (name.starts_with("--")) return name.substr(2);
  }
  return "";
}

std::vector<FlagText> flags_of(const CLI::App& app) {
  std::vector<FlagText> flags;
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_group().empty()) continue;
    FlagText flag;
    for (const std::string& name : option->get_snames()) flag.names.push_back("-" + name);
    for (const std::string& name : option->get_lnames()) flag.names.push_back("--" + name);
    if (flag.names.empty()) flag.names.push_back(option->get_name());
    if (option->get_items_expected_max() > 0) flag.value = option->get_type_name();
    flag.help = option->get_description();
    flag.required = option->get_required();
    flags.push_back(std::move(flag));
  }
  return flags;
}

std::vector<CommandText> commands_of(const CLI::App& program) {
  std::vector<CommandText> commands;
  for (const CLI::App* command : program.get_subcommands([](const CLI::App*) { return true; })) {
    if (command->get_group().empty()) continue;
    commands.push_back({command->get_name(), command->get_description(), flags_of(*command),
                        command->get_footer()});
  }
  return commands;
}

}  // namespace metaplastic
