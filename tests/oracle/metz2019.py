"""The metz2019 preset and the rule's options a second time: plain PyTorch, double, autograd.

Written from docs/method.md and the released evaluation code, not from the C++: convolutions are
torch's conv1d, batches are [U,B,C] here, and nothing is fast. Joins oracle.py, which has what the
presets share.
"""
import math

import torch
from torch.nn.functional import conv1d

import oracle

# Terms that came after the first fourteen, in the order of the program's table. name: (readouts of
# the upper layer, of the lower one, formula). A formula takes w, the term's own readouts of the lower
# and of the upper layer, s_lo and s_up, and gives [U_lo,U_up]. A case lists the names that it has.
MORE_TERMS = {
}


def more_terms(case):
    return [MORE_TERMS[name] for name in case["more_terms"].split(",") if name]


FIRST_TERMS = {"base": (0, 0), "decay": (0, 0), "decorrelate": (0, 0), "hebb": (0, 0), "zero_order": (1, 1),
               "rbf": (1, 1), "first_order": (1, 1), "lin_up": (2, 0), "lin_up_psd": (1, 0), "lin_lo": (0, 2),
               "sqr_up": (2, 0), "sqr_lo": (0, 2), "agree": (0, 0), "separate": (0, 0)}
LOCAL_TERMS = ("base", "decay", "hebb", "zero_order", "rbf", "first_order")


def terms_metadata(case):
    """What a file says of its theta: the terms in the order of the mix, with their readouts."""
    names = [name for name in FIRST_TERMS
             if (case["locality"] == "layer" or name in LOCAL_TERMS)
             and (num_views(case) == 2 or name not in ("agree", "separate"))]
    counts = {**FIRST_TERMS, **{name: term[:2] for name, term in MORE_TERMS.items()}}
    names += [name for name in case["more_terms"].split(",") if name]
    return [{"name": name, "up": counts[name][0], "lo": counts[name][1]} for name in names]


def num_readouts(case):  # as the upper layer of a weight, as the lower one
    ups, lows = (3, 3) if case["locality"] == "neuron" else (8, 7)
    return (ups + sum(term[0] for term in more_terms(case)),
            lows + sum(term[1] for term in more_terms(case)))


def theta_shapes(case):
    """Shape of every tensor of theta; convolutions [taps * inputs, outputs], the first tap first."""
    C, D, G, U = case["C"], case["D"], case["G"], case["units"][-1]
    local = case["locality"] == "neuron"
    ups, lows = num_readouts(case)
    terms = (6 if local else 12) + len(more_terms(case))
    columns = (ups + lows) * G + D + 1
    if case["preset"] == "metz2019":
        convs = {"top_conv_in": (5, C), "top_mix_1": (3 * U, U), "top_mix_2": (3 * U, U),
                 "top_conv_1": (3 * C, C), "top_conv_2": (3 * C, C),
                 "hidden_conv_1": (3 * (9 + 4 + D), C), "hidden_unit_1a": (3 * C, C),
                 "hidden_unit_1b": (3 * C, C), "hidden_conv_2": (3 * C, C),
                 "hidden_unit_2a": (3 * C, C), "hidden_unit_2b": (3 * C, C)}
        shapes = {"top_out": (3 * C, D), "top_out_bias": (1, D),
                  "hidden_inputs_offset": (1, 4 + D), "mix_bias": (1, 1)}
        for name, shape in convs.items():
            if not (local and ("mix" in name or "unit" in name)):
                shapes[name] = shape
                shapes[name + "_offset"] = (1, shape[1])
    else:
        shapes = {name: shape for name, shape in oracle.theta_shapes(C, D, G).items()
                  if not (local and "example" in name)}
        shapes["top_in"] = (1 if local else 2, C)
        if num_views(case) == 2:
            shapes["hidden_in"] = (2 + D + 2, C)
            terms += 2
    shapes.update({"readout": (C, columns), "readout_bias": (1, columns), "mix": (1, terms)})
    if case["v_step"] == "separate":
        shapes.update({"readout_v": (C, (ups + lows) * G), "readout_v_bias": (1, (ups + lows) * G),
                       "mix_v": (1, terms)})
        if case["preset"] == "metz2019":
            shapes["mix_v_bias"] = (1, 1)
    return shapes


# Normalisation and convolution. y is [U,B,C].
def norm(y, eps, local):
    """Per channel over units and examples; of a local rule, per unit over examples and channels."""
    axes = (1, 2) if local else (0, 1)
    mean = y.mean(axes, keepdim=True)
    return (y - mean) / torch.sqrt(((y - mean)**2).mean(axes, keepdim=True) + eps)


def convolve(y, A):
    """Along axis 1 of y [N,length,inputs], zero beyond the ends; A [taps * inputs, outputs]."""
    kernel = A.reshape(-1, y.shape[2], A.shape[1]).permute(2, 1, 0)  # [outputs,inputs,taps]
    return conv1d(y.transpose(1, 2), kernel, padding=kernel.shape[2] // 2).transpose(1, 2)


def block(theta, name, y, local):
    return torch.relu(norm(convolve(y, theta[name]), 1e-3, local) + theta[name + "_offset"])


def metz_top_down(theta, x, local):  # x [U,B] -> [U,B,D]
    y = block(theta, "top_conv_in", x[:, :, None], local)
    if not local:
        y = y.permute(2, 1, 0)  # [C,B,U]: units in the place of channels
        y = block(theta, "top_mix_2", block(theta, "top_mix_1", y, local), local)
        y = y.permute(2, 1, 0)
    y = block(theta, "top_conv_2", block(theta, "top_conv_1", y, local), local)
    return convolve(y, theta["top_out"]) + theta["top_out_bias"][0]


def statistics(W, axis):  # four numbers per unit
    return [W.abs().mean(axis), torch.sqrt((W**2).mean(axis) + 1e-6), W.mean(axis),
            torch.sqrt(W.var(axis, unbiased=False) + 1e-8)]


def rms_rows(J):
    return J / torch.sqrt((J**2).mean(1, keepdim=True) + 1e-6)


def metz_hidden(theta, phi, l, x, z, delta, local):  # delta [U,B,D] -> [U,B,C]
    U, B = x.shape
    incoming = statistics(phi[f"W{l}"], 0) if l > 0 else None
    outgoing = statistics(phi[f"W{l + 1}"], 1) if l < oracle.num_layers(phi) else None
    J = torch.stack((incoming or outgoing) + (outgoing or incoming), 1)
    J = rms_rows(J) if local else oracle.rms_all(J, 1e-6)
    bias = phi[f"b{l}"] if l > 0 else torch.zeros(U, dtype=x.dtype)
    angle = torch.linspace(0, 4 * math.pi, U, dtype=x.dtype)[:, None].expand(U, B)
    features = torch.cat([torch.stack([x, z, torch.sin(angle), torch.cos(angle)], 2), delta], 2)
    features = norm(features, 1e-3, local) + theta["hidden_inputs_offset"]
    constants = torch.cat([J, bias[:, None]], 1)[:, None, :].expand(U, B, 9)
    y = torch.cat([constants, features], 2)
    for i in ("1", "2"):
        y = block(theta, "hidden_conv_" + i, y, local)
        if not local:
            u = y.transpose(0, 1)  # [B,U,C]: along the units
            u = block(theta, f"hidden_unit_{i}b", block(theta, f"hidden_unit_{i}a", u, local), local)
            y = y + u.transpose(0, 1)
    return y


# compact without what crosses neurons; [U,C,B] as in oracle.py.
def local_norm(y):
    return torch.relu(norm(y.transpose(1, 2), 1e-5, True)).transpose(1, 2)


def compact_top_down(theta, x):
    y1 = oracle.channel_map(oracle.standardise(x, 1e-5)[:, None], theta["top_in"])
    y1 = y1 + oracle.per_unit(oracle.stats_b(y1), theta["top_unit"])
    n2 = local_norm(oracle.channel_map(local_norm(y1), theta["top_mix"]))
    return oracle.channel_map(n2, theta["top_out"]) + theta["top_out_bias"][0][None, :, None]


def compact_hidden(theta, phi, l, x, z, delta):
    inputs = torch.cat([x[:, None], z[:, None], delta], 1)
    bias = phi[f"b{l}"] if l > 0 else torch.zeros(x.shape[0], dtype=x.dtype)

    def mean_and_rms(W, axis):
        return [W.mean(axis), torch.sqrt((W**2).mean(axis) + 1e-8)]
    incoming = mean_and_rms(phi[f"W{l}"], 0) if l > 0 else None
    outgoing = mean_and_rms(phi[f"W{l + 1}"], 1) if l < oracle.num_layers(phi) else None
    J = rms_rows(torch.stack((incoming or outgoing) + (outgoing or incoming), 1))
    y1 = oracle.channel_map(inputs, theta["hidden_in"])
    y1 = y1 + (bias[:, None] @ theta["hidden_bias_in"] + J @ theta["hidden_stats"])[:, :, None]
    n1 = local_norm(y1)
    m = n1 + oracle.per_unit(oracle.stats_b(n1), theta["hidden_unit"])
    return local_norm(oracle.channel_map(m, theta["hidden_mix"]))


# Steps. Readouts are [U,n,B].
def released_terms(w, lo, up, s_lo, s_up):
    B, U = s_up.shape[1], s_up.shape[0]
    cw = w @ (s_up @ s_up.T / B / math.sqrt(U))
    saturated = torch.sqrt(1 + w**2) - 1
    return [
        w, w**2 * torch.sign(w), cw / torch.sqrt((cw**2 + 1e-8).mean()), -s_lo @ s_up.T / B,
        oracle.lowrank(lo[0], up[0]), torch.exp(-w**2) * oracle.lowrank(lo[1], up[1]),
        w * oracle.lowrank(lo[2], up[2]), w @ oracle.sym(up[3], up[4]),
        w @ (oracle.lowrank(up[5], up[5]) / math.sqrt(U)), oracle.sym(lo[3], lo[4]) @ w,
        torch.sign(w) * (saturated @ oracle.sym(up[6], up[7])),
        torch.sign(w) * (oracle.sym(lo[5], lo[6]) @ saturated)]


def local_terms(w, lo, up, s_lo, s_up):
    return [w, w**2 * torch.sign(w), -s_lo @ s_up.T / s_up.shape[1],
            oracle.lowrank(lo[0], up[0]), torch.exp(-w**2) * oracle.lowrank(lo[1], up[1]),
            w * oracle.lowrank(lo[2], up[2])]


def weight_step(case, W, lo, up, s_lo, s_up, views_up, mix, mix_bias):
    released, local = case["preset"] == "metz2019", case["locality"] == "neuron"
    w = oracle.rms_col(W, 1e-6 if released else 1e-8)
    if local:
        terms = local_terms(w, lo, up, s_lo, s_up)
    elif released:
        terms = released_terms(w, lo, up, s_lo, s_up)
    else:
        names = [{f"{side}{n}": r for n, r in enumerate(reads)}
                 for side, reads in (("lo", lo), ("up", up))]
        terms = oracle.step_terms(w, *names, s_lo, s_up)
    num_terms = len(terms)  # later terms come on top and leave the scale as it is
    if views_up is not None:
        agree, separate = (s_lo @ signal.T / s_lo.shape[1] for signal in views_up)
        terms = terms + [-agree, separate * min(1, (128 / s_up.shape[0]) ** 0.25)]
    first_up, first_lo = 8 if not local else 3, 7 if not local else 3
    for ups, lows, formula in more_terms(case):
        terms = terms + [formula(w, lo[first_lo:first_lo + lows], up[first_up:first_up + ups], s_lo, s_up)]
        first_up, first_lo = first_up + ups, first_lo + lows
    s = sum(mix[0, k] * oracle.rms_col(term, 1) for k, term in enumerate(terms)) + mix_bias
    s = s / num_terms if released else 10 / math.sqrt(num_terms) * s
    along = (s * w).mean() if released and not local else (s * w).mean(0, keepdim=True)
    s = s - w * torch.relu(along)
    if released:
        s = s / math.sqrt(num_terms)
    return oracle.rms_col(s, 1) - oracle.KEEP * w


def split_readouts(case, r, with_delta):
    """[U,n,B] -> lists up, lo and, of `readout`, to_delta and bias_out."""
    D, G = case["D"], case["G"]
    ups, lows = num_readouts(case)
    sizes = [G] * ups + ([D, 1] if with_delta else []) + [G] * lows
    parts = torch.split(r, sizes, 1)
    return parts[:ups], parts[-lows:], parts[ups:-lows]


def bias_step(case, bias_out, s):
    e = bias_out[:, 0].mean(1)
    free = case["bias_mean"] != "lowered"
    reach = 2 if free else 1
    if case["locality"] == "neuron":
        e = e if free else torch.relu(e)
        step = e / torch.sqrt(0.5 + e**2)
    else:
        e = e if free else e - torch.clamp(e.mean(), max=0)
        step = e / torch.sqrt(0.5 + (e**2).mean())
    if case["bias_mean"] == "homeostatic":
        above, all_of_it = (torch.clamp(s, min=0)**2).mean(1), (s**2).mean(1)
        step = step + 6 * (float(case["homeostatic_share"]) * all_of_it - above)
    return reach * step


def networks(theta, phi, case):
    """top(x) and hidden(l, x, z, delta) with [U,C,B] on either side."""
    local = case["locality"] == "neuron"
    if case["preset"] == "metz2019":
        return (lambda x: metz_top_down(theta, x, local).transpose(1, 2),
                lambda l, x, z, delta: metz_hidden(theta, phi, l, x, z, delta.transpose(1, 2),
                                                   local).transpose(1, 2))
    if local:
        return (lambda x: compact_top_down(theta, x),
                lambda *given: compact_hidden(theta, phi, *given))
    return (lambda x: oracle.top_down(theta, by_view(x, 1e-5, num_views(case))),
            lambda *given: oracle.hidden_state(theta, phi, *given))


def num_views(case):
    return 1 if case["views"] == "one" else 2


def by_view(x, eps, views):  # each view standardised by itself
    return torch.cat([oracle.standardise(part, eps) for part in torch.chunk(x, views, 1)], 1)


# s [U,B], the second half of B shows the first again -> surprise, shared with the other units of
# the partner, or of the same view where that is a neighbour
def view_signals(s, views):
    half = s.shape[1] // 2
    partner = torch.cat([s[:, half:], s[:, :half]], 1)
    seen = s if views == "neighbours" else partner
    common = oracle.off(oracle.corr(s, seen)) @ seen / math.sqrt(s.shape[0])
    return [y - s * (y * s).mean(1, keepdim=True) for y in (partner, common)]


def inner_step(theta, phi, x, case):  # x [U0,B] -> phi after the step
    L = oracle.num_layers(phi)
    inner_lr = case["inner_lr"]
    views = num_views(case)
    zs, xs = oracle.forward(phi, x, case["activation"], lambda y, eps: by_view(y, eps, views))
    eps = 1e-6 if case["preset"] == "metz2019" else 1e-5
    ss = [by_view(layer, eps, views) for layer in xs]
    top, hidden = networks(theta, phi, case)
    delta = top(xs[L])
    reads, reads_v, bias_outs = [None] * (L + 1), [None] * (L + 1), [None] * (L + 1)
    signals, views_up = [[]] * (L + 1), [None] * (L + 1)
    if views == 2:
        signals = [view_signals(s, case["views"]) for s in ss]
        views_up = [[y * torch.sigmoid(z) for y in pair] for pair, z in zip(signals, zs)]
    for l in range(L, -1, -1):
        h = hidden(l, xs[l], zs[l], torch.cat([delta] + [y[:, None] for y in signals[l]], 1))
        r = oracle.channel_map(h, theta["readout"]) + theta["readout_bias"][0][None, :, None]
        up, lo, (to_delta, bias_outs[l]) = split_readouts(case, r, True)
        reads[l] = up, lo
        if case["v_step"] == "separate":
            r_v = oracle.channel_map(h, theta["readout_v"])
            reads_v[l] = split_readouts(case, r_v + theta["readout_v_bias"][0][None, :, None],
                                        False)[:2]
        if l > 0:
            carrier = phi[f"W{l}"] if case["backward"] == "transposed" else phi[f"V{l}"]
            delta = oracle.signal_below(carrier, delta, zs[l], {"to_delta": to_delta})
    after = {}
    for l in range(1, L + 1):
        def step(W, read, suffix=""):
            return weight_step(case, W, read[l - 1][1], read[l][0], ss[l - 1], ss[l], views_up[l],
                               theta["mix" + suffix], theta.get(f"mix{suffix}_bias", 0))
        W_step = step(phi[f"W{l}"], reads)
        V_step = step(phi[f"V{l}"], reads_v, "_v") if case["v_step"] == "separate" else W_step
        bias_lr = inner_lr * (0.05 if case["bias_mean"] == "homeostatic" else 1)
        for name, change, lr in ((f"W{l}", W_step, inner_lr), (f"V{l}", V_step, inner_lr),
                                 (f"b{l}", bias_step(case, bias_outs[l], ss[l]), bias_lr)):
            after[name] = phi[name] * (1 - lr) - lr * change
    return after
