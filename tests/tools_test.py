#!/usr/bin/env python3
"""Tests of ./demo, ./test and tools/: each check must be able to fail, each script must be calm.

Nothing here touches the machine: trees are temporary, and apt, dpkg, cmake and the program itself
are stand-ins that write down how they were called.
"""
import os
import pathlib
import re
import shutil
import stat
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent
CMAKE_LISTS = "foreach(folder base tensor io data)\nendforeach()\n"


def write(path, text, executable=False):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    if executable:
        path.chmod(path.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)


def call(*command, cwd=None, env=None):
    return subprocess.run([str(c) for c in command], capture_output=True, text=True, cwd=cwd,
                          env=env, timeout=60, check=False)


class TempTree(unittest.TestCase):
    """Gives each test a folder of its own: self.tree."""

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.tree = pathlib.Path(self.folder.name).resolve()

    def tool(self, name, *arguments):
        return call(ROOT / "tools" / name, "--root", self.tree, *arguments)


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


class Stubs(TempTree):
    """A PATH whose front holds stand-ins; each appends its name and arguments to self.log."""

    def setUp(self):
        super().setUp()
        self.bin = self.tree / "bin"
        self.log = self.tree / "calls.log"
        self.log.touch()

    def stub(self, name, body=""):
        write(self.bin / name, f'#!/bin/bash\necho "{name} $*" >>"{self.log}"\n{body}\n', executable=True)

    def calls(self):
        return self.log.read_text(encoding="utf-8").splitlines()

    def env(self, **more):
        return {**os.environ, "PATH": f"{self.bin}:{os.environ['PATH']}", **more}


class InstallPackages(Stubs):
    def setUp(self):
        super().setUp()
        write(self.tree / "lists/packages.txt", "# c\n[product]\none\ntwo # why\n\n[test]\nthree\n")
        write(self.tree / "lists/font_packages.txt", "# faces\nfonts-a\nfonts-gone\n")
        self.installed("")
        self.stub("apt-get")
        self.stub("apt-cache", 'case $1 in policy) echo " 500 http://x bookworm Packages" ;;'
                               ' show) for p in "$@"; do [[ $p == fonts-a ]] && echo "Package: $p"; done ;; esac')

    def installed(self, names):
        lines = "".join(f'echo "installed {name}"\n' for name in names.split())
        self.stub("dpkg-query", lines + "echo 'config-files two'\nexit 1")

    def run_it(self, *groups):
        return call(ROOT / "tools/install_packages", *groups,
                    env=self.env(METAPLASTIC_PACKAGE_LISTS=str(self.tree / "lists")))

    def apt_calls(self):
        return [line for line in self.calls() if line.startswith("apt-get")]

    def test_nothing_missing_starts_no_apt(self):
        self.installed("one two")
        done = self.run_it("product")
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))
        self.assertEqual(self.apt_calls(), [])

    def test_only_what_is_missing_is_installed_after_one_update(self):
        self.installed("one")
        done = self.run_it("product", "test")
        self.assertEqual(done.returncode, 0, done.stderr)
        update, install = self.apt_calls()
        self.assertIn(" update", update)
        self.assertRegex(install, r" install --no-install-recommends three two$")

    def test_a_face_that_the_release_has_dropped_stops_nothing_and_is_not_asked_for_twice(self):
        self.installed("one two")
        done = self.run_it("product", "fonts")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(self.apt_calls()[-1], r" install --no-install-recommends fonts-a$")
        self.log.write_text("")
        self.installed("one two fonts-a")
        self.assertEqual(self.run_it("product", "fonts").returncode, 0)
        self.assertEqual(self.apt_calls(), [])

    def test_a_failing_apt_gives_one_line_with_its_reason(self):
        self.stub("apt-get", '[[ $* == *install* ]] || exit 0\necho noise\necho "E: Unable to locate package two"\nexit 100')
        done = self.run_it("product")
        self.assertEqual(done.returncode, 1)
        errors = [line for line in done.stderr.splitlines() if not line.startswith("Installing")]
        self.assertEqual(len(errors), 1, done.stderr)
        self.assertIn("E: Unable to locate package two", errors[0])

    def test_a_machine_without_apt_gets_one_line(self):
        bare = self.tree / "bare"
        bare.mkdir()
        for name in ("bash", "env", "dirname", "awk", "sed"):
            (bare / name).symlink_to(shutil.which(name))
        done = call(ROOT / "tools/install_packages", "product", env={"PATH": str(bare)})
        self.assertEqual(done.returncode, 1)
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        self.assertIn("apt-get", done.stderr)

    def test_unknown_groups_and_flags_are_user_errors(self):
        for arguments in (["prodct"], ["--lst"], []):
            done = self.run_it(*arguments)
            self.assertEqual(done.returncode, 2, arguments)
            self.assertEqual(len(done.stderr.splitlines()), 1)

    def test_the_real_lists_hold_what_a_bare_machine_lacks(self):
        listed = call(ROOT / "tools/install_packages", "--list", "product", "data", "fonts").stdout.split()
        for name in ("g++", "cmake", "ninja-build", "pkg-config", "ca-certificates", "libopenblas-dev",
                     "dataset-fashion-mnist", "fonts-dejavu-core"):
            self.assertIn(name, listed)
        self.assertEqual(len(listed), len(set(listed)), "a package is listed twice")


class Demo(Stubs):
    """./demo in a copied checkout whose cmake 'builds' a program that writes down its calls."""

    def setUp(self):
        super().setUp()
        self.checkout = self.tree / "a checkout"
        (self.checkout / "tools").mkdir(parents=True)
        for name in ("demo", "tools/common.sh", "tools/install_packages"):
            shutil.copy(ROOT / name, self.checkout / name)
        write(self.tree / "program",
              f'#!/bin/bash\necho "metaplastic $*" >>"{self.log}"\n'
              'while (($#)); do case $1 in --out|--json) mkdir -p "$2"; echo new >"$2/stamp";; esac; shift; done\n',
              executable=True)
        self.stub("cmake", 'if [[ $1 == -S ]]; then echo "CMAKE_HOME_DIRECTORY:INTERNAL=$PWD" >build/CMakeCache.txt;'
                           ' touch build/build.ninja; else cp ../program build/metaplastic; fi')

    def demo(self, *arguments, cwd=None):
        return call(self.checkout / "demo", *arguments, cwd=cwd or self.tree, env=self.env())

    def test_help_and_bad_arguments(self):
        self.assertEqual(self.demo("--help").returncode, 0)
        for arguments in (["--minute", "3"], ["--minutes"], ["--minutes", "0"], ["--minutes", "x"],
                          ["--threads", "0"], ["--seed", "-1"], ["--out", ""], ["extra"]):
            done = self.demo(*arguments)
            self.assertEqual(done.returncode, 2, arguments)
            self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        self.assertEqual(self.calls(), [])

    def commands(self):
        return [line.split()[1] for line in self.calls() if line.startswith("metaplastic")]

    def test_it_builds_applies_evaluates_trains_and_reports_from_any_folder(self):
        done = self.demo("--no-install", "--minutes", "0.5", "--out", "my out", "--threads", "2")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.commands(), ["apply", "experiment", "evaluate", "train", "evaluate", "report"])
        train = next(line for line in self.calls() if line.startswith("metaplastic train"))
        self.assertIn(f"--out {self.tree}/my out/run --minutes 0.5 --threads 2", train)
        self.assertIn(f"{self.tree}/my out/report.html", done.stdout)

    def test_quick_leaves_meta_training_out(self):
        done = self.demo("--no-install", "--quick")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.commands(), ["apply", "experiment", "evaluate", "report"])

    def test_a_second_run_leaves_the_tests_option_alone_and_keeps_the_first_results(self):
        self.assertEqual(self.demo("--no-install").returncode, 0)
        self.log.write_text("")
        out = self.checkout / "demo-out"
        write(out / "run/stamp", "old\n")
        write(out / "notes.txt", "mine\n")
        self.assertEqual(self.demo("--no-install").returncode, 0)
        configured = [line for line in self.calls() if line.startswith("cmake -S")]
        self.assertEqual(configured, ["cmake -S . -B build -G Ninja -DCMAKE_BUILD_TYPE=Release"])
        self.assertEqual((out / "earlier-1/run/stamp").read_text(), "old\n")
        self.assertEqual((out / "run/stamp").read_text(), "new\n")
        self.assertEqual((out / "notes.txt").read_text(), "mine\n")
        self.assertEqual(self.demo("--no-install").returncode, 0)
        self.assertTrue((out / "earlier-2/report.html").exists())

    def test_a_failing_or_stopped_step_ends_the_demo_with_its_status(self):
        for status, word in ((2, "ended with status 2"), (3, "--resume")):
            write(self.tree / "program", f"#!/bin/bash\nexit {status}\n", executable=True)
            done = self.demo("--no-install")
            self.assertEqual(done.returncode, status)
            self.assertIn(word, done.stderr)

    def test_a_moved_checkout_is_configured_anew_and_one_in_place_is_not(self):
        self.assertEqual(self.demo("--no-install").returncode, 0)
        made = self.checkout / "build/CMakeFiles/made"
        write(made, "")
        self.assertEqual(self.demo("--no-install").returncode, 0)
        self.assertTrue(made.exists())
        write(self.checkout / "build/CMakeCache.txt", "CMAKE_HOME_DIRECTORY:INTERNAL=/elsewhere\n")
        self.assertEqual(self.demo("--no-install").returncode, 0)
        self.assertFalse(made.exists())


class Test(Stubs):
    """./test in a copied checkout: the sum in its last line must follow what ctest says."""

    def setUp(self):
        super().setUp()
        self.checkout = self.tree / "checkout"
        (self.checkout / "tools").mkdir(parents=True)
        for name in ("test", "tools/common.sh"):
            shutil.copy(ROOT / name, self.checkout / name)
        self.stub("cmake")

    def fast(self, ctest_body):
        self.stub("ctest", ctest_body)
        done = call(self.checkout / "test", "--fast", "--no-install", cwd=self.tree, env=self.env())
        return done.returncode, done.stdout.splitlines()[-1]

    def test_the_last_line_counts_tests(self):
        self.assertEqual(self.fast('echo "100% tests passed, 0 tests failed out of 12"'),
                         (0, "12 passed, 0 failed"))
        self.assertEqual(self.fast('echo "75% tests passed, 3 tests failed out of 12"; exit 8'),
                         (1, "9 passed, 3 failed"))
        self.assertEqual(self.fast('echo "92% tests passed, 1 test failed out of 12"; exit 8'),
                         (1, "11 passed, 1 failed"))

    def test_a_ctest_that_dies_or_finds_nothing_is_a_failure(self):
        self.assertEqual(self.fast("echo 'No tests were found!!!'; exit 8"), (1, "0 passed, 1 failed"))
        self.assertEqual(self.fast('echo "100% tests passed, 0 tests failed out of 12"; exit 1'),
                         (1, "11 passed, 1 failed"))

    def test_a_failed_build_is_a_failure(self):
        self.stub("cmake", '[[ $1 == -S ]] || exit 1')
        status, last = self.fast("exit 0")
        self.assertEqual((status, last), (1, "0 passed, 1 failed"))

    def test_bad_arguments(self):
        for arguments in (["--fastt"], ["--jobs"], ["--jobs", "0"]):
            done = call(self.checkout / "test", *arguments, env=self.env())
            self.assertEqual(done.returncode, 2)
            self.assertEqual(len(done.stderr.splitlines()), 1)


class RunClangTidy(Stubs):
    """A stand-in clang-tidy complains about files that hold the word bad."""

    def setUp(self):
        super().setUp()
        write(self.tree / "tools/run_clang_tidy", (ROOT / "tools/run_clang_tidy").read_text(), executable=True)
        write(self.tree / ".clang-tidy", "Checks: x\n")
        write(self.tree / "src/base/a.h", "int a;\n")
        write(self.tree / "src/base/b.h", '#include "base/a.h"\n')
        names = ("src/base/x.cc", "src/base/y.cc", "src/base/x_test.cc")
        write(self.tree / names[0], '#include "base/b.h"\n')
        write(self.tree / names[1], "int y;\n")
        write(self.tree / names[2], "bad\n")
        entries = ", ".join(f'{{"file": "{self.tree}/{name}", "command": "g++ {name}"}}' for name in names)
        write(self.tree / "build/compile_commands.json", f"[{entries}]")
        self.stub("clang-tidy", '[[ $1 == --version ]] && exit 0\nfile=${@: -1}\n'
                  '! grep -H bad "$file" $(sed -n \'s|#include "\\(.*[.]cc\\)".*|\\1|p\' "$file")')

    def tidy(self):
        done = call(self.tree / "tools/run_clang_tidy", "--build", self.tree / "build", env=self.env())
        found = re.search(r"(\d+) files, (\d+) checked now, (\d+) with findings", done.stdout)
        return done.returncode, *map(int, found.groups())

    def test_clean_files_are_checked_once_and_again_when_a_header_below_them_changes(self):
        self.assertEqual(self.tidy(), (0, 2, 2, 0))
        self.assertEqual(self.tidy(), (0, 2, 0, 0))
        write(self.tree / "src/base/a.h", "int changed;\n")
        self.assertEqual(self.tidy(), (0, 2, 1, 0))
        write(self.tree / ".clang-tidy", "Checks: y\n")
        self.assertEqual(self.tidy(), (0, 2, 2, 0))

    def test_a_finding_fails_and_is_not_remembered_as_clean(self):
        write(self.tree / "src/base/y.cc", "bad\n")
        self.assertEqual(self.tidy(), (1, 2, 2, 1))
        self.assertEqual(self.tidy(), (1, 2, 1, 1))


if __name__ == "__main__":
    unittest.main()
