"""The operators on a CUDA device against float64 on the CPU, with the cases of their tests. Skipped without a device;
INFILL_TEST_DEVICE=cpu tries the test itself."""
import os
import pathlib
import sys
import unittest

import torch

sys.path.append(str(pathlib.Path(__file__).parents[1]))
import contextual_attention_test as attention
import gated_conv2d_test as convolution

torch.ops.load_library(os.environ["INFILL_TORCH_CUDA_LIBRARY"])
DEVICE = os.environ.get("INFILL_TEST_DEVICE", "cuda")
TYPES = (torch.float, 2e-5), (torch.half, 5e-3), (torch.bfloat16, 4e-2)


@unittest.skipUnless(DEVICE == "cpu" or torch.cuda.is_available(), "no CUDA device")
class OnTheDevice(unittest.TestCase):
    def check(self, operator, tensors, options, tolerance):
        def run(change):
            return operator(*(t if t is None else change(t) for t in tensors), *options)

        expected, y = run(lambda t: t.double()), run(lambda t: t.to(DEVICE))
        self.assertEqual((y.device.type, y.dtype, y.shape), (DEVICE, tensors[0].dtype, expected.shape))
        last = tensors[0].is_contiguous(memory_format=torch.channels_last)
        if last and not tensors[0].is_contiguous():
            self.assertTrue(y.is_contiguous(memory_format=torch.channels_last))
        error = (y.cpu().double() - expected).abs().amax() if y.numel() else torch.tensor(0.0)
        self.assertLessEqual(error.item(), tolerance * max(expected.abs().max().item(), 1) if y.numel() else 0)
        self.assertTrue(torch.equal(y, run(lambda t: t.to(DEVICE))), "same arguments, same bytes")

    def test_gated_conv2d(self):
        torch.backends.cudnn.allow_tf32 = False
        for case in convolution.CASES:
            for dtype, tolerance in TYPES:
                with self.subTest(case, dtype=dtype):
                    self.check(convolution.gated_conv2d, case.tensors(dtype, False), case.options(), tolerance)
        x, weight, bias = convolution.CASES[0].tensors(torch.float, False)
        options = convolution.CASES[0].options()
        for strided in x[:0], x[:, :, ::2], x.transpose(2, 3), x[:1].expand(3, -1, -1, -1):
            self.check(convolution.gated_conv2d, (strided, weight, bias), options, 2e-5)

    def test_contextual_attention(self):
        for case in attention.CASES + attention.TILED:
            for dtype, tolerance in TYPES:
                with self.subTest(case, dtype=dtype):
                    tensors = case.tensors(dtype, False)
                    self.check(attention.contextual_attention, tensors, case.options(), tolerance)
                    if tensors[2] is not None:
                        self.check(attention.contextual_attention_hole, tensors, (*case.options(), 1), tolerance)

    @unittest.skipIf(DEVICE == "cpu", "the CPU computes float64")
    def test_float64_is_refused(self):
        tensors = [t.to(DEVICE) for t in convolution.CASES[0].tensors(torch.double, False)]
        with self.assertRaisesRegex(TypeError, "gated_conv2d: x: is Double"):
            convolution.gated_conv2d(*tensors, *convolution.CASES[0].options())


if __name__ == "__main__":
    unittest.main()
