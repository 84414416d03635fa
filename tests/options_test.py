#!/usr/bin/env python3
"""What the program says about its options is true, and the generated files are what it prints.

usage: options_test.py PROGRAM
"""
import copy
import json
import pathlib
import subprocess
import sys
import tempfile
import tomllib
import unittest

import jsonschema

PROGRAM = sys.argv.pop(1)
ROOT = pathlib.Path(__file__).resolve().parent.parent
CONFIGS = sorted((ROOT / "configs").rglob("*.toml"))


def run(*words):
    return subprocess.run([PROGRAM, *map(str, words)], capture_output=True, text=True, timeout=60, check=False)


class Options(unittest.TestCase):
    def schema(self):
        return json.loads(run("train", "--options=schema").stdout)

    def test_generated_files_are_what_the_program_prints(self):
        done = subprocess.run([sys.executable, ROOT / "tools" / "make_options", "--check", "--program", PROGRAM],
                              capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_stale_pages_are_noticed(self):
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            for name in ("docs/options.md", "configs/config.schema.json"):
                (root / name).parent.mkdir()
                text = (ROOT / name).read_text(encoding="utf-8")
                (root / name).write_text(text.replace("outer_lr", "outer_rate"), encoding="utf-8")
            done = subprocess.run([sys.executable, ROOT / "tools" / "make_options", "--check", "--program", PROGRAM,
                                   "--root", root], capture_output=True, text=True, timeout=60, check=False)
            self.assertEqual(done.returncode, 1)
            self.assertIn("docs/options.md, configs/config.schema.json", done.stderr)

    def test_shipped_configs_follow_the_schema_and_name_it(self):
        schema = self.schema()
        self.assertGreater(len(CONFIGS), 5)
        for path in CONFIGS:
            text = path.read_text(encoding="utf-8")
            jsonschema.validate(tomllib.loads(text), schema)
            first = text.splitlines()[0]
            self.assertTrue(first.startswith("#:schema "), path)
            self.assertTrue((path.parent / first.split(maxsplit=1)[1]).samefile(ROOT / "configs/config.schema.json"))

    def test_the_schema_refuses_what_the_program_refuses(self):
        schema = self.schema()
        good = tomllib.loads((ROOT / "configs" / "tiny.toml").read_text(encoding="utf-8"))
        for section, option, value in (("outer", "outer_lr", -1), ("outer", "mode", "fast"), ("rule", "no_such", 1),
                                       ("inner", "inner_batch", [1.5]), ("tasks", "permute_inputs", "yes")):
            bad = copy.deepcopy(good)
            bad.setdefault(section, {})[option] = value
            with self.assertRaises(jsonschema.ValidationError):
                jsonschema.validate(bad, schema)
            with tempfile.TemporaryDirectory() as folder:
                config = pathlib.Path(folder) / "bad.toml"
                lines = [f"[{section}]", f"{option} = {json.dumps(value)}"]
                config.write_text("\n".join(lines) + "\n", encoding="utf-8")
                done = run("train", "--config", config, "--out", pathlib.Path(folder) / "run")
                self.assertEqual(done.returncode, 2, done.stderr)
                self.assertIn(option, done.stderr)

    def test_options_print_a_config_file_with_the_defaults(self):
        text = run("train", "--options").stdout
        config = tomllib.loads(text)
        defaults = self.schema()["properties"]
        self.assertEqual(set(config), set(defaults))
        for section, options in config.items():
            for option, value in options.items():
                if not isinstance(value, dict):
                    self.assertEqual(value, defaults[section]["properties"][option]["default"])
        self.assertIn("# Adam step size; allowed: [1e-08, 1]; paper: 3e-4\n", text)

    def test_another_form_is_refused(self):
        done = run("train", "--options=tml")
        self.assertEqual(done.returncode, 2)
        self.assertIn("did you mean 'toml'", done.stderr)

    def test_out_is_still_required(self):
        done = run("train", "--config", ROOT / "configs" / "tiny.toml")
        self.assertEqual(done.returncode, 2)
        self.assertIn("--out is required", done.stderr)

    def test_help_lists_the_forms_of_a_spec(self):
        for command in ("apply", "embed", "evaluate"):
            text = run(command, "--help").stdout
            for form in ("idx:IMAGES[,LABELS]", "csv:FILE", "images:FOLDER", "glyphs["):
                self.assertIn(form, text, command)


if __name__ == "__main__":
    unittest.main()
