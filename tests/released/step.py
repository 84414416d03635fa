"""One inner step of the released rule in plain numpy, straight from the checkpoint's variables.

Written from the release's structure (layers, names, order of terms) and not from the C++ or from
tests/oracle: nothing here knows theta. Batches are [units, examples, channels].
"""
import math

import numpy as np

MODULE = "MoreLocalWeightUpdateProcess/"
TERMS = ("0_order", "1_order", "decorr_x", "hebb", "large_decay", "lin_lower_symm", "lin_upper_psd",
         "lin_upper_symm", "rbf", "sqr_lower_symm", "sqr_upper_symm", "w_base")
PAIRS = ("weight_readout_0", "weight_readout_rbf", "weight_readout_1", "lin_upper_symm",
         "lin_lower_symm", "sqr_upper_symm", "sqr_lower_symm")


def shapes(C, D, G, U):
    """Shape of every variable below the module, by name: 61 in use, 11 biases, 24 averages."""
    found = {}

    def conv(scope, n, taps, inputs, outputs):
        name = f"{scope}conv_1d" + (f"_{n}" if n else "")
        found[name + "/w"], found[name + "/b"] = (taps, inputs, outputs), (outputs,)

    def norm(scope, n, channels):
        name = f"{scope}batch_norm" + (f"_{n}" if n else "")
        for part in ("beta", "moving_mean", "moving_variance"):
            found[f"{name}/{part}"] = (1, 1, channels)

    def linear(name, inputs, outputs):
        found[name + "/w"], found[name + "/b"] = (inputs, outputs), (outputs,)

    top = ((5, 1, C), (3, U, U), (3, U, U), (3, C, C), (3, C, C))
    for n, (taps, inputs, outputs) in enumerate(top):
        conv("compute_top_delta/", n, taps, inputs, outputs)
        norm("compute_top_delta/", n, outputs)
    conv("compute_top_delta/", 5, 3, C, D)
    for n, channels in enumerate((4 + D, C, C)):
        norm("", n, channels)
    for n, inputs in enumerate((13 + D, C)):
        conv("", n, 3, inputs, C)
    for scope in ("ConcatUnitConv/", "ConcatUnitConv_1/"):
        for n in range(2):
            conv(scope, n, 3, C, C)
            norm(scope, n, C)
    linear("linear", C, D)
    linear("bias_readout", C, 1)
    for name in PAIRS:
        for side in ("top", "bottom"):
            linear(f"forward{name}_{side}/linear", C, G)
    linear("forwardlin_upper_psd_top/linear", C, G)
    linear("forward_weight_readout_coeffs", len(TERMS), 1)
    return {MODULE + name: shape for name, shape in found.items()}


def random_variables(random, C, D, G, U):
    """float32 values of an even size; the mix is large enough for every term to be seen."""
    found = {}
    for name, shape in shapes(C, D, G, U).items():
        scale = 30 if "coeffs/w" in name else 0.5
        found[name] = (scale * random.normal(size=shape)).astype("float32")
    return found


class Step:
    def __init__(self, variables):
        self.variables = {name: value.astype("float64") for name, value in variables.items()}

    def get(self, name):
        return self.variables[MODULE + name]

    def linear(self, name, h):
        return h @ self.get(name + "/w") + self.get(name + "/b")

    def conv(self, name, x):  # along axis 1, zeros beyond the ends
        w = self.get(name + "/w")
        taps, length = w.shape[0], x.shape[1]
        padded = np.pad(x, ((0, 0), (taps // 2, taps // 2), (0, 0)))
        return sum(padded[:, t:t + length] @ w[t] for t in range(taps)) + self.get(name + "/b")

    def norm(self, name, x):  # the batch's own statistics
        mean, variance = x.mean((0, 1), keepdims=True), x.var((0, 1), keepdims=True)
        return (x - mean) / np.sqrt(variance + 1e-3) + self.get(name + "/beta")

    def block(self, scope, n_conv, n_norm, x):
        def numbered(name, n):
            return scope + name + (f"_{n}" if n else "")
        return np.maximum(self.norm(numbered("batch_norm", n_norm),
                                    self.conv(numbered("conv_1d", n_conv), x)), 0)

    def top_delta(self, x):  # [B,U] -> [B,U,D]
        scope = "compute_top_delta/"
        act = self.block(scope, 0, 0, x.T[:, :, None])
        act = act.transpose(2, 1, 0)  # units as channels
        act = self.block(scope, 2, 2, self.block(scope, 1, 1, act))
        act = act.transpose(2, 1, 0)
        act = self.block(scope, 4, 4, self.block(scope, 3, 3, act))
        return self.conv(scope + "conv_1d_5", act).transpose(1, 0, 2)

    def unit_conv(self, scope, x):
        net = x.transpose(1, 0, 2)
        net = self.block(scope, 1, 1, self.block(scope, 0, 0, net))
        return x + net.transpose(1, 0, 2)

    def hidden(self, x, z, delta, bias, w_below, w_above):  # [B,U] -> [B,U,C]
        bs, units = x.shape
        theta = np.broadcast_to(np.linspace(0, 4 * np.pi, units)[:, None], (units, bs))
        features = np.stack([x.T, z.T, np.sin(theta), np.cos(theta)], 2)
        act = np.concatenate([features, delta.transpose(1, 0, 2)], 2)
        act = self.norm("batch_norm", act)
        statistics = [s for w, axis in ((w_below, 0), (w_above, 1)) if w is not None
                      for s in (abs(w).mean(axis), np.sqrt((w**2).mean(axis) + 1e-6), w.mean(axis),
                                np.sqrt(w.var(axis) + 1e-8))]
        statistics = np.stack(statistics * (8 // len(statistics)), 1)  # an edge layer has one side
        statistics = statistics / np.sqrt((statistics**2).mean() + 1e-6)
        constants = np.concatenate([statistics, bias[:, None]], 1)
        act = np.concatenate([np.repeat(constants[:, None], bs, 1), act], 2)
        act = self.unit_conv("ConcatUnitConv/", self.block("", 0, 1, act))
        act = self.unit_conv("ConcatUnitConv_1/", self.block("", 1, 2, act))
        return act.transpose(1, 0, 2)

    def low_rank(self, name, h1, h2, psd=False):  # [U2,U1]
        top = self.linear(f"forward{name}_top/linear", h1)
        bottom = top if psd else self.linear(f"forward{name}_bottom/linear", h2)
        return np.einsum("bug,bvg->uv", bottom, top) / bottom.shape[2] / h1.shape[0]

    def weight_step(self, w, upper_h, lower_h, upper_x, lower_x):
        def scaled(x):
            x = x - x.mean(0)
            return x / np.sqrt((x**2).mean(0) + 1e-6)
        w = w / np.sqrt((w**2).mean(0) + 1e-6)
        bs, ux, lx = upper_x.shape[0], scaled(upper_x), scaled(lower_x)
        decorrelate = w @ (ux.T @ ux / bs / math.sqrt(ux.shape[1]))
        terms = {"w_base": w, "large_decay": w**2 * np.sign(w),
                 "decorr_x": decorrelate / np.sqrt((decorrelate**2 + 1e-8).mean()),
                 "hebb": -lx.T @ ux / bs,
                 "0_order": self.low_rank("weight_readout_0", upper_h, lower_h),
                 "rbf": np.exp(-w**2) * self.low_rank("weight_readout_rbf", upper_h, lower_h),
                 "1_order": w * self.low_rank("weight_readout_1", upper_h, lower_h)}
        psd = self.low_rank("lin_upper_psd", upper_h, None, psd=True)
        terms["lin_upper_psd"] = w @ psd / math.sqrt(psd.shape[0])
        for kind, base, sign in (("lin", w, 1), ("sqr", np.sqrt(1 + w**2) - 1, np.sign(w))):
            for side, h in (("upper", upper_h), ("lower", lower_h)):
                name = f"{kind}_{side}_symm"
                m = self.low_rank(name, h, h)
                m = (m + m.T) / math.sqrt(2)
                np.fill_diagonal(m, 0)
                m = m / math.sqrt(m.shape[0])
                terms[name] = (base @ m if side == "upper" else m @ base) * sign

        def normalised(term):
            return term / np.sqrt(1 + (term**2).mean(0))
        stacked = np.stack([normalised(terms[name]) for name in TERMS], 2)
        change = self.linear("forward_weight_readout_coeffs", stacked)[:, :, 0] / len(TERMS)
        change = change - w * max((change * w).mean(), 0)
        return normalised(change / math.sqrt(len(TERMS))) - w / 7

    def bias_step(self, upper_h):
        change = self.linear("bias_readout", upper_h)[:, :, 0].mean(0)
        change = change + max(-change.mean(), 0)
        return change / np.sqrt(0.5 + (change**2).mean())

    def run(self, phi, x, rate):
        """phi {"W1": [U0,U1], "V1", "b1", ..} after a step on x [B,U0], with ReLU."""
        num_layers = max(int(name[1:]) for name in phi)
        xs, zs = [x], [x]
        for l in range(1, num_layers + 1):
            a = xs[-1] @ phi[f"W{l}"]
            zs.append((a - a.mean(0)) / np.sqrt(a.var(0) + 1e-6) + phi[f"b{l}"])
            xs.append(np.maximum(zs[-1], 0))
        delta, hs = self.top_delta(xs[-1]), {}
        for l in range(num_layers, -1, -1):
            h = self.hidden(xs[l], zs[l], delta, phi.get(f"b{l}", np.zeros(x.shape[1])),
                            phi.get(f"W{l}"), phi.get(f"W{l + 1}"))
            hs[l] = h
            delta = delta / (1 + np.exp(-zs[l]))[:, :, None] + self.linear("linear", h)
            if l > 0:
                delta = np.einsum("uv,bvd->bud", phi[f"V{l}"], delta)
                delta = delta / np.sqrt((delta**2).mean(2, keepdims=True) + 1e-6)
        after = {}
        for l in range(1, num_layers + 1):
            step = self.weight_step(phi[f"W{l}"], hs[l], hs[l - 1], xs[l], xs[l - 1])
            for name, change in ((f"W{l}", step), (f"V{l}", step), (f"b{l}", self.bias_step(hs[l]))):
                after[name] = phi[name] * (1 - rate) - rate * change
        return after
