"""The inner step of `metz2019` as fast as PyTorch lets one write it; see peer_pytorch.py.

The hidden network works on [1,C,U,B], so that a convolution over examples or units is one conv2d
call and a norm one batch_norm call; readouts are one 1 x 1 convolution.
"""
import math
from typing import List

import torch
import torch.nn.functional as F
from torch import Tensor

from peer_pytorch import off, rms_columns, standardise, symmetric

THETA = ["top_conv_in", "top_conv_in_offset", "top_mix_1", "top_mix_1_offset", "top_mix_2",
         "top_mix_2_offset", "top_conv_1", "top_conv_1_offset", "top_conv_2", "top_conv_2_offset",
         "top_out", "top_out_bias", "hidden_inputs_offset", "hidden_conv_1", "hidden_conv_1_offset",
         "hidden_unit_1a", "hidden_unit_1a_offset", "hidden_unit_1b", "hidden_unit_1b_offset",
         "hidden_conv_2", "hidden_conv_2_offset", "hidden_unit_2a", "hidden_unit_2a_offset",
         "hidden_unit_2b", "hidden_unit_2b_offset", "readout", "readout_bias", "mix", "mix_bias"]


def kernel(A: Tensor, inputs: int, over_units: bool) -> Tensor:  # [taps inputs,Co] -> conv2d's
    taps = A.view(-1, inputs, A.shape[1]).permute(2, 1, 0)
    return (taps.unsqueeze(3) if over_units else taps.unsqueeze(2)).contiguous()


def convolve(y: Tensor, A: Tensor, over_units: bool) -> Tensor:  # [1,C,U,B] -> [1,Co,U,B]
    w = kernel(A, y.shape[1], over_units)
    return F.conv2d(y, w, None, [1, 1], [w.shape[2] // 2, w.shape[3] // 2])


def norm(y: Tensor, offset: Tensor) -> Tensor:  # per channel, of [1,C,U,B]
    return F.batch_norm(y, None, None, torch.ones_like(offset), offset, True, 0.0, 1e-3)


def block(y: Tensor, A: Tensor, offset: Tensor, over_units: bool) -> Tensor:
    return torch.relu_(norm(convolve(y, A, over_units), offset[0]))


def top_down(theta: List[Tensor], x: Tensor) -> Tensor:  # [U,B] -> [1,D,U,B]
    y = block(x.unsqueeze(0).unsqueeze(0), theta[0], theta[1], False)
    y = y.transpose(1, 2)  # units in the place of channels
    y = block(block(y, theta[2], theta[3], False), theta[4], theta[5], False).transpose(1, 2)
    y = block(block(y, theta[6], theta[7], False), theta[8], theta[9], False)
    return convolve(y, theta[10], False) + theta[11].view(1, -1, 1, 1)


def statistics(W: Tensor) -> List[Tensor]:  # units first
    mean = W.mean(1)
    square = (W * W).mean(1)
    centred = W - mean.unsqueeze(1)
    return [W.abs().mean(1), torch.sqrt(square + 1e-6), mean,
            torch.sqrt((centred * centred).mean(1) + 1e-8)]


def hidden_state(theta: List[Tensor], incoming: Tensor, outgoing: Tensor, b: Tensor, x: Tensor,
                 z: Tensor, delta: Tensor) -> Tensor:  # x, z [U,B], delta [1,D,U,B] -> [1,C,U,B]
    U, B = x.shape[0], x.shape[1]
    J = torch.stack(statistics(incoming) + statistics(outgoing), 0)  # [8,U]
    J = J * torch.rsqrt((J * J).mean() + 1e-6)
    angle = torch.linspace(0.0, 4 * math.pi, U, dtype=x.dtype)
    ids = torch.stack([torch.sin(angle), torch.cos(angle)]).view(2, U, 1).expand(2, U, B)
    features = torch.cat([torch.cat([x.unsqueeze(0), z.unsqueeze(0), ids]).unsqueeze(0), delta], 1)
    constants = torch.cat([J, b.unsqueeze(0)]).view(1, 9, U, 1).expand(1, 9, U, B)
    y = torch.cat([constants, norm(features, theta[12][0])], 1)
    y = block(y, theta[13], theta[14], False)
    y = y + block(block(y, theta[15], theta[16], True), theta[17], theta[18], True)
    y = block(y, theta[19], theta[20], False)
    return y + block(block(y, theta[21], theta[22], True), theta[23], theta[24], True)


def gather(part: Tensor, G: int) -> Tensor:  # [n G,U,B] -> [n,U,G B], one copy
    U, B = part.shape[1], part.shape[2]
    return part.reshape(-1, G, U, B).transpose(1, 2).reshape(-1, U, G * B)


def weight_step(mix: Tensor, mix_bias: Tensor, W: Tensor, up: List[Tensor], lo: List[Tensor],
                s_up: Tensor, s_lo: Tensor) -> Tensor:
    """up: readouts 0..2, (3,6), (4,7), 5, each [n,U_up,G B]; lo: 0..2, (3,5), (4,6)."""
    B, U = s_up.shape[1], s_up.shape[0]
    share = 1.0 / up[0].shape[2]
    w = rms_columns(W, 1e-6)
    squares = w * w
    sign = torch.sign(w).detach()
    pair = torch.stack([w, torch.sqrt(1 + squares) - 1])  # [2,U_lo,U_up]
    low = torch.unbind(torch.bmm(lo[0], up[0].transpose(1, 2)) * share)
    sym_up = symmetric(torch.bmm(up[1], up[2].transpose(1, 2)) * share)
    psd = torch.mm(up[3][0], up[3][0].t()) * (share / math.sqrt(U))
    sym_lo = symmetric(torch.bmm(lo[1], lo[2].transpose(1, 2)) * share)
    from_up = torch.unbind(torch.bmm(pair, sym_up))
    from_lo = torch.unbind(torch.bmm(sym_lo, pair))
    decorrelated = torch.mm(w, torch.mm(s_up, s_up.t()) * (1.0 / (B * math.sqrt(U))))
    terms = torch.stack([
        w, squares * sign,
        decorrelated * torch.rsqrt((decorrelated * decorrelated).mean() + 1e-8),
        torch.mm(s_lo, s_up.t()) * (-1.0 / B),
        low[0], torch.exp(-squares) * low[1], w * low[2],
        from_up[0], torch.mm(w, psd), from_lo[0], sign * from_up[1], sign * from_lo[1]])
    scale = torch.rsqrt((terms * terms).mean(1, keepdim=True) + 1.0)  # [12,1,U_up]
    s = ((terms * (scale * mix.view(12, 1, 1))).sum(0) + mix_bias) * (1.0 / (12 * math.sqrt(12.0)))
    s = s - w * torch.relu((s * w).mean())
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
    s_up = standardise(xs[L], 1e-6)
    delta = top_down(theta, xs[L])
    up: List[Tensor] = []  # readouts of the layer above
    readout = theta[25].index_select(1, order).t().contiguous()  # [columns,C]
    readout_bias = theta[26][0].index_select(0, order)
    next_W: List[Tensor] = []
    next_V: List[Tensor] = []
    next_b: List[Tensor] = []
    first_low = 8 * G + D + 1
    for i in range(L + 1):
        l = L - i
        incoming = W[l - 1].t() if l > 0 else W[0]
        outgoing = W[l] if l < L else W[L - 1].t()
        bias = b[l - 1] if l > 0 else torch.zeros(x.shape[0], dtype=x.dtype)
        h = hidden_state(theta, incoming, outgoing, bias, xs[l], zs[l], delta)
        first = first_low if l == 0 else 0
        last = first_low if l == L else first_low + 7 * G
        flat = torch.addmm(readout_bias[first:last].unsqueeze(1), readout[first:last],
                           h.reshape(h.shape[1], -1))
        r = flat.view(-1, h.shape[2], h.shape[3])  # [columns,U,B]
        sizes: List[int] = []
        if l > 0:
            sizes += [3 * G, 2 * G, 2 * G, G, D, 1]
        if l < L:
            sizes += [3 * G, 2 * G, 2 * G]
        parts = torch.split_with_sizes(r, sizes, 0)
        s_lo = standardise(xs[l], 1e-6) if l < L else s_up
        if l < L:
            step = weight_step(theta[27], theta[28], W[l], up, [gather(part, G) for part in parts[-3:]],
                               s_up, s_lo)
            next_W.append(W[l] * (1 - inner_lr) - inner_lr * step)
            next_V.append(V[l] * (1 - inner_lr) - inner_lr * step)
        if l > 0:
            e = parts[5].squeeze(0).mean(1)
            e = e - torch.clamp(e.mean(), max=0.0)
            e = e * torch.rsqrt((e * e).mean() + 0.5)
            next_b.append(b[l - 1] * (1 - inner_lr) - inner_lr * e)
            changed = torch.addcmul(parts[4], delta[0], torch.sigmoid(zs[l]).unsqueeze(0))  # [D,U,B]
            v = torch.matmul(V[l - 1], changed)  # [D,U_lo,B]
            delta = (v * torch.rsqrt((v * v).mean(0, keepdim=True) + 1e-6)).unsqueeze(0)
            up = [gather(part, G) for part in parts[:4]]
        s_up = s_lo
    return next_W[::-1] + next_V[::-1] + next_b[::-1]
