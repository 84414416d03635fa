#!/usr/bin/env python3
"""Writes tests/oracle/golden/*.safetensors: inputs and expected values of whole unrolls.

usage: /usr/bin/python3 tests/oracle/make_golden.py [--out FOLDER]   (Debian: python3-torch, 1.13)

Every case is checked before it is written: gradients against central differences. The seeds are
fixed; two runs give the same bytes. What is in a file: README.md beside this one.
"""
import argparse
import json
import pathlib
import struct

import numpy as np
import torch

import metz2019
import oracle

DTYPES = {"float64": "F64", "int64": "I64", "int32": "I32"}
MAX_BYTES, MAX_TOTAL = 300_000, 1_200_000
TOLERANCE = 1e-6  # of gradients against differences

# name: the FIELDS below; units from the input up
CASES = {
    "01_tanh_augmented": ((7, 6, 5, 3), 5, 4, 3, 2, 2, "tanh", 3, 1, 0.1, 0.1, 3, 2),
    "02_relu": ((9, 8, 4), 8, 5, 3, 2, 0, "relu", 4, 2, 0.05, 0.1, 3, 3),
    "03_elu_one_layer": ((6, 5), 7, 4, 2, 3, 0, "elu", 2, 1, 0.1, 0.3, 2, 4),
    "04_leaky_relu_deep": ((6, 7, 5, 4, 3), 6, 3, 2, 2, 1, "leaky_relu", 2, 1, 0.1, 0.1, 2, 3),
    "05_sigmoid": ((7, 5, 4), 9, 4, 3, 2, 0, "sigmoid", 3, 3, 0.1, 0.1, 3, 3),
    "06_softplus_rank_one": ((5, 6, 4), 6, 3, 1, 1, 3, "softplus", 2, 1, 0.1, 0.1, 2, 4),
    "07_swish": ((8, 5, 5), 7, 5, 2, 2, 0, "swish", 3, 1, 0.02, 0.1, 4, 2),
    "08_step": ((7, 6, 4), 9, 4, 3, 2, 0, "step", 3, 1, 0.1, 0.1, 3, 3),
    "09_relu_bigger": ((12, 16, 10), 16, 8, 4, 3, 0, "relu", 6, 2, 0.02, 0.1, 4, 4),
}
# The same fields, then preset, v_step, backward, locality and, where they are not the usual ones, bias_mean, views and the
# share that homeostatic units aim at.
COMPACT, METZ = ("compact",), ("metz2019",)
USUAL, LOCAL = ("shared", "learned", "layer"), ("shared", "learned", "neuron")
CASES.update({
    "10_metz_tanh_augmented": ((7, 6, 5, 4), 6, 4, 3, 2, 2, "tanh", 3, 1, 0.1, 0.1, 3, 2) + METZ + USUAL,
    "11_metz_relu": ((9, 8, 5), 8, 5, 3, 2, 0, "relu", 4, 2, 0.05, 0.1, 3, 3) + METZ + USUAL,
    "12_metz_separate": ((6, 5, 4), 7, 4, 3, 2, 0, "swish", 2, 1, 0.1, 0.1, 3, 2) + METZ
                        + ("separate", "learned", "layer"),
    "13_metz_transposed": ((6, 5, 4), 7, 4, 2, 1, 0, "elu", 3, 1, 0.1, 0.1, 3, 2) + METZ
                          + ("shared", "transposed", "layer"),
    "14_metz_local": ((6, 5, 4), 7, 4, 3, 2, 0, "tanh", 3, 1, 0.1, 0.1, 3, 2) + METZ + LOCAL,
    "15_compact_separate": ((6, 5, 4), 7, 4, 3, 2, 0, "tanh", 3, 1, 0.1, 0.1, 3, 2) + COMPACT
                           + ("separate", "learned", "layer"),
    "16_compact_transposed": ((6, 5, 4), 7, 4, 3, 2, 0, "elu", 3, 1, 0.1, 0.1, 3, 2) + COMPACT
                             + ("shared", "transposed", "layer"),
    "17_compact_local": ((6, 5, 4), 7, 4, 3, 2, 0, "swish", 3, 1, 0.1, 0.1, 3, 2) + COMPACT + LOCAL,
    "18_compact_free_bias": ((7, 6, 4), 7, 4, 3, 2, 0, "relu", 3, 1, 0.1, 0.1, 3, 2) + COMPACT + USUAL + ("free",),
    "19_metz_local_free_bias": ((6, 5, 4), 7, 4, 3, 2, 0, "tanh", 3, 1, 0.1, 0.1, 3, 2) + METZ + LOCAL + ("free",),
    "20_compact_two_views": ((7, 6, 4), 8, 4, 3, 2, 0, "relu", 3, 1, 0.1, 0.1, 3, 2) + COMPACT + USUAL
                            + ("free", "two"),
    "21_compact_neighbours": ((7, 6, 4), 8, 4, 3, 2, 0, "relu", 3, 1, 0.1, 0.1, 3, 2) + COMPACT + USUAL
                             + ("free", "neighbours"),
    "22_compact_homeostatic": ((7, 6, 4), 8, 4, 3, 2, 0, "elu", 3, 1, 0.1, 0.1, 3, 2) + COMPACT + USUAL
                              + ("homeostatic", "neighbours"),
    "23_metz_local_homeostatic": ((6, 5, 4), 7, 4, 3, 2, 0, "tanh", 3, 1, 0.1, 0.1, 3, 2) + METZ + LOCAL
                                 + ("homeostatic",),
    "24_compact_wide": ((4, 140, 3), 8, 3, 2, 1, 0, "tanh", 2, 1, 0.1, 0.1, 3, 2) + COMPACT + USUAL
                       + ("homeostatic", "neighbours"),
    "25_compact_sparse": ((7, 6, 4), 8, 4, 3, 2, 0, "relu", 3, 1, 0.1, 0.1, 3, 2) + COMPACT + USUAL
                         + ("homeostatic", "neighbours", "0.6"),
})
OPTIONS = ("preset", "v_step", "backward", "locality", "bias_mean", "views", "homeostatic_share",
           "more_terms")
PLAIN = COMPACT + USUAL + ("lowered", "one", "0.875", "")
FIELDS = ("units", "B", "C", "D", "G", "A", "activation", "K", "objective_every", "inner_lr",
          "lambda", "num_classes", "shots")


def make_episode(random, case, centres, num_points):
    """Labelled points around a centre per class; labels in a shuffled order, every class alike."""
    labels = random.permutation(np.arange(num_points) % case["num_classes"])
    x = centres[:, labels] + random.normal(size=(centres.shape[0], num_points))
    batch = {"x": torch.tensor(x), "labels": torch.tensor(labels.astype(np.int32))}
    if case["A"] > 0:
        # The program takes coefficients in single precision; these are exact in both.
        coefficients = random.normal(size=(num_points, case["A"])).astype("float32")
        batch["augmentation"] = torch.tensor(coefficients.astype("float64"))
    return batch


def is_plain(case):
    return all(case[key] == value for key, value in zip(OPTIONS, PLAIN))


def theta_shapes(case):
    if is_plain(case):
        return oracle.theta_shapes(case["C"], case["D"], case["G"])
    return metz2019.theta_shapes(case)


def make_case(index, name):
    """The case with its inputs, theta and initial phi; a function of its number alone."""
    random = np.random.Generator(np.random.PCG64(1000 + index))
    given = CASES[name]
    case = dict(zip(FIELDS + OPTIONS, given + PLAIN[len(given) - len(FIELDS):]))
    units = case["units"]
    case["x"] = [torch.tensor(random.normal(size=(units[0], case["B"]))) for _ in range(case["K"])]
    theta = {key: torch.tensor(random.normal(size=shape) * 0.4)
             for key, shape in theta_shapes(case).items()}
    for key in [key for key in theta if key in ("mix", "mix_v")]:
        size = theta[key].shape[1]
        signs = [1] * (size // 2) + [-1] * (size - size // 2)
        mix = random.uniform(0.1, 0.3, size=(1, size)) * random.permutation(signs)
        # On the scale of its preset: metz2019 divides a mix of 12 by 12 sqrt(12).
        first = size - len(metz2019.more_terms(case))
        theta[key] = torch.tensor(mix * (10 * first if case["preset"] == "metz2019" else 1))
    phi = {}
    for l in range(1, len(units)):
        for key, shape in ((f"W{l}", units[l - 1:l + 1]), (f"V{l}", units[l - 1:l + 1]),
                           (f"b{l}", units[l:l + 1])):
            phi[key] = torch.tensor(random.normal(size=shape) * 0.3)
    num_support = case["num_classes"] * case["shots"]
    case["episodes"] = []
    for _ in range(case["K"] // case["objective_every"]):
        centres = random.normal(size=(units[0], case["num_classes"]))
        case["episodes"].append((make_episode(random, case, centres, num_support),
                                 make_episode(random, case, centres, num_support + 1)))
    case["cotangent"] = {key: torch.tensor(random.normal(size=value.shape))
                         for key, value in phi.items()}
    return case, theta, phi


def pulled(case, state):
    """A scalar that depends on a state through every entry: <cotangent, state>."""
    return sum((case["cotangent"][key] * state[key]).sum() for key in state)


def evaluate(case, theta, phi):
    """(mean loss, <cotangent, phi_1>, and what unroll gives)."""
    step = oracle.inner_step if is_plain(case) else metz2019.inner_step
    losses, predictions, states = oracle.unroll(theta, phi, case, step)
    return losses.mean(), pulled(case, states[0]), losses, predictions, states


def central_difference(case, theta, phi, tensor, place, size):
    """Fourth-order central differences of both scalars by one entry."""
    values = {}
    with torch.no_grad():
        start = tensor[place].item()
        for n in (-2, -1, 1, 2):
            tensor[place] = start + n * size
            values[n] = torch.stack(evaluate(case, theta, phi)[:2])
        tensor[place] = start
    return (8 * (values[1] - values[-1]) - (values[2] - values[-2])) / (12 * size)


def check_gradients(name, case, theta, phi, bars):
    """Two entries of every tensor, the largest and a random one, against differences.

    A kink (ReLU, sign) inside a difference spoils it, so smaller ones follow until one agrees.
    The scale of a relative error is the largest entry of the same tensor's gradient.
    """
    random = np.random.Generator(np.random.PCG64(7))
    worst = 0.0
    for group, tensors in (("theta", theta), ("phi", phi)):
        for key, tensor in tensors.items():
            by_loss, by_pull = (bar[f"{group}.{key}"] for bar in bars)
            scale = torch.stack([by_loss.abs().max(), by_pull.abs().max()]).clamp(min=1e-4)
            for flat in (int(by_loss.abs().argmax()), int(random.integers(tensor.numel()))):
                place = np.unravel_index(flat, tuple(tensor.shape))
                expected = torch.stack([by_loss[place], by_pull[place]])
                for size in (1e-4, 1e-5, 1e-6, 1e-7):
                    found = central_difference(case, theta, phi, tensor, place, size)
                    error = ((found - expected).abs() / scale).max().item()
                    if error < TOLERANCE:
                        break
                worst = max(worst, error)
                if not error < TOLERANCE:
                    raise SystemExit(f"{name}: {group}.{key}{place}: relative error {error:.1e}")
    return worst


def check_case(name, case, losses, predictions, bars):
    """Nothing is vacuous: finite, no near-tie in a prediction, no tensor without a gradient."""
    assert torch.isfinite(losses).all(), name
    for P in predictions:
        best = P[:case["num_classes"]].topk(2, 0).values
        assert (best[0] - best[1]).min() > 1e-6, f"{name}: a prediction is nearly a tie"
    zero = [key for key, bar in bars[0].items() if not bar.abs().max() > 0]
    zero_pull = [key for key, bar in bars[1].items() if not bar.abs().max() > 0]
    if case["activation"] == "step":  # the loss sees phi through step alone, whose derivative is 0
        assert len(zero) == len(bars[0]), name
    elif case["backward"] == "transposed":  # V carries nothing
        assert all(key.startswith("phi.V") for key in zero), f"{name}: gradient zero for {zero}"
    else:
        assert not zero, f"{name}: gradient zero for {zero}"
    return zero, zero_pull


def save_safetensors(path, tensors, metadata):
    """safetensors: header length, JSON header, data. Wider types first, then by name."""
    arrays = {key: np.ascontiguousarray(value) for key, value in tensors.items()}
    header, blocks, offset = {"__metadata__": metadata}, [], 0
    for key in sorted(arrays, key=lambda name: (-arrays[name].itemsize, name)):
        block = arrays[key].astype(arrays[key].dtype.newbyteorder("<")).tobytes()
        header[key] = {"dtype": DTYPES[arrays[key].dtype.name], "shape": list(arrays[key].shape),
                       "data_offsets": [offset, offset + len(block)]}
        blocks.append(block)
        offset += len(block)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    data = struct.pack("<Q", len(text)) + text + b"".join(blocks)
    if len(data) >= MAX_BYTES:
        raise SystemExit(f"{path.name}: {len(data)} bytes, at most {MAX_BYTES} wanted")
    path.write_bytes(data)
    return len(data)


def file_contents(case, theta, phi, bars, losses, predictions, states):
    tensors = {f"x.{k}": x for k, x in enumerate(case["x"])}
    for prefix, group in (("theta", theta), ("phi", phi), ("step1", states[0]),
                          ("final", states[-1]), ("cotangent", case["cotangent"])):
        tensors.update({f"{prefix}.{key}": value for key, value in group.items()})
    for prefix, bar in zip(("", "pull_"), bars):
        for key, value in bar.items():
            group, name = key.split(".")
            tensors[f"{prefix}{group}_bar.{name}"] = value
    accuracies = []
    for j, (support, query) in enumerate(case["episodes"]):
        tensors.update({f"support.{j}.{key}": value for key, value in support.items()})
        tensors.update({f"query.{j}.{key}": value for key, value in query.items()})
        found = predictions[j][:case["num_classes"]].argmax(0)
        accuracies.append((found == query["labels"].long()).double().mean())
    tensors["loss"], tensors["losses"] = losses.mean()[None], losses
    tensors["accuracies"] = torch.stack(accuracies)
    return {key: value.detach().numpy() for key, value in tensors.items()}


def metadata_of(name, case):
    texts = {key: repr(case[key]) for key in FIELDS if key not in ("units", "activation")}
    if not is_plain(case):
        texts.update({key: case[key] for key in OPTIONS})
        for key in ("bias_mean", "views", "homeostatic_share", "more_terms"):  # files from before these options keep their bytes
            if case[key] == PLAIN[OPTIONS.index(key)]:
                del texts[key]
        if case["more_terms"]:
            texts["terms"] = json.dumps(metz2019.terms_metadata(case))
    return dict(sorted({**texts, "case": name, "activation": case["activation"],
                        "units": ",".join(map(str, case["units"])), "augmentation_weight": "none",
                        "torch": torch.__version__}.items()))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    here = pathlib.Path(__file__).resolve().parent
    parser.add_argument("--out", type=pathlib.Path, default=here / "golden")
    parser.add_argument("--case", choices=CASES, action="append", help="only this case; may be repeated")
    options = parser.parse_args()
    out = options.out
    out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)
    total = 0
    for index, name in enumerate(CASES, 1):
        if options.case and name not in options.case:
            continue
        case, theta, phi = make_case(index, name)
        inputs = {f"theta.{key}": value.requires_grad_() for key, value in theta.items()}
        inputs.update({f"phi.{key}": value.requires_grad_() for key, value in phi.items()})
        loss, pull, losses, predictions, states = evaluate(case, theta, phi)
        bars = [oracle.gradients(loss, inputs), oracle.gradients(pull, inputs)]
        zero, zero_pull = check_case(name, case, losses, predictions, bars)
        worst = check_gradients(name, case, theta, phi, bars)
        tensors = file_contents(case, theta, phi, bars, losses, predictions, states)
        num_bytes = save_safetensors(out / f"{name}.safetensors", tensors, metadata_of(name, case))
        total += num_bytes
        print(f"{name}: loss {loss.item():.4f}, accuracies {np.round(tensors['accuracies'], 2)}, "
              f"worst error {worst:.1e}, zero by loss {len(zero)} of {len(bars[0])}, "
              f"by pull {zero_pull}, {num_bytes} bytes")
    if total >= MAX_TOTAL:
        raise SystemExit(f"{total} bytes in all, at most {MAX_TOTAL} wanted")


if __name__ == "__main__":
    main()
