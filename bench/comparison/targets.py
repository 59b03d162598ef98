"""What infill promises against the others, each with the figure that keeps or breaks the promise."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

from comparison.runner import Case, Figures
from support.document import Verdict

Table = dict[Case, dict[str, Figures]]


def _groups(table: Table) -> Iterable[tuple[str, list[Case]]]:
    """Cases of one size and one kind of mask."""
    names = dict.fromkeys((case.size, case.mask) for case in table)
    for size, mask in names:
        yield f"{size}, {mask}", [case for case in table if (case.size, case.mask) == (size, mask)]


def _both(table: Table, cases: list[Case], ours: str, rival: str) -> list[tuple[Figures, Figures]]:
    pairs = [(table[c][ours], table[c][rival]) for c in cases if ours in table[c] and rival in table[c]]
    return [(a, b) for a, b in pairs if not b.failure]


def _geometric(values: list[float]) -> float:
    return math.exp(sum(map(math.log, values)) / len(values))


def _mean(values: Iterable[float]) -> float:
    listed = list(values)
    return sum(listed) / len(listed)


def faster(table: Table, ours: str, rival: str, times: float) -> list[Verdict]:
    found = []
    for where, cases in _groups(table):
        pairs = _both(table, cases, ours, rival)
        if not pairs:
            continue
        failures = [a.failure for a, _ in pairs if a.failure]
        if failures:
            found.append(Verdict(f"{ours} runs", where, failures[0], False))
            continue
        ratios = [b.fastest / a.fastest for a, b in pairs]
        ratio = _geometric(ratios)
        text = f"{ratio:.1f}× (geometric mean of {len(ratios)}; {min(ratios):.1f}–{max(ratios):.1f}×)"
        found.append(Verdict(f"{ours} ≥ {times:g}× faster than {rival}", where, text, ratio >= times))
    return found


def no_worse_psnr(table: Table, ours: str, rival: str) -> list[Verdict]:
    found = []
    for where, cases in _groups(table):
        pairs = [(a, b) for a, b in _both(table, cases, ours, rival) if not a.failure]
        if not pairs:
            continue
        a, b = (_mean(pair[i].scores["psnr"] for pair in pairs) for i in (0, 1))
        better = sum(x.scores["psnr"] >= y.scores["psnr"] for x, y in pairs)
        text = f"{a:.2f} against {b:.2f} dB on average; no lower on {better} of {len(pairs)}"
        found.append(Verdict(f"{ours}: PSNR no lower than {rival}", where, text, a >= b))
    return found


def closer(table: Table, ours: str, rivals: list[str]) -> list[Verdict]:
    """Lower feature distance than every rival that has an answer, on at least five photos of six."""
    found = []
    for where, cases in _groups(table):
        cases = [c for c in cases if {ours, *rivals} <= table[c].keys() and not table[c][ours].failure]
        wins = 0
        for case in cases:
            others = [table[case][r].scores["mbd"] for r in rivals if not table[case][r].failure]
            wins += all(table[case][ours].scores["mbd"] < other for other in others)
        if cases:
            text = f"lower than every one of them on {wins} of {len(cases)}"
            target = f"{ours}: feature distance lower than {' and '.join(rivals)} on ≥ 5 of 6 photos"
            found.append(Verdict(target, where, text, wins >= 5 if len(cases) == 6 else None))
    return found


def same_biharmonic(table: Table, difference: Callable[[Case], float]) -> list[Verdict]:
    found = []
    target = "biharmonic: scikit-image's answer to 1e-3 where it does not clip"
    for where, cases in _groups(table):
        pairs = [
            c
            for c in cases
            if "biharmonic" in table[c] and _both(table, [c], "biharmonic", "skimage-biharmonic")
        ]
        pairs = [c for c in pairs if not table[c]["biharmonic"].failure]
        if pairs:
            worst = max(map(difference, pairs))
            found.append(Verdict(target, where, f"largest difference {worst:.1e}", worst <= 1e-3))
    return found


def survives(ours: Figures, theirs: Figures, where: str) -> Verdict:
    target = "biharmonic runs at a size where scikit-image dies"
    text = f"infill {ours.failure or f'{ours.fastest:.1f} s, {ours.peak / 1e6:.0f} MB'}; "
    text += f"scikit-image {theirs.failure or f'{theirs.fastest:.1f} s, {theirs.peak / 1e6:.0f} MB'}"
    return Verdict(target, where, text, not ours.failure and bool(theirs.failure))


def follows_hole(figures: dict[int, Figures]) -> list[Verdict]:
    where = "50,000 pixels in 100 and in 2 megapixels"
    small, large = figures[2], figures[100]
    if not (small.seconds or small.failure) or not (large.seconds or large.failure):
        return []  # not measured
    if small.failure or large.failure:
        return [Verdict("time follows the hole", where, small.failure or large.failure, False)]
    ratio = large.fastest / small.fastest
    beyond = large.peak / 1e6
    return [
        Verdict(
            "time follows the hole (≤ 1.3×)", where, f"{ratio:.2f}× ({large.fastest:.3f} s)", ratio <= 1.3
        ),
        Verdict(
            "memory follows the hole (≤ 50 MB)", where, f"{beyond:.1f} MB beyond the picture", beyond <= 50
        ),
    ]
