"""Makes the network that is compared: python -m model_comparison.networks WEIGHTS ONNX SIZE."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from model_comparison import inputs
from model_comparison.engines import published

WIDTH = 48  # as published


def make_weights(file: Path) -> None:
    import torch
    from safetensors.torch import save_file

    from model_comparison.published import random_model

    image, mask = torch.from_numpy(inputs.picture(256)), torch.from_numpy(inputs.mask(256, "whole"))
    state = dict(random_model(WIDTH, image, mask).state_dict())
    # Published files have this buffer; it says that the attention fuses.
    state["stage2.contextual_attention.fuse_weight"] = torch.eye(3).reshape(1, 1, 3, 3)
    part = file.with_suffix(".part")
    save_file(state, part)
    part.rename(file)


def export_onnx(weights: Path, file: Path, size: int) -> None:
    import torch

    example = (torch.zeros(1, 3, size, size), torch.zeros(1, 1, size, size))
    part = file.with_suffix(".part")
    names = {"input_names": ["image", "mask"], "output_names": ["out"]}
    torch.onnx.export(published(weights), example, part, dynamo=False, **names)
    part.rename(file)


def main() -> None:
    weights, onnx, size = sys.argv[1:]
    if not Path(weights).exists():
        make_weights(Path(weights))
    export_onnx(Path(weights), Path(onnx), int(size))
    print(json.dumps({}))


if __name__ == "__main__":
    main()
