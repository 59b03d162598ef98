"""PyTorch's part, a process of its own: python -m gpu_check.torch_side DEVICE SIDE WHAT...

Prints lines of JSON, each a key and what was found. WHAT is layers, peaks, gated, backward or attention. On the CPU, for
rehearsals, times are the wall's and calls are few.
"""
import json
import sys
import time

import torch
import torch.nn.functional as F

from model_comparison import published

TYPES = {"float32": torch.float32, "tf32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}
BY_IMPORTANCE = ("bfloat16", "tf32", "float16", "float32")
FORMATS = (torch.contiguous_format, torch.channels_last)


def say(key, **found):
    print(json.dumps({"key": key, **found}), flush=True)


def milliseconds(call, device):
    """Median of a call, of several between two events."""
    if device == "cpu":
        start = time.perf_counter()
        call()
        return 1e3 * (time.perf_counter() - start)

    def timed(calls):
        first, last = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        first.record()
        for _ in range(calls):
            call()
        last.record()
        last.synchronize()
        return first.elapsed_time(last) / calls

    timed(3)
    estimate = max(timed(3), 1e-3)
    calls = int(min(max(2 / estimate, 1), 200))
    samples = int(min(max(150 / (estimate * calls), 5), 25))
    return sorted(timed(calls) for _ in range(samples))[samples // 2]


def layers(side):
    """[inputs, outputs, side of x before upsampling, kernel, stride, dilation, upsample, how many] of each kind."""
    found, upsampled = {}, set()

    def note(module, inputs):
        if not module.gated:
            return
        conv, up = module.conv, 2 if module in upsampled else 1
        key = (conv.in_channels, conv.out_channels // 2, inputs[0].shape[2] // up, conv.kernel_size[0], conv.stride[0],
               conv.dilation[0], up)
        found[key] = found.get(key, 0) + 1

    with torch.device("meta"):
        model = published.DeepFill()
        for module in model.modules():
            if isinstance(module, published.Up):
                upsampled.add(module.conv)
            if isinstance(module, published.Conv):
                module.register_forward_pre_hook(note)
        model(torch.empty(1, 3, side, side), torch.empty(1, 1, side, side))
    return [[*key, count] for key, count in found.items()]


def attempt(key, calls, device):
    """The fastest of the calls; what they say when none works."""
    times, failure = [], ""
    for call in calls:
        try:
            times.append(milliseconds(call, device))
        except Exception as error:  # whatever it is, the others are measured
            failure = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"[:200]
            if device == "cuda":
                torch.cuda.empty_cache()
    say(key, **({"ms": min(times)} if times else {"failure": failure}))


def with_precision(name):
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = name == "tf32"


def peaks(device, _):
    side = 8192 if device == "cuda" else 64
    for name, dtype in TYPES.items():
        with_precision(name)
        a, b = (torch.randn(side, side, device=device).to(dtype) for _ in range(2))
        ms = milliseconds(lambda: a @ b, device)
        say(f"peak/{name}", per_second=2 * side**3 / (1e-3 * ms))


def gated_form(x, weight, bias, stride, pad, dilation, upsample):
    if upsample == 2:
        x = F.interpolate(x, scale_factor=2.0, mode="nearest")
    features, gates = F.conv2d(x, weight, bias, stride, pad, dilation).chunk(2, dim=1)
    return F.elu(features) * torch.sigmoid(gates)


def gated(device, side):
    torch.backends.cudnn.benchmark = True
    torch._dynamo.config.recompile_limit = 1000
    compiled = torch.compile(gated_form, dynamic=False)
    for rival in ("eager", "cudnn", "compiled"):
        for name in BY_IMPORTANCE:
            with_precision(name)
            for inputs, outputs, rows, kernel, stride, dilation, up, _ in layers(side):
                key = layer_name((inputs, outputs, rows, kernel, stride, dilation, up))
                if rival == "compiled" and device == "cpu":
                    say(f"gated-compiled/{key}/{name}", failure="left out in rehearsals")
                    continue
                calls = []
                for kind in FORMATS:
                    x = torch.randn(1, inputs, rows, rows, device=device).to(TYPES[name], memory_format=kind)
                    weight = 0.05 * torch.randn(2 * outputs, inputs, kernel, kernel, device=device)
                    weight = weight.to(TYPES[name], memory_format=kind)
                    bias = torch.zeros(2 * outputs, device=device, dtype=TYPES[name])
                    rest = (weight, bias, stride, dilation * (kernel - 1) // 2, dilation)
                    if rival == "cudnn":
                        x = F.interpolate(x, scale_factor=2.0, mode="nearest") if up == 2 else x
                        calls.append(lambda x=x, rest=rest: F.conv2d(x, *rest))
                    else:
                        run = gated_form if rival == "eager" else compiled
                        calls.append(lambda x=x, rest=rest, run=run: run(x, *rest, up))
                attempt(f"gated-{rival}/{key}/{name}", calls, device)


def backward(device, side):
    """All gradients of the convolution alone, which is cuDNN's part of the backward on its way."""
    torch.backends.cudnn.benchmark = True
    for name in ("bfloat16", "tf32", "float16", "float32"):
        with_precision(name)
        for inputs, outputs, rows, kernel, stride, dilation, up, _ in layers(side):
            pad, calls = dilation * (kernel - 1) // 2, []
            for kind in FORMATS:
                x = torch.randn(1, inputs, rows * up, rows * up, device=device).to(TYPES[name], memory_format=kind)
                weight = 0.05 * torch.randn(2 * outputs, inputs, kernel, kernel, device=device)
                weight = weight.to(TYPES[name], memory_format=kind)
                z = F.conv2d(x, weight, None, stride, pad, dilation)
                rest = ([2 * outputs], [stride] * 2, [pad] * 2, [dilation] * 2, False, [0, 0], 1, [True] * 3)
                calls.append(lambda z=z, x=x, weight=weight, rest=rest:
                             torch.ops.aten.convolution_backward(z, x, weight, *rest))
            key = layer_name((inputs, outputs, rows, kernel, stride, dilation, up))
            attempt(f"backward-cudnn/{key}/{name}", calls, device)


def layer_name(layer):
    inputs, outputs, rows, kernel, stride, dilation, up = layer[:7]
    text = f"{inputs} → {outputs}, {rows}², {kernel} × {kernel}"
    text += ", stride 2" if stride == 2 else ""
    text += f", dilation {dilation}" if dilation > 1 else ""
    return text + (", upsampled" if up == 2 else "")


def attention(device, side):
    for size in (512, 1024, 2048) if device == "cuda" else (side,):
        for name, dtype in TYPES.items():
            with_precision(name)
            f = (0.3 * torch.randn(1, 96, size // 4, size // 4, device=device)).to(dtype)
            mask = torch.zeros(1, 1, size, size, device=device, dtype=dtype)
            mask[:, :, size // 3:size // 2, size // 4:size // 2] = 1
            attempt(f"attention-eager/{size}²/{name}", [lambda: published.contextual_attention(f, f, mask)], device)


def main():
    device, side, *wanted = sys.argv[1:]
    with torch.inference_mode():
        for what in wanted:
            if what == "layers":
                say("layers", version=torch.__version__, layers=layers(int(side)),
                    names=[layer_name(each) for each in layers(int(side))])
            else:
                {"peaks": peaks, "gated": gated, "backward": backward, "attention": attention}[what](device, int(side))


if __name__ == "__main__":
    main()
