"""The CUDA side of the operators where there may be no GPU: it opens, every operator has its kernel, tensors on the CPU are
served as before."""
import os
import pathlib
import re
import unittest

import torch

SCHEMAS = pathlib.Path(__file__).parents[3] / "src/ops/library.cpp"

torch.ops.load_library(os.environ["INFILL_TORCH_LIBRARY"])
OPERATORS = set(re.findall(r'm\.def\(\s*"(\w+)\(', SCHEMAS.read_text(encoding="utf-8")))


def with_kernel(key):
    return {name for name in OPERATORS if torch._C._dispatch_has_kernel_for_dispatch_key("infill::" + name, key)}


def results():
    """Of every operator, on the CPU."""
    generator = torch.Generator().manual_seed(1)
    x, f = torch.randn(2, 3, 7, 9, generator=generator), torch.randn(1, 4, 8, 6, generator=generator)
    weight, mask = torch.randn(8, 3, 3, 3, generator=generator), torch.zeros(1, 1, 32, 24)
    mask[..., 8:20, 4:12] = 1
    conv = [1, 1], [1, 1, 1, 1], [1, 1], "elu"
    attention = 2, 3, 3, 10.0, 2, True, False
    ops = torch.ops.infill
    y = ops.gated_conv2d(x, weight, None, *conv)
    return [y, *ops.gated_conv2d_backward(y, x, weight, None, *conv, [True, True, False])[:2],
            ops.contextual_attention(f, f, mask), ops.contextual_attention_hole(f, f, mask),
            *ops.contextual_attention_backward(f, f, f, mask, *attention, [True, True])]


class Registration(unittest.TestCase):
    def test_opens_and_has_every_kernel(self):
        self.assertGreaterEqual(len(OPERATORS), 5)
        self.assertEqual(with_kernel("CPU"), OPERATORS)
        self.assertEqual(with_kernel("CUDA"), set())
        before = results()
        torch.ops.load_library(os.environ["INFILL_TORCH_CUDA_LIBRARY"])
        self.assertFalse(torch.cuda.is_initialized(), "opening it must not start CUDA")
        self.assertEqual(with_kernel("CUDA"), OPERATORS)
        self.assertEqual(with_kernel("CPU"), OPERATORS)
        for mine, expected in zip(results(), before, strict=True):
            self.assertTrue(torch.equal(mine, expected))


if __name__ == "__main__":
    unittest.main()
