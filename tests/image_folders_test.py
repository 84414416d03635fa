#!/usr/bin/env python3
"""Folders of images: order, names, grey and colour, and what is left out.

usage: image_folders_test.py PROGRAM [--sanitized] [unittest arguments]
"""
import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import program  # noqa: E402  pylint: disable=wrong-import-position
from pictures import Images, png  # noqa: E402  pylint: disable=wrong-import-position

np = program.np


class Folders(Images):
    def test_what_is_left_out_is_counted_and_named(self):
        picture = self.pictures(1)[0]
        for n in range(3):
            for name in (f"cat/{n}.png", f"dog/{n}.bmp", f"fox/more/{n}.png"):
                self.put(f"set/{name}", picture)
        self.put("set/cat/notes.TXT", b"words")
        self.put("set/cat/README", b"words")
        self.put("set/cat/.hidden.png", b"words")
        self.put("set/.DS_Store", b"words")
        os.symlink("nowhere.png", self.folder / "set/cat/link.png")
        features, notes = self.apply("images:set")
        self.assertEqual(len(features), 3)
        line, = [line for line in notes.splitlines() if "left out" in line]
        for part in ("1 file without an ending (cat/README)", "3 files ending in .bmp (dog/0.bmp, dog/1.bmp, dog/2.bmp)",
                     "1 file ending in .txt (cat/notes.TXT)", "1 folder too deep (fox/more)",
                     "2 sub-folders without files to read (dog, fox)", "1 hidden file (cat/.hidden.png)",
                     "1 broken link or special file (cat/link.png)"):
            self.assertIn(part, line)
        self.assertNotIn("DS_Store", line)

    def test_embed_and_evaluate_say_it_too(self):
        for n in range(30):
            self.put(f"set/{'ab'[n % 2]}/{n}.png", self.pictures(1)[0])
        self.put("set/a/x.gif", b"GIF89a")
        self.apply("images:set", "--model", "m.safetensors")
        done = self.run_program("embed", "--model", "m.safetensors", "--data", "images:set", "--out", "e.npy")
        self.assertIn("1 file ending in .gif (a/x.gif)", done.stderr)
        done = self.run_program("evaluate", "--data", "images:set", "--methods", "raw", "--shots", 2, "--trials", 5)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("1 file ending in .gif (a/x.gif)", done.stderr)

    def test_nothing_is_said_where_nothing_is_left_out(self):
        self.put_all("set/a", map(png, self.pictures()))
        self.assertNotIn("left out", self.apply("images:set")[1])

    def test_classes_one_level_too_deep(self):
        self.put_all("set/train/cat", map(png, self.pictures()))
        self.put_all("set/test/cat", map(png, self.pictures()))
        line = self.refused("apply", "--data", "images:set", "--out", "o.npy")
        self.assertIn("found them only deeper, in 'test/cat'; give the folder 'set/test'", line)

    def test_only_other_endings(self):
        self.put_all("set", self.pictures(), "bmp")
        line = self.refused("apply", "--data", "images:set", "--out", "o.npy")
        self.assertIn("found 12 files ending in .bmp (0.bmp, 1.bmp, 2.bmp, 3.bmp, ...); convert them", line)

    def test_files_and_classes_in_the_order_of_their_numbers(self):
        pictures = dict(zip(("a2/9", "a2/10", "a10/1", "a10/02", "a10/2", "a10/x11", "b/1"), self.pictures(7)))
        for name, picture in pictures.items():
            self.put(f"set/{name}.png", picture)
        features, _ = self.apply("images:set", "--names", "names.txt")
        self.assertEqual((self.folder / "names.txt").read_text().splitlines(), [
            "a2/9.png", "a2/10.png", "a10/1.png", "a10/02.png", "a10/2.png", "a10/x11.png", "b/1.png"])
        np.testing.assert_array_equal(features, self.of_arrays(list(pictures.values())))

    def test_upper_case_endings_and_links_are_read(self):
        pictures = self.pictures(4)
        self.put("set/1.PNG", png(pictures[0]))
        self.put("set/2.Png", png(pictures[1]))
        self.put("elsewhere/3.png", png(pictures[2]))
        os.symlink("../elsewhere/3.png", self.folder / "set/3.png")
        self.put("set/10.png", png(pictures[3]))
        np.testing.assert_array_equal(self.features("images:set"), self.of_arrays(pictures))
        os.symlink("elsewhere", self.folder / "linked")
        self.put("elsewhere/4.png", png(pictures[0]))
        self.assertEqual(len(self.features("images:linked")), 2)


class Colour(Images):
    def mixed(self):
        grey, colour = self.pictures(6), self.pictures(6, channels=3)
        for n in range(6):
            self.put(f"set/{2 * n}.png", grey[n])
            self.put(f"set/{2 * n + 1}.png", colour[n])
        return grey, colour

    def test_grey_and_colour_in_one_folder_are_read_as_colour(self):
        grey, colour = self.mixed()
        features, notes = self.apply("images:set")
        self.assertIn("6 grey and 6 colour images, all read as colour", notes)
        rows = [p for pair in zip(np.repeat(grey[..., None], 3, axis=3), colour) for p in pair]
        np.testing.assert_array_equal(features, self.of_arrays(rows))

    def test_an_encoder_of_either_takes_the_other(self):
        grey, colour = self.mixed()
        self.apply("images:set", "--model", "colour.safetensors")
        self.put_all("grey", map(png, grey))
        self.put_all("threefold", (png(np.repeat(p[..., None], 3, axis=2)) for p in grey))
        self.put_all("colour", map(png, colour))
        self.apply("images:grey", "--model", "grey.safetensors")

        def embed(model, spec):
            done = self.run_program("embed", "--model", model, "--data", spec, "--out", "e.npy")
            self.assertEqual(done.returncode, 0, done.stderr)
            return np.load(self.folder / "e.npy"), done.stderr

        features, notes = embed("colour.safetensors", "images:grey")
        self.assertIn("grey images become colour, as the encoder was fitted on", notes)
        np.testing.assert_array_equal(features, embed("colour.safetensors", "images:threefold")[0])
        features, notes = embed("grey.safetensors", "images:colour")
        self.assertIn("colour images become grey, as the encoder was fitted on", notes)
        np.testing.assert_allclose(features, embed("grey.safetensors", "images:colour,grey=yes")[0], atol=0.05)
        # Grey pixels in three channels keep their bits.
        np.testing.assert_array_equal(embed("grey.safetensors", "images:threefold")[0],
                                      embed("grey.safetensors", "images:grey")[0])


class Names(Images):
    def test_every_form_has_names(self):
        np.save(self.folder / "x.npy", self.random.normal(size=(20, 4)))
        self.apply("npy:x.npy", "--names", "names.txt", "--model", "m.safetensors")
        self.assertEqual((self.folder / "names.txt").read_text(), "".join(f"{n}\n" for n in range(20)))
        done = self.run_program("embed", "--model", "m.safetensors", "--data", "npy:x.npy", "--out", "e.npy", "--names", "n2.txt")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual((self.folder / "n2.txt").read_bytes(), (self.folder / "names.txt").read_bytes())
        for name in ("b/10.txt", "b/9.txt", "a/1.txt"):
            self.put(f"texts/{name}", f"words of {name} are {name[0]}".encode())
        self.apply("text:texts", "--names", "names.txt")
        self.assertEqual((self.folder / "names.txt").read_text(), "a/1.txt\nb/9.txt\nb/10.txt\n")

    def test_names_of_the_rows_that_were_read(self):
        self.put_all("set", map(png, self.pictures(5)))
        self.put("set/2.png", b"no picture")
        features, _ = self.apply("images:set,bad=skip", "--names", "names.txt")
        self.assertEqual(len(features), 4)
        self.assertEqual((self.folder / "names.txt").read_text(), "0.png\n1.png\n3.png\n4.png\n")

    def test_odd_names_stay_one_line_each(self):
        for name in ("a\nb.png", "c\\d.png", "e\rf.png", "\N{GREEK SMALL LETTER ALPHA}.png"):
            self.put("set/" + name, png(self.pictures(1)[0]))
        self.apply("images:set", "--names", "names.txt")
        self.assertEqual((self.folder / "names.txt").read_bytes().decode().split("\n"),
                         ["a\\nb.png", "c\\\\d.png", "e\\rf.png", "\N{GREEK SMALL LETTER ALPHA}.png", ""])


if __name__ == "__main__":
    program.main()
