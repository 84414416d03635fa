"""Malformed files, one per way of being wrong, by reader: (name, bytes, options of the SPEC).

Plain Python, no packages. The lines that the program must answer with stand in expected.txt.
`cases.py FOLDER` writes them as FOLDER/READER/NAME, which is also a seed corpus for tools/fuzz.
"""
import gzip
import io
import json
import pathlib
import struct
import sys
import zipfile
import zlib

from tensor_files import GOOD_ENCODER, GOOD_RULE, change, pack, unpack

FIXTURES = pathlib.Path(__file__).resolve().parent.parent / "fixtures" / "data"


def patched(content, at, new):
    """The bytes with `new` written over them from `at` on."""
    return content[:at] + new + content[at + len(new):]


def fixture(name):
    return (FIXTURES / name).read_bytes()


def idx():
    good, packed = fixture("images.idx"), fixture("images.idx.gz")
    yield "empty", b""
    yield "header-cut", good[:10]
    yield "magic-wrong", patched(good, 0, b"\x01")
    yield "no-dimensions", patched(good, 3, b"\x00")
    yield "type-unknown", patched(good, 2, b"\x0a")
    yield "size-zero", patched(good, 4, b"\0\0\0\0")
    yield "size-beyond-the-file", patched(good, 4, b"\xff" * 12)
    yield "values-cut", good[:-1]
    yield "values-follow", good + b"x"
    yield "labels-as-images", fixture("labels_int32.idx")
    yield "gzip-cut", packed[:-12]
    yield "gzip-checksum", patched(packed, len(packed) - 8, b"xxxx")
    yield "gzip-bomb", gzip.compress(good + bytes(20_000_000), mtime=0)


def cifar():
    record = b"\x03" + bytes(3072)
    yield "empty", b""
    yield "record-cut", record + record[:100]
    yield "label-above-nine", record + b"\x0a" + record[1:]
    yield "python-version", b"\x80\x02}q\x01(U\nbatch_label" + bytes(5000)


def npy_file(header, data=b"", version=1):
    text = header.encode() + b"\n"
    return b"\x93NUMPY" + bytes([version, 0]) + struct.pack("<H", len(text)) + text + data


def dictionary(descr="<f4", shape="(2, 2)", order="False"):
    return f"{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}"


def npy():
    data = struct.pack("<4f", 1, 2, 3, 4)
    yield "empty", b""
    yield "magic-wrong", b"\x93NUMPX\x01\x00" + bytes(100)
    yield "version-9", npy_file(dictionary(), data, version=9)
    yield "header-cut", npy_file(dictionary(), data)[:40]
    yield "header-no-dictionary", npy_file("__import__('os').system('true')", data)
    yield "key-missing", npy_file("{'descr': '<f4', 'shape': (2, 2), }", data)
    yield "pickled-objects", npy_file(dictionary("|O"), data)
    yield "complex", npy_file(dictionary("<c8", "(2, 1)"), data)
    yield "structured", npy_file("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (4,), }", data)
    yield "shape-negative", npy_file(dictionary(shape="(-2, 2)"), data)
    yield "shape-overflow", npy_file(dictionary(shape="(4611686018427387904, 4)"), data)
    yield "shape-beyond-the-file", npy_file(dictionary(shape="(2000000000, 2)"), data)
    yield "values-cut", npy_file(dictionary(), data[:-1])
    yield "values-follow", npy_file(dictionary(), data + b"x")
    yield "one-dimension", npy_file(dictionary(shape="(4,)"), data)
    yield "no-rows", npy_file(dictionary(shape="(0, 4)"))
    yield "not-a-number", npy_file(dictionary(), struct.pack("<4f", 1, 2, float("nan"), 4))
    yield "double-beyond-float", npy_file(dictionary("<f8", "(1, 2)"), struct.pack("<2d", 1, 1e300))
    yield "pixels-out-of-range", npy_file(dictionary(), data), ",image=1x2"


def npz_file(members, compression=zipfile.ZIP_DEFLATED):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, content in members:
            archive.writestr(zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0)), content, compression)
    return buffer.getvalue()


def npz():
    array = npy_file(dictionary(), struct.pack("<4f", 1, 2, 3, 4))
    good = npz_file([("x.npy", array)], zipfile.ZIP_STORED)
    yield "empty", b""
    yield "no-archive", b"PK but no archive"
    yield "cut", good[:len(good) // 2]
    yield "no-arrays", npz_file([("readme.txt", b"x")])
    yield "other-names", npz_file([("measured.npy", array)])
    yield "checksum", good.replace(struct.pack("<4f", 1, 2, 3, 4), struct.pack("<4f", 1, 2, 3, 5))
    yield "member-damaged", npz_file([("x.npy", array[:-2])])
    yield "labels-too-few", npz_file([("x.npy", array), ("y.npy", npy_file(dictionary("<i4", "(1,)"), bytes(4)))])
    yield "pickled-objects", npz_file([("x.npy", npy_file(dictionary("|O"), bytes(32)))])
    # The length in both headers says 16 TiB.
    claim = npz_file([("x.npy", array)])
    for mark, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        claim = patched(claim, claim.index(mark) + offset, b"\xfe\xff\xff\xff")
    yield "length-claimed", claim


def csv():
    yield "empty", b""
    yield "header-only", b"a,b\n"
    yield "field-missing", b"a,b\n1,2\n3\n"
    yield "field-too-many", b"a,b\n1,2\n3,4,5\n"
    yield "quote-open", b'a,b\n1,"2\n3,4\n'
    yield "quote-then-text", b'a,b\n1,"2"3\n'
    yield "quote-inside", b'a,b\n1,2"3\n'
    yield "carriage-return", b"a,b\n1,2\r3,4\n"
    yield "zero-byte", b"a,b\n1,\0\n"
    yield "utf-16", "a,b\n1,2\n".encode("utf-16")
    yield "name-latin-1", b"\xe4,b\n1,2\n"
    yield "name-twice", b"a,a\n1,2\n"
    yield "value-missing", b"a,b\n1,2\n3,\n"
    yield "value-infinite", b"a,b\n1,inf\n"
    yield "value-beyond-float", b"a,b\n1,1e39\n"
    yield "value-hexadecimal", b"a,b\n1,0x10\n"
    yield "value-a-word", b"a,b\n1,red\n"
    yield "decimal-comma", b"a;b\n2.5;1\n1,5;2\n"
    yield "thousands", b"a;b\n1,234;1\n2,345;2\n"
    yield "bad-cell", b"a,b\n1,u\n2,v\nx1,u\n", ",categorical=onehot"
    yield "control-characters", b"a,b\n1,\x1b[31mred\x07\n"
    yield "label-unknown", b"a,kinds\n1,2\n", ",label=kind"
    yield "column-empty", b"a,b\n1,\n2,\n", ",missing=mean"


def text():
    yield "empty", b""
    yield "tab-missing", b"a\tb\nno label\n"
    yield "tab-unexpected", b"no label\na\tb\n"
    yield "no-utf-8", b"a\tb\nb\t\xff\n"
    yield "overlong", b"a\t\xc0\xaf\n"
    yield "surrogate", b"a\t\xed\xa0\x80\n"
    yield "character-cut", b"a\tb\xe6\x97"
    yield "zero-byte", b"a\tb\0c"
    yield "no-words", b"a\t!?\nb\t...\n"


def png_chunk(kind, content):
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png():
    good = fixture("pictures/grey.png")
    header = struct.pack(">IIBBBBB", 60000, 60000, 8, 0, 0, 0, 0)
    yield "cut", good[:len(good) // 2]
    yield "header-checksum", patched(good, 18, b"x")
    yield "data-damaged", patched(good, 45, b"xx")
    yield "sides-too-long", good[:8] + png_chunk(b"IHDR", header) + good[33:]
    yield "size-zero", good[:8] + png_chunk(b"IHDR", bytes(4) + header[4:]) + good[33:]


def jpeg():
    good = fixture("pictures/grey.jpg")
    frame = good.index(b"\xff\xc0")
    yield "cut", good[:-20]
    yield "header-cut", good[:10]
    yield "sides-too-long", patched(good, frame + 5, b"\x50\x00\x00\x10")
    yield "cmyk-cut-short", fixture("pictures/cmyk.jpg")[:-40]


def picture():
    yield "empty", b""
    yield "other-format", b"GIF89a..."
    yield "bitmap", b"P4 8 1\n\xff"
    yield "header-cut", b"P5 2"
    yield "maximum-zero", b"P5 2 2 0\n...."
    yield "pixels-cut", b"P5 2 2 255\n..."
    yield "two-images", b"P5 2 2 255\n........."
    yield "promise-too-large", b"P5 99999999 99999999 255\n."
    yield "pixel-above-maximum", b"P5 2 1 7\n\x08\x01"


def safetensors():
    header = {"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}
    data = struct.pack("<2f", 1, 2)

    def entry(**changes):
        return pack({"a": {**header["a"], **changes}}, data)

    yield "empty", b""
    yield "length-beyond-the-file", struct.pack("<Q", 2**62) + b"{}"
    yield "header-cut", pack(header, data)[:20]
    yield "header-no-json", struct.pack("<Q", 8) + b"{\"a\": }}" + data
    yield "header-a-list", struct.pack("<Q", 2) + b"[]"
    yield "nested-deeply", struct.pack("<Q", 10006) + b'{"a":' + b"[" * 10000 + b"}"
    yield "name-twice", struct.pack("<Q", 125) + (b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},'
                                                  b'"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}'
                                                  ).ljust(125) + data
    yield "dtype-unknown", entry(dtype="F8")
    yield "shape-negative", entry(shape=[-2])
    yield "shape-overflow", entry(shape=[2**61, 2**61])
    yield "offsets-do-not-fit", entry(data_offsets=[0, 4])
    yield "hole", entry(data_offsets=[4, 12])
    yield "overlap", pack({**header, "b": header["a"]}, data)
    yield "data-cut", pack(header, data[:-1])
    yield "data-follow", pack(header, data + b"x")
    yield "metadata-a-number", pack({"__metadata__": {"k": 1}, **header}, data)
    yield "digest-missing", pack({"__metadata__": {"format_version": "1"}, **header}, data)
    yield "digest-wrong", patched(GOOD_RULE, len(GOOD_RULE) - 1, b"\x77")
    yield "format-newer", pack({"__metadata__": {"format_version": "2"}, **header}, data)


def rule():
    yield "another-program", pack({"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}, bytes(4))
    yield "kind-with-line-feed", change(GOOD_RULE, kind="rule\nrule")
    yield "sizes-no-json", change(GOOD_RULE, sizes="{")
    yield "size-out-of-range", change(GOOD_RULE, sizes=lambda text: text.replace('"C":', '"C":9'))
    yield "sizes-unknown-key", change(GOOD_RULE, sizes=lambda text: text.replace('"C":', '"E":'))
    yield "step-size-zero", change(GOOD_RULE, inner=lambda text: json.dumps({**json.loads(text), "inner_lr": 0}))
    header, data = unpack(GOOD_RULE)
    name = max(n for n in header if n != "__metadata__")
    yield "tensor-missing", pack({("theta.x" if n == name else n): v for n, v in header.items()}, data, sign=True)
    first = header[name]["data_offsets"][0]
    yield "not-a-number", pack(header, patched(data, first, struct.pack("<f", float("nan"))), sign=True)


def encoder():
    yield "a-rule", GOOD_RULE
    yield "widths-no-list", change(GOOD_ENCODER, widths="7")
    yield "widths-too-many", change(GOOD_ENCODER, widths=json.dumps([2] * 100))
    yield "width-zero", change(GOOD_ENCODER, widths="[2,0]")
    yield "widths-of-others", change(GOOD_ENCODER, widths="[3,2]")
    yield "activation-unknown", change(GOOD_ENCODER, activation="rellu")
    yield "record-missing", change(GOOD_ENCODER, record=None)
    yield "record-seed-a-word", change(GOOD_ENCODER, record=lambda t: t.replace('"seed": 1', '"seed": "one"'))
    yield "preprocess-missing", change(GOOD_ENCODER, **{"preprocess.kind": None})
    yield "preprocess-newer", change(GOOD_ENCODER, **{"preprocess.version": "99"})
    yield "columns-no-names", change(GOOD_ENCODER, **{"preprocess.columns": "[1, 2]"})
    yield "columns-too-few", change(GOOD_ENCODER, **{"preprocess.columns": '["a"]'})
    header, data = unpack(GOOD_ENCODER)
    first = header["layer.1.W"]["data_offsets"][0]
    yield "not-a-number", pack(header, patched(data, first, struct.pack("<f", float("inf"))), sign=True)


def checkpoint():
    good = pack({"__metadata__": {"kind": "checkpoint", "config": "{}", "run": "{}"}}, b"", sign=True)
    yield "a-rule", GOOD_RULE
    yield "config-missing", change(good, config=None)
    yield "config-no-json", change(good, config="{")
    yield "config-nested-deeply", change(good, config="[" * 100_000 + "]" * 100_000)
    yield "config-other", good


def toml():
    yield "syntax", b"[outer\n"
    yield "section-of-no-key", b"[`\n"
    yield "value-missing", b"[outer]\nouter_lr =\n"
    yield "key-twice", b"[outer]\nouter_lr = 1e-3\nouter_lr = 1e-3\n"
    yield "key-unknown", b"[outer]\nouter_lrr = 1\n"
    yield "section-unknown", b"[inside]\nx = 1\n"
    yield "type-wrong", b"[outer]\nouter_lr = \"fast\"\n"
    yield "out-of-range", b"[outer]\nouter_lr = 7\n"
    yield "number-beyond-64-bits", b"[outer]\nouter_steps = 99999999999999999999\n"
    yield "no-utf-8", b"[outer]\ninit_rule = \"\xff\"\n"
    yield "nested-deeply", b"x = " + b"[" * 100_000
    yield "binary", bytes(range(256))


READERS = {reader.__name__: reader for reader in (idx, cifar, npy, npz, csv, text, png, jpeg, picture, safetensors,
                                                  rule, encoder, checkpoint, toml)}


def all_cases():
    """(reader, name, content, options) of every case."""
    for reader, cases in READERS.items():
        for name, content, *options in cases():
            yield reader, name, content, "".join(options)


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: cases.py FOLDER")
    for reader, name, content, _ in all_cases():
        folder = pathlib.Path(sys.argv[1]) / reader
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


if __name__ == "__main__":
    main()
