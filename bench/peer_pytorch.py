#!/usr/bin/env python3
"""The inner step as fast as PyTorch lets one write it: the peer of bench/compare.

`compact` is here, `metz2019` in peer_metz2019.py.
Neuron batches are [U,B,C], channels last, so that every map of channels is one product of
[U B, C] with a small matrix and every norm is one batch_norm call. The readouts of a layer are one
product; the products of the same shape are batched; nothing is computed twice. Plain and slow, the
same formulas stand in tests/oracle/oracle.py. Serves the same lines as `metaplastic bench
--serve-case`: usage: bench/peer_pytorch.py FILE, with FILE of `metaplastic bench --case NAME --dump FILE`.
"""
import json
import math
import struct
import sys
import time
from typing import List

import torch
import torch.nn.functional as F
from torch import Tensor

THETA = ["top_in", "top_unit", "top_mix", "top_example", "top_out", "top_out_bias", "hidden_in",
         "hidden_bias_in", "hidden_stats", "hidden_unit", "hidden_example", "hidden_mix", "readout",
         "readout_bias", "mix"]


def standardise(x: Tensor, eps: float) -> Tensor:  # [U,B], over B
    return F.layer_norm(x, [x.shape[1]], None, None, eps)


def norm_relu(y: Tensor) -> Tensor:  # [U,B,C], moments over units and examples
    flat = F.batch_norm(y.view(-1, y.shape[2]), None, None, None, None, True, 0.0, 1e-5)
    return torch.relu_(flat).view(y.shape)


def moments(y: Tensor, over: int) -> Tensor:  # [U,B,C] -> [.,2C]; means of squares beat var_mean
    mean = y.mean(over)
    variance = (y * y).mean(over) - mean * mean
    return torch.cat([mean, torch.sqrt(variance + 1e-5)], 1)


def linear(y: Tensor, A: Tensor) -> Tensor:  # [U,B,C], [C,Co] -> [U,B,Co]
    return torch.mm(y.view(-1, y.shape[2]), A).view(y.shape[0], y.shape[1], A.shape[1])


def biased(y: Tensor, A: Tensor, bias: Tensor) -> Tensor:
    flat = torch.addmm(bias, y.view(-1, y.shape[2]), A)
    return flat.view(y.shape[0], y.shape[1], A.shape[1])


def off(M: Tensor) -> Tensor:  # zero diagonals of [.,U,U] or [U,U]
    return M * (1 - torch.eye(M.shape[-1]))


def rms_columns(X: Tensor, offset: float) -> Tensor:  # [.,R,N], mean over R
    return X * torch.rsqrt((X * X).mean(-2, keepdim=True) + offset)


def top_down(theta: List[Tensor], s: Tensor) -> Tensor:  # [U,B] -> [U,B,D]
    corr = off(torch.mm(s, s.t())) * (1.0 / (s.shape[1] * math.sqrt(s.shape[0])))
    y1 = linear(torch.stack([s, torch.mm(corr, s)], 2), theta[0])
    n1 = norm_relu(y1 + torch.mm(moments(y1, 1), theta[1]).unsqueeze(1))
    n2 = norm_relu(linear(n1, theta[2]) + torch.mm(moments(n1, 0), theta[3]))
    return biased(n2, theta[4], theta[5][0])


def weight_stats(incoming: Tensor, outgoing: Tensor) -> Tensor:  # units first, both [U,.]
    J = torch.stack([incoming.mean(1), torch.sqrt((incoming * incoming).mean(1) + 1e-8),
                     outgoing.mean(1), torch.sqrt((outgoing * outgoing).mean(1) + 1e-8)], 1)
    return J * torch.rsqrt((J * J).mean() + 1e-6)


def hidden_state(theta: List[Tensor], unit: Tensor, x: Tensor, z: Tensor,
                 delta: Tensor) -> Tensor:  # unit [U,C] the offset by bias and statistics
    inputs = torch.cat([x.unsqueeze(2), z.unsqueeze(2), delta], 2)
    n1 = norm_relu(linear(inputs, theta[6]) + unit.unsqueeze(1))
    of_unit = torch.mm(torch.mm(moments(n1, 1), theta[9]), theta[11])
    of_example = torch.mm(torch.mm(moments(n1, 0), theta[10]), theta[11])
    return norm_relu(linear(n1, theta[11]) + of_unit.unsqueeze(1) + of_example)


def gather(part: Tensor, G: int) -> Tensor:  # [U,B,n G] -> [n,U,B G], one copy
    U, B = part.shape[0], part.shape[1]
    return part.reshape(U, B, -1, G).permute(2, 0, 1, 3).reshape(-1, U, B * G)


def readout_order(D: int, G: int) -> Tensor:
    """Columns of `readout` so that every batch of products reads neighbours, which then come by one
    split; slices would cost a cleared array of the whole size each in the backward pass."""
    readouts = torch.arange(15 * G + D + 1)
    up = readouts[:8 * G].view(8, G)
    lo = readouts[8 * G + D + 1:].view(7, G)
    return torch.cat([up[[0, 1, 2, 3, 6, 4, 7, 5]].view(-1), readouts[8 * G:8 * G + D + 1],
                      lo[[0, 1, 2, 3, 5, 4, 6]].view(-1)])


def symmetric(M: Tensor) -> Tensor:  # [.,U,U]
    return off((M + M.transpose(1, 2)) * (1 / math.sqrt(2 * M.shape[1])))


def weight_step(mix: Tensor, W: Tensor, up: List[Tensor], lo: List[Tensor], s_up: Tensor,
                s_lo: Tensor) -> Tensor:
    """up: readouts 0..2, (3,6), (4,7), 5, each [n,U_up,B G]; lo: 0..2, (3,5), (4,6)."""
    B = s_up.shape[1]
    share = 1.0 / up[0].shape[2]
    w = rms_columns(W, 1e-8)
    squares = w * w
    sign = torch.sign(w).detach()
    pair = torch.stack([w, torch.sqrt(1 + squares) - 1])  # [2,U_lo,U_up]
    low = torch.unbind(torch.bmm(lo[0], up[0].transpose(1, 2)) * share)
    sym_up = symmetric(torch.bmm(up[1], up[2].transpose(1, 2)) * share)
    psd = symmetric(torch.bmm(up[3], up[3].transpose(1, 2)) * share).squeeze(0)
    sym_lo = symmetric(torch.bmm(lo[1], lo[2].transpose(1, 2)) * share)
    from_up = torch.unbind(torch.bmm(pair, sym_up))
    from_lo = torch.unbind(torch.bmm(sym_lo, pair))
    decorrelated = torch.mm(w, off(torch.mm(s_up, s_up.t()) * (1.0 / B)))
    terms = torch.stack([
        w, squares * sign,
        decorrelated * torch.rsqrt((decorrelated * decorrelated).mean() + 1e-6),
        torch.mm(s_lo, s_up.t()) * (-1.0 / B),
        low[0], torch.exp(-squares) * low[1], w * low[2],
        from_up[0], torch.mm(w, psd), from_lo[0], sign * from_up[1], sign * from_lo[1]])
    scale = torch.rsqrt((terms * terms).mean(1, keepdim=True) + 1.0)  # [12,1,U_up]
    s = (terms * (scale * (mix * (10 / math.sqrt(12.0))).view(12, 1, 1))).sum(0)
    s = s - w * torch.relu((s * w).mean(0, keepdim=True))
    return rms_columns(s, 1.0) - w * (1.0 / 7.0)


def inner_step(theta: List[Tensor], W: List[Tensor], V: List[Tensor], b: List[Tensor], x: Tensor,
               order: Tensor, D: int, G: int, inner_lr: float) -> List[Tensor]:
    """New W.., V.., b..; lists hold layer l at l - 1."""
    L = len(W)
    zs = [x]
    xs = [x]
    for l in range(L):
        zs.append(standardise(torch.mm(W[l].t(), xs[-1]), 1e-6) + b[l].unsqueeze(1))
        xs.append(torch.relu(zs[-1]))
    s_up = standardise(xs[L], 1e-5)
    delta = top_down(theta, s_up)
    up: List[Tensor] = []  # readouts of the layer above
    readout = theta[12].index_select(1, order)
    readout_bias = theta[13][0].index_select(0, order)
    next_W: List[Tensor] = []
    next_V: List[Tensor] = []
    next_b: List[Tensor] = []
    first_low = 8 * G + D + 1
    for i in range(L + 1):
        l = L - i
        incoming = W[l - 1].t() if l > 0 else W[0]
        outgoing = W[l] if l < L else W[L - 1].t()
        unit = torch.mm(weight_stats(incoming, outgoing), theta[8])
        if l > 0:
            unit = unit + b[l - 1].unsqueeze(1) * theta[7]
        h = hidden_state(theta, unit, xs[l], zs[l], delta)
        first = first_low if l == 0 else 0
        last = first_low if l == L else first_low + 7 * G
        r = biased(h, readout[:, first:last], readout_bias[first:last])
        sizes: List[int] = []
        if l > 0:
            sizes += [3 * G, 2 * G, 2 * G, G, D, 1]
        if l < L:
            sizes += [3 * G, 2 * G, 2 * G]
        parts = torch.split_with_sizes(r, sizes, 2)
        s_lo = standardise(xs[l], 1e-5) if l < L else s_up
        if l < L:
            step = weight_step(theta[14], W[l], up, [gather(part, G) for part in parts[-3:]], s_up, s_lo)
            next_W.append(W[l] * (1 - inner_lr) - inner_lr * step)
            next_V.append(V[l] * (1 - inner_lr) - inner_lr * step)
        if l > 0:
            e = parts[5].squeeze(2).mean(1)
            e = e - torch.clamp(e.mean(), max=0.0)
            e = e * torch.rsqrt((e * e).mean() + 0.5)
            next_b.append(b[l - 1] * (1 - inner_lr) - inner_lr * e)
            changed = torch.addcmul(parts[4], delta, torch.sigmoid(zs[l]).unsqueeze(2))
            v = torch.mm(V[l - 1], changed.view(changed.shape[0], -1)).view(-1, x.shape[1], D)
            delta = v * torch.rsqrt((v * v).mean(2, keepdim=True) + 1e-6)
            up = [gather(part, G) for part in parts[:4]]
        s_up = s_lo
    return next_W[::-1] + next_V[::-1] + next_b[::-1]


def read_safetensors(path):
    """(tensors, metadata) of a dump, which holds two types."""
    dtypes = {"F32": torch.float32, "F64": torch.float64}
    with open(path, "rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
        data = bytearray(file.read())
    metadata = header.pop("__metadata__")
    tensors = {}
    for name, entry in header.items():
        start, end = entry["data_offsets"]
        values = torch.frombuffer(data[start:end], dtype=dtypes[entry["dtype"]])
        tensors[name] = values.view(entry["shape"]).clone()
    return tensors, metadata


class Case:
    """One dumped case: its inputs as leaves, what our program computed, and ways to run it."""

    def __init__(self, path):
        self.expected, metadata = read_safetensors(path)
        self.function, self.names = inner_step, THETA
        if metadata["preset"] == "metz2019":
            import peer_metz2019  # which needs this module
            self.function, self.names = peer_metz2019.inner_step, peer_metz2019.THETA
        D, G = int(metadata["D"]), int(metadata["G"])
        self.inner_lr = float(metadata["inner_lr"])
        self.sizes = readout_order(D, G), D, G, self.inner_lr
        self.phi_names = [f"{kind}{l + 1}" for kind in "WVb" for l in range(int(metadata["num_layers"]))]
        self.use(torch.float32)
        self.scripted = torch.jit.script(self.function)

    def use(self, dtype):
        def leaves(group, names):
            return [self.expected[f"{group}.{name}"].to(dtype).requires_grad_(True) for name in names]
        self.theta, self.phi = leaves("theta", self.names), leaves("phi", self.phi_names)
        self.next_bar = [self.expected[f"next_bar.{name}"].to(dtype) for name in self.phi_names]
        self.x = self.expected["x"].to(dtype)

    def forward(self, function):
        L = len(self.phi) // 3
        return function(self.theta, self.phi[:L], self.phi[L:2 * L], self.phi[2 * L:], self.x, *self.sizes)

    def step(self, function):  # -> new phi, theta_bar.. and phi_bar..
        new = self.forward(function)
        return new, torch.autograd.grad(new, self.theta + self.phi, self.next_bar)

    def errors(self, function, suffix):
        """(of the step, of the gradients) against our program: the difference's norm over that of
        what the rule adds, as in src/bench/verify.h."""
        new, bars = self.step(function)
        keep = 1 - self.inner_lr

        def error(values, group, names, passed):
            ours = torch.cat([self.expected[f"{group}{suffix}.{name}"].view(-1) for name in names])
            found = torch.cat([value.detach().reshape(-1) for value in values])
            return float((found - ours).norm() / (ours - passed).norm())

        phi = torch.cat([value.detach().view(-1) for value in self.phi])
        bar = torch.cat([value.view(-1) for value in self.next_bar])
        return (error(new, "next", self.phi_names, phi),
                max(error(bars[:len(self.names)], "theta_bar", self.names, 0),
                    error(bars[len(self.names):], "phi_bar", self.phi_names, keep * bar)))

    def check(self):
        """The same function: in double equal to our double to rounding, which nothing hides. In
        float two right programs fall on different sides of a few of the millions of ReLU kinks;
        a share f of such bars moves the gradients by sqrt(f): 4e-6 without one, 1e-4 to 7e-3 with
        some (src/bench/verify.cc), so 2e-2 is asked; of metz2019, with six times as many ReLUs on
        the way, 5e-2."""
        self.use(torch.float64)
        found = {"double": self.errors(self.function, "_f64")}
        self.use(torch.float32)
        found["float"] = self.errors(self.function, "")
        found["float, TorchScript"] = self.errors(self.scripted, "")
        for name, (step, gradient) in found.items():
            in_float = (1e-4, 2e-2 if self.function is inner_step else 5e-2)
            bounds = (1e-9, 1e-8) if name == "double" else in_float
            if not (step <= bounds[0] and gradient <= bounds[1]):
                sys.exit(f"peer_pytorch: {name}: step differs by {step:.2g} (bound {bounds[0]}), "
                         f"gradients by {gradient:.2g} (bound {bounds[1]}) from ours")
        return max(found["float"][1], found["float, TorchScript"][1]), found["double"][1]


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: bench/peer_pytorch.py FILE (of metaplastic bench --case NAME --dump FILE)")
    torch.set_num_threads(1)
    case = Case(sys.argv[1])
    matrix = torch.ones(512, 512)
    run = {"eager": lambda: case.step(case.function), "script": lambda: case.step(case.scripted),
           "forward": lambda: case.forward(case.function), "sgemm": lambda: torch.mm(matrix, matrix)}
    for _ in range(3):  # the profiling executor of TorchScript settles after two runs
        case.step(case.scripted)
    in_float, in_double = case.check()
    print(f"ready {in_float:.2g} {in_double:.2g}", flush=True)
    for line in sys.stdin:
        start = time.perf_counter()
        run[line.strip()]()
        print(f"{1e3 * (time.perf_counter() - start):.6f}", flush=True)


if __name__ == "__main__":
    main()
