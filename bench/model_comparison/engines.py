"""Ways to run the same DeepFill v2.

Pictures are [1, 3, H, W] in 0..1, masks [1, 1, H, W] with 1 = hole; the result is the composite."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

THREADS = 2


@dataclass
class Files:
    """weights: safetensors, as infill opens them; onnx: the same network for one size."""

    library: Path
    weights: Path
    onnx: Path


class Engine:
    """A network, ready to run."""

    def prepare(self, image: np.ndarray, mask: np.ndarray) -> tuple[Any, Any]:
        """As the engine wants them."""
        return image, mask

    def run(self, image: Any, mask: Any) -> Any:
        """What is timed."""
        raise NotImplementedError

    def array(self, result: Any) -> np.ndarray:
        return result


class Torch(Engine):
    def __init__(self, files: Files, compiled=False, bfloat16=False, channels_last=False) -> None:
        import torch

        self.torch, self.bfloat16 = torch, bfloat16
        self.format = torch.channels_last if channels_last else torch.contiguous_format
        torch.set_num_threads(THREADS)
        self.model = published(files.weights).to(memory_format=self.format)
        if compiled:
            self.model = torch.compile(self.model)

    def prepare(self, image: np.ndarray, mask: np.ndarray) -> tuple[Any, Any]:
        return tuple(self.torch.from_numpy(each).to(memory_format=self.format) for each in (image, mask))

    def run(self, image: Any, mask: Any) -> Any:
        with self.torch.inference_mode(), self.torch.autocast("cpu", self.torch.bfloat16, enabled=self.bfloat16):
            return self.model(image, mask)

    def array(self, result: Any) -> np.ndarray:
        return result.float().numpy()


class OnnxRuntime(Engine):
    def __init__(self, files: Files) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = THREADS
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self.session = onnxruntime.InferenceSession(str(files.onnx), options, providers=["CPUExecutionProvider"])

    def run(self, image: Any, mask: Any) -> Any:
        return self.session.run(None, {"image": image, "mask": mask})[0]


class OpenVino(Engine):
    def __init__(self, files: Files, precision: str) -> None:
        import openvino

        settings = {
            "INFERENCE_PRECISION_HINT": precision,
            "INFERENCE_NUM_THREADS": THREADS,
            "PERFORMANCE_HINT": "LATENCY",
        }
        self.model = openvino.Core().compile_model(str(files.onnx), "CPU", settings)
        self.request = self.model.create_infer_request()

    def run(self, image: Any, mask: Any) -> Any:
        return self.request.infer({"image": image, "mask": mask})[self.model.output(0)]


class Infill(Engine):
    """infill_fill through the C interface: plan, conversion of the picture and blending included."""

    def __init__(self, files: Files, precision: str) -> None:
        from infill_ctypes import Library

        self.session = Library(files.library, THREADS).model_session(files.weights, precision)
        self.session.set("neural.size", 4096)  # never at a smaller scale

    def prepare(self, image: np.ndarray, mask: np.ndarray) -> tuple[Any, Any]:
        return np.ascontiguousarray(image[0].transpose(1, 2, 0)), (mask[0, 0] * 255).astype(np.uint8)

    def run(self, image: Any, mask: Any) -> Any:
        return self.session.fill(image, mask)

    def array(self, result: Any) -> np.ndarray:
        return result.transpose(2, 0, 1)[None]


def published(weights: Path):
    """The published form in PyTorch."""
    from safetensors.torch import load_file

    from model_comparison.published import DeepFill

    state = load_file(weights)
    model = DeepFill(state["stage1.conv1.conv.weight"].shape[0]).eval()
    model.load_state_dict({key: value for key, value in state.items() if not key.endswith("fuse_weight")})
    return model


EAGER, OURS = "PyTorch eager", "infill"
OURS_BF16, OPENVINO, OPENVINO_BF16 = "infill bfloat16", "OpenVINO", "OpenVINO bfloat16"
ENGINES: dict[str, Callable[[Files], Engine]] = {
    EAGER: Torch,
    "PyTorch eager, channels last": lambda files: Torch(files, channels_last=True),
    "PyTorch eager, bfloat16": lambda files: Torch(files, bfloat16=True),
    "torch.compile": lambda files: Torch(files, compiled=True),
    "ONNX Runtime": OnnxRuntime,
    OPENVINO: lambda files: OpenVino(files, "f32"),
    OPENVINO_BF16: lambda files: OpenVino(files, "bf16"),
    OURS: lambda files: Infill(files, "float32"),
    OURS_BF16: lambda files: Infill(files, "bfloat16"),
}
