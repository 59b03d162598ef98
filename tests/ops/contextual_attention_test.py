"""contextual_attention as Python sees it: against the published layer written down literally; gradients, opcheck,
torch.compile, mistakes."""
import dataclasses
import json
import math
import os
import pathlib
import sys
import unittest

import torch

sys.path.append(str(pathlib.Path(__file__).parents[1] / "support"))
import forked
from published import attention as published

torch.ops.load_library(os.environ["INFILL_TORCH_LIBRARY"])
contextual_attention = torch.ops.infill.contextual_attention
contextual_attention_hole = torch.ops.infill.contextual_attention_hole


@dataclasses.dataclass
class Case:
    shape: tuple  # of f and b
    hole: str = "some"  # of each item: none, some, all, one (valid key)
    fuse: bool = True
    tf_compat: bool = False
    n_down: int = 2

    def tensors(self, dtype=torch.double, requires_grad=True):
        generator = torch.Generator().manual_seed(1)
        f, b = (torch.randn(self.shape, generator=generator, dtype=torch.double).to(dtype).requires_grad_(requires_grad)
                for _ in range(2))
        n, _, height, width = self.shape
        mask = None
        if self.hole != "none":
            mask = torch.zeros(n, 1, height << self.n_down, width << self.n_down, dtype=dtype)
            for item in range(n):  # every item its own
                top, left = mask.shape[2] * (1 + item) // 4, mask.shape[3] // (2 + item)
                mask[item, 0, top:top + mask.shape[2] // 4, left:left + mask.shape[3] // 3] = 1
            if self.hole == "all":
                mask.fill_(1)
            if self.hole == "one":
                mask.fill_(1)
                mask[:, :, :3 * mask.shape[2] // height, :3 * mask.shape[3] // width] = 0
        return f, b, mask

    def options(self):
        return 2, 3, 3, 10.0, self.n_down, self.fuse, self.tf_compat


CASES = [
    Case((1, 3, 8, 8)),
    Case((1, 3, 8, 8), fuse=False),
    Case((2, 2, 6, 10)),
    Case((2, 2, 10, 6), tf_compat=True),
    Case((1, 2, 9, 7)),
    Case((1, 2, 7, 5), tf_compat=True, fuse=False),
    Case((1, 2, 2, 12)),  # one row of positions
    Case((1, 2, 12, 1)),
    Case((1, 2, 1, 1), hole="none"),
    Case((1, 2, 8, 6), hole="none", n_down=0),
    Case((1, 2, 8, 6), hole="all"),
    Case((1, 2, 8, 6), hole="one", n_down=0),
]


# Wider than a tile: several of them on both sides.
TILED = [
    Case((1, 1, 6, 1100)),
    Case((1, 1, 7, 1400), fuse=False, hole="one"),
]


class ContextualAttention(unittest.TestCase):
    def test_is_the_published_layer(self):
        for case in CASES + TILED:
            for dtype, tolerance in (torch.double, 1e-11), (torch.float, 1e-5), (torch.bfloat16, 2e-2), (torch.half, 2e-3):
                with self.subTest(case, dtype=dtype):
                    f, b, mask = case.tensors(dtype, False)
                    y = contextual_attention(f, b, mask, *case.options())
                    self.assertEqual(y.dtype, dtype)
                    expected = published(f.double(), b.double(), None if mask is None else mask.double(), *case.options())
                    torch.testing.assert_close(y.double(), expected, rtol=0, atol=tolerance * (expected.abs().max() + 1e-9))

    def test_equals_the_published_networks(self):
        data = (pathlib.Path(__file__).parents[1] / "data/contextual_attention.safetensors").read_bytes()
        start = 8 + int.from_bytes(data[:8], "little")
        tensors = {}
        for name, entry in json.loads(data[8:start]).items():
            if name != "__metadata__":
                begin, end = entry["data_offsets"]
                values = bytearray(data[start + begin:start + end])
                tensors[name] = torch.frombuffer(values, dtype=torch.float).view(entry["shape"])
        for fuse in True, False:
            for tf_compat in False, True:
                with self.subTest(fuse=fuse, tf_compat=tf_compat):
                    kind = "fuse" if fuse else "nofuse"
                    f, expected = tensors["f_" + kind], tensors[("y_tf_" if tf_compat else "y_") + kind]
                    for run, options in (contextual_attention, {}), (contextual_attention_hole, {"reach": 64}):
                        y = run(f, f, tensors["mask"], fuse=fuse, tf_compat=tf_compat, **options)
                        self.assertLess(((y - expected).abs().max() / expected.abs().max()).item(), 1e-5)

    def test_hole(self):
        for case in CASES + TILED:
            f, b, mask = case.tensors(torch.float, False)
            if mask is None:
                mask = torch.zeros(f.shape[0], 1, f.shape[2] << case.n_down, f.shape[3] << case.n_down)
            for reach in 0, 1, 3:
                for dtype in torch.float, torch.bfloat16, torch.double:
                    with self.subTest(case, reach=reach, dtype=dtype):
                        wanted = torch.zeros(f.shape[0], 1, *f.shape[2:], dtype=torch.bool)
                        for n, _, row, column in mask.nonzero().tolist() if f.shape[3] < 100 else []:
                            y, x = row >> case.n_down, column >> case.n_down
                            top, left = max(0, y - reach) // 2 * 2, max(0, x - reach) // 2 * 2
                            wanted[n, 0, top:(y + reach) // 2 * 2 + 2, left:(x + reach) // 2 * 2 + 2] = True
                        all_of_it = contextual_attention(f.to(dtype), b.to(dtype), mask, *case.options())
                        y = contextual_attention_hole(f.to(dtype), b.to(dtype), mask, *case.options(), reach)
                        if f.shape[3] >= 100:
                            wanted = y[:, :1] != 0
                        self.assertTrue(torch.equal(y, torch.where(wanted, all_of_it, torch.zeros_like(y))))

    def test_hole_of_n_items(self):
        f, b, mask = CASES[2].tensors(torch.float, False)
        mask[1] = 0
        y = contextual_attention_hole(f, b, mask)
        self.assertTrue(y[0].any())
        self.assertFalse(y[1].any())
        self.assertEqual(contextual_attention_hole(f[:0], b[:0], mask[:0]).shape, (0, 2, 6, 10))

    def test_defaults_and_memory_formats(self):
        case = CASES[2]
        f, b, mask = case.tensors(torch.float, False)
        expected = contextual_attention(f, b, mask, *case.options())
        torch.testing.assert_close(contextual_attention(f, b, mask), expected)
        for kind in torch.bool, torch.uint8, torch.double:
            torch.testing.assert_close(contextual_attention(f, b, mask.to(kind)), expected)
        last = contextual_attention(*(t.contiguous(memory_format=torch.channels_last) for t in (f, b)), mask)
        self.assertTrue(last.is_contiguous(memory_format=torch.channels_last))
        torch.testing.assert_close(last, expected)
        torch.testing.assert_close(contextual_attention(*(torch.stack([t, t], -1)[..., 0] for t in (f, b)), mask), expected)
        self.assertEqual(contextual_attention(f[:0], b[:0], mask[:0]).shape, (0, 2, 6, 10))

    def test_gradients(self):
        for case in CASES:
            with self.subTest(case):
                f, b, mask = case.tensors()
                run = lambda f, b: contextual_attention(f, b, mask, *case.options())
                self.assertTrue(torch.autograd.gradcheck(run, (f, b)))
        for case in TILED:
            with self.subTest(case):
                f, b, mask = case.tensors()
                run = lambda f, b: contextual_attention(f, b, mask, *case.options())
                self.assertTrue(torch.autograd.gradcheck(run, (f, b), fast_mode=True))
        f, b, mask = CASES[3].tensors()
        run = lambda f, b: contextual_attention_hole(f, b, mask, *CASES[3].options(), 1)
        self.assertTrue(torch.autograd.gradcheck(run, (f, b)))
        f, _, mask = CASES[0].tensors()
        self.assertTrue(torch.autograd.gradcheck(lambda f: contextual_attention(f, f, mask), f))
        with self.assertRaisesRegex(NotImplementedError, "no second derivative"):
            torch.autograd.grad(contextual_attention(f, f, mask).sum(), f, create_graph=True)

    def test_gradients_in_other_types(self):
        for case in CASES:
            for dtype, tolerance in (torch.float, 2e-4), (torch.bfloat16, 5e-2), (torch.half, 5e-3):
                with self.subTest(case, dtype=dtype):
                    f, b, mask = case.tensors(dtype)
                    exact = [t.detach().double().requires_grad_() for t in (f, b)]
                    contextual_attention(f, b, mask, *case.options()).double().square().sum().backward()
                    contextual_attention(*exact, mask, *case.options()).square().sum().backward()
                    for mine, reference in zip((f, b), exact):
                        error = (mine.grad.double() - reference.grad).abs().max()
                        self.assertLessEqual(error.item(), tolerance * max(reference.grad.abs().max().item(), 1))

    def test_opcheck(self):
        backward = torch.ops.infill.contextual_attention_backward.default
        for case, dtype, wanted in [(CASES[0], torch.double, [True, True]), (CASES[3], torch.float, [False, True])]:
            with self.subTest(case, dtype=dtype):
                torch.library.opcheck(contextual_attention.default, (*case.tensors(dtype), *case.options()))
                if case.hole != "none":
                    torch.library.opcheck(contextual_attention_hole.default, (*case.tensors(dtype), *case.options(), 2))
                tensors = case.tensors(dtype, False)
                torch.library.opcheck(backward, (torch.ones_like(tensors[0]), *tensors, *case.options(), wanted))

    def test_torch_compile(self):
        def step(f, b, mask):
            return contextual_attention(f * 2, b, mask).tanh()

        for dynamic in False, True:
            torch._dynamo.reset()
            compiled = torch.compile(step, backend="aot_eager", dynamic=dynamic, fullgraph=True)
            for case in CASES[0], CASES[2]:
                plain, traced = case.tensors(), case.tensors()
                expected, result = step(*plain), compiled(*traced)
                torch.testing.assert_close(result, expected)
                expected.sum().backward()
                result.sum().backward()
                torch.testing.assert_close([t.grad for t in traced[:2]], [t.grad for t in plain[:2]])

    def test_after_fork(self):
        # Wide enough to be worth several threads.
        tensors = Case((1, 16, 48, 48)).tensors(torch.float, False)
        options = CASES[0].options()
        with self.subTest("all"):
            forked.check(self, lambda: contextual_attention(*tensors, *options))
        with self.subTest("at the hole"):
            forked.check(self, lambda: contextual_attention_hole(*tensors, *options, 2))

    def test_mistakes(self):
        f, b, mask = CASES[0].tensors(torch.float, False)
        good = [f, b, mask, 2, 3, 3, 10.0, 2, True, False]
        for position, value, error, message in [
            (0, f[0], ValueError, r"f: has shape \[3, 8, 8\]"),
            (0, f.long(), TypeError, "f: is Long"),
            (0, f[..., :0], ValueError, r"f: has shape \[1, 3, 8, 0\]"),
            (1, b[:, :2], ValueError, r"b: has shape \[1, 2, 8, 8\], f has \[1, 3, 8, 8\]"),
            (1, b.double(), TypeError, "b: is Double, f is Float"),
            (2, mask[..., 1:], ValueError, r"mask: has shape \[1, 1, 32, 31\], must be \[1, 1, 32, 32\] with n_down 2"),
            (3, 1, ValueError, "rate: is 1, only 2 is built"),
            (4, 5, ValueError, "patch: is 5, only 3 is built"),
            (5, 1, ValueError, "fuse_k: is 1, only 3 is built"),
            (6, math.nan, ValueError, "scale: is nan, must be finite"),
            (7, -1, ValueError, "n_down: is -1, must be 0 to 8"),
            (7, 9, ValueError, "n_down: is 9, must be 0 to 8"),
        ]:
            with self.subTest(message), self.assertRaisesRegex(error, "contextual_attention: " + message):
                contextual_attention(*good[:position], value, *good[position + 1:])
        for reach in -1, 65:
            with self.assertRaisesRegex(ValueError, f"contextual_attention: reach: is {reach}, must be 0 to 64"):
                contextual_attention_hole(*good, reach)


if __name__ == "__main__":
    unittest.main()
