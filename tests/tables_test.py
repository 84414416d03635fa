#!/usr/bin/env python3
"""Tables, arrays, labels and text as other programs export them, through the program: the right rows, or a clear line.

Needs NumPy and pandas (Debian's python3-numpy and python3-pandas).
usage: tables_test.py PROGRAM [unittest arguments]
"""
import gzip
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

try:
    import numpy as np
    import pandas as pd
except ImportError:  # another python3 stands before Debian's in the path
    if sys.executable != "/usr/bin/python3" and os.path.exists("/usr/bin/python3"):
        os.execv("/usr/bin/python3", ["/usr/bin/python3", *sys.argv])
    raise

PROGRAM = ""
RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(60, 5))
Y = RANDOM.integers(0, 3, 60)


class InFolder(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = pathlib.Path(temporary.name).resolve()

    def run_program(self, *arguments):
        done = subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True, timeout=300, check=False,
                              cwd=self.folder, env={**os.environ, "OPENBLAS_NUM_THREADS": "1"})
        return done.returncode, done.stderr

    def write(self, name, text):
        (self.folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())

    def apply(self, spec, *more):
        """The features, and what was said."""
        status, notes = self.run_program("apply", "--rule", "hebb-decorrelate", "--steps", 5, "--hidden", 16, "--features", 8,
                                         "--data", spec, "--out", "o.npy", *more)
        self.assertEqual(status, 0, notes)
        return np.load(self.folder / "o.npy"), notes

    def refused(self, spec, *parts):
        status, line = self.run_program("apply", "--rule", "hebb", "--steps", 1, "--data", spec, "--out", "o.npy")
        self.assertEqual(status, 2, line)
        self.assertEqual(line.count("\n"), 1, line)
        for part in parts:
            self.assertIn(part, line)
        return line

    def assert_same(self, a, b, tolerance=0.0):
        features = [self.apply(spec)[0] for spec in (a, b)]
        self.assertEqual(features[0].shape, features[1].shape)
        self.assertLessEqual(np.abs(features[0] - features[1]).max(), tolerance, (a, b))


class Headers(InFolder):
    """Which first rows name columns."""

    def rows(self, frame, name="x.csv", options="", **how):
        frame.to_csv(self.folder / name, **how)
        return self.apply(f"csv:{name}{options}")

    def test_numbers_as_names(self):
        for columns in (range(5), [2001, 2002, 2003, 2004, 2005], [1, 2, 3, 4, 5], [400.5, 401.0, 401.5, 402.0, 402.5],
                        ["age", "income", 2019, 2020, 2021], [0, 1, 2, 3, "label"]):
            features, notes = self.rows(pd.DataFrame(X, columns=columns), index=False)
            self.assertEqual(len(features), 60, columns)
            self.assertIn("taken as names of columns", notes, columns)

    def test_one_column_numbered_by_pandas(self):
        self.assertEqual(len(self.rows(pd.DataFrame(X[:, :1]), index=False)[0]), 60)

    def test_words_that_also_mean_missing(self):
        for columns in (["Na", "Mg", "Al"], ["None", "b", "c"], ["x", "null", "NaN"], ["inf", "nan", "sup"], ["NaN", "None", "null"]):
            for options in ("", ",missing=mean,categorical=onehot"):
                features, _ = self.rows(pd.DataFrame(X[:, :3], columns=columns), options=options, index=False)
                self.assertEqual(len(features), 60, columns)

    def test_a_name_that_an_option_gives(self):
        frame = pd.DataFrame({"NA": Y, "kind": ["u", "v"] * 30})
        self.assertEqual(len(self.rows(frame, options=",label=kind", index=False)[0]), 60)
        frame = pd.DataFrame(np.column_stack([X, Y]), columns=[7, 3, 9, 1, 4, "class"])
        self.assertEqual(len(self.rows(frame, options=",label=class", index=False)[0]), 60)

    def test_first_rows_that_are_data(self):
        for rows in ("1,2,3\n4,5,6\n7,8,10\n", "0,1\n1,0\n1,1\n0,1\n", "1.5,2.5\n3.5,4\n5,6.5\n", "5,1\n6,2\n9,3\n",
                     "0,0,0\n0,1,2\n3,1,2\n", "1,2,3\n2,3,4\n3,4,6\n", "2001,2002\n2005,2003\n2001,2009\n"):
            self.write("d.csv", rows)
            self.assertEqual(len(self.apply("csv:d.csv")[0]), rows.count("\n"), rows)
        self.write("d.csv", "0,1,red\n1,0,blue\n1,2,red\n0,2,blue\n")
        self.assertEqual(len(self.apply("csv:d.csv,label=2")[0]), 4)

    def test_an_index_wherever_it_stands(self):
        named = pd.DataFrame(X).add_prefix("c")
        _, notes = self.rows(named)
        self.assertIn("column 0 has no name and counts the rows (0 to 59): if it is an index, leave it out with drop=0", notes)
        # Beside pandas' own numbers as names, 0 would name another column.
        features, notes = self.rows(pd.DataFrame(X))
        self.assertIn("drop=-6", notes)
        dropped, notes = self.apply("csv:x.csv,drop=-6")
        self.assertNotIn("index", notes)
        self.assertEqual(features.shape, dropped.shape)
        again = pd.read_csv(self.folder / "x.csv")  # "Unnamed: 0"
        _, notes = self.rows(again, index=False)
        self.assertIn("leave it out with drop=-6", notes)
        _, notes = self.rows(named.assign(row=np.arange(1, 61)), index=False)
        self.assertIn("'row' counts the rows (1 to 60)", notes)
        _, notes = self.rows(named.sample(60, random_state=1))
        self.assertIn("column 0 has no name: if it is an index", notes)
        _, notes = self.rows(named, index=False)
        self.assertNotIn("index", notes)

    def test_tables_of_r(self):
        """write.table: no name above the row names, quoted words, blanks between."""
        rows = "".join(f'"{n + 1}" {x[0]:.4f} {x[1]:.4f} {x[2]:.4f}\n' for n, x in enumerate(X))
        self.write("r.txt", '"a" "b" "c"\n' + rows)
        features, notes = self.apply("csv:r.txt,drop=0")
        self.write("r.csv", "a,b,c\n" + "".join(f"{x[0]:.4f},{x[1]:.4f},{x[2]:.4f}\n" for x in X))
        np.testing.assert_array_equal(features, self.apply("csv:r.csv")[0])
        self.assertIn("counts the rows (1 to 60)", self.apply("csv:r.txt")[1])

    def test_two_columns_without_a_name(self):
        self.write("u.csv", ",a,\n" + "".join(f"{n},{x[0]},\n" for n, x in enumerate(X)))
        _, notes = self.apply("csv:u.csv,drop=0")
        self.assertIn("column 2 has no name and no values: left out", notes)


class Delimiters(InFolder):
    plain = [f"{a:.3f}" for a in X[:, 0]], [f"{b:.3f}" for b in X[:, 1]]

    def table(self, name, sign, comma=False, before="", end="\n"):
        cells = [[c.replace(".", ",") if comma else c for c in column] for column in self.plain]
        self.write(name, before + f"a{sign}b{end}" + "".join(f"{a}{sign}{b}{end}" for a, b in zip(*cells)))

    def test_signs_and_decimal_commas(self):
        self.table("plain.csv", ",")
        for sign in (";", "\t", "|", " ", "   "):
            for comma in (False, True):
                for end in ("\n", "\r\n"):
                    self.table("x.csv", sign, comma, end=end)
                    self.assert_same("csv:plain.csv", "csv:x.csv")
        self.table("x.csv", ";", before="\ufeff")
        self.assert_same("csv:plain.csv", "csv:x.csv,delimiter=semicolon,decimal=point")

    def test_a_decimal_comma_in_quotes(self):
        frame = pd.DataFrame(X.round(3))
        frame.to_csv(self.folder / "p.csv", index=False)
        frame.to_csv(self.folder / "c.csv", index=False, decimal=",")
        self.assert_same("csv:p.csv", "csv:c.csv")
        self.assertIn("decimals are read with a comma", self.apply("csv:c.csv")[1])

    def test_one_column_with_decimal_commas(self):
        self.write("one.csv", "x\n" + "".join(f"{v:.3f}\n".replace(".", ",") for v in X[:, 0]))
        self.write("dot.csv", "x\n" + "".join(f"{v:.3f}\n" for v in X[:, 0]))
        self.assert_same("csv:one.csv", "csv:dot.csv")

    def test_excels_first_line(self):
        self.table("plain.csv", ",")
        self.table("x.csv", ";", comma=True, before="sep=;\r\n", end="\r\n")
        self.assert_same("csv:plain.csv", "csv:x.csv")
        self.table("x.csv", "|", before='"sep=|"\n')
        self.assert_same("csv:plain.csv", "csv:x.csv")
        self.table("x.csv", "\t", before="\ufeffsep=\t\n")
        self.assert_same("csv:plain.csv", "csv:x.csv")

    def test_comments(self):
        self.table("plain.csv", ",")
        self.table("x.csv", ",", before="# made by hand\n#\n\n# two, columns, below\n")
        self.assert_same("csv:plain.csv", "csv:x.csv")
        self.assertIn("begin with # and were passed over: 3", self.apply("csv:x.csv")[1])
        text = (self.folder / "plain.csv").read_text().splitlines()
        self.write("x.csv", "\n".join([*text[:9], "# a pause, a, b, c", *text[9:]]) + "\n")
        self.assert_same("csv:plain.csv", "csv:x.csv")
        np.savetxt(self.folder / "s.txt", X, header="a b c d e")
        features, notes = self.apply("csv:s.txt")
        self.assertEqual(len(features), 60)
        self.assertIn("the line '# a b c d e' is taken as names", notes)
        self.write("s.txt", "#a,b\n1,2\n3,5\n4,4\n")
        for options in ("", ",header=yes"):
            self.assertEqual(len(self.apply("csv:s.txt" + options)[0]), 3)
        # A value may begin with it.
        self.write("h.csv", "colour,x\n" + "#ff0000,1.5\n#00ff00,2.5\n" * 5)
        self.assertEqual(len(self.apply("csv:h.csv,categorical=onehot")[0]), 10)

    def test_quotes_over_lines(self):
        rows = "".join(f'{x[0]:.3f},"two\nlines, ""quoted"" {n % 2}"\r\n' for n, x in enumerate(X))
        self.write("q.csv", '\ufeff"a","b\nc"\r\n' + rows)
        self.assertEqual(len(self.apply("csv:q.csv,categorical=onehot")[0]), 60)

    def test_blank_lines(self):
        self.write("b.csv", "a,b\n\n1,2\n\n3,5\n4,4\n\n\n")
        features, notes = self.apply("csv:b.csv")
        self.assertEqual(len(features), 3)
        self.assertIn("blank lines passed over: 2", notes)
        # Of one column, a blank line between others is a missing value.
        self.write("one.csv", "a\n1.5\n\n3\n4\n\n")
        self.refused("csv:one.csv", "expected a value in line 3")
        self.assertEqual(len(self.apply("csv:one.csv,missing=mean")[0]), 4)

    def test_the_wrong_sign_is_named(self):
        self.table("x.csv", ";")
        self.refused("csv:x.csv,delimiter=comma", "give delimiter=semicolon")
        self.refused("csv:x.csv,sep=;", "found 'sep'; did you mean 'delimiter'?")
        self.assertEqual(len(self.apply("csv:x.csv,delimiter=;")[0]), 60)

    def test_lines_that_end_with_the_sign(self):
        self.table("plain.csv", ";")
        text = (self.folder / "plain.csv").read_text().splitlines()
        self.write("x.csv", "".join(f"{line};\n" for line in text))
        self.assert_same("csv:plain.csv", "csv:x.csv")
        self.write("x.csv", text[0] + "\n" + "".join(f"{line};\n" for line in text[1:]))
        self.assert_same("csv:plain.csv", "csv:x.csv")


class Cells(InFolder):
    def with_cell(self, cell, others=None):
        frame = pd.DataFrame({"a": others or [f"{v:.2f}" for v in X[:, 0]], "b": ["u", "v"] * 30})
        frame.loc[7, "a"] = cell
        frame.to_csv(self.folder / "c.csv", index=False)

    def test_a_bad_cell_is_no_category(self):
        for cell in ("6,404.2", "1 234", "1'234.5", "$5.00", "12%", "-", "n.a.", "12.5 kg", "#DIV/0!", "inf", "1e999", "O.5"):
            self.with_cell(cell)
            self.refused("csv:c.csv,categorical=onehot", "line 9, column 'a'")
            self.refused("csv:c.csv,drop=b", "line 9, column 'a'")

    def test_columns_of_decorated_numbers(self):
        for form in ("{:,.2f}", "${:.2f}", "{:.1f} %", "\u20ac {:.2f}"):
            self.with_cell("1,234.5", [form.format(abs(v) * 5000 + 1000) for v in X[:, 0]])
            self.refused("csv:c.csv,categorical=onehot", "column 'a'", "plain numbers")

    def test_thousands_or_decimals(self):
        self.with_cell("1,234", [f"{n},{n + 100}" for n in range(100, 160)])
        self.refused("csv:c.csv,categorical=onehot", "line 2", "decimal=comma")
        self.assertEqual(len(self.apply("csv:c.csv,categorical=onehot,decimal=comma")[0]), 60)
        # A comma among points, and points of thousands among commas.
        self.with_cell("3,5")
        self.refused("csv:c.csv,categorical=onehot", "line 9", "found '3,5'")
        self.with_cell("1.234,5", [f"{n},5" for n in range(60)])
        self.refused("csv:c.csv,categorical=onehot", "line 9", "found '1.234,5'")
        self.with_cell("1.234", [f"{n},5" for n in range(60)])
        self.refused("csv:c.csv,categorical=onehot", "line 9", "found '1.234'", "thousands")

    def test_categories_stay_categories(self):
        self.with_cell("30-40", ["10-20", "20-30"] * 30)
        self.assertEqual(len(self.apply("csv:c.csv,categorical=onehot")[0]), 60)
        self.with_cell("3+", ["0", "1", "2", "3+"] * 15)
        self.refused("csv:c.csv,categorical=onehot", "category=")
        self.assertEqual(len(self.apply("csv:c.csv,categorical=onehot,category=a")[0]), 60)

    def test_missing_values_of_other_programs(self):
        for cell in ("", "NA", "N/A", "#N/A", "<NA>", "NULL", "?", "nan"):
            self.with_cell(cell)
            self.assertEqual(len(self.apply("csv:c.csv,categorical=onehot,missing=mean")[0]), 60)

    def test_an_empty_row_of_a_spreadsheet(self):
        self.write("e.csv", "a,b\n1,2\n3,4\n,\n")
        self.refused("csv:e.csv", "line 4", "the row is empty")

    def test_unknown_categories(self):
        self.write("a.csv", "x,colour\n" + "1.5,red\n2.5,blue\n" * 10)
        self.apply("csv:a.csv,categorical=onehot", "--model", "m.safetensors")
        self.write("b.csv", "x,colour\n1.5,red\n2.5,teal\n0.5,blue\n1,teal\n2,pink\n")
        embed = ("embed", "--model", "m.safetensors", "--out", "e.npy", "--data")
        status, line = self.run_program(*embed, "csv:b.csv,categorical=onehot")
        self.assertEqual(status, 2)
        self.assertIn("found 'teal' in column 'colour' and 1 more (3 rows, the first is row 1 from 0)", line)
        status, notes = self.run_program(*embed, "csv:b.csv,categorical=onehot,unknown=ignore")
        self.assertEqual(status, 0, notes)
        self.assertIn("(3 rows", notes)
        ignored = np.load(self.folder / "e.npy")
        self.write("c.csv", "x,colour\n1.5,red\n2.5,\n0.5,blue\n")
        self.apply("csv:a.csv,categorical=onehot,missing=mean", "--model", "m.safetensors")
        status, notes = self.run_program(*embed, "csv:c.csv,categorical=onehot,missing=mean")
        self.assertEqual(status, 0, notes)
        np.testing.assert_array_equal(ignored[:3], np.load(self.folder / "e.npy"))

    def test_a_column_that_changes_its_kind(self):
        self.write("a.csv", "x,code\n" + "1.5,A1\n2.5,7\n3.5,B\n" * 10)
        self.apply("csv:a.csv,categorical=onehot", "--model", "m.safetensors")
        self.write("b.csv", "x,code\n1.5,7\n2.5,7\n")
        embed = ("embed", "--model", "m.safetensors", "--out", "e.npy", "--data")
        self.assertIn("give category=code", self.run_program(*embed, "csv:b.csv,categorical=onehot")[1])
        self.assertEqual(self.run_program(*embed, "csv:b.csv,category=code")[0], 0)
        self.write("b.csv", "x,code\nlow,7\nhigh,7\n")
        self.assertIn("expected numbers in column 'x'", self.run_program(*embed, "csv:b.csv,categorical=onehot,category=code")[1])


class Offsets(InFolder):
    small = np.column_stack([np.arange(60) % 17, X[:, 0] * 10])

    def test_every_form(self):
        for offset, dtype in ((1.7e9, "f8"), (1.7e9, "i8"), (1.7e9, "i4"), (1.7e18, "i8"), (-3e7, "f8"), (4e9, "u4")):
            wide = (self.small.astype(int) if dtype[0] in "iu" else self.small).copy()
            low = wide.astype("f4")
            unit = 1 if offset < 1e15 else 10**9
            wide = wide * unit + (offset if dtype == "f8" else int(offset))
            np.save(self.folder / "low.npy", low)
            np.save(self.folder / "wide.npy", wide.astype(dtype))
            np.savez(self.folder / "wide.npz", x=wide.astype(dtype))
            pd.DataFrame(wide.astype(dtype)).to_csv(self.folder / "wide.csv", index=False)
            pd.DataFrame(low).to_csv(self.folder / "low.csv", index=False)
            if unit == 1 and dtype != "u4":
                code = {"f8": 14, "i4": 12}.get(dtype)
                if code:
                    self.write("wide.idx", bytes([0, 0, code, 2]) + np.array(wide.shape, ">i4").tobytes()
                               + wide.astype(">" + dtype).tobytes())
                    self.assert_same("npy:low.npy", "idx:wide.idx", 1e-4)
            self.assert_same("npy:low.npy", "npy:wide.npy", 1e-4)
            self.assert_same("npy:low.npy", "npz:wide.npz", 1e-4)
            self.assert_same("csv:low.csv", "csv:wide.csv", 1e-4)

    def test_embed_subtracts_what_apply_did(self):
        wide = self.small + [1.7e9, 0]
        np.save(self.folder / "x.npy", wide)
        features, notes = self.apply("npy:x.npy", "--model", "m.safetensors")
        self.assertIn("1 centred in 64 bits", notes)
        pd.DataFrame(wide[3:4]).to_csv(self.folder / "one.csv", index=False)
        for spec in ("npy:x.npy", "csv:one.csv"):
            self.assertEqual(self.run_program("embed", "--model", "m.safetensors", "--data", spec, "--out", "e.npy")[0], 0)
            embedded = np.load(self.folder / "e.npy")
            np.testing.assert_array_equal(embedded, features if len(embedded) > 1 else features[3:4])


class Labels(InFolder):
    def evaluate(self, spec, *more, shots=2):
        return self.run_program("evaluate", "--data", spec, "--methods", "raw", "--shots", shots, "--trials", 5, *more)

    def test_cells_without_a_label(self):
        for empty in ("", "NA", "nan", "?"):
            frame = pd.DataFrame(X).add_prefix("c")
            frame["kind"] = [f"k{v}" if k < 30 else empty for k, v in enumerate(Y)]
            frame.to_csv(self.folder / "l.csv", index=False)
            features, notes = self.apply("csv:l.csv,label=kind")
            self.assertEqual(len(features), 60)
            self.assertIn("30 of 60 rows have no label", notes)
            status, notes = self.evaluate("csv:l.csv,label=kind")
            self.assertEqual(status, 0, notes)
            self.assertIn("30 of 60 rows have no label", notes)

    def test_minus_one_nan_and_strings(self):
        centres = RANDOM.normal(size=(3, 5)) * 4
        kinds = RANDOM.integers(0, 3, 400)
        half = np.arange(400) < 200
        np.save(self.folder / "x.npy", RANDOM.normal(size=(400, 5)) + centres[kinds])
        for labels in (np.where(half, kinds, -1), np.where(half, kinds, np.nan), np.where(half, kinds, -1).astype("i1"),
                       np.where(half, np.array(["k\u00e4se", "b", "c"])[kinds], ""), np.where(half, np.array([b"a", b"b", b"c"])[kinds], b""),
                       np.where(half, kinds, -1.0)[:, None]):
            np.save(self.folder / "y.npy", labels)
            status, notes = self.evaluate("npy:x.npy,y.npy", "--json", "r.json", shots=5)
            self.assertEqual(status, 0, notes)
            result = json.loads((self.folder / "r.json").read_text())
            self.assertEqual(len(result["classes"]), 3)
            self.assertGreater(result["methods"][0]["accuracy"], 0.9)

    def test_further_rows_from_a_second_file(self):
        frame = pd.DataFrame(X).add_prefix("c")
        frame.assign(kind=Y).to_csv(self.folder / "l.csv", index=False)
        frame.iloc[:, ::-1].to_csv(self.folder / "u.csv", index=False)
        status, notes = self.evaluate("csv:l.csv,label=kind", "--unlabelled", "csv:u.csv")
        self.assertEqual(status, 0, notes)
        self.assertIn("60 rows of csv:u.csv are learned from without labels", notes)
        self.assertIn(": 120 rows (", notes)

    def test_a_regression_target(self):
        frame = pd.DataFrame(X).add_prefix("c").assign(target=X[:, 0] * 3 + 100)
        frame.to_csv(self.folder / "r.csv", index=False)
        features, notes = self.apply("csv:r.csv,label=target")
        self.assertEqual(len(features), 60)
        self.assertIn("regression target", notes)
        status, line = self.evaluate("csv:r.csv,label=target")
        self.assertEqual(status, 2)
        self.assertIn("regression target", line)
        np.save(self.folder / "x.npy", X)
        np.save(self.folder / "y.npy", X[:, 0])
        self.assertIn("regression target", self.apply("npy:x.npy,y.npy")[1])

    def test_labels_that_new_rows_lack(self):
        frame = pd.DataFrame(X).add_prefix("c")
        frame.assign(kind=Y).to_csv(self.folder / "l.csv", index=False)
        frame.to_csv(self.folder / "new.csv", index=False)
        features, _ = self.apply("csv:l.csv,label=kind", "--model", "m.safetensors")
        status, notes = self.run_program("embed", "--model", "m.safetensors", "--data", "csv:new.csv,label=kind", "--out", "e.npy")
        self.assertEqual(status, 0, notes)
        self.assertIn("labels left out", notes)
        np.testing.assert_array_equal(features, np.load(self.folder / "e.npy"))
        self.refused("csv:l.csv,label=kinds", "did you mean 'kind'?")
        status, line = self.evaluate("csv:new.csv,label=kind")
        self.assertEqual(status, 2)
        self.assertIn("label=", line)

    def test_labels_that_cannot_be_read(self):
        np.save(self.folder / "x.npy", X)
        np.save(self.folder / "y.npy", np.array([{"a": 1}] * 60, dtype=object), allow_pickle=True)
        features, notes = self.apply("npy:x.npy,y.npy")
        self.assertEqual(len(features), 60)
        self.assertIn("labels left out", notes)
        self.assertIn("astype(str)", notes)
        np.save(self.folder / "y.npy", np.eye(3)[Y])
        self.assertIn("argmax(axis=1)", self.apply("npy:x.npy,y.npy")[1])
        self.refused("npy:x.npy,nothing.npy", "nothing.npy")

    def test_a_single_class_beside_minus_one(self):
        np.save(self.folder / "x.npy", X)
        np.save(self.folder / "y.npy", np.where(Y == 0, -1, 1))
        self.assertIn("write 0 instead if -1 is a class", self.apply("npy:x.npy,y.npy")[1])

    def test_text_lines_without_a_label(self):
        self.write("t.tsv", "".join(f"{'good' if n % 3 else ''}\tword{n % 7} again{n % 5}\n" for n in range(30)))
        features, notes = self.apply("text:t.tsv")
        self.assertEqual(len(features), 30)
        self.assertIn("10 of 30 rows have no label", notes)


class Arrays(InFolder):
    def test_keys_of_npz(self):
        np.save(self.folder / "x.npy", X)
        for names in ({"X": X, "y": Y}, {"x": X, "labels": Y}, {"data": X, "target": Y}, {"features": X, "labels": Y},
                      {"Data": X, "Label": Y}, {"inputs": X, "targets": Y}):
            np.savez(self.folder / "a.npz", **names)
            self.assert_same("npy:x.npy", "npz:a.npz")
            self.assertIn("3 classes", self.apply("npz:a.npz")[1])
        np.savez(self.folder / "a.npz", X, Y)
        self.assertIn("3 classes", self.apply("npz:a.npz")[1])
        np.savez(self.folder / "a.npz", X, X[:10])  # no labels
        self.assertIn("left out: 'arr_1'", self.apply("npz:a.npz")[1])

    def test_training_and_test_arrays(self):
        np.savez(self.folder / "m.npz", x_train=X[:40], y_train=Y[:40], x_test=X[40:], y_test=Y[40:])
        features, notes = self.apply("npz:m.npz")
        self.assertEqual(len(features), 60)
        self.assertIn("40 training, 20 test", notes)
        np.savez(self.folder / "m.npz", X_train=X[:40], y_train=Y[:40], X_test=X[40:])
        self.assertIn("20 of 60 rows have no label", self.apply("npz:m.npz")[1])

    def test_other_keys_are_listed_and_named(self):
        np.savez(self.folder / "a.npz", measurements=X, kinds=Y, ids=np.arange(60))
        self.refused("npz:a.npz", "'measurements', 'kinds', 'ids'", "give x=NAME and y=NAME")
        features, notes = self.apply("npz:a.npz,x=measurements,y=kinds")
        self.assertEqual(len(features), 60)
        self.assertIn("left out: 'ids'", notes)
        self.refused("npz:a.npz,x=measurement", "'measurements'")

    def test_types_that_are_no_numbers(self):
        for array, part in ((X.astype(complex), "imaginary"), (X.astype("M8[ns]"), "dates"), (X.astype(str), "strings")):
            np.save(self.folder / "x.npy", array)
            self.refused("npy:x.npy", part)

    def idx(self, name, array, code):
        self.write(name, bytes([0, 0, code, array.ndim]) + np.array(array.shape, ">i4").tobytes()
                   + array.astype(array.dtype.newbyteorder(">")).tobytes())

    def test_idx_of_every_type(self):
        whole = RANDOM.integers(-100, 100, (30, 4))
        for code, dtype in ((9, "i1"), (11, "i2"), (12, "i4"), (13, "f4"), (14, "f8")):
            array = (whole / 7 if dtype[0] == "f" else whole).astype(dtype)
            self.idx("a.idx", array, code)
            np.save(self.folder / "a.npy", array)
            self.assert_same("npy:a.npy", "idx:a.idx")
            with gzip.open(self.folder / "a.idx.gz", "wb") as file:
                file.write((self.folder / "a.idx").read_bytes())
            self.assert_same("npy:a.npy", "idx:a.idx.gz")
        self.idx("i.idx", RANDOM.random((30, 4, 5)).astype("f4"), 13)
        self.idx("l.idx", np.where(np.arange(30) < 20, np.arange(30) % 3, -1).astype("i2"), 11)
        _, notes = self.apply("idx:i.idx,l.idx")
        self.assertIn("images of 4 x 5", notes)
        self.assertIn("10 of 30 rows have no label", notes)

    def test_a_bare_file_name(self):
        for name, form in (("X.npy", "npy:X.npy"), ("a/b.npz", "npz:a/b.npz"), ("t.csv", "csv:t.csv"), ("train.tsv", "csv:train.tsv"),
                           ("t10k-images-idx3-ubyte.gz", "idx:t10k"), ("photos/", "images:photos/"), ("c/x.png", "images:FOLDER")):
            self.refused(name, "write " + form)
        self.refused("t.xlsx", "saved as CSV")


class Texts(InFolder):
    def test_empty_lines_keep_their_rows(self):
        self.write("t.tsv", "a b\n\nc d\n" + "e f g\n" * 20 + "\n")
        features, notes = self.apply("text:t.tsv")
        self.assertEqual(len(features), 24)
        self.assertIn("2 of 24 documents have no words", notes)
        self.write("l.tsv", "\nx\ta b\n\ny\tc d\n" + "x\te f g\n" * 10)
        features, notes = self.apply("text:l.tsv")
        self.assertEqual(len(features), 14)
        self.assertIn("2 of 14 rows have no label", notes)

    def test_headers_and_tables_are_noticed(self):
        body = "".join(f"{'ab'[n % 2]}\tword{n % 7} more{n % 5}\n" for n in range(30))
        self.write("t.tsv", "Label\tText\n" + body)
        features, notes = self.apply("text:t.tsv")
        self.assertEqual(len(features), 31)
        self.assertIn("give header=yes", notes)
        features, notes = self.apply("text:t.tsv,header=yes")
        self.assertEqual(len(features), 30)
        self.assertNotIn("looks like names", notes)
        self.write("n.csv", "".join(f"{x[0]:.3f},{x[1]:.3f}\n" for x in X))
        self.assertIn("a table is read with csv:FILE", self.apply("text:n.csv")[1])

    def test_case_accents_and_width(self):
        forms = ("Stra\u00dfe CAF\u00c9 \u0391\u03a3 na\u00efve \uff21\uff22 \ufb01n", "STRASSE cafe\u0301 \u03b1\u03c2 NAI\u0308VE ab fin")
        for name, text in zip("ab", forms):
            self.write(f"{name}.tsv", "".join(f"{text} {'one' if n % 2 else 'two'}\n" for n in range(20)))
        self.assert_same("text:a.tsv", "text:b.tsv")

    def test_scripts_without_blanks(self):
        lines = ["\u6211\u4eec\u559c\u6b22\u5728\u5317\u4eac\u5403\u70e4\u9e2d\u56e0\u4e3a\u5b83\u5f88\u597d\u5403\u4e5f\u5f88\u4fbf\u5b9c\u6240\u4ee5\u5927\u5bb6\u90fd\u53bb\u90a3\u91cc",
                 "\u4ed6\u4eec\u5728\u4e0a\u6d77\u5de5\u4f5c\u800c\u4e14\u6bcf\u5929\u90fd\u5750\u5730\u94c1\u4e0a\u73ed\u56e0\u4e3a\u8def\u4e0a\u7684\u8f66\u592a\u591a\u4e86\u6240\u4ee5\u5f88\u6162"]
        self.write("zh.tsv", "".join(f"{lines[n % 2]}\n" for n in range(20)))
        features, notes = self.apply("text:zh.tsv")
        self.assertEqual(len(features), 20)
        self.assertGreater(np.ptp(features, axis=0).max(), 0.1)
        self.assertNotIn("passed over", notes)
        words = int(notes.split("text of ")[1].split()[0])
        self.assertGreater(words, 15)

    def test_long_runs_are_counted(self):
        self.write("t.tsv", "".join(f"word{n % 3} {'x' * 80}\n" for n in range(20)))
        self.assertIn("passed over: 20", self.apply("text:t.tsv")[1])


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("usage: tables_test.py PROGRAM [unittest arguments]")
    PROGRAM = str(pathlib.Path(sys.argv.pop(1)).resolve())
    unittest.main()
