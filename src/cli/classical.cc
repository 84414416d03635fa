// metaplastic classical: writes the hand-set rules that ship in rules/ (for developers).
#include "rule/classical.h"

#include <cstdio>
#include <filesystem>
#include <memory>

#include "base/error.h"
#include "cli/commands.h"

namespace metaplastic {

Action add_classical(CLI::App& app) {
  auto out = std::make_shared<std::string>();
  app.add_option("--out", *out, "folder for the rule files")->required()->type_name("DIR");
  return [out] {
    std::error_code error;
    std::filesystem::create_directories(*out, error);
    if (error) fail("{}: expected to make this folder, the system says: {}", *out, error.message());
    for (const ClassicalRule& rule : classical_rules()) {
      const std::string path = *out + "/" + rule.name + ".safetensors";
      save_rule(path, make_classical_rule(rule.name, classical_sizes(rule.name), 0));
      std::printf("%s\n", path.c_str());
    }
    return kExitOk;
  };
}

}  // namespace metaplastic
