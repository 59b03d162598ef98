"""DeepFill v2 (Yu et al. 2019, arXiv 1806.03589) written down literally, from the papers: what the tests compare with."""
import math

import torch
import torch.nn.functional as F


def sampled(size, count, step, aligned):
    if not aligned:
        return torch.arange(count) * step
    if count == 1:
        return torch.zeros(1, dtype=torch.long)
    return (torch.linspace(0, size - 1, count, dtype=torch.float) + 0.5).floor().long()


def attention(f, b, mask, rate, patch, fuse_k, scale, n_down, fuse, tf_compat):
    """Contextual attention with its L x L matrix, patch by patch; every item has a mask of its own."""
    n, channels, height, width = f.shape
    h, w = math.ceil(height / 2), math.ceil(width / 2)
    at = lambda t, step: t[:, :, sampled(t.shape[2], h, step, tf_compat)][..., sampled(t.shape[3], w, step, tf_compat)]
    results = []
    for item in range(n):
        queries = F.unfold(at(f[item:item + 1], 2), 3, padding=1)[0]  # [9 C, L]
        keys = F.unfold(at(b[item:item + 1], 2), 3, padding=1)[0]
        valid = torch.ones(h * w, 1, dtype=f.dtype)
        if mask is not None:
            holes = F.unfold(at(mask[item:item + 1], 2 << n_down), 3, padding=1)[0]
            valid = (holes.sum(0) == 0).to(f.dtype)[:, None]
        scores = keys.t() @ queries / keys.norm(dim=0).clamp_min(1e-4)[:, None]
        if fuse:
            eye = torch.eye(3, dtype=f.dtype)[None, None]
            scores = F.conv2d(scores[None, None], eye, padding=1).view(h, w, h, w).permute(1, 0, 3, 2)
            scores = F.conv2d(scores.reshape(1, 1, h * w, h * w), eye, padding=1).view(w, h, w, h).permute(1, 0, 3, 2)
            scores = scores.reshape(h * w, h * w)
        weights = torch.softmax(scores * valid * scale, 0) * valid
        even = F.pad(b[item:item + 1], (0, 2 * w - width, 0, 2 * h - height))
        patches = F.unfold(even, 4, padding=1, stride=2)[0].t().reshape(h * w, channels, 4, 4)
        y = F.conv_transpose2d(weights.view(1, h * w, h, w), patches, stride=2, padding=1) / 4
        results.append(y[:, :, :height, :width])
    return torch.cat(results)


# Kinds of layers in the order in which checkpoints list them; a number is a dilation.
COARSE = ["first", "down", 1, "down", 1, 1, 2, 4, 8, 16, 1, 1, "up", 1, "up", 1, "colours"]
CONVOLUTIONS = ["first", "down", 1, "down", 1, 1, 2, 4, 8, 16]
BEFORE_ATTENTION = ["first", "down", 1, "down", 1, "relu"]
AFTER_ATTENTION = [1, 1]
DECODER = [1, 1, "up", 1, "up", 1, "colours"]


def same(x, kernel, stride):
    """TensorFlow's SAME: the odd one of an uneven number of zeros lies behind."""
    def pads(size):
        total = max((math.ceil(size / stride) - 1) * stride + kernel - size, 0)
        return total // 2, total - total // 2

    return F.pad(x, (*pads(x.shape[3]), *pads(x.shape[2])))


def layer(kind, x, weight, bias, tensorflow):
    dilation = kind if isinstance(kind, int) else 1
    stride = 2 if kind == "down" else 1
    reach = (weight.shape[2] - 1) * dilation
    if kind == "up":
        x = x.repeat_interleave(2, 2).repeat_interleave(2, 3)
    x = same(x, reach + 1, stride) if tensorflow else F.pad(x, (reach // 2,) * 4)
    x = F.conv2d(x, weight, bias, stride, 0, dilation)
    if kind == "colours":
        return torch.tanh(x)
    features, gates = x.chunk(2, 1)
    return (F.relu(features) if kind == "relu" else F.elu(features)) * torch.sigmoid(gates)


def generator(weights, image, mask, tensorflow):
    """(coarse, refined) in -1..1. weights: (weight, bias) of the 42 convolutions, as checkpoints list them; image
    [N, 3, H, W] in -1..1, mask [N, 1, H, W], sides that are multiples of 8. tensorflow: the converted variant."""
    left = iter(weights)

    def run(kinds, x):
        for kind in kinds:
            x = layer(kind, x, *next(left), tensorflow)
        return x

    known = image * (1 - mask)
    coarse = run(COARSE, torch.cat([known, torch.ones_like(mask), mask], 1))
    mixed = known + coarse * mask
    convolved = run(CONVOLUTIONS, mixed)
    features = run(BEFORE_ATTENTION, mixed)
    attended = attention(features, features, mask, 2, 3, 3, 10.0, 2, not tensorflow, tensorflow)
    return coarse, run(DECODER, torch.cat([convolved, run(AFTER_ATTENTION, attended)], 1))
