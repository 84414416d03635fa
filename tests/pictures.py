"""PNG files chunk by chunk, and folders of pictures for tests."""
import struct
import zlib

import program

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

    def apply(self, spec, *more, out="out.npy"):
        """By an MLP, which reads every pixel: conv layers would take most of the time, above all under a sanitizer."""
        return super().apply(spec, "--layers", "mlp", *more, out=out)

    def features(self, spec):
        return self.apply(spec)[0]

    def of_arrays(self, pictures):
        """What the same pixels give as an array."""
        np.save(self.folder / "arrays.npy", np.asarray(pictures))
        return self.features("npy:arrays.npy")
