#!/usr/bin/env python3
"""Exported encoders against `metaplastic embed`, on 100 rows of every kind of data.

usage: onnx_test.py PROGRAM ENGINE PROTOC NODE_FOLDER
ENGINE is numpy (an interpreter of the operators, below) or onnxruntime: onnxruntime-node from npm, the
version and digest of package-lock.json, fetched once into NODE_FOLDER (or where METAPLASTIC_NODE
says it is). Exit status 77: the engine is not to be had here, and a line says why.

Tolerance: features are of order 1 to 10 and sums of at most 784 terms in another order, so float
rounding is below 784 * 6e-8 * 10 / 10 in the worst and about 1e-6 in the usual case; 1e-5 * max(1, |x|).
"""
import importlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest
import wave

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
PROGRAM, ENGINE, PROTOC, NODE = "", "numpy", "protoc", pathlib.Path()


def metaplastic(*arguments):
    done = subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, (arguments, done.stderr)


def read_model(path, folder):
    """The protocol-buffer message, by code that protoc makes of the committed subset."""
    if not (folder / "onnx_subset_pb2.py").exists():
        subprocess.run([PROTOC, f"--proto_path={ROOT / 'src' / 'onnx'}", f"--python_out={folder}",
                        "onnx_subset.proto"], check=True)
        sys.path.insert(0, str(folder))
    messages = importlib.import_module("onnx_subset_pb2")
    model = messages.Model()
    model.ParseFromString(path.read_bytes())
    return model


def windows_of(x, a, kernel):
    """[N,C,h,w,*kernel]: what a kernel sees at every place, zeros around."""
    top, left, bottom, right = a.get("pads", (0, 0, 0, 0))
    x = np.pad(x, ((0, 0), (0, 0), (top, bottom), (left, right)))
    down, across = a["strides"]
    return np.lib.stride_tricks.sliding_window_view(x, tuple(kernel), axis=(2, 3))[:, :, ::down, ::across]


def conv(x, w, b=None, **a):
    y = np.einsum("nchwij,kcij->nkhw", windows_of(x, {"strides": (1, 1), **a}, w.shape[2:]), w, dtype=np.float32)
    return y if b is None else y + b[:, None, None]


def take_slice(x, begin, end, axis):
    return np.take(x, np.arange(begin[0], end[0]), axis=axis[0])


def operators(node):
    """The meaning of an operator of opset 13, as the ONNX specification has it, in float32."""
    a = {x.name: list(x.ints) or (x.f if x.type == 1 else x.i) for x in node.attribute}
    one = np.float32(1)
    axes, keep = tuple(a.get("axes", ())), bool(a.get("keepdims", 1))
    return {
        "Abs": np.abs, "Add": np.add, "Log": np.log, "ReduceSum": lambda x, at: x.sum(axis=tuple(at), keepdims=keep),
        "Sign": np.sign, "Sqrt": np.sqrt, "Slice": take_slice,
        "AveragePool": lambda x: windows_of(x, a, a["kernel_shape"]).mean(axis=(4, 5), dtype=np.float32),
        "Concat": lambda *parts: np.concatenate(parts, axis=a["axis"]), "Conv": lambda *x: conv(*x, **a),
        "MaxPool": lambda x: windows_of(x, a, a["kernel_shape"]).max(axis=(4, 5)),
        "ReduceMax": lambda x: x.max(axis=axes, keepdims=keep),
        "ReduceMean": lambda x: x.mean(axis=axes, keepdims=keep, dtype=np.float32),
        "ArgMax": lambda x: x.argmax(axis=a["axis"]),
        "Cast": lambda x: x.astype({1: np.float32}[a["to"]]),
        "Div": np.divide, "Mul": np.multiply, "Sub": np.subtract, "Max": np.maximum,
        "Elu": lambda x: np.where(x > 0, x, np.float32(a["alpha"]) * np.expm1(x)),
        "Gather": lambda x, at: np.take(x, at, axis=a["axis"]),
        "Gemm": lambda x, w, b: x @ w + b,
        "Greater": np.greater, "Identity": lambda x: x, "IsNaN": np.isnan, "MatMul": np.matmul,
        "LeakyRelu": lambda x: np.where(x > 0, x, np.float32(a["alpha"]) * x),
        "ReduceL2": lambda x: np.sqrt((x * x).sum(axis=tuple(a["axes"]), keepdims=bool(a["keepdims"]))),
        "Relu": lambda x: np.maximum(x, 0), "Reshape": lambda x, shape: x.reshape(shape),
        "Sigmoid": lambda x: one / (one + np.exp(-x)), "Softplus": lambda x: np.logaddexp(x, 0),
        "Softmax": lambda x: np.exp(x - x.max(axis=a["axis"], keepdims=True))
        / np.exp(x - x.max(axis=a["axis"], keepdims=True)).sum(axis=a["axis"], keepdims=True),
        "Tanh": np.tanh, "Transpose": lambda x: x.transpose(a["perm"]), "Where": np.where,
    }[node.op_type]


def run_numpy(path, rows, folder, output="features"):
    graph = read_model(path, folder).graph
    values = {"input": rows}
    for tensor in graph.initializer:
        kind = {1: "<f4", 7: "<i8", 11: "<f8"}[tensor.data_type]
        values[tensor.name] = np.frombuffer(tensor.raw_data, kind).reshape(list(tensor.dims))
    for node in graph.node:
        values[node.output[0]] = operators(node)(*[values[name] for name in node.input])
    return values[output]


def run_onnxruntime(path, rows, folder, output="features"):
    rows.tofile(folder / "rows.raw")
    subprocess.run(["node", HERE / "run_model.js", path, folder / "rows.raw", json.dumps(rows.shape),
                    folder / "features.f32", output, rows.dtype.name], check=True, env={**os.environ, "NODE_PATH": str(NODE / "node_modules")})
    return np.fromfile(folder / "features.f32", "<f4").reshape(len(rows), -1)


class Export(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = pathlib.Path(temporary.name)

    def compare(self, data, rows, pixel_max=None, activation="relu", data_of_fit=None, layers="mlp", flags=(),
                dtype=np.float32):
        model, onnx, features = (self.folder / name for name in ("m.safetensors", "m.onnx", "f.npy"))
        metaplastic("apply", "--rule", "hebb-decorrelate", "--data", data_of_fit or data, "--out", features,
                    "--model", model, "--steps", "12", "--quiet", "--activation", activation, "--seed", "3",
                    "--layers", layers, *flags,
                    *(["--hidden", "24", "--features", "10"] if layers in ("mlp", "images", "signals") else []))
        metaplastic("embed", "--model", model, "--data", data, "--out", features)
        metaplastic("export", "--model", model, "--onnx", onnx,
                    *([] if pixel_max is None else ["--pixel-max", pixel_max]))
        expected = np.load(features)[:100]
        engine = run_numpy if ENGINE == "numpy" else run_onnxruntime
        found = engine(onnx, np.ascontiguousarray(rows[:100], dtype=dtype), self.folder)
        self.assertEqual(found.shape, expected.shape)
        self.assertGreater(np.ptp(expected), 0.1)
        error = np.max(np.abs(found - expected) / np.maximum(1, np.abs(expected)))
        print(f"{ENGINE}: {len(found)} rows, {activation}, error {error:.1e}")
        self.assertLess(error, 1e-5, data)
        return read_model(onnx, self.folder)

    def save(self, name, array):
        np.save(self.folder / name, array)
        return f"npy:{self.folder / name}"

    def test_table_and_every_activation(self):
        X = np.random.default_rng(0).normal(size=(150, 7)) * [1, 2, 3, 4, 5, 6, 100] + 5
        X[:, 3] = 2  # a constant column becomes 0
        for activation in ("relu", "leaky_relu", "tanh", "elu", "sigmoid", "softplus", "swish"):
            with self.subTest(activation=activation):
                model = self.compare(self.save("x.npy", X), X, activation=activation)
        self.assertEqual(model.opset_import[0].version, 13)
        metadata = {entry.key: json.loads(entry.value) for entry in model.metadata_props}
        self.assertEqual(metadata["columns"], [str(n) for n in range(7)])
        self.assertEqual(metadata["record"]["seed"], 3)

    def test_readouts(self):
        X = np.random.default_rng(4).normal(size=(150, 7)) * [1, 2, 3, 4, 5, 6, 100]
        data = self.save("x.npy", X)
        for readout in (["--layer", 1], ["--layer", "all"], ["--with-input"],
                        ["--layer", "all", "--with-input"]):
            self.compare(data, X, flags=readout)

    def test_classifier(self):
        random = np.random.default_rng(5)
        y = np.arange(150) % 3
        X = (random.normal(size=(3, 6)) * 3)[y] + random.normal(size=(150, 6))
        data = self.save("x.npy", X) + f",{self.folder / 'y.npy'}"
        np.save(self.folder / "y.npy", np.where(np.arange(150) < 30, y, -1))
        model, onnx, out = (self.folder / name for name in ("m.safetensors", "m.onnx", "p.csv"))
        metaplastic("classify", "--rule", "hebb-decorrelate", "--data", data, "--out", out, "--model", model,
                    "--hidden", "24", "--features", "10", "--steps", "12", "--quiet")
        metaplastic("predict", "--model", model, "--data", data, "--out", out, "--quiet")
        metaplastic("export", "--model", model, "--onnx", onnx)
        expected = np.loadtxt(out, delimiter=",", skiprows=1)[:100]
        engine = run_numpy if ENGINE == "numpy" else run_onnxruntime
        found = engine(onnx, np.ascontiguousarray(X[:100], dtype=np.float32), self.folder, "probabilities")
        # The file has four digits; float rounding of a softmax is far below that.
        np.testing.assert_allclose(found, expected[:, 2:], atol=6e-5)
        np.testing.assert_array_equal(found.argmax(axis=1), expected[:, 1])
        message = read_model(onnx, self.folder)
        self.assertEqual([value.name for value in message.graph.output], ["features", "probabilities", "class"])
        metadata = {entry.key: json.loads(entry.value) for entry in message.metadata_props}
        self.assertEqual(metadata["classes"], ["0", "1", "2"])
    def test_a_large_offset(self):
        rows = np.random.default_rng(5).normal(size=(200, 4)) * [10, 1, 100, 1] + [1.7e9, 0, -3e8, 5]
        model = self.compare(self.save("offset.npy", rows), rows, dtype=np.float64)
        self.assertEqual(model.graph.input[0].type.tensor_type.elem_type, 11)

    def test_missing_values(self):
        X = np.random.default_rng(1).normal(size=(120, 4)).round(3)
        X[::7, 1] = np.nan
        path = self.folder / "x.csv"
        np.savetxt(path, X, delimiter=",", fmt="%.3f", header="a,b,c,d", comments="")
        path.write_text(path.read_text(encoding="utf-8").replace("nan", ""), encoding="utf-8")
        for policy in ("mean", "zero"):
            self.compare(f"csv:{path},missing={policy}", X)

    def test_images(self):
        random = np.random.default_rng(2)
        grey = random.integers(0, 256, (120, 28, 28), dtype=np.uint8)
        self.compare(self.save("g.npy", grey), grey[..., None])  # shrunk to 14 x 14
        self.compare(self.save("g.npy", grey), grey[..., None], flags=("--resize-method", "subsample"))
        colour = random.integers(0, 256, (110, 20, 18, 3), dtype=np.uint8)
        self.compare(self.save("c.npy", colour), colour)  # 20 x 18 does not divide
        small = random.random((110, 8, 8), dtype=np.float32)
        self.compare(self.save("s.npy", small), small[..., None], pixel_max=1)

    def test_layers_that_see_places(self):
        random = np.random.default_rng(4)
        grey = random.integers(0, 256, (110, 20, 17), dtype=np.uint8)
        grey[:, :9, :9] = 255  # windows that are flat
        colour = random.integers(0, 256, (105, 12, 14, 3), dtype=np.uint8)
        for layers in ("images", "conv 9 5x4 stride 2 padding 1, pool 3x2, dense 6",
                       "conv 9 7x7, pool 3x3 max, dense 6", "conv 6 3x3, pool 2x2 mean, dense 6, dense 5",
                       "pool size 2x2 mean, conv 8 3x3, pool size 2x2 stride 1 max, conv 7 2x2 stride 2, dense 5",
                       "conv 8 3x3, pool 2x2", "conv 8 3x3 whiten, pool 2x2, dense 5",
                       "conv 8 3x3 whiten sparse, pool 2x2, dense 6 whiten, dense 5"):
            with self.subTest(layers=layers):
                self.compare(self.save("g.npy", grey), grey[..., None], layers=layers)
                self.compare(self.save("c.npy", colour), colour, layers=layers)
        self.compare(self.save("c.npy", colour), colour, layers="conv 8 3x3, pool 2x2, dense 5", activation="tanh")

    def test_whitened_windows_that_are_flat(self):
        random = np.random.default_rng(5)
        colour = random.integers(0, 256, (120, 20, 20, 3), dtype=np.uint8)
        colour[:, :12, :12] = 199  # no sum of such pixels is exact
        self.compare(self.save("c.npy", colour), colour, layers="conv 12 6x6 whiten sparse, pool 3x3, dense 6 whiten")

    def test_signals(self):
        random = np.random.default_rng(6)
        X = random.normal(size=(110, 40, 3)) * [1, 10, 0.1] + [0, 5, 1]
        X[:, :12] = 2  # windows that are flat
        data = self.save("x.npy", X) + ",signal=yes"
        for layers in ("signals", "mlp", "conv 7 5 stride 2 padding 2, pool 4 max, conv 6 3, pool size 2, dense 5"):
            with self.subTest(layers=layers):
                model = self.compare(data, X, layers=layers)
        self.assertEqual([d.dim_value for d in model.graph.input[0].type.tensor_type.shape.dim][1:], [40, 3])

    def test_sounds(self):
        random = np.random.default_rng(7)
        sounds = (random.normal(size=(60, 2000, 2)) * random.uniform(0, 8000, (60, 1, 1))).clip(-32768, 32767)
        sounds = sounds.astype("<i2")
        (self.folder / "s").mkdir()
        for n, sound in enumerate(sounds):
            with wave.open(str(self.folder / "s" / f"{n}.wav"), "wb") as file:
                file.setparams((2, 2, 8000, len(sound), "NONE", ""))
                file.writeframes(sound.tobytes())
        rows = sounds.astype(np.float32) / 32768
        for features in ("log-mel", "raw"):
            self.compare(f"wav:{self.folder / 's'},features={features}", rows, layers="conv 8 9, pool 3, dense 5")

    def test_text(self):
        random = np.random.default_rng(3)
        words = [f"w{n}" for n in range(30)]
        documents = [random.choice(words, size=12) for _ in range(120)]
        path = self.folder / "t.tsv"
        path.write_text("".join(f"c{n % 2}\t{' '.join(d)}\n" for n, d in enumerate(documents)),
                        encoding="utf-8")
        spec = f"text:{path},weights=tfidf"
        model, onnx = self.folder / "m.safetensors", self.folder / "m.onnx"
        metaplastic("apply", "--rule", "oja", "--data", spec, "--out", self.folder / "f.npy", "--model",
                    model, "--steps", "1", "--quiet")
        metaplastic("export", "--model", model, "--onnx", onnx)
        metadata = {e.key: json.loads(e.value) for e in read_model(onnx, self.folder).metadata_props}
        counts = np.array([[np.sum(d == word) for word in metadata["words"]] for d in documents])
        self.compare(spec, counts)


def find_runtime():
    """Why onnxruntime cannot run here, or ""."""
    if not shutil.which("node") or not shutil.which("npm"):
        return "node or npm is missing; tools/install_packages onnx brings them"
    if (NODE / "node_modules" / ".package-lock.json").exists():  # which npm writes last
        return ""
    NODE.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copyfile(HERE / name, NODE / name)
    # The CPU library comes inside the package; scripts of later versions would fetch more.
    try:
        done = subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=1",
                               "--fetch-timeout=60000"], cwd=NODE, capture_output=True, text=True, check=False,
                              timeout=300)
    except subprocess.TimeoutExpired:
        return "npm did not finish in five minutes"
    return "" if done.returncode == 0 else f"npm ci failed: {' '.join(done.stderr.split())[-300:]}"


if __name__ == "__main__":
    PROGRAM, ENGINE, PROTOC, NODE = sys.argv[1:5]
    NODE = pathlib.Path(os.environ.get("METAPLASTIC_NODE") or NODE).resolve()
    del sys.argv[1:5]
    if ENGINE == "onnxruntime":
        reason = find_runtime()
        if reason:
            print(f"onnx_test: skipped, {reason}")
            sys.exit(77)
    unittest.main()
