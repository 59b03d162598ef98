"""gated_conv2d as Python sees it: values, gradients, opcheck, torch.compile, mistakes."""
import dataclasses
import itertools
import os
import pathlib
import sys
import unittest

import torch
import torch.nn.functional as F

sys.path.append(str(pathlib.Path(__file__).parents[1] / "support"))
import forked

torch.ops.load_library(os.environ["INFILL_TORCH_LIBRARY"])
gated_conv2d = torch.ops.infill.gated_conv2d


@dataclasses.dataclass
class Case:
    x: tuple
    c_out: int
    kernel: tuple = (3, 3)
    stride: tuple = (1, 1)
    padding: tuple = (1, 1, 1, 1)
    dilation: tuple = (1, 1)
    activation: str = "elu"
    bias: bool = True
    channels_last: bool = False

    def tensors(self, dtype=torch.double, requires_grad=True):
        generator = torch.Generator().manual_seed(1)

        def random(*shape):
            return torch.randn(shape, generator=generator, dtype=torch.double).to(dtype)

        x = random(*self.x)
        if self.channels_last:
            x = x.contiguous(memory_format=torch.channels_last)
        tensors = [x, random(2 * self.c_out, self.x[1], *self.kernel) * 0.4, random(2 * self.c_out) if self.bias else None]
        return [t if t is None else t.requires_grad_(requires_grad) for t in tensors]

    def options(self):
        return list(self.stride), list(self.padding), list(self.dilation), self.activation


CASES = [
    Case((2, 3, 4, 5), 2),
    Case((1, 2, 3, 4), 3, activation="none"),
    Case((1, 2, 3, 4), 3, activation="relu"),
    Case((1, 2, 3, 4), 3, activation="leaky_relu"),
    Case((1, 2, 6, 7), 2, stride=(2, 2), padding=(0, 1, 0, 1), channels_last=True),
    Case((2, 2, 3, 4), 9, kernel=(2, 3), padding=(2, 0, 1, 0), bias=False),
    Case((1, 2, 5, 5), 2, padding=(2, 2, 2, 2), dilation=(2, 2), channels_last=True),
    Case((1, 2, 1, 1), 2),
]
ACTIVATIONS = {"elu": F.elu, "relu": F.relu, "leaky_relu": lambda f: F.leaky_relu(f, 0.2), "none": lambda f: f}


def published(x, weight, bias, stride, padding, dilation, activation):
    top, bottom, left, right = padding
    z = F.conv2d(F.pad(x, (left, right, top, bottom)), weight, bias, stride, 0, dilation)
    features, gates = z.chunk(2, 1)
    return ACTIVATIONS[activation](features) * torch.sigmoid(gates)


class GatedConv2d(unittest.TestCase):
    def test_is_the_published_form(self):
        for case in CASES:
            with self.subTest(case):
                tensors = case.tensors()
                y = gated_conv2d(*tensors, *case.options())
                torch.testing.assert_close(y, published(*tensors, *case.options()), rtol=1e-12, atol=1e-12)

    def test_gradients(self):
        for case in CASES:
            with self.subTest(case):
                run = lambda *t: gated_conv2d(*t, *case.options())
                self.assertTrue(torch.autograd.gradcheck(run, case.tensors(), fast_mode=case is not CASES[0]))

    def test_second_gradients(self):
        for case in CASES:
            with self.subTest(case):
                run = lambda *t: gated_conv2d(*t, *case.options())
                self.assertTrue(torch.autograd.gradgradcheck(run, case.tensors(), fast_mode=True))

    def test_gradients_of_some_arguments(self):
        case = CASES[0]
        for wanted in itertools.product([False, True], repeat=3):
            tensors = [t.detach().requires_grad_(w) for t, w in zip(case.tensors(), wanted)]
            y = gated_conv2d(*tensors, *case.options())
            self.assertEqual(y.requires_grad, any(wanted))
            if any(wanted):
                y.sum().backward()
                self.assertEqual([t.grad is not None for t in tensors], list(wanted))

    def test_gradients_of_a_batch_in_parts(self):
        case = Case((3, 1, 260, 260), 64)
        ours, theirs = case.tensors(torch.float), case.tensors(torch.float)
        gated_conv2d(*ours, *case.options()).square().mean().backward()
        published(*theirs, *case.options()).square().mean().backward()
        for mine, reference in zip(ours, theirs):
            error = (mine.grad - reference.grad).abs().max() / reference.grad.abs().max()
            self.assertLess(error.item(), 5e-5)  # float32 sums of 200,000 terms

    def test_opcheck(self):
        for case, dtype in [(CASES[0], torch.double), (CASES[4], torch.float), (CASES[5], torch.half), (CASES[6], torch.bfloat16)]:
            with self.subTest(case, dtype=dtype):
                torch.library.opcheck(gated_conv2d.default, (*case.tensors(dtype), *case.options()))

    def test_opcheck_of_the_backward(self):
        backward = torch.ops.infill.gated_conv2d_backward.default
        for case, mask in [(CASES[0], [True, True, True]), (CASES[4], [True, False, False]), (CASES[5], [False, True, True])]:
            with self.subTest(case, mask=mask):
                tensors = case.tensors(torch.float, False)
                grad = torch.ones_like(gated_conv2d(*tensors, *case.options()))
                torch.library.opcheck(backward, (grad, *tensors, *case.options(), mask))

    def test_torch_compile(self):
        def step(x, weight, bias, *options):
            return (gated_conv2d(x * 2, weight, bias, *options) + 1).tanh()

        for backend, dynamic in ("aot_eager", False), ("aot_eager", True), ("inductor", False):
            torch._dynamo.reset()
            compiled = torch.compile(step, backend=backend, dynamic=dynamic, fullgraph=True)
            for case in [CASES[4]] if backend == "inductor" else [CASES[0], dataclasses.replace(CASES[0], x=(3, 3, 8, 9))]:
                with self.subTest(case, backend=backend, dynamic=dynamic):
                    plain, traced = case.tensors(), case.tensors()
                    expected = step(*plain, *case.options())
                    result = compiled(*traced, *case.options())
                    torch.testing.assert_close(result, expected)
                    expected.sum().backward()
                    result.sum().backward()
                    for mine, reference in zip(traced, plain):
                        torch.testing.assert_close(mine.grad, reference.grad)

    def test_after_fork(self):
        case = CASES[0]
        tensors = case.tensors(torch.float, False)
        forked.check(self, lambda: gated_conv2d(*tensors, *case.options()))

    def test_mistakes(self):
        x, weight, bias = CASES[0].tensors(torch.float)
        good = [x, weight, bias, [1, 1], [1, 1, 1, 1], [1, 1], "elu"]
        for position, value, error, message in [
            (0, x[0], ValueError, r"x: has shape \[3, 4, 5\]"),
            (0, x.int(), TypeError, "x: is Int"),
            (1, weight[:3], ValueError, "weight: has 3 output channels, must be even"),
            (1, weight.double(), TypeError, "weight: is Double, x is Float"),
            (2, bias[:1], ValueError, r"bias: has shape \[1\], must be \[4\]"),
            (3, [0, 1], ValueError, r"stride: is \[0, 1\]"),
            (4, [1, 1, 1, -1], ValueError, r"padding: is \[1, 1, 1, -1\]"),
            (5, [1, -1], ValueError, r"dilation: is \[1, -1\]"),
            (6, "swish", ValueError, "activation: is 'swish'"),
        ]:
            with self.subTest(message), self.assertRaisesRegex(error, "gated_conv2d: " + message):
                gated_conv2d(*good[:position], value, *good[position + 1:])


if __name__ == "__main__":
    unittest.main()
