#!/usr/bin/env python3
"""Manual pages, completions and colour: what the program gives to a shell.

usage: shell_test.py PROGRAM [unittest arguments]
"""
import os
import pty
import re
import shutil
import subprocess
import unittest

import program


class Shell(program.InFolder):
    def commands(self):
        text = self.run_program("--help").stdout.split("Subcommands:")[1]
        return re.findall(r"^  ([a-z]+) ", text, re.MULTILINE)

    def flags(self, command):
        return set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", self.run_program(command, "--help").stdout.split("Options:")[1]))

    def completed(self, *words):
        """What bash offers for the last word."""
        (self.folder / "completion.bash").write_text(self.run_program("completion", "bash").stdout, encoding="utf-8")
        script = 'source completion.bash; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _metaplastic; printf "%s\\n" "${COMPREPLY[@]}"'
        done = subprocess.run(["bash", "-c", script, "bash", "metaplastic", *words], cwd=self.folder,
                              capture_output=True, text=True, check=True)
        self.assertEqual(done.stderr, "")
        return done.stdout.split()

    def test_bash_completes_commands_flags_rules_and_files(self):
        self.assertEqual(self.completed("ev"), ["evaluate"])
        self.assertEqual(set(self.completed("")) - {"--help", "--version"}, set(self.commands()))
        self.assertEqual(set(self.completed("apply", "--in")), {"--inner-batch"})
        for command in self.commands():
            self.assertLessEqual(set(self.completed(command, "--")), self.flags(command) | {"--help"}, command)
        self.assertIn("compact-v1", self.completed("apply", "--rule", "comp"))
        (self.folder / "own.safetensors").write_text("")
        self.assertEqual(self.completed("apply", "--rule", "own"), ["own.safetensors"])
        self.assertEqual(self.completed("inspect", "ow"), ["own.safetensors"])

    def test_zsh_and_fish_read_their_scripts(self):
        for shell in ("zsh", "fish"):
            path = self.folder / shell
            path.write_text(self.run_program("completion", shell).stdout, encoding="utf-8")
            for command in self.commands():
                self.assertIn(command, path.read_text(encoding="utf-8"))
            if shutil.which(shell):
                done = subprocess.run([shell, "-n", path], capture_output=True, text=True, check=False)
                self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_an_unknown_shell_is_refused(self):
        self.assertIn("expected bash, zsh or fish", self.refused("completion", "tcsh"))
        self.assertIn("expected the name of a command", self.refused("manual", "nothing"))

    def test_manual_pages_hold_every_flag_and_pass_groff(self):
        for command in ["", *self.commands()]:
            page = self.run_program("manual", *filter(None, [command])).stdout
            self.assertTrue(page.startswith(".TH"), command)
            words = page.replace("\\-", "-")
            for flag in self.flags(command) if command else self.commands():
                self.assertIn(flag, words)
            if shutil.which("groff"):
                done = subprocess.run(["groff", "-man", "-Tascii", "-ww", "-z"], input=page, capture_output=True, text=True,
                                      check=False)
                self.assertEqual((done.returncode, done.stderr), (0, ""), command)

    def test_version_tells_commit_and_simd(self):
        self.assertRegex(self.run_program("--version").stdout,
                         r"^metaplastic \d+\.\d+\.\d+ \(commit \S+, SIMD (avx512|avx2|portable)\)\n$")

    def on_terminal(self, **environment):
        """Standard error of a user error, with a terminal there."""
        ours, its = pty.openpty()
        done = subprocess.run([self.program, "apply", "--nothing"], stderr=its, stdout=subprocess.DEVNULL, check=False,
                              env={**{k: v for k, v in os.environ.items() if k != "NO_COLOR"}, **environment})
        os.close(its)
        self.assertEqual(done.returncode, 2)
        text = os.read(ours, 4096).decode()
        os.close(ours)
        return text

    def test_colour_where_a_terminal_has_it(self):
        self.assertTrue(self.on_terminal(TERM="xterm").startswith("\033[1;31mmetaplastic:\033[0m"))
        self.assertTrue(self.on_terminal(TERM="dumb").startswith("metaplastic:"))
        self.assertTrue(self.on_terminal(TERM="xterm", NO_COLOR="1").startswith("metaplastic:"))
        self.assertTrue(self.refused("apply", "--nothing").startswith("metaplastic:"))


if __name__ == "__main__":
    program.main()
