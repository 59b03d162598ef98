"""The operators of libinfill_torch beside the same in PyTorch: python -m model_comparison.operators WHAT LIBRARY
ARGUMENT prints what it found."""

from __future__ import annotations

import json
import resource
import sys
import time
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from model_comparison.engines import THREADS
from model_comparison.published import Conv, DeepFill, contextual_attention
from support.machine import forget_peak, resident

CHANNELS = 96
CLEAR = 1.05  # times that differ by less are measured more often
LIMIT = 16 << 30  # bytes of address space for the published attention


def seconds_of(calls: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Seconds of the fastest call of each, taken turn by turn."""
    found: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            start = time.perf_counter()
            call()
            found[name].append(time.perf_counter() - start)
    return {name: min(seconds) for name, seconds in found.items()}


def difference(result: Tensor, reference: Tensor) -> float:
    """The largest, of the largest value."""
    result, reference = result.float(), reference.float()
    return float((result - reference).abs().max() / reference.abs().max())


def _attention_inputs(side: int) -> tuple[Tensor, Tensor, Tensor]:
    """As in a picture of that side, of which the layer sees a quarter."""
    torch.manual_seed(1)
    features = torch.randn(1, CHANNELS, side // 4, side // 4)
    mask = torch.zeros(1, 1, side, side)
    mask[:, :, side // 3 : side // 2, side // 4 : side // 2] = 1
    return features, features, mask


def attention(side: int) -> dict:
    inputs = _attention_inputs(side)
    calls = {
        "published": lambda: contextual_attention(*inputs),
        "infill": lambda: torch.ops.infill.contextual_attention(*inputs),
    }
    differs = difference(calls["infill"](), calls["published"]())
    return {"seconds": seconds_of(calls, 5), "differs": differs}


def _extra(call: Callable[..., Tensor], inputs: tuple[Tensor, ...]) -> dict:
    """Bytes at the peak of a call beyond inputs and result, and its seconds."""
    before = forget_peak()
    start = time.perf_counter()
    result = call(*inputs)
    seconds = time.perf_counter() - start
    return {"seconds": seconds, "peak": resident()[1] - before - result.nbytes}


def attention_memory(side: int) -> dict:
    return _extra(torch.ops.infill.contextual_attention, _attention_inputs(side))


def published_memory(side: int) -> dict:
    """Under a limit: it may need more than the machine has."""
    inputs = _attention_inputs(side)
    resource.setrlimit(resource.RLIMIT_AS, (LIMIT, LIMIT))
    try:
        return _extra(contextual_attention, inputs)
    except RuntimeError as error:
        return {"refused": str(error).splitlines()[0]}


class Layer(NamedTuple):
    inputs: int
    outputs: int
    size: int  # of the input
    kernel: int
    stride: int
    dilation: int

    def __str__(self) -> str:
        text = f"{self.inputs} → {self.outputs}, {self.size}², {self.kernel} × {self.kernel}"
        text += ", stride 2" if self.stride == 2 else ""
        return text + (f", dilation {self.dilation}" if self.dilation > 1 else "")


def layers(side: int) -> Counter[Layer]:
    """The gated convolutions of DeepFill v2 on a picture of that side, and how many of each there are."""
    found: Counter[Layer] = Counter()

    def note(module: Conv, inputs: tuple[Tensor]) -> None:
        conv: nn.Conv2d = module.conv
        outputs = conv.out_channels // 2
        if module.gated:
            sizes = (inputs[0].shape[2], conv.kernel_size[0], conv.stride[0], conv.dilation[0])
            found[Layer(conv.in_channels, outputs, *sizes)] += 1

    with torch.device("meta"):
        model = DeepFill()
        for module in model.modules():
            if isinstance(module, Conv):
                module.register_forward_pre_hook(note)
        model(torch.empty(1, 3, side, side), torch.empty(1, 1, side, side))
    return found


def _gated_calls(
    layer: Layer, dtype: torch.dtype, memory_format: torch.memory_format
) -> dict[str, Callable[[], Tensor]]:
    torch.manual_seed(1)
    pad = layer.dilation * (layer.kernel - 1) // 2
    x = torch.randn(1, layer.inputs, layer.size, layer.size)
    weight = torch.randn(2 * layer.outputs, layer.inputs, layer.kernel, layer.kernel)
    weight /= (layer.inputs * layer.kernel**2) ** 0.5
    x, weight = (each.to(dtype).contiguous(memory_format=memory_format) for each in (x, weight))
    bias = torch.randn(2 * layer.outputs).to(dtype)

    def eager() -> Tensor:
        features, gates = F.conv2d(x, weight, bias, layer.stride, pad, layer.dilation).chunk(2, dim=1)
        return F.elu(features) * torch.sigmoid(gates)

    def ours() -> Tensor:
        return torch.ops.infill.gated_conv2d(
            x, weight, bias, [layer.stride] * 2, [pad] * 4, [layer.dilation] * 2, "elu"
        )

    return {"eager": eager, "infill": ours}


FORMATS = {"channels first": torch.contiguous_format, "channels last": torch.channels_last}


def gated(side: int) -> dict:
    """Of every layer: how often it is there, seconds of each competitor, type and format, differences."""
    found = []
    for layer, count in layers(side).items():
        calls, differs = {}, {}
        for dtype in (torch.float32, torch.bfloat16):
            for name, memory_format in FORMATS.items():
                pair = _gated_calls(layer, dtype, memory_format)
                key = f"{str(dtype).removeprefix('torch.')}, {name}"
                differs[key] = difference(pair["infill"](), pair["eager"]())
                calls |= {f"{who} {key}": call for who, call in pair.items()}
        seconds = seconds_of(calls, 9)
        for key in differs:
            pair = {name: calls[name] for name in (f"eager {key}", f"infill {key}")}
            if seconds[f"eager {key}"] < CLEAR * seconds[f"infill {key}"]:
                again = seconds_of(pair, 20)
                seconds |= {name: min(seconds[name], again[name]) for name in pair}
        found.append({"layer": str(layer), "count": count, "seconds": seconds, "differs": differs})
    return {"layers": found}


def main() -> None:
    what, library, side = sys.argv[1:]
    torch.ops.load_library(library)
    torch.set_num_threads(THREADS)
    with torch.inference_mode():
        measure = {
            "attention": attention,
            "attention-memory": attention_memory,
            "published-memory": published_memory,
            "gated": gated,
        }
        print(json.dumps(measure[what](int(side))))


if __name__ == "__main__":
    main()
