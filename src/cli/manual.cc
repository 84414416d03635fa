// metaplastic manual: the manual pages, in the language of man (for the build; hidden).
#include <cstdio>
#include <memory>

#include "base/error.h"
#include "cli/command_tree.h"
#include "cli/commands.h"

namespace metaplastic {
namespace {

// Text as troff takes it: no command at a line's start, hyphens as they are typed.
std::string troff(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\') {
      out += "\\e";
    } else if (c == '-') {
      out += "\\-";
    } else {
      if ((c == '.' || c == '\'') && (out.empty() || out.back() == '\n')) out += "\\&";
      out += c;
    }
  }
  return out;
}

std::string heading(const std::string& title, const std::string& help) {
  return fmt::format(".TH {} 1 \"\" \"metaplastic {}\" \"User Commands\"\n.SH NAME\n{} \\- {}\n",
                     troff(title), METAPLASTIC_VERSION, troff(title), troff(help));
}

std::string flag_list(const std::vector<FlagText>& flags) {
  std::string text = ".SH OPTIONS\n";
  for (const FlagText& flag : flags) {
    text += ".TP\n";
    std::string names;
    for (const std::string& name : flag.names) {
      names += fmt::format("{}\\fB{}\\fR", names.empty() ? "" : ", ", troff(name));
    }
    if (!flag.value.empty()) names += fmt::format(" \\fI{}\\fR", troff(flag.value));
    text += fmt::format("{}\n{}{}\n", names, troff(flag.help), flag.required ? " (required)" : "");
  }
  return text;
}

std::string program_page(const CLI::App& program) {
  std::string text = heading("metaplastic", program.get_description());
  text += ".SH SYNOPSIS\n.B metaplastic\n.I COMMAND\n[\\fIFLAG\\fR]...\n.SH COMMANDS\n";
  for (const CommandText& command : commands_of(program)) {
    text += fmt::format(".TP\n\\fB{0}\\fR\n{1}; see \\fBmetaplastic\\-{0}\\fR(1)\n",
                        troff(command.name), troff(command.help));
  }
  text += flag_list(flags_of(program));
  text +=
      ".SH EXIT STATUS\n0: success. 1: an internal error. 2: an error that the user can fix. 3: "
      "stopped by a signal, after saving.\n";
  return text;
}

std::string command_page(const CommandText& command) {
  std::string text = heading("metaplastic-" + command.name, command.help);
  text += fmt::format(".SH SYNOPSIS\n.B metaplastic {}\n", troff(command.name));
  for (const FlagText& flag : command.flags) {
    if (!flag.required) continue;
    text += fmt::format("\\fB{}\\fR \\fI{}\\fR\n", troff(flag.names.back()), troff(flag.value));
  }
  text += "[\\fIFLAG\\fR]...\n" + flag_list(command.flags);
  if (!command.footer.empty()) {
    text += fmt::format(".SH NOTES\n.nf\n{}\n.fi\n", troff(command.footer));
  }
  return text + ".SH SEE ALSO\n.BR metaplastic (1)\n";
}

}  // namespace

Action add_manual(CLI::App& app) {
  auto name = std::make_shared<std::string>();
  app.add_option("command", *name, "the command; nothing: the program")->type_name("COMMAND");
  const CLI::App* program = app.get_parent();
  return [=] {
    if (name->empty()) {
      std::fputs(program_page(*program).c_str(), stdout);
      return kExitOk;
    }
    for (const CommandText& command : commands_of(*program)) {
      if (command.name != *name) continue;
      std::fputs(command_page(command).c_str(), stdout);
      return kExitOk;
    }
    fail("manual: expected the name of a command, found '{}'", *name);
  };
}

}  // namespace metaplastic
