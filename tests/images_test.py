#!/usr/bin/env python3
"""Images are read as viewers show them.

usage: images_test.py PROGRAM [--sanitized] [unittest arguments]
"""
import pathlib
import struct
import sys
import zlib

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import program  # noqa: E402  pylint: disable=wrong-import-position
from pictures import ORIENTED, Images, chunk, deepen, exif_block, png  # noqa: E402  pylint: disable=wrong-import-position

np, Image = program.np, program.Image


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
        """Linear light (gamma 1) gets the usual 1/2.2, in 8 and in 16 bits alike."""
        linear = self.pictures()
        shown = np.round(255 * (linear / 255) ** (1 / 2.2))
        extra = chunk(b"gAMA", struct.pack(">I", 100000))
        self.put_all("eight", (png(p, extra) for p in linear))
        self.put_all("sixteen", (png(deepen(p), extra) for p in linear))
        np.save(self.folder / "shown.npy", shown.astype(np.float32))
        expected = self.features("npy:shown.npy,max=255")
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
                self.put("cut/2.jpg", contents[2])
                line = self.refused("apply", *program.SMALL, "--data", "images:cut", "--out", "o.npy")
                self.assertIn("cut/0.jpg: expected a readable JPEG file", line)
                self.apply("images:cut,bad=skip")


if __name__ == "__main__":
    program.main()
