#!/usr/bin/env python3
"""Tests of tools/check_layers, check_sizes, check_docs and run_docs: each check must be able to fail."""
import os
import unittest

from tools_test import TempTree, write

CMAKE_LISTS = "foreach(folder base tensor io data)\nendforeach()\n"


class CheckLayers(TempTree):
    def include(self, file, target):
        write(self.tree / "CMakeLists.txt", CMAKE_LISTS)
        for name in ("src/base/a.h", "src/tensor/b.h", "src/data/c.h"):
            if not (self.tree / name).exists():
                write(self.tree / name, "#pragma once\n")
        write(self.tree / file, f'#pragma once\n#include <vector>\n#include "{target}"\n')
        return self.tool("check_layers")

    def test_an_include_to_the_left_or_of_the_same_folder_is_fine(self):
        self.assertEqual(self.include("src/data/x.cc", "tensor/b.h").returncode, 0)
        self.assertEqual(self.include("src/data/y.cc", "data/c.h").returncode, 0)

    def test_an_include_to_the_right_is_named_with_its_line(self):
        done = self.include("src/base/x.cc", "data/c.h")
        self.assertEqual(done.returncode, 1)
        self.assertIn("src/base/x.cc:3: base includes data", done.stderr)

    def test_a_header_that_is_not_there_and_one_without_folder_are_refused(self):
        self.assertIn("not in src/", self.include("src/data/x.cc", "tensor/gone.h").stderr)
        self.assertIn('expected "folder/file.h"', self.include("src/data/x.cc", "c.h").stderr)

    def test_the_bindings_stand_beside_the_last_folder(self):
        write(self.tree / "python/bindings/own.h", "#pragma once\n")
        self.assertEqual(self.include("python/bindings/x.cc", "tensor/b.h").returncode, 0)
        self.assertEqual(self.include("python/bindings/x.cc", "own.h").returncode, 0)
        self.assertIn("python includes data", self.include("python/bindings/x.cc", "data/c.h").stderr)
        os.remove(self.tree / "python/bindings/x.cc")
        self.assertIn('expected "folder/file.h"', self.include("src/data/x.cc", "own.h").stderr)

    def test_a_folder_unknown_to_cmake_is_refused(self):
        self.assertIn("is not in CMakeLists.txt", self.include("src/extra/x.cc", "base/a.h").stderr)

    def test_an_empty_tree_does_not_pass(self):
        write(self.tree / "CMakeLists.txt", CMAKE_LISTS)
        (self.tree / "src").mkdir()
        self.assertEqual(self.tool("check_layers").returncode, 1)


class CheckSizes(TempTree):
    def sizes(self, num_lines, name="src/base/x.cc", reasons=""):
        write(self.tree / name, "int x;\n" * num_lines)
        write(self.tree / "tools/long_files.txt", reasons)
        return self.tool("check_sizes")

    def test_limits(self):
        self.assertEqual(self.sizes(400).returncode, 0)
        self.assertIn("needs a reason", self.sizes(401).stderr)
        self.assertEqual(self.sizes(800, reasons="src/base/x.cc  one table\n").returncode, 0)
        self.assertIn("split it", self.sizes(801, reasons="src/base/x.cc  one table\n").stderr)

    def test_functions_end_at_sixty_lines(self):
        def function(num_lines):
            write(self.tree / "src/base/f.h", "namespace a {\nclass B {\n"
                  "  void f(int x) {\n" + '    s += "}";  // }\n' * (num_lines - 2) + "  }\n};\n}  // namespace a\n")
            return self.sizes(1)

        self.assertEqual(function(60).returncode, 0)
        self.assertIn("src/base/f.h:3: f has 61 lines; 60 is the limit", function(61).stderr)

    def test_scopes_and_tables_are_no_functions(self):
        write(self.tree / "src/base/f.cc", "namespace a {\nconst int kTable[] = {\n" + "    1,\n" * 70 + "};\n}\n")
        self.assertEqual(self.sizes(1).returncode, 0)

    def test_an_entry_without_reason_or_without_need_is_refused(self):
        self.assertEqual(self.sizes(500, reasons="src/base/x.cc\n").returncode, 1)
        self.assertIn("remove its entry", self.sizes(10, reasons="src/base/x.cc  was long\n").stderr)

    def test_scripts_without_suffix_count_and_build_folders_do_not(self):
        write(self.tree / "tools/long_script", "#!/bin/sh\n" + "true\n" * 900)
        self.assertIn("tools/long_script", self.sizes(10).stderr)
        os.remove(self.tree / "tools/long_script")
        self.assertEqual(self.sizes(900, name="build-asan/made.cc").returncode, 0)


class CheckDocs(TempTree):
    def docs(self, text, *arguments):
        write(self.tree / "src/rule/step.h", "void weight_step();\n")
        write(self.tree / "configs/demo.toml", "")
        write(self.tree / "docs/notation.md", text)
        return self.tool("check_docs", *arguments)

    def test_references_to_functions(self):
        self.assertEqual(self.docs("`rule/step.h:weight_step` `src/rule/step.h:weight_step`").returncode, 0)
        self.assertIn("has no weight", self.docs("`rule/step.h:weight`").stderr)
        self.assertIn("no such file", self.docs("`rule/gone.h:weight_step`").stderr)

    def test_links(self):
        write(self.tree / "tools/link_hosts.txt", "example.org  # a host\n")
        self.assertEqual(self.docs("# X of `y`\n[a](notation.md#x-of-y) [b](https://example.org/y)").returncode, 0)
        self.assertIn("gone.md", self.docs("[a](gone.md)").stderr)
        self.assertIn("gone.svg", self.docs('<img src="gone.svg">').stderr)

    def test_headings_that_links_name(self):
        self.assertEqual(self.docs('# A b\n**C d.** x\n[a](#a-b) ([a](notation.md),\n"C d")').returncode, 0)
        self.assertIn("#a-c", self.docs("# A b\n[a](#a-c)").stderr)
        self.assertIn('"Gone"', self.docs('# A b\n[a](notation.md), "Gone"').stderr)
        self.assertEqual(self.docs("# A b\n```\n[a](#a-c)\n```").returncode, 0)

    def test_links_to_other_sites(self):
        write(self.tree / "tools/link_hosts.txt", "example.org\n")
        self.assertEqual(self.docs("(https://example.org/a-b_c.html#d).").returncode, 0)
        self.assertIn("expected https", self.docs("http://example.org/y").stderr)
        self.assertIn("expected https", self.docs("https://exam ple.org/y").stderr)
        self.assertIn("expected https", self.docs("https://example.org/?q=1").stderr)
        self.assertIn("other.org is not in", self.docs("[b](https://other.org/y)").stderr)

    def test_an_index_names_every_page(self):
        write(self.tree / "docs/README.md", "[a](notation.md)")
        self.assertEqual(self.docs("").returncode, 0)
        write(self.tree / "docs/lost.md", "")
        self.assertIn("docs/README.md: no link to lost.md", self.docs("").stderr)

    def test_every_bundled_rule_has_a_card(self):
        write(self.tree / "docs/rules.md", "# Rules\n## new-rule, old\n")
        for name in ("new-rule", "old"):
            write(self.tree / f"rules/{name}.safetensors", "")
        self.assertEqual(self.docs("").returncode, 0)
        write(self.tree / "rules/new.safetensors", "")
        self.assertIn("no card of rules/new.safetensors", self.docs("").stderr)

    def test_files_that_code_blocks_name(self):
        write(self.tree / "tools/run", "")
        self.assertEqual(self.docs("```\ntools/run # tools/gone\n```\n```toml\ntools/gone\n```\n").returncode, 0)
        self.assertIn("tools/gone", self.docs("```\npython3 tools/gone --x\n```\n").stderr)

    def test_commands_and_flags_are_those_of_the_program(self):
        write(self.tree / "metaplastic",
              '#!/bin/sh\n[ "$1" = train ] || exit 2\necho "  --config FILE  --out DIR"\n', executable=True)
        program = ("--program", self.tree / "metaplastic")

        def block(line):
            return self.docs(f"```\n{line}\n```\n", *program)

        self.assertEqual(block("build/metaplastic train --config configs/demo.toml \\\n  --out x").returncode, 0)
        self.assertEqual(block("metaplastic train --out x  # not --this").returncode, 0)
        self.assertIn("--outt is not in", block("metaplastic train --outt x").stderr)
        self.assertIn("does not know", block("metaplastic trane --out x").stderr)
        self.assertIn("configs/gone.toml", block("metaplastic train --config configs/gone.toml").stderr)


class RunDocs(TempTree):
    def run_docs(self, text):
        write(self.tree / "build/metaplastic", "#!/bin/sh\necho $1\n", executable=True)
        write(self.tree / "data.txt", "here\n")
        write(self.tree / "README.md", text)
        return self.tool("run_docs")

    def test_marked_blocks_run_in_a_folder_like_the_checkout(self):
        done = self.run_docs("<!-- run -->\n```\nmetaplastic x | grep x > out; build/metaplastic y; cat data.txt\n```\n"
                             "```\nfalse\n```\n<!-- run -->\n```\ngrep x out\n```\n")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("2 blocks", done.stdout)
        self.assertFalse((self.tree / "out").exists())

    def test_python_blocks_share_names_and_have_what_stands_in_the_comment(self):
        done = self.run_docs("<!-- run after\nx = 1\n-->\n```python\ny = x + 1\n```\n<!-- run -->\n```python\n"
                             "assert y == 2\n```\n")
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_a_block_that_fails_is_named_with_its_line(self):
        done = self.run_docs("\n<!-- run -->\n```\necho words; false\n```\n")
        self.assertEqual(done.returncode, 1)
        self.assertIn("README.md:3: status 1: words", done.stderr)
        self.assertIn("NameError", self.run_docs("<!-- run -->\n```python\ny\n```\n").stderr)

    def test_documents_without_a_marked_block_do_not_pass(self):
        self.assertEqual(self.run_docs("```\ntrue\n```\n").returncode, 1)


if __name__ == "__main__":
    unittest.main()
