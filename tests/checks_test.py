#!/usr/bin/env python3
"""Tests of tools/check_layers, check_sizes and check_docs: each check must be able to fail."""
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
        self.assertEqual(self.docs("[a](notation.md#x) [b](https://example.org/y)").returncode, 0)
        self.assertIn("gone.md", self.docs("[a](gone.md)").stderr)

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


if __name__ == "__main__":
    unittest.main()
