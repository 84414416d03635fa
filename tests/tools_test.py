#!/usr/bin/env python3
"""Tests of ./demo, ./test and the scripts of tools/ (its checks of the tree: checks_test.py).

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
        for name in ("test", "tools/common.sh", "tools/failed_tests"):
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

    def test_the_end_names_what_failed_and_what_it_said(self):
        log = ["      Start  1: Slow", "      Start  2: Quick",
               "1/3 Test  #2: Quick ..................***Failed    0.02 sec", *(f"line {n}" for n in range(1, 41)), "",
               "      Start  3: Kind/OfCase.Works/1  # GetParam() = \"a\"",
               "2/3 Test  #3: Kind/OfCase.Works/1  # GetParam() = \"a\" ...   Passed    0.01 sec",
               "3/3 Test  #1: Slow ...................***Timeout  9.00 sec", "it began", "",
               "33% tests passed, 2 tests failed out of 3", "", "The following tests FAILED:",
               "\t  1 - Slow (Timeout)", "\t  2 - Quick (Failed)", "Errors while running CTest"]
        write(self.tree / "log", "\n".join(log) + "\n")
        self.stub("ctest", f'cat "{self.tree}/log"; exit 8')
        done = call(self.checkout / "test", "--fast", "--no-install", cwd=self.tree, env=self.env())
        end = done.stdout.split("== What failed\n")[1].splitlines()
        self.assertEqual(end, ["", "Tests:", "-- Slow (Timeout)", "it began", "-- Quick (Failed)",
                               *(f"line {n}" for n in range(11, 41)), "", "1 passed, 2 failed"])

    def test_a_failed_build_is_a_failure(self):
        self.stub("cmake", '[[ $1 == -S ]] || { echo "a.cc: no"; exit 1; }')
        status, last = self.fast("exit 0")
        self.assertEqual((status, last), (1, "0 passed, 1 failed"))
        done = call(self.checkout / "test", "--fast", "--no-install", cwd=self.tree, env=self.env())
        self.assertIn("== What failed\n\n-- Build\na.cc: no\n\n0 passed", done.stdout)

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


class Version(unittest.TestCase):
    def test_every_file_names_the_version_of_the_build(self):
        def text(name):
            return (ROOT / name).read_text(encoding="utf-8")

        version = re.search(r"project\(metaplastic VERSION ([\d.]+)", text("CMakeLists.txt"))[1]
        self.assertIn(f"\nversion: {version}\n", text("CITATION.cff"))
        self.assertEqual(re.search(r"^## \[(?!Unreleased)(.+?)\]", text("CHANGELOG.md"), re.MULTILINE)[1], version)
        for name in ("deploy/Dockerfile", "deploy/mpijob.yaml", "docs/deployment.md"):
            self.assertEqual(set(re.findall(r"metaplastic:(\d[\d.]*\d)", text(name))), {version}, name)


if __name__ == "__main__":
    unittest.main()
