#!/usr/bin/env python3
"""Exported encoders against `metaplastic embed`, on 100 rows of every kind of data.

usage: onnx_test.py PROGRAM ENGINE PROTOC
ENGINE is numpy (an interpreter of the operators, below) or onnxruntime (onnxruntime-node from npm,
fetched once into the folder METAPLASTIC_NODE or a temporary one). Exit status 77: the engine
is not to be had here, and a line says why.

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

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
PROGRAM, ENGINE, PROTOC = "", "numpy", "protoc"
RUNTIME = "onnxruntime-node@1.14.0"  # its CPU library comes inside the package


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


def operators(node):
    """The meaning of an operator of opset 13, as the ONNX specification has it, in float32."""
    a = {x.name: list(x.ints) or (x.f if x.type == 1 else x.i) for x in node.attribute}
    one = np.float32(1)
    return {
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
        "Tanh": np.tanh, "Transpose": lambda x: x.transpose(a["perm"]), "Where": np.where,
    }[node.op_type]


def run_numpy(path, rows, folder):
    graph = read_model(path, folder).graph
    values = {"input": rows}
    for tensor in graph.initializer:
        kind = {1: "<f4", 7: "<i8"}[tensor.data_type]
        values[tensor.name] = np.frombuffer(tensor.raw_data, kind).reshape(list(tensor.dims))
    for node in graph.node:
        values[node.output[0]] = operators(node)(*[values[name] for name in node.input])
    return values["features"]


def run_onnxruntime(path, rows, folder):
    rows.tofile(folder / "rows.f32")
    node_modules = pathlib.Path(os.environ["METAPLASTIC_NODE"]) / "node_modules"
    subprocess.run(["node", HERE / "run_model.js", path, folder / "rows.f32", json.dumps(rows.shape),
                    folder / "features.f32"], check=True, env={**os.environ, "NODE_PATH": str(node_modules)})
    return np.fromfile(folder / "features.f32", "<f4").reshape(len(rows), -1)


class Export(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = pathlib.Path(temporary.name)

    def compare(self, data, rows, pixel_max=None, activation="relu", data_of_fit=None):
        model, onnx, features = (self.folder / name for name in ("m.safetensors", "m.onnx", "f.npy"))
        metaplastic("apply", "--rule", "hebb-decorrelate", "--data", data_of_fit or data, "--out", features,
                    "--model", model, "--hidden", "24", "--features", "10", "--steps", "12", "--quiet",
                    "--activation", activation, "--seed", "3")
        metaplastic("embed", "--model", model, "--data", data, "--out", features)
        metaplastic("export", "--model", model, "--onnx", onnx,
                    *([] if pixel_max is None else ["--pixel-max", pixel_max]))
        expected = np.load(features)[:100]
        engine = run_numpy if ENGINE == "numpy" else run_onnxruntime
        found = engine(onnx, np.ascontiguousarray(rows[:100], dtype=np.float32), self.folder)
        self.assertEqual(found.shape, expected.shape)
        self.assertGreater(np.ptp(expected), 0.1)
        error = np.max(np.abs(found - expected) / np.maximum(1, np.abs(expected)))
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
        colour = random.integers(0, 256, (110, 20, 18, 3), dtype=np.uint8)
        self.compare(self.save("c.npy", colour), colour)  # 20 x 18 does not divide
        small = random.random((110, 8, 8), dtype=np.float32)
        self.compare(self.save("s.npy", small), small[..., None], pixel_max=1)

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
    """Why onnxruntime cannot run here, or "" (and METAPLASTIC_NODE says where it is)."""
    if not shutil.which("node") or not shutil.which("npm"):
        return "node or npm is missing (Debian's nodejs and npm; large, so ./test does not install them)"
    folder = pathlib.Path(os.environ.setdefault("METAPLASTIC_NODE", tempfile.mkdtemp()))
    if (folder / "node_modules" / "onnxruntime-node").is_dir():
        return ""
    # The scripts of later versions would fetch more; the CPU library needs none.
    done = subprocess.run(["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", folder,
                           RUNTIME], capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else f"npm could not install {RUNTIME}: {done.stderr.strip()[-200:]}"


if __name__ == "__main__":
    PROGRAM, ENGINE, PROTOC = sys.argv[1:4]
    del sys.argv[1:4]
    if ENGINE == "onnxruntime":
        reason = find_runtime()
        if reason:
            print(f"onnx_test: skipped, {reason}")
            sys.exit(77)
    unittest.main()
