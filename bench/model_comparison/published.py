"""DeepFill v2 (Yu et al., arXiv 1806.03589) in plain PyTorch operators, as the papers describe it: what infill is
compared with. Keys of its state are those of published checkpoints (zero padding equal on both sides)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Conv(nn.Module):
    """A convolution that keeps the size (but for its stride), gated: act(features) * sigmoid(gates)."""

    def __init__(self, inputs: int, outputs: int, kernel=3, stride=1, dilation=1, act=F.elu, gated=True) -> None:
        super().__init__()
        pad = dilation * (kernel - 1) // 2
        self.conv = nn.Conv2d(inputs, outputs * (2 if gated else 1), kernel, stride, pad, dilation)
        self.act, self.gated = act, gated

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        if not self.gated:
            return self.act(x)
        features, gates = torch.chunk(x, 2, dim=1)
        return self.act(features) * torch.sigmoid(gates)


class Up(nn.Module):
    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv = Conv(inputs, outputs)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(F.interpolate(x, scale_factor=2.0, mode="nearest"))


class Down(nn.Sequential):
    def __init__(self, inputs: int, middle: int, outputs: int) -> None:
        super().__init__()
        self.conv1_downsample = Conv(inputs, middle, stride=2)
        self.conv2 = Conv(middle, outputs)


class Upward(nn.Sequential):
    def __init__(self, inputs: int, outputs: int, last: int) -> None:
        super().__init__()
        self.conv1_upsample = Up(inputs, outputs)
        self.conv2 = Conv(outputs, last)


def attention_scores(f: Tensor, b: Tensor, mask: Tensor | None, fuse: bool = True) -> Tensor:
    """Softmax over keys [1, keys, h, w] for pictures of [1, C, h, w]; mask [1, 1, h, w]: 1 = hole."""
    height, width = f.shape[2:]
    keys = height * width
    patches = F.unfold(b, 3, padding=1)[0].t().reshape(keys, b.shape[1], 3, 3)
    norm = torch.sqrt((patches * patches).sum(dim=(1, 2, 3), keepdim=True)).clamp_min(1e-4)
    scores = F.conv2d(f, patches / norm, padding=1)
    if fuse:
        diagonal = torch.eye(3, dtype=f.dtype).reshape(1, 1, 3, 3)
        scores = F.conv2d(scores.reshape(1, 1, keys, keys), diagonal, padding=1)
        scores = scores.reshape(1, height, width, height, width).permute(0, 2, 1, 4, 3)
        scores = F.conv2d(scores.reshape(1, 1, keys, keys), diagonal, padding=1)
        scores = scores.reshape(1, width, height, width, height).permute(0, 2, 1, 4, 3)
    scores = scores.reshape(1, keys, height, width)
    if mask is None:
        return torch.softmax(10.0 * scores, dim=1)
    valid = (F.unfold(mask, 3, padding=1).sum(dim=1) == 0).to(f.dtype).reshape(1, keys, 1, 1)
    return torch.softmax(10.0 * scores * valid, dim=1) * valid


def contextual_attention(f: Tensor, b: Tensor, mask: Tensor | None, fuse: bool = True) -> Tensor:
    """The published layer: rate 2, patches of 3 x 3 compared, of 4 x 4 pasted. mask has 4 times f's sides."""
    height, width = f.shape[2] // 2, f.shape[3] // 2
    pasted = F.unfold(b, 4, padding=1, stride=2)[0].t().reshape(height * width, b.shape[1], 4, 4)
    small = None if mask is None else mask[:, :, ::8, ::8]
    scores = attention_scores(f[:, :, ::2, ::2], b[:, :, ::2, ::2], small, fuse)
    return F.conv_transpose2d(scores, pasted, stride=2, padding=1) / 4


class Coarse(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        w = width
        self.conv1 = Conv(5, w // 2, 5)
        self.down_block1, self.down_block2 = Down(w // 2, w, w), Down(w, 2 * w, 2 * w)
        self.conv_bn1 = Conv(2 * w, 2 * w)
        self.conv_bn2, self.conv_bn3 = Conv(2 * w, 2 * w, dilation=2), Conv(2 * w, 2 * w, dilation=4)
        self.conv_bn4, self.conv_bn5 = Conv(2 * w, 2 * w, dilation=8), Conv(2 * w, 2 * w, dilation=16)
        self.conv_bn6, self.conv_bn7 = Conv(2 * w, 2 * w), Conv(2 * w, 2 * w)
        self.up_block1, self.up_block2 = Upward(2 * w, w, w), Upward(w, w // 2, w // 4)
        self.conv_to_rgb = Conv(w // 4, 3, act=torch.tanh, gated=False)

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.children():
            x = layer(x)
        return x


class Refinement(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        w = width
        self.conv_conv1, self.ca_conv1 = Conv(3, w // 2, 5), Conv(3, w // 2, 5)
        self.conv_down_block1, self.conv_down_block2 = Down(w // 2, w // 2, w), Down(w, w, 2 * w)
        self.ca_down_block1, self.ca_down_block2 = Down(w // 2, w // 2, w), Down(w, 2 * w, 2 * w)
        self.conv_conv_bn1 = Conv(2 * w, 2 * w)
        for number, dilation in enumerate((2, 4, 8, 16), start=2):
            setattr(self, f"conv_conv_bn{number}", Conv(2 * w, 2 * w, dilation=dilation))
        self.ca_conv_bn1 = Conv(2 * w, 2 * w, act=F.relu)
        self.ca_conv_bn4, self.ca_conv_bn5 = Conv(2 * w, 2 * w), Conv(2 * w, 2 * w)
        self.conv_bn6, self.conv_bn7 = Conv(4 * w, 2 * w), Conv(2 * w, 2 * w)
        self.up_block1, self.up_block2 = Upward(2 * w, w, w), Upward(w, w // 2, w // 4)
        self.conv_to_rgb = Conv(w // 4, 3, act=torch.tanh, gated=False)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        plain = self.conv_down_block2(self.conv_down_block1(self.conv_conv1(x)))
        for number in range(1, 6):
            plain = getattr(self, f"conv_conv_bn{number}")(plain)
        attended = self.ca_conv_bn1(self.ca_down_block2(self.ca_down_block1(self.ca_conv1(x))))
        attended = contextual_attention(attended, attended, mask)
        attended = self.ca_conv_bn5(self.ca_conv_bn4(attended))
        x = self.conv_bn7(self.conv_bn6(torch.cat((plain, attended), dim=1)))
        return self.conv_to_rgb(self.up_block2(self.up_block1(x)))


class DeepFill(nn.Module):
    """image [1, 3, H, W] in 0..1, mask [1, 1, H, W] with 1 = hole -> composite in 0..1."""

    def __init__(self, width: int = 48) -> None:
        super().__init__()
        self.stage1, self.stage2 = Coarse(width), Refinement(width)

    def forward(self, image: Tensor, mask: Tensor) -> Tensor:
        known = (image * 2 - 1) * (1 - mask)
        coarse = self.stage1(torch.cat((known, torch.ones_like(mask), mask), dim=1))
        refined = self.stage2(known + coarse * mask, mask)
        return image * (1 - mask) + (refined * 0.5 + 0.5) * mask


# Standard deviations of a random network's convolutions. With larger ones, attention chooses so sharply that a rounding
# error picks other patches: every engine would be right and their results would differ.
RANGE, BEFORE_ATTENTION, COLOURS = 0.6, 0.2, 0.4


def random_model(width: int, image: Tensor, mask: Tensor) -> DeepFill:
    """Random weights, scaled so that every convolution's result has a standard deviation of its own on this picture:
    nothing fades or saturates, and a layer that computes something else is seen at the end."""
    torch.manual_seed(1)
    model = DeepFill(width).eval()
    layers = {layer: RANGE for layer in model.modules() if isinstance(layer, nn.Conv2d)}
    layers[model.stage2.ca_conv_bn1.conv] = BEFORE_ATTENTION
    layers[model.stage1.conv_to_rgb.conv] = layers[model.stage2.conv_to_rgb.conv] = COLOURS

    def rescale(layer: nn.Module, _: tuple[Tensor], result: Tensor) -> Tensor:
        scale = layers[layer] / result.std()
        layer.weight.mul_(scale)
        layer.bias.uniform_(-0.1, 0.1).mul_(layers[layer])
        return result * scale + layer.bias[:, None, None]

    with torch.no_grad():
        for layer in layers:
            layer.weight.normal_()
            layer.bias.zero_()
        hooks = [layer.register_forward_hook(rescale) for layer in layers]
        model(image, mask)
        for hook in hooks:
            hook.remove()
    return model
