"""python -m unittest test_infill_ctypes: the structs are those of <infill.h>, and pictures of a device are filled there.

Environment: INFILL_LIBRARY; for the device also INFILL_CUDA_MODULE, a libinfill_cuda.so that takes memory for the test, too
(tests/device), with a driver that has a device.
"""
import ctypes as c
import os
import pathlib
import re
import unittest

import infill_ctypes
import numpy as np

LAYOUT = pathlib.Path(__file__).resolve().parents[1] / "capi/abi/layout_current.h"


class Structs(unittest.TestCase):
    def test_layout(self):
        text = LAYOUT.read_text(encoding="utf-8")
        for name in "Error", "Image", "ContextDesc", "ModelDesc", "SessionDesc", "ParamInfo", "FillDesc":
            kind, c_name = getattr(infill_ctypes, f"_{name}"), "infill" + re.sub("([A-Z])", r"_\1", name).lower()
            fields = {field: int(at) for field, at in re.findall(rf"INFILL_AT\({c_name}, (\w+), (\d+)\)", text)}
            self.assertEqual({field: getattr(kind, field).offset for field, _ in kind._fields_}, fields, c_name)
            self.assertIn(f"INFILL_SIZE({c_name}, {c.sizeof(kind)});", text)


class OnDevice:
    """An array's copy on the device."""

    def __init__(self, cuda, array):
        self.cuda, self.memory, self.size = cuda, c.c_void_p(), c.c_size_t(array.nbytes)
        assert cuda.cudaMalloc(c.byref(self.memory), self.size) == 0
        assert cuda.cudaMemcpy(self.memory, array.ctypes.data_as(c.c_void_p), self.size, 1) == 0
        self.__cuda_array_interface__ = {"shape": array.shape, "typestr": array.dtype.str, "strides": None, "version": 3,
                                         "data": (self.memory.value, False)}

    def get(self, like):
        result = np.empty_like(like)
        assert self.cuda.cudaMemcpy(result.ctypes.data_as(c.c_void_p), self.memory, self.size, 2) == 0
        return result


class Fills(unittest.TestCase):
    def setUp(self):
        y, x = np.mgrid[0:40, 0:52].astype(np.float32)
        self.picture = np.stack([x / 52, y / 40, (x + y) / 92], axis=2)
        self.mask = np.zeros((40, 52), np.uint8)
        self.mask[11:20, 30:41] = 255
        self.broken = np.where(self.mask[..., None] > 0, np.float32(0), self.picture)

    def test_cpu_with_strides(self):
        session = infill_ctypes.Library(os.environ["INFILL_LIBRARY"]).session("harmonic")
        wide = np.zeros((40, 60, 3), np.float32)[:, 3:55]
        wide[:] = self.broken
        result = np.empty_like(wide)
        session.fill_into(wide, self.mask, result)
        self.assertLess(abs(result - self.picture).max(), 1e-3)

    @unittest.skipUnless(os.environ.get("INFILL_CUDA_MODULE"), "no device")
    def test_device(self):
        module = pathlib.Path(os.environ["INFILL_CUDA_MODULE"])
        cuda = c.CDLL(module)
        library = infill_ctypes.Library(os.environ["INFILL_LIBRARY"], device=True, module_dir=module.parent)
        src, mask, dst = (OnDevice(cuda, each) for each in (self.broken, self.mask, np.zeros_like(self.picture)))
        library.session("harmonic").fill_into(src, mask, dst)
        self.assertLess(abs(dst.get(self.picture) - self.picture).max(), 1e-3)


if __name__ == "__main__":
    unittest.main()
