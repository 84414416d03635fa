// metaplastic completion: scripts with which a shell completes commands, flags and rules.
#include <cstdio>
#include <memory>

#include "apply/find_rule.h"
#include "base/error.h"
#include "base/text.h"
#include "cli/command_tree.h"
#include "cli/commands.h"

namespace metaplastic {
namespace {

std::string names_of(const std::vector<FlagText>& flags) {
  std::string names;
  for (const FlagText& flag : flags) {
    if (!flag.long_name().empty()) names += (names.empty() ? "--" : " --") + flag.long_name();
  }
  return names;
}

// Without the characters that end a word in quotes, and in zsh's descriptions.
std::string plain(const std::string& text) {
  std::string out;
  for (const char c : text) {
    const bool special = c == '\'' || c == '[' || c == ']' || c == ':' || c == '\\' || c == '\n';
    out += special ? ' ' : c;
  }
  return out;
}

std::string rules_text() { return fmt::format("{}", fmt::join(rule_names(), " ")); }

std::string bash_script(const CLI::App& program) {
  std::string cases, words;
  for (const CommandText& command : commands_of(program)) {
    words += command.name + " ";
    cases += fmt::format("    {}) flags='{}' ;;\n", command.name, names_of(command.flags));
  }
  return fmt::format(R"(# bash completion of metaplastic; written by "metaplastic completion bash".
_metaplastic() {{
  local current=${{COMP_WORDS[COMP_CWORD]}} previous=${{COMP_WORDS[COMP_CWORD - 1]}} flags=
  COMPREPLY=()
  if ((COMP_CWORD == 1)); then
    mapfile -t COMPREPLY < <(compgen -W '{}--help --version' -- "$current")
    return
  fi
  case ${{COMP_WORDS[1]}} in
{}  esac
  if [[ $current == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$flags" -- "$current")
  elif [[ $previous == --rule ]]; then
    mapfile -t COMPREPLY < <(compgen -W '{}' -- "$current"; compgen -f -- "$current")
  else
    mapfile -t COMPREPLY < <(compgen -f -- "$current")
  fi
}}
complete -o filenames -F _metaplastic metaplastic
)",
                     words, cases, rules_text());
}

std::string zsh_flag(const FlagText& flag) {
  if (flag.long_name().empty()) return "";
  std::string line =
      fmt::format("        '--{}[{}]", flag.long_name(), plain(flag.help).substr(0, 120));
  if (flag.long_name() == "rule") {
    line +=
        fmt::format(":rule:_alternative \"rules:rule:({})\" \"files:file:_files\"", rules_text());
  } else if (!flag.value.empty()) {
    line += fmt::format(":{}:_files", plain(flag.value));
  }
  return line + "' \\\n";
}

std::string zsh_script(const CLI::App& program) {
  std::string commands, cases;
  for (const CommandText& command : commands_of(program)) {
    commands += fmt::format("    '{}:{}'\n", command.name, plain(command.help));
    cases += fmt::format("    {})\n      _arguments \\\n", command.name);
    for (const FlagText& flag : command.flags) cases += zsh_flag(flag);
    cases += "        '*:file:_files' ;;\n";
  }
  return fmt::format(R"(#compdef metaplastic
# zsh completion of metaplastic; written by "metaplastic completion zsh".
_metaplastic() {{
  local -a commands=(
{}  )
  if ((CURRENT == 2)); then
    _describe command commands
    return
  fi
  local command=$words[2]
  shift words
  ((CURRENT--))
  case $command in
{}  esac
}}
_metaplastic "$@"
)",
                     commands, cases);
}

std::string fish_script(const CLI::App& program) {
  std::string text =
      "# fish completion of metaplastic; written by \"metaplastic completion fish\".\n";
  for (const CommandText& command : commands_of(program)) {
    text += fmt::format("complete -c metaplastic -n __fish_use_subcommand -f -a {} -d '{}'\n",
                        command.name, plain(command.help));
    for (const FlagText& flag : command.flags) {
      if (flag.long_name().empty()) continue;
      text += fmt::format(
          "complete -c metaplastic -n '__fish_seen_subcommand_from {}' -l {}{}{} -d '{}'\n",
          command.name, flag.long_name(), flag.value.empty() ? "" : " -r",
          flag.long_name() == "rule" ? " -a '" + rules_text() + "'" : "", plain(flag.help));
    }
  }
  return text;
}

}  // namespace

Action add_completion(CLI::App& app) {
  auto shell = std::make_shared<std::string>();
  app.add_option("shell", *shell, "bash, zsh or fish")->required()->type_name("SHELL");
  app.footer("Try it: source <(metaplastic completion bash). Debian's package installs all three.");
  const CLI::App* program = app.get_parent();
  return [=] {
    std::string text;
    if (*shell == "bash") text = bash_script(*program);
    if (*shell == "zsh") text = zsh_script(*program);
    if (*shell == "fish") text = fish_script(*program);
    if (text.empty()) fail("completion: expected bash, zsh or fish, found {}", quote_text(*shell));
    std::fputs(text.c_str(), stdout);
    return kExitOk;
  };
}

}  // namespace metaplastic
