"""Tables of Markdown, and docs/benchmarks.md, whose two halves are written by two programs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

# What bench/compare-models writes begins with this line and goes on to the end; before it stands what
# bench/compare wrote.
MODELS = "## Models"


@dataclass
class Verdict:
    """What infill promises, and the figure that keeps or breaks the promise."""

    target: str
    where: str
    measured: str
    passed: bool | None  # None: not enough was measured to say


def table(header: list[str], rows: Iterable[Iterable[str]]) -> list[str]:
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    return lines + ["| " + " | ".join(row) + " |" for row in rows]


def verdicts(found: list[Verdict]) -> list[str]:
    words = {True: "PASS", False: "**FAIL**", None: "open"}
    rows = [(words[v.passed], v.target, v.where, v.measured) for v in found]
    return table(["", "target", "where", "measured"], rows)


def summary(found: list[Verdict]) -> str:
    passed, failed, unknown = (sum(v.passed is word for v in found) for word in (True, False, None))
    return f"{passed} pass, {failed} fail" + (f", {unknown} open" if unknown else "")


def _halves(file: Path) -> tuple[str, str]:
    text = file.read_text() if file.exists() else ""
    fills, mark, models = f"\n{text}".partition(f"\n{MODELS}\n")
    return fills.strip(), (mark + models).strip()


def _write(file: Path, halves: Iterable[str]) -> None:
    file.write_text("\n\n".join(filter(None, halves)) + "\n")


def write_fills(file: Path, text: str) -> None:
    _write(file, (text.strip(), _halves(file)[1]))


def write_models(file: Path, text: str) -> None:
    """text begins with MODELS."""
    _write(file, (_halves(file)[0], text.strip()))
