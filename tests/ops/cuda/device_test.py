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
WAY = "INFILL_GATED_CONV2D_CUDA"  # fused or cudnn
TYPES = (torch.float, 2e-5), (torch.half, 5e-3), (torch.bfloat16, 4e-2)


@unittest.skipUnless(DEVICE == "cpu" or torch.cuda.is_available(), "no CUDA device")
class OnTheDevice(unittest.TestCase):
    def check(self, operator, tensors, options, tolerance, same_bytes=True):
        def run(change):
            return operator(*(t if t is None else change(t) for t in tensors), *options)

        expected, y = run(lambda t: t.double()), run(lambda t: t.to(DEVICE))
        self.assertEqual((y.device.type, y.dtype, y.shape), (DEVICE, tensors[0].dtype, expected.shape))
        last = tensors[0].is_contiguous(memory_format=torch.channels_last)
        if last and not tensors[0].is_contiguous():
            self.assertTrue(y.is_contiguous(memory_format=torch.channels_last))
        error = (y.cpu().double() - expected).abs().amax() if y.numel() else torch.tensor(0.0)
        self.assertLessEqual(error.item(), tolerance * max(expected.abs().max().item(), 1) if y.numel() else 0)
        if same_bytes:
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

    def check_backward(self, case, dtype, tolerance, mask):
        x, weight, bias = case.tensors(dtype, False)
        grad = torch.randn_like(convolution.gated_conv2d(x.float(), weight.float(), None if bias is None else bias.float(),
                                                         *case.options())).to(dtype)
        backward = torch.ops.infill.gated_conv2d_backward

        def run(change):
            tensors = (t if t is None else change(t) for t in (grad, x, weight, bias))
            return backward(*tensors, *case.options(), mask)

        for mine, again, expected, of in zip(run(lambda t: t.to(DEVICE)), run(lambda t: t.to(DEVICE)),
                                             run(lambda t: t.double()), (x, weight, bias)):
            self.assertEqual(mine is None, expected is None)
            if mine is None:
                continue
            self.assertEqual((mine.device.type, mine.dtype, mine.shape), (DEVICE, dtype, of.shape))
            if mine.numel():
                error = (mine.cpu().double() - expected).abs().amax().item()
                self.assertLessEqual(error, 3 * tolerance * max(expected.abs().max().item(), 1))
            if os.environ.get(WAY) != "cudnn":
                self.assertTrue(torch.equal(mine, again), "same arguments, same bytes")

    def test_gated_conv2d_backward(self):
        torch.backends.cudnn.allow_tf32 = False
        for case in convolution.CASES:
            for dtype, tolerance in TYPES:
                with self.subTest(case, dtype=dtype):
                    self.check_backward(case, dtype, tolerance, [True, True, True])
        for mask in [True, False, False], [False, True, False], [False, False, True], [False, False, False]:
            with self.subTest(mask=mask):
                self.check_backward(convolution.CASES[0], torch.float, 2e-5, mask)

    def test_gated_conv2d_through_cudnn(self):
        os.environ[WAY] = "cudnn"
        try:
            self.test_gated_conv2d_backward()
            for case in convolution.CASES:
                for dtype, tolerance in TYPES:
                    with self.subTest(case, dtype=dtype):
                        self.check(convolution.gated_conv2d, case.tensors(dtype, False), case.options(), tolerance,
                                   same_bytes=False)
        finally:
            del os.environ[WAY]

    @unittest.skipIf(DEVICE == "cpu", "the CPU has one way")
    def test_an_unknown_way_is_refused(self):
        os.environ[WAY] = "fastest"
        try:
            with self.assertRaisesRegex(ValueError, "INFILL_GATED_CONV2D_CUDA is 'fastest'"):
                convolution.gated_conv2d(*(t.to(DEVICE) for t in convolution.CASES[0].tensors(torch.float, False)),
                                         *convolution.CASES[0].options())
        finally:
            del os.environ[WAY]

    def test_contextual_attention(self):
        for case in attention.CASES + attention.TILED:
            for dtype, tolerance in TYPES:
                with self.subTest(case, dtype=dtype):
                    tensors = case.tensors(dtype, False)
                    self.check(attention.contextual_attention, tensors, case.options(), tolerance)
                    if tensors[2] is not None:
                        self.check(attention.contextual_attention_hole, tensors, (*case.options(), 1), tolerance)

    def test_contextual_attention_backward(self):
        cases = [(case, *kind) for case in attention.CASES for kind in TYPES]
        for case, dtype, tolerance in [*cases, (attention.TILED[0], *TYPES[0])]:
            with self.subTest(case, dtype=dtype):
                f, b, mask = case.tensors(dtype, False)
                grad = torch.randn(f.shape, generator=torch.Generator().manual_seed(2)).to(dtype)

                def gradients(*tensors, options=case.options()):
                    return torch.cat(torch.ops.infill.contextual_attention_backward(*tensors, *options, [True, True]), 1)

                self.check(gradients, (grad, f, b, mask), (), 5 * tolerance)

    @unittest.skipIf(DEVICE == "cpu", "the CPU computes float64")
    def test_float64_is_refused(self):
        tensors = [t.to(DEVICE) for t in convolution.CASES[0].tensors(torch.double, False)]
        with self.assertRaisesRegex(TypeError, "gated_conv2d: x: is Double"):
            convolution.gated_conv2d(*tensors, *convolution.CASES[0].options())


if __name__ == "__main__":
    unittest.main()
