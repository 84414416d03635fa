"""The learned rule and its meta-gradient a second time: plain PyTorch, double precision, autograd.

Written from docs/notation.md and docs/method.md alone, so that an error in the C++ is not repeated
here. Nothing is fast and nothing is shared; each function is one formula of method.md.
Neuron batches are [U,C,B]; theta and phi are dictionaries: theta[name] and phi["W1"], phi["b1"]..
"""
import math

import torch

STEP_TERMS = 12
KEEP = 1.0 / 7.0


def theta_shapes(C, D, G):
    """Shape of every tensor of theta, stored [inputs, outputs]; bias vectors are [1,n]."""
    columns = 8 * G + D + 1 + 7 * G
    return {
        "top_in": (2, C), "top_unit": (2 * C, C), "top_mix": (C, C), "top_example": (2 * C, C),
        "top_out": (C, D), "top_out_bias": (1, D),
        "hidden_in": (2 + D, C), "hidden_bias_in": (1, C), "hidden_stats": (4, C),
        "hidden_unit": (2 * C, C), "hidden_example": (2 * C, C), "hidden_mix": (C, C),
        "readout": (C, columns), "readout_bias": (1, columns), "mix": (1, STEP_TERMS),
    }


# Helpers. Variances are population variances.
def standardise(x, eps):  # [U,B]
    centred = x - x.mean(1, keepdim=True)
    return centred / torch.sqrt((centred**2).mean(1, keepdim=True) + eps)


def norm(y, eps):  # [U,C,B], moments over units and examples
    centred = y - y.mean((0, 2), keepdim=True)
    return centred / torch.sqrt((centred**2).mean((0, 2), keepdim=True) + eps)


def mean_and_deviation(y, axis):
    mean = y.mean(axis, keepdim=True)
    variance = ((y - mean)**2).mean(axis)
    return mean.squeeze(axis), torch.sqrt(variance + 1e-5)


def stats_b(y):  # [U,C,B] -> [U,2C]
    return torch.cat(mean_and_deviation(y, 2), 1)


def stats_u(y):  # [U,C,B] -> [B,2C]
    return torch.cat(mean_and_deviation(y, 0), 0).T


def rms_col(X, a):
    return X / torch.sqrt(a + (X**2).mean(0, keepdim=True))


def rms_all(X, a):
    return X / torch.sqrt(a + (X**2).mean())


def corr(s, other):  # standardised [Ua,B], [Ub,B] -> [Ua,Ub]
    return s @ other.T / s.shape[1]


def off(M):
    return M * (1 - torch.eye(M.shape[0], dtype=M.dtype))


def channel_map(y, A):  # [U,C,B], [C,Co] -> [U,Co,B]
    return torch.einsum("ucb,ck->ukb", y, A)


def per_unit(stats, A):  # [U,2C], [2C,C] -> [U,C,1]
    return (stats @ A)[:, :, None]


def per_example(stats, A):  # [B,2C], [2C,C] -> [1,C,B]
    return (stats @ A).T[None]


# Base model.
ACTIVATIONS = {
    "relu": torch.relu,
    "leaky_relu": lambda z: torch.where(z > 0, z, 0.01 * z),
    "tanh": torch.tanh,
    "elu": lambda z: torch.where(z > 0, z, torch.expm1(z)),
    "sigmoid": torch.sigmoid,
    "softplus": lambda z: torch.logaddexp(z, torch.zeros_like(z)),
    "swish": lambda z: z * torch.sigmoid(z),
    "step": lambda z: (z > 0).to(z.dtype) + 0 * z,  # stays in the graph, with gradient zero
}


def num_layers(phi):
    return len(phi) // 3


def forward(phi, x, activation, standardised=standardise):  # x [U0,B] -> lists z, x, layer 0 first
    zs, xs = [x], [x]
    for l in range(1, num_layers(phi) + 1):
        zs.append(standardised(phi[f"W{l}"].T @ xs[-1], 1e-6) + phi[f"b{l}"][:, None])
        xs.append(ACTIVATIONS[activation](zs[-1]))
    return zs, xs


# One inner step.
def top_down(theta, s):  # standardised x [U,B] of the top layer -> delta [U,D,B]
    q = off(corr(s, s)) @ s / math.sqrt(s.shape[0])
    y1 = channel_map(torch.stack([s, q], 1), theta["top_in"])
    y1 = y1 + per_unit(stats_b(y1), theta["top_unit"])
    n1 = torch.relu(norm(y1, 1e-5))
    y2 = channel_map(n1, theta["top_mix"]) + per_example(stats_u(n1), theta["top_example"])
    n2 = torch.relu(norm(y2, 1e-5))
    return channel_map(n2, theta["top_out"]) + theta["top_out_bias"][0][None, :, None]


def weight_stats(phi, l):  # [U,4]
    def mean_and_rms(W, axis):
        return [W.mean(axis), torch.sqrt((W**2).mean(axis) + 1e-8)]
    incoming = mean_and_rms(phi[f"W{l}"], 0) if l > 0 else None
    outgoing = mean_and_rms(phi[f"W{l + 1}"], 1) if l < num_layers(phi) else None
    return rms_all(torch.stack((incoming or outgoing) + (outgoing or incoming), 1), 1e-6)


def hidden_state(theta, phi, l, x, z, delta):  # x, z [U,B], delta [U,D,B] -> [U,C,B]
    inputs = torch.cat([x[:, None], z[:, None], delta], 1)
    bias = phi[f"b{l}"] if l > 0 else torch.zeros(x.shape[0], dtype=x.dtype)
    y1 = channel_map(inputs, theta["hidden_in"])
    y1 = y1 + (bias[:, None] @ theta["hidden_bias_in"])[:, :, None]
    y1 = y1 + (weight_stats(phi, l) @ theta["hidden_stats"])[:, :, None]
    n1 = torch.relu(norm(y1, 1e-5))
    m = n1 + per_unit(stats_b(n1), theta["hidden_unit"])
    m = m + per_example(stats_u(n1), theta["hidden_example"])
    return torch.relu(norm(channel_map(m, theta["hidden_mix"]), 1e-5))


def readouts(theta, h, D, G):  # up0..up7 [U,G,B], to_delta [U,D,B], bias_out [U,1,B], lo0..lo6
    r = channel_map(h, theta["readout"]) + theta["readout_bias"][0][None, :, None]
    names = [f"up{n}" for n in range(8)] + ["to_delta", "bias_out"] + [f"lo{n}" for n in range(7)]
    sizes = [G] * 8 + [D, 1] + [G] * 7
    return dict(zip(names, torch.split(r, sizes, 1)))


def signal_below(V, delta, z, r):  # V [U_lo,U_up], delta [U_up,D,B] -> [U_lo,D,B]
    delta_mod = delta * torch.sigmoid(z)[:, None] + r["to_delta"]
    v = torch.einsum("ij,jdb->idb", V, delta_mod)
    return v / torch.sqrt((v**2).mean(1, keepdim=True) + 1e-6)


def lowrank(r_lo, r_up):  # [U_lo,G,B], [U_up,G,B] -> [U_lo,U_up]
    return torch.einsum("igb,jgb->ij", r_lo, r_up) / (r_lo.shape[1] * r_lo.shape[2])


def sym(r, other):  # [U,G,B] twice -> [U,U]
    M = lowrank(r, other)
    return off((M + M.T) / math.sqrt(2)) / math.sqrt(r.shape[0])


def step_terms(w, lo, up, s_lo, s_up):  # the twelve terms of the table, each [U_lo,U_up]
    saturated = torch.sqrt(1 + w**2) - 1
    return [
        w,
        w**2 * torch.sign(w),
        rms_all(w @ off(corr(s_up, s_up)), 1e-6),
        -corr(s_lo, s_up),
        lowrank(lo["lo0"], up["up0"]),
        torch.exp(-w**2) * lowrank(lo["lo1"], up["up1"]),
        w * lowrank(lo["lo2"], up["up2"]),
        w @ sym(up["up3"], up["up4"]),
        w @ sym(up["up5"], up["up5"]),
        sym(lo["lo3"], lo["lo4"]) @ w,
        torch.sign(w) * (saturated @ sym(up["up6"], up["up7"])),
        torch.sign(w) * (sym(lo["lo5"], lo["lo6"]) @ saturated),
    ]


def weight_step(theta, W, lo, up, s_lo, s_up):
    w = rms_col(W, 1e-8)
    terms = step_terms(w, lo, up, s_lo, s_up)
    s = sum(theta["mix"][0, k] * rms_col(term, 1) for k, term in enumerate(terms))
    s = 10 / math.sqrt(STEP_TERMS) * s
    s = s - w * torch.relu((s * w).mean(0, keepdim=True))
    return rms_col(s, 1) - KEEP * w


def bias_step(r):
    e = r["bias_out"][:, 0].mean(1)
    e = e - torch.clamp(e.mean(), max=0)
    return e / torch.sqrt(0.5 + (e**2).mean())


def inner_step(theta, phi, x, case):  # x [U0,B] -> phi after the step
    activation, D, G = case["activation"], case["D"], case["G"]
    inner_lr, L = case["inner_lr"], num_layers(phi)
    zs, xs = forward(phi, x, activation)
    ss = [standardise(layer, 1e-5) for layer in xs]
    delta = top_down(theta, ss[L])
    read = [None] * (L + 1)
    for l in range(L, -1, -1):
        read[l] = readouts(theta, hidden_state(theta, phi, l, xs[l], zs[l], delta), D, G)
        if l > 0:
            delta = signal_below(phi[f"V{l}"], delta, zs[l], read[l])
    after = {}
    for l in range(1, L + 1):
        W_step = weight_step(theta, phi[f"W{l}"], read[l - 1], read[l], ss[l - 1], ss[l])
        for name, change in ((f"W{l}", W_step), (f"V{l}", W_step), (f"b{l}", bias_step(read[l]))):
            after[name] = phi[name] * (1 - inner_lr) - inner_lr * change
    return after


# Meta-objective.
def targets(batch, num_classes):  # [N,Y+A]
    one_hot = torch.nn.functional.one_hot(batch["labels"].long(), num_classes).double()
    return torch.cat([one_hot, batch["augmentation"]], 1) if "augmentation" in batch else one_hot


def objective(phi, support, query, activation, ridge, num_classes):
    """(meta-loss, predictions [Y+A,N] of the query) of one state."""
    X = forward(phi, support["x"], activation)[1][-1]
    X_query = forward(phi, query["x"], activation)[1][-1]
    raw = targets(support, num_classes)
    mean, variance = raw.mean(0), raw.var(0, unbiased=False)
    Y = (raw - mean) / torch.sqrt(variance + 1e-6)
    y = ((targets(query, num_classes) - mean) / torch.sqrt(variance + 1e-6)).T
    X_mean = X.mean(1, keepdim=True)
    Xc = X - X_mean
    A = Xc @ Xc.T + ridge * torch.eye(X.shape[0], dtype=X.dtype)
    P = torch.linalg.solve(A, Xc @ Y).T @ (X_query - X_mean)
    length = torch.sqrt((P**2).sum(0) + 1e-8) * torch.sqrt((y**2).sum(0) + 1e-8)
    return (1 - (P * y).sum(0) / length).mean(), P


def unroll(theta, phi, case, step):  # -> losses [num states], predictions per state, [phi_1..phi_K]
    states, losses, predictions = [], [], []
    for k, x in enumerate(case["x"]):
        phi = step(theta, phi, x, case)
        states.append(phi)
        if (k + 1) % case["objective_every"] == 0:
            support, query = case["episodes"][len(losses)]
            loss, P = objective(phi, support, query, case["activation"], case["lambda"],
                                case["num_classes"])
            losses.append(loss)
            predictions.append(P)
    return torch.stack(losses), predictions, states


def gradients(value, tensors):
    """Gradient of a scalar by every tensor of a dictionary; zero where it does not depend on it."""
    found = torch.autograd.grad(value, list(tensors.values()), retain_graph=True, allow_unused=True)
    return {name: torch.zeros_like(tensor) if bar is None else bar
            for (name, tensor), bar in zip(tensors.items(), found)}
