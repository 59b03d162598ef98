"""docs/benchmarks-gpu.md. Only what was measured becomes a number; everything else says why it is none."""
from support.document import table

INTRODUCTION = """\
Written by `scripts/gpu-check`: tests and measurements of the CUDA kernels on a device. Times are medians after warm-up,
between CUDA events, of many calls in a row: operands that fit lie in the cache of second level, for every competitor
alike. *eager* is the published form in PyTorch operators; *cuDNN* only its convolution, without the gate (`F.conv2d`
with `cudnn.benchmark`); *compiled* is `torch.compile` of eager. Of each competitor the faster of channels first and
channels last counts. *Share of the roofline*: the least time that the formula's operations and bytes take at this
machine's measured peaks, divided by infill's time. For float32 the peak is that of PyTorch's float32 product."""
GENERATORS = """\
From the call until the device has done it, by the host's clock, median. *whole*: the holes need the network's every pixel;
*compact*: 5 % of the picture, always at the same place (a CUDA graph); *moving*: the same at nine places in turn (kernels
launched one by one). What infill does beside the network counts: the mask's way to the host, planning, conversion, seam.
PyTorch (`cudnn.benchmark`, cuDNN's convolutions) computes everything for each; ratios are to *whole*. *differs by*: largest
difference of a channel, 0 to 1, from PyTorch's float32."""
RIVALS = ("eager", "compiled", "cudnn")


def milliseconds(entry):
    if entry is None:
        return "not measured"
    return f"{entry['ms']:.4f}" if "ms" in entry and entry["ms"] > 0 else entry.get("failure", "not measured")


def ratio(theirs, ours):
    if not theirs or not ours or not theirs.get("ms") or not ours.get("ms"):
        return ""
    return f"{theirs['ms'] / ours['ms']:.2f}×"


def roofline_share(entry, peak_flops, bandwidth):
    """None where something was not measured."""
    if not entry or not entry.get("ms") or not peak_flops or not bandwidth:
        return None
    least = max(2 * entry["needed"] / peak_flops, entry["bytes"] / bandwidth)
    return least / (entry["ms"] * 1e-3)


def _steps(data):
    rows = [(name, step["state"], f"{step['seconds']:.0f}", step["detail"].replace("|", "\\|").replace("\n", " "))
            for name, step in data["steps"].items()]
    return table(["step", "result", "s", "what it says"], rows)


def _operators(data, prefix, title):
    measured = data["measured"]
    bandwidth = measured.get("peak/copy", {}).get("per_second")
    rows = []
    for key, ours in measured.items():
        kind, _, rest = key.partition("/")
        if kind != prefix:
            continue
        name, _, precision = rest.rpartition("/")
        peak = measured.get(f"peak/{precision}", {}).get("per_second")
        rivals = [measured.get(f"{prefix}-{rival}/{rest}") for rival in RIVALS]
        share = roofline_share(ours, peak, bandwidth)
        counted = "needed" in ours
        rows.append([name, precision, milliseconds(ours), *map(milliseconds, rivals),
                     *(ratio(each, ours) for each in rivals[:2]),
                     f"{2e-9 * ours['needed']:.2f}" if counted else "", f"{1e-6 * ours['bytes']:.1f}" if counted else "",
                     f"{ours['executed'] / ours['needed']:.2f}" if counted and ours["needed"] else "",
                     "" if share is None else f"{100 * share:.0f} %"])
    if not rows:
        return [f"## {title}", "", "Nothing was measured."]
    return [f"## {title}", "", *table(["", "precision", "infill ms", "eager ms", "compiled ms", "cuDNN ms", "eager takes",
                                       "compiled takes", "Gflop", "MB", "executed / needed", "share of the roofline"], rows)]


def _sum(entries):
    """Of milliseconds; None if one is missing."""
    if not all(entry and entry.get("ms") for entry in entries):
        return None
    return {"ms": sum(entry["ms"] for entry in entries)}


def _ways(data):
    """The fused kernels beside cuDNN's convolution and the gate, for cuda/torch/gated_conv2d_path.h."""
    measured, rows = data["measured"], []
    for key in measured:
        kind, _, rest = key.partition("/")
        if kind != "backward":
            continue
        name, _, precision = rest.rpartition("/")
        fused, back = measured.get(f"gated/{rest}"), measured[key]
        cudnn = measured.get(f"gated-cudnn/{rest}")
        through = _sum([cudnn, measured.get(f"gate/{rest}")])
        through_back = _sum([cudnn, measured.get(f"gate_backward/{rest}"), measured.get(f"backward-cudnn/{rest}")])
        rows.append([name, precision, milliseconds(fused), milliseconds(through), ratio(through, fused),
                     milliseconds(back), milliseconds(through_back), ratio(through_back, back)])
    title = ["## Both ways of gated_conv2d", "", "cuDNN's way is its convolution and the gate's kernel; backward, the "
             "convolution again, the gate's gradient and the convolution's. An upsampled layer's backward is that of "
             "upsampled x.", ""]
    heads = ["", "precision", "fused ms", "cuDNN ms", "cuDNN takes", "backward: fused ms", "cuDNN ms", "cuDNN takes"]
    return [*title, *(table(heads, rows) if rows else ["Nothing was measured."])]


def _generators(data):
    """Of a size and precision one row; PyTorch computes the same for each kind of hole."""
    measured, rows = data["measured"], []
    for key in measured:
        kind, _, rest = key.partition("/")
        size, _, precision = rest.rpartition("/")
        if kind != "generator" or not size.endswith(", whole"):
            continue
        size = size.removesuffix(", whole")
        holes = [measured.get(f"generator/{size}, {hole}/{precision}") for hole in ("whole", "compact", "moving")]
        rivals = [measured.get(f"generator-{rival}/{size}/{precision}") for rival in RIVALS[:2]]
        error = measured.get(f"generator-error/{size}/{precision}")
        rows.append([size, precision, *map(milliseconds, holes), *map(milliseconds, rivals),
                     *(ratio(each, holes[0]) for each in rivals), f"{error['largest']:.1e}" if error else ""])
    if not rows:
        return ["Nothing was measured."]
    head = ["picture", "precision", "whole, ms", "compact, ms", "moving, ms", "eager ms", "compiled ms", "eager takes",
            "compiled takes", "differs by"]
    return [*GENERATORS.splitlines(), "", *table(head, rows)]


def _peaks(data):
    rows = []
    for key, entry in data["measured"].items():
        if key.startswith("peak/"):
            name = key.removeprefix("peak/")
            value = entry.get("per_second")
            unit = "GB/s, read and written" if name == "copy" else "Gflop/s, a product of 8192³"
            rows.append([name, f"{1e-9 * value:.0f} {unit}" if value else entry.get("failure", "not measured")])
    return table(["measured peak", ""], rows) if rows else ["No peak was measured."]


def markdown(data):
    title = "# Benchmarks on a GPU"
    lines = [title, ""]
    if data["rehearsal"]:
        lines = [title + ": a rehearsal", "", "**Nothing here was measured on a GPU. No number means anything.**", ""]
    lines += [INTRODUCTION, ""]
    lines += [f"{name}: {text}  " for name, text in data["about"].items()]
    lines += ["", "## Steps", "", *_steps(data), "", "## The machine's peaks", "", *_peaks(data), ""]
    lines += [*_operators(data, "gated", "Gated convolutions of DeepFill v2, width 48, picture of 512²"), ""]
    lines += [*_ways(data), ""]
    lines += [*_operators(data, "attention", "Contextual attention, 96 channels, by the picture's side"), ""]
    lines += ["## Generators: DeepFill v2, width 48, float32 pictures on the device", "", *_generators(data), ""]
    return "\n".join(lines)
