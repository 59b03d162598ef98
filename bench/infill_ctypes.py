"""The parts of <infill.h> that the comparison needs, through ctypes. Pictures are NumPy arrays (BGR), or arrays of a CUDA
device that have __cuda_array_interface__, as PyTorch's tensors there."""

from __future__ import annotations

import ctypes as c
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

UNSUPPORTED = -3
NEURAL = 64
PRECISIONS = {"float32": 1, "float16": 2, "bfloat16": 3, "tf32": 4}
CUDA = 1  # infill_device_type
METHODS = {"harmonic": 1, "biharmonic": 2, "telea": 3, "navier-stokes": 4, "push-pull": 5, "patchmatch": 32}
# Element type and number of channels to infill_format. Three floats are filled alike in any order.
FORMATS = {("uint8", 1): 1, ("uint8", 3): 4, ("float32", 1): 97, ("float32", 3): 98}


class Error(RuntimeError):
    """A call failed; the text is the library's."""


class Unsupported(Error):
    """Valid, but not in this build."""


class _Error(c.Structure):
    _fields_ = [
        ("status", c.c_int32),
        ("native_kind", c.c_int32),
        ("native_code", c.c_int32),
        ("reserved", c.c_uint32),
        ("message", c.c_char * 496),
    ]


class _Image(c.Structure):
    _fields_ = [
        ("struct_size", c.c_uint32),
        ("flags", c.c_uint32),
        ("format", c.c_int32),
        ("width", c.c_int32),
        ("height", c.c_int32),
        ("color", c.c_int32),
        ("alpha", c.c_int32),
        ("device_type", c.c_int32),
        ("device_index", c.c_int32),
        ("reserved", c.c_uint32),
        ("row_stride", c.c_int64),
        ("pixel_stride", c.c_int64),
        ("channel_stride", c.c_int64),
        ("data", c.c_void_p),
        ("reserved_ptr", c.c_void_p),
    ]


class Rect(c.Structure):
    _fields_ = [("x", c.c_int32), ("y", c.c_int32), ("width", c.c_int32), ("height", c.c_int32)]


class _Handle(c.Structure):
    pass


_HANDLE = c.POINTER(_Handle)


class _ContextDesc(c.Structure):
    _fields_ = [
        ("struct_size", c.c_uint32),
        ("api_version", c.c_uint32),
        ("device_type", c.c_int32),
        ("device_index", c.c_int32),
        ("num_threads", c.c_int32),
        ("log_level", c.c_int32),
        ("memory_limit", c.c_uint64),
        ("log", c.c_void_p),
        ("log_user", c.c_void_p),
        ("allocator", c.c_void_p),
        ("module_dir", c.c_char_p),
    ]


class _ModelDesc(c.Structure):
    _fields_ = [
        ("struct_size", c.c_uint32),
        ("precision", c.c_int32),
        ("sha256", c.c_char_p),
        ("reserved_ptr", c.c_void_p),
    ]


class _SessionDesc(c.Structure):
    _fields_ = [
        ("struct_size", c.c_uint32),
        ("flags", c.c_uint32),
        ("method", c.c_int32),
        ("quality", c.c_int32),
        ("fill_model", _HANDLE),
        ("reserved_ptr", c.c_void_p),
    ]


class _ParamInfo(c.Structure):
    _fields_ = [
        ("struct_size", c.c_uint32),
        ("type", c.c_int32),
        ("name", c.c_char_p),
        ("help", c.c_char_p),
        ("minimum", c.c_double),
        ("maximum", c.c_double),
        ("default_value", c.c_double),
        ("value", c.c_double),
    ]


class _FillDesc(c.Structure):
    _fields_ = [
        ("struct_size", c.c_uint32),
        ("flags", c.c_uint32),
        ("roi", Rect),
        ("seed", c.c_uint64),
        ("src", c.POINTER(_Image)),
        ("mask", c.POINTER(_Image)),
        ("dst", c.POINTER(_Image)),
        ("reference", c.POINTER(_Image)),
        ("allow", c.POINTER(_Image)),
        ("progress", c.c_void_p),
        ("progress_user", c.c_void_p),
        ("stream", c.c_void_p),
    ]


S = TypeVar("S", bound=c.Structure)


def _sized(kind: type[S]) -> S:
    return kind(struct_size=c.sizeof(kind))


def _view(array: Any) -> _Image:
    """A view of a picture (height, width[, channels]) with whatever strides it has, wherever it lies."""
    image = _sized(_Image)
    on_device = hasattr(array, "__cuda_array_interface__")
    about = array.__cuda_array_interface__ if on_device else array.__array_interface__
    kind, shape = np.dtype(about["typestr"]), about["shape"]
    image.format = FORMATS[kind.name, shape[2] if len(shape) == 3 else 1]
    image.height, image.width = shape[:2]
    if about.get("strides") is not None:  # 0 is packed
        image.row_stride, image.pixel_stride, image.channel_stride = (*about["strides"], 0)[:3]
    image.data = about["data"][0]
    image.device_type = CUDA if on_device else 0
    return image


class Library:
    """libinfill.so and one context."""

    def __init__(self, path: Path, threads: int = 0, device: bool = False, module_dir: Path | None = None) -> None:
        """threads of a fill; 0: the library's choice. device: on the first CUDA device, else on the CPU. module_dir: of
        libinfill_cuda.so; None: that of the library."""
        self._c = c.CDLL(str(path))
        self._c.infill_build_info.restype = c.c_char_p
        self._c.infill_session_param_count.restype = c.c_uint32
        self._c.infill_session_destroy.restype = None
        self._c.infill_context_destroy.restype = None
        self._c.infill_model_destroy.restype = None
        self.context = _HANDLE()
        desc = _sized(_ContextDesc)
        desc.num_threads = threads
        desc.device_type = CUDA if device else 0
        desc.module_dir = bytes(module_dir) if module_dir else None
        self.call("infill_context_create", c.byref(desc), c.byref(self.context))

    def __del__(self) -> None:
        if hasattr(self, "context"):
            self._c.infill_context_destroy(self.context)

    def call(self, name: str, *arguments: object) -> None:
        error = _Error()
        status = getattr(self._c, name)(*arguments, c.byref(error))
        if status < 0:
            kind = Unsupported if status == UNSUPPORTED else Error
            raise kind(f"{name}: {error.message.decode()}")

    def build_info(self) -> str:
        return self._c.infill_build_info().decode()

    def session(self, method: str) -> Session:
        return Session(self, METHODS[method], None)

    def model_session(self, weights: Path, precision: str = "float32") -> Session:
        """A session that fills with the model of that file. Throws Unsupported for a precision it lacks."""
        desc = _sized(_ModelDesc)
        desc.precision = PRECISIONS[precision]
        model = _HANDLE()
        self.call("infill_model_open_file", self.context, bytes(weights), c.byref(desc), c.byref(model))
        try:
            return Session(self, NEURAL, model)
        finally:
            self._c.infill_model_destroy(model)


class Session:
    """One method with its parameters."""

    def __init__(self, library: Library, method: int, model: object) -> None:
        self._library = library
        self._handle = _HANDLE()
        desc = _sized(_SessionDesc)
        desc.method = method
        desc.fill_model = model
        library.call("infill_session_create", library.context, c.byref(desc), c.byref(self._handle))

    def __del__(self) -> None:
        if hasattr(self, "_handle"):
            self._library._c.infill_session_destroy(self._handle)

    def parameters(self) -> dict[str, float]:
        found = {}
        for which in range(self._library._c.infill_session_param_count(self._handle)):
            info = _sized(_ParamInfo)
            self._library.call(
                "infill_session_get_param_info", self._handle, c.c_uint32(which), c.byref(info)
            )
            found[info.name.decode()] = info.value
        return found

    def set(self, name: str, value: float) -> None:
        self._library.call("infill_session_set_param", self._handle, name.encode(), c.c_double(value))

    def fill(self, picture: np.ndarray, mask: np.ndarray) -> np.ndarray:
        """The filled picture; the given one stays."""
        result = np.empty_like(picture)
        self._run(_view(picture), _view(mask), _view(result), Rect())
        return result

    def fill_into(self, picture: Any, mask: Any, result: Any) -> None:
        """On a device it is done when the default stream has come so far."""
        self._run(_view(picture), _view(mask), _view(result), Rect())

    def fill_in_place(self, picture: np.ndarray, mask: np.ndarray, roi: tuple[int, int, int, int]) -> None:
        image = _view(picture)
        self._run(image, _view(mask), image, Rect(*roi))

    def _run(self, src: _Image, mask: _Image, dst: _Image, roi: Rect) -> None:
        desc = _sized(_FillDesc)
        desc.roi = roi
        desc.src, desc.mask, desc.dst = c.pointer(src), c.pointer(mask), c.pointer(dst)
        self._library.call("infill_fill", self._handle, c.byref(desc))
