#!/usr/bin/env python3
"""Images are read as viewers show them, and what is left out is said.

usage: images_test.py PROGRAM [unittest arguments]
"""
import os
import pathlib
import struct
import sys
import zlib

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import program  # noqa: E402  pylint: disable=wrong-import-position

np, Image = program.np, program.Image

# Colour types of PNG by channels.
COLOUR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}
ORIENTED = {  # what is stored so that orientation k shows `upright`
    1: lambda a: a, 2: np.fliplr, 3: lambda a: np.rot90(a, 2), 4: np.flipud,
    5: lambda a: a.swapaxes(0, 1), 6: lambda a: np.rot90(a, 1),
    7: lambda a: np.rot90(a, 2).swapaxes(0, 1), 8: lambda a: np.rot90(a, -1)}


def chunk(name, content):
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def png(array, *chunks, interlace=0):
    """PNG bytes of [H,W] or [H,W,C] in 8 or 16 bits; `chunks` stand before the pixels."""
    array = np.atleast_3d(array)
    height, width, channels = array.shape
    depth = 8 * array.dtype.itemsize

    def rows(part):
        if part.shape[0] == 0 or part.shape[1] == 0:
            return b""
        return b"".join(b"\0" + row.astype(f">u{depth // 8}").tobytes() for row in part)

    passes = [array] if not interlace else [
        array[y::dy, x::dx] for x, y, dx, dy in ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4),
                                                 (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))]
    header = struct.pack(">IIBBBBB", width, height, depth, COLOUR_TYPES[channels], 0, 0, interlace)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + b"".join(chunks) +
            chunk(b"IDAT", zlib.compress(b"".join(map(rows, passes)))) + chunk(b"IEND", b""))


def exif_block(orientation, order="<"):
    return (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(
        order + "IHHHIHHI", 8, 1, 0x0112, 3, 1, orientation, 0, 0)


def deepen(array):
    return array.astype(np.uint16) * 257


class Images(program.InFolder):
    def setUp(self):
        super().setUp()
        self.random = np.random.default_rng(0)

    def pictures(self, count=12, height=8, width=8, channels=None):
        shape = (count, height, width) + ((channels,) if channels else ())
        return self.random.integers(0, 256, shape).astype(np.uint8)

    def put(self, name, content):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            Image.fromarray(content).save(path)

    def put_all(self, folder, contents, ending="png"):
        for n, content in enumerate(contents):
            self.put(f"{folder}/{n}.{ending}", content)

    def features(self, spec):
        return self.apply(spec)[0]

    def of_arrays(self, pictures):
        """What the same pixels give as an array."""
        np.save(self.folder / "arrays.npy", np.asarray(pictures))
        return self.features("npy:arrays.npy")


class Depth(Images):
    def test_16_bits_are_the_same_greys(self):
        pictures = self.pictures()
        self.put_all("eight", map(png, pictures))
        self.put_all("sixteen", (png(deepen(p)) for p in pictures))
        _, notes = self.apply("images:sixteen")
        self.assertIn("12 of 16 bits, read as 8", notes)
        np.testing.assert_array_equal(self.features("images:eight"), self.features("images:sixteen"))

    def test_16_bits_of_every_colour_type(self):
        for channels in (2, 3, 4):
            pictures = self.pictures(channels=channels)
            self.put_all(f"eight{channels}", map(png, pictures))
            self.put_all(f"sixteen{channels}", (png(deepen(p)) for p in pictures))
            np.testing.assert_array_equal(self.features(f"images:eight{channels}"),
                                          self.features(f"images:sixteen{channels}"), str(channels))

    def test_16_bits_with_a_gamma_or_srgb_chunk(self):
        pictures = self.pictures()
        self.put_all("plain", map(png, pictures))
        plain = self.features("images:plain")
        for name, extra in (("gama", chunk(b"gAMA", struct.pack(">I", 45455))), ("srgb", chunk(b"sRGB", b"\0"))):
            self.put_all(name, (png(deepen(p), extra) for p in pictures))
            np.testing.assert_array_equal(plain, self.features(f"images:{name}"), name)

    def test_usual_chunks_change_no_8_bit_value(self):
        pictures = self.pictures(channels=3)
        from PIL import ImageCms  # pylint: disable=import-outside-toplevel
        profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
        expected = self.of_arrays(pictures)
        for name, extra in (("gama", chunk(b"gAMA", struct.pack(">I", 45455))), ("srgb", chunk(b"sRGB", b"\0")),
                            ("phys", chunk(b"pHYs", struct.pack(">IIB", 2835, 2835, 1))),
                            ("iccp", chunk(b"iCCP", b"sRGB\0\0" + zlib.compress(profile)))):
            self.put_all(name, (png(p, extra) for p in pictures))
            np.testing.assert_array_equal(expected, self.features(f"images:{name}"), name)

    def test_another_gamma_is_shown_as_viewers_do(self):
        """Linear light (gamma 1) becomes sRGB, in 8 and in 16 bits alike."""
        linear = self.pictures()
        light = linear / 255
        shown = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055) * 255
        extra = chunk(b"gAMA", struct.pack(">I", 100000))
        self.put_all("eight", (png(p, extra) for p in linear))
        self.put_all("sixteen", (png(deepen(p), extra) for p in linear))
        np.save(self.folder / "shown.npy", shown.astype(np.float32))
        expected = self.features("npy:shown.npy")
        for name in ("eight", "sixteen"):
            np.testing.assert_allclose(self.features(f"images:{name}"), expected, atol=0.1, err_msg=name)

    def test_interlaced(self):
        pictures = self.pictures(height=9, width=11, channels=3)
        self.put_all("interlaced", (png(p, interlace=1) for p in pictures))
        np.testing.assert_array_equal(self.features("images:interlaced"), self.of_arrays(pictures))


class Orientation(Images):
    def check(self, stored):
        upright = self.pictures(height=5, width=9)
        expected = self.of_arrays(upright)
        for orientation, turn in ORIENTED.items():
            name = f"turned{orientation}"
            self.put_all(name, [stored(turn(p).copy(), orientation) for p in upright])
            np.testing.assert_array_equal(self.features(f"images:{name}"), expected, name)

    def test_exif_in_png_of_both_byte_orders(self):
        self.check(lambda p, k: png(p, chunk(b"eXIf", exif_block(k, "<" if k % 2 else ">"))))
        self.check(lambda p, k: png(p, chunk(b"eXIf", exif_block(k, ">" if k % 2 else "<"))))

    def test_exif_in_jpeg_of_both_byte_orders(self):
        """The same JPEG with and without the tag: what Pillow turns, the program turns."""
        for order in "<>":
            for orientation in ORIENTED:
                folder, seen = f"jpg{orientation}{order == '<'}", f"seen{orientation}{order == '<'}"
                for n, picture in enumerate(self.pictures(height=8, width=16)):
                    path = self.folder / folder / f"{n}.jpg"
                    path.parent.mkdir(exist_ok=True)
                    Image.fromarray(picture).save(path, quality=95, exif=b"Exif\0\0" + exif_block(orientation, order))
                    with Image.open(path) as image:
                        pixels = np.asarray(image)
                    inverse = {6: 8, 8: 6}.get(orientation, orientation)  # turning back
                    self.put(f"{seen}/{n}.png", ORIENTED[inverse](pixels).copy())
                np.testing.assert_allclose(self.features(f"images:{folder}"), self.features(f"images:{seen}"),
                                           atol=0.05, err_msg=folder)

    def test_odd_tags_leave_the_image_as_stored(self):
        pictures = self.pictures(height=5, width=9)
        expected = self.of_arrays(pictures)
        for name, block in (("zero", exif_block(0)), ("nine", exif_block(9)), ("short", exif_block(6)[:12]),
                            ("empty", b""), ("noise", bytes(range(256)))):
            self.put_all(name, (png(p, chunk(b"eXIf", block)) for p in pictures))
            np.testing.assert_array_equal(self.features(f"images:{name}"), expected, name)


class Background(Images):
    def blended(self, pictures, below):
        alpha = pictures[..., 3:].astype(int)
        return ((alpha * pictures[..., :3] + (255 - alpha) * below + 127) // 255).astype(np.uint8)

    def test_white_is_the_default_and_black_can_be_asked_for(self):
        pictures = self.pictures(channels=4)
        self.put_all("clear", map(png, pictures))
        features, notes = self.apply("images:clear")
        self.assertIn("12 with transparent pixels, laid over white", notes)
        np.testing.assert_array_equal(features, self.of_arrays(self.blended(pictures, 255)))
        np.testing.assert_array_equal(self.features("images:clear,background=black"),
                                      self.of_arrays(self.blended(pictures, 0)))

    def test_black_strokes_are_seen(self):
        drawn = np.zeros((12, 8, 8, 4), np.uint8)
        drawn[..., 3] = self.random.integers(0, 2, (12, 8, 8)) * 255
        self.put_all("drawn", map(png, drawn))
        self.assertGreater(np.ptp(self.features("images:drawn"), axis=0).max(), 0.1)

    def test_error_names_the_file(self):
        self.put_all("clear", map(png, self.pictures(channels=4)))
        line = self.refused("apply", "--data", "images:clear,background=error", "--out", "o.npy")
        self.assertIn("clear/0.png: expected an image without transparent pixels", line)
        line = self.refused("apply", "--data", "images:clear,background=grey", "--out", "o.npy")
        self.assertIn("expected background to be one of white, black", line)

    def test_an_opaque_alpha_channel_changes_nothing(self):
        pictures = self.pictures(channels=4)
        pictures[..., 3] = 255
        self.put_all("opaque", map(png, pictures))
        features, notes = self.apply("images:opaque,background=error")
        self.assertNotIn("transparent", notes)
        np.testing.assert_array_equal(features, self.of_arrays(pictures[..., :3]))

    def test_grey_with_alpha_and_a_transparent_colour(self):
        grey = self.pictures(channels=2)
        alpha, value = grey[..., 1].astype(int), grey[..., 0].astype(int)
        self.put_all("grey", map(png, grey))
        np.testing.assert_array_equal(self.features("images:grey"), self.of_arrays(
            ((alpha * value + (255 - alpha) * 255 + 127) // 255).astype(np.uint8)))
        plain = self.pictures() // 64  # few values, of which 2 is transparent
        self.put_all("key", (png(p, chunk(b"tRNS", struct.pack(">H", 2))) for p in plain))
        np.testing.assert_array_equal(self.features("images:key"),
                                      self.of_arrays(np.where(plain == 2, 255, plain).astype(np.uint8)))

    def test_a_palette_with_transparent_entries(self):
        colours, indices = self.random.integers(0, 256, (4, 3)).astype(np.uint8), self.pictures() % 4
        for n, index in enumerate(indices):
            image = Image.fromarray(index, "P")
            image.putpalette(colours.tobytes())
            path = self.folder / "palette" / f"{n}.png"
            path.parent.mkdir(exist_ok=True)
            image.save(path, transparency=bytes([0, 255, 128, 255]))
        alpha = np.array([0, 255, 128, 255], np.uint8)
        with_alpha = np.concatenate([colours[indices], alpha[indices][..., None]], axis=3)
        np.testing.assert_array_equal(self.features("images:palette"), self.of_arrays(self.blended(with_alpha, 255)))


class Jpeg(Images):
    def jpegs(self, mode=None, **options):
        self.put_all("source", self.pictures(height=16, width=16, channels=3))
        contents = []
        for path in sorted((self.folder / "source").iterdir()):
            with Image.open(path) as image:
                (image.convert(mode) if mode else image).save(self.folder / "one.jpg", quality=90, **options)
            contents.append((self.folder / "one.jpg").read_bytes())
        return contents

    def test_cmyk(self):
        contents = self.jpegs("CMYK")
        self.put_all("cmyk", contents, "jpg")
        for n in range(len(contents)):
            with Image.open(self.folder / f"cmyk/{n}.jpg") as image:
                self.put(f"rgb/{n}.png", np.asarray(image.convert("RGB")))
        np.testing.assert_allclose(self.features("images:cmyk"), self.features("images:rgb"), atol=0.05)

    def test_junk_before_the_end_marker_is_one_note(self):
        contents = self.jpegs()
        self.put_all("whole", contents, "jpg")
        whole = self.features("images:whole")
        for name, junk in (("zeros", bytes(40)), ("text", b"appended by a camera"), ("marker", bytes(9) + b"\xff\x01\xff\x02")):
            self.put_all(name, (c[:-2] + junk + c[-2:] for c in contents), "jpg")
            features, notes = self.apply(f"images:{name}")
            np.testing.assert_array_equal(features, whole, name)
            self.assertEqual(notes.count("JPEG with a warning"), 1, notes)
            self.assertIn("12 JPEG with a warning, pixels whole (first", notes)

    def test_junk_behind_the_end_marker_is_nobodys(self):
        contents = self.jpegs()
        self.put_all("whole", contents, "jpg")
        self.put_all("behind", (c + b"more" for c in contents), "jpg")
        np.testing.assert_array_equal(self.features("images:whole"), self.features("images:behind"))

    def test_truncated_is_an_error(self):
        for progressive in (False, True):
            contents = self.jpegs(progressive=progressive)
            for cut in (2, 30, len(contents[0]) // 2):
                self.put("cut/0.jpg", contents[0][:-cut])
                self.put("cut/1.jpg", contents[1])
                line = self.refused("apply", *program.SMALL, "--data", "images:cut", "--out", "o.npy")
                self.assertIn("cut/0.jpg: expected a readable JPEG file", line)
                self.apply("images:cut,bad=skip")


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
