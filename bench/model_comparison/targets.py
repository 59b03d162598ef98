"""What infill promises of models and operators, each with the figure that keeps or breaks the promise."""

from __future__ import annotations

from model_comparison import inputs
from model_comparison.engines import EAGER, OPENVINO, OPENVINO_BF16, OURS, OURS_BF16
from model_comparison.measure import COMPACT, WHOLE, Measured
from model_comparison.worker import Figures
from support.document import Verdict

BESIDE_OPENVINO = 150e6
LARGE = {1024: 2e9, 2048: 6e9}  # bytes resident that infill may take
ATTENTION_BYTES = 1e9
EQUAL = 1.03  # times that differ by less count as equal: two runs of one program differ as much
FASTER = (
    (512, OURS, EAGER, 3),
    (512, OURS, OPENVINO, 1.5),
    (512, OURS_BF16, EAGER, 5),
    (512, OURS_BF16, OPENVINO_BF16, 1.2),
    (256, OURS, OPENVINO, 1),
)


def _verdict(target: str, where: str, figures: list[Figures], measured: str, passed: bool) -> Verdict:
    """The verdict, unless one of the figures is missing."""
    for known in figures:
        if known.failure:
            return Verdict(target, where, known.failure, None if known.unsupported else False)
    return Verdict(target, where, measured, passed)


def _faster(measured: Measured) -> list[Verdict]:
    found = []
    for size, ours, rival, times in FASTER:
        if (size, WHOLE, ours) not in measured.models:
            continue
        a, b = (measured.models[size, WHOLE, engine] for engine in (ours, rival))
        ratio = b.fastest / a.fastest
        target = f"{ours} ≥ {times:g}× as fast as {rival}"
        found.append(_verdict(target, f"DeepFill v2, {size}²", [a, b], f"{ratio:.2f}×", ratio >= times))
    return found


def _bfloat16(measured: Measured) -> list[Verdict]:
    found = []
    for (size, hole, engine), figures in measured.models.items():
        if engine == OURS_BF16 and hole == WHOLE:
            value = measured.bfloat16_psnr.get(size, 0)
            text = f"{value:.1f} dB"
            target = "bfloat16: PSNR to float32 ≥ 45 dB"
            found.append(_verdict(target, f"hole, {size}²", [figures], text, value >= 45))
    return found


def _holes(measured: Measured) -> list[Verdict]:
    found = []
    for (size, hole, engine), figures in measured.models.items():
        if engine != OURS:
            continue
        whole = measured.models[size, WHOLE, OURS]
        ratio = whole.fastest / figures.fastest
        if hole == COMPACT and size >= 512:
            target = "a compact hole of 5 %: ≥ 2× as fast as the whole picture"
            found.append(_verdict(target, f"{size}²", [whole, figures], f"{ratio:.2f}×", ratio >= 2))
        if hole == COMPACT and size in measured.same_inside:
            value = measured.same_inside[size]
            target = "a compact hole of 5 %: the same pixels (≤ 1e-5) as with everything computed"
            found.append(Verdict(target, f"{size}²", f"largest difference {value:.1e}", value <= 1e-5))
        if hole[0] in inputs.SCATTERED:
            target = f"scattered holes: never slower than the whole picture (within {EQUAL - 1:.0%})"
            passed = ratio >= 1 / EQUAL
            found.append(_verdict(target, f"{hole[0]}, {size}²", [whole, figures], f"{ratio:.2f}× as fast", passed))
    return found


def _memory(measured: Measured) -> list[Verdict]:
    found = []
    if (512, WHOLE, OURS) in measured.models:
        ours, theirs = (measured.models[512, WHOLE, engine] for engine in (OURS, OPENVINO))
        text = f"{ours.resident / 1e6:.0f} MB, OpenVINO {theirs.resident / 1e6:.0f} MB"
        target = "resident: no more than OpenVINO + 150 MB"
        passed = ours.resident <= theirs.resident + BESIDE_OPENVINO
        found.append(_verdict(target, "DeepFill v2, 512²", [ours, theirs], text, passed))
    for size, figures in measured.large.items():
        target = f"resident: within {LARGE[size] / 1e9:g} GB"
        text = f"{figures.resident / 1e6:.0f} MB ({figures.first:.1f} s)"
        passed = figures.resident <= LARGE[size]
        found.append(_verdict(target, f"DeepFill v2, {size}²", [figures], text, passed))
    return found


def _attention(measured: Measured) -> list[Verdict]:
    where = "contextual attention, 96 channels"
    told = measured.operators["attention"]
    if "failure" in told:
        return [Verdict("contextual attention runs", where, told["failure"], False)]
    ratio, differs = told["seconds"]["published"] / told["seconds"]["infill"], told["differs"]
    found = [
        Verdict("≥ 12× as fast as the published form", f"{where}, {told['size']}²", f"{ratio:.1f}×", ratio >= 12),
        Verdict("the published form's result to 1e-5", f"{where}, {told['size']}²", f"{differs:.1e}", differs <= 1e-5),
    ]
    if "attention-memory" not in measured.operators:
        return found
    ours, theirs = (measured.operators[key] for key in ("attention-memory", "published-memory"))
    target = "extra memory ≤ 1 GB, where the published form needs tens"
    if "failure" in ours | theirs:
        text = (ours | theirs)["failure"]
        return [*found, Verdict(target, f"{where}, 2048²", text, False)]
    scores = 4 * (2048 // 8) ** 4
    if "peak" in theirs:
        needs, tens = f"{theirs['peak'] / 1e9:.1f} GB", theirs["peak"] >= 10e9
    else:
        needs = f"refused at 16 GiB; two matrices of scores at once are {2 * scores / 1e9:.1f} GB"
        tens = str(scores) in theirs["refused"]
    text = f"{ours['peak'] / 1e6:.0f} MB ({ours['seconds']:.1f} s); published: {needs}"
    return [*found, Verdict(target, f"{where}, 2048²", text, ours["peak"] <= ATTENTION_BYTES and tens)]


def gated_total(layers: list[dict], key: str) -> float:
    """Seconds of all layers of a network."""
    return sum(layer["count"] * layer["seconds"][key] for layer in layers)


def _gated(measured: Measured) -> list[Verdict]:
    told = measured.operators["gated"]
    if "failure" in told:
        return [Verdict("gated convolution runs", "", told["failure"], False)]
    layers = told["layers"]
    found = []
    for key in layers[0]["differs"]:
        times = {layer["layer"]: layer["seconds"] for layer in layers}
        ratios = {name: known[f"eager {key}"] / known[f"infill {key}"] for name, known in times.items()}
        worst = min(ratios, key=ratios.__getitem__)
        total = gated_total(layers, f"eager {key}") / gated_total(layers, f"infill {key}")
        text = f"{total:.2f}× over all, least {ratios[worst]:.2f}× ({worst})"
        target = f"never slower than eager PyTorch (within {EQUAL - 1:.0%})"
        found.append(Verdict(target, f"gated convolution, {key}", text, ratios[worst] >= 1 / EQUAL))
        limit = 1e-5 if key.startswith("float32") else 2e-2
        value = max(layer["differs"][key] for layer in layers)
        target = f"eager's result to {limit:g}"
        found.append(Verdict(target, f"gated convolution, {key}", f"{value:.1e}", value <= limit))
    for name in ("channels first", "channels last"):
        keys = [f"infill {kind}, {name}" for kind in ("float32", "bfloat16")]
        ratios = [layer["seconds"][keys[0]] / layer["seconds"][keys[1]] for layer in layers]
        total = gated_total(layers, keys[0]) / gated_total(layers, keys[1])
        text = f"{total:.2f}× over all; single layers {min(ratios):.2f}–{max(ratios):.2f}×"
        target = "bfloat16 ≥ 1.7× as fast as float32, over all layers"
        found.append(Verdict(target, f"gated convolution, {name}", text, total >= 1.7))
    return found


def judge(measured: Measured) -> list[Verdict]:
    found = _attention(measured) + _gated(measured)
    return found + _faster(measured) + _bfloat16(measured) + _holes(measured) + _memory(measured)
