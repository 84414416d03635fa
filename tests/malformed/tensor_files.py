"""Safetensors in plain Python: reading, writing, and the project's digest, from docs/files.md alone."""
import hashlib
import json
import pathlib
import struct

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
DTYPE_BYTES = {"F32": 4, "F64": 8, "I32": 4, "I64": 8, "U8": 1}


def unpack(content):
    """(header, data); the header keeps its order."""
    length = struct.unpack("<Q", content[:8])[0]
    return json.loads(content[8:8 + length]), content[8 + length:]


def check(content):
    """Asserts every rule of the safetensors format, and the digest of files that carry one."""
    header, data = unpack(content)
    assert content[8:9] == b"{"
    metadata = header.pop("__metadata__", {})
    assert all(isinstance(value, str) for value in metadata.values())
    end = 0
    for entry in sorted(header.values(), key=lambda e: e["data_offsets"]):
        assert set(entry) == {"dtype", "shape", "data_offsets"}, entry
        begin, end_of_entry = entry["data_offsets"]
        size = DTYPE_BYTES[entry["dtype"]]
        for extent in entry["shape"]:
            size *= extent
        assert begin == end and end_of_entry - begin == size, entry
        end = end_of_entry
    assert end == len(data)
    if "sha256" in metadata:
        assert metadata["sha256"] == digest(metadata, header, data)


def digest(metadata, tensors, data):
    stream = hashlib.sha256()

    def update(content):
        content = content.encode() if isinstance(content, str) else content
        stream.update(f"{len(content)}:".encode() + content)

    for key in sorted(metadata):
        if key != "sha256":
            for content in ("metadata", key, metadata[key]):
                update(content)
    for name in sorted(tensors):
        begin, end = tensors[name]["data_offsets"]
        shape = "[" + ", ".join(map(str, tensors[name]["shape"])) + "]"
        for content in ("tensor", name, tensors[name]["dtype"], shape, data[begin:end]):
            update(content)
    return stream.hexdigest()


def pack(header, data, sign=False):
    header = json.loads(json.dumps(header))
    if sign:
        metadata = header.setdefault("__metadata__", {})
        metadata["format_version"] = "1"
        tensors = {name: value for name, value in header.items() if name != "__metadata__"}
        metadata["sha256"] = digest(metadata, tensors, data)
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def change(content, **metadata):
    """The file with metadata replaced by a text or a function of the old one, or removed (None); signed."""
    header, data = unpack(content)
    for key, value in metadata.items():
        old = header["__metadata__"].pop(key, "")
        if value is not None:
            header["__metadata__"][key] = value(old) if callable(value) else value
    return pack(header, data, sign=True)


def unsigned(content):
    """Without digest and version: what the fuzz targets of signed files start from."""
    header, data = unpack(content)
    for key in ("sha256", "format_version"):
        header.get("__metadata__", {}).pop(key, None)
    return pack(header, data)


GOOD_RULE = (ROOT / "rules" / "oja.safetensors").read_bytes()


def _good_encoder():
    record = {"rule": "oja", "rule_sha256": "", "data": "csv:a.csv", "seed": 1, "inner_steps": 3, "inner_batch": 2,
              "inner_lr": 0.02, "weight_std": 0.1, "bias_std": 0.1}
    metadata = {"kind": "encoder", "widths": "[2, 1]", "activation": "relu", "record": json.dumps(record),
                "preprocess.version": "1", "preprocess.kind": "table", "preprocess.columns": '["a", "b"]',
                "preprocess.missing": "error"}
    header, values = {"__metadata__": metadata}, []
    for name, shape in (("layer.1.W", [2, 1]), ("layer.1.b", [1]), ("preprocess.mean", [2]),
                        ("preprocess.scale", [2]), ("preprocess.one_hot", [2])):
        count = shape[0]
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [4 * len(values), 4 * (len(values) + count)]}
        values += [0.0 if name.endswith("one_hot") else 1.0] * count
    return pack(header, struct.pack(f"<{len(values)}f", *values), sign=True)


GOOD_ENCODER = _good_encoder()
