"""infill model run against the published generator, written down literally and computed in double: rectangles, sizes
that are no multiples of 8, batches with different masks, an all-hole mask and one that leaves no valid key."""
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

import torch

TESTS = pathlib.Path(__file__).parents[1]
sys.path += [str(TESTS / "support"), str(TESTS / "cli")]
import published
import tensors

GOLDEN = TESTS / "data/golden"


def torch_of(tensor):
    return torch.tensor(tensor.values(), dtype=torch.double).view(tensor.shape)


def tensor_of(values):
    return tensors.floats(values.shape, values.reshape(-1).tolist())


def weights_of(name):
    """(weight, bias) in the order of the checkpoint."""
    file, _ = tensors.read(GOLDEN / f"{name}.weights.safetensors")
    keys = [line.split()[0] for line in (GOLDEN / f"{name}.keys.txt").read_text().splitlines()]
    layers = [key.removesuffix(".weight") for key in keys if key.endswith(".conv.weight")]
    return [(torch_of(file[f"{layer}.weight"]), torch_of(file[f"{layer}.bias"])) for layer in layers]


def box(height, width, top, left, bottom, right):
    mask = torch.zeros(1, 1, height, width)
    mask[..., top:bottom, left:right] = 1
    return mask


def speckled(height, width, seed):
    return (torch.rand(1, 1, height, width, generator=torch.Generator().manual_seed(seed)) < 0.2).float()


CASES = [
    ("wide", box(40, 104, 12, 30, 27, 66)),
    ("tall", box(104, 40, 50, 8, 90, 21)),
    ("odd", box(53, 91, 11, 30, 13, 60)),
    ("thin", box(9, 70, 0, 20, 9, 31)),
    ("border", box(61, 37, 40, 0, 61, 9)),
    ("specks", speckled(48, 56, 1)),
    ("two masks", torch.cat([box(32, 44, 3, 5, 20, 18), box(32, 44, 12, 25, 30, 44)])),
    ("two masks, odd", torch.cat([speckled(29, 35, 2), box(29, 35, 10, 4, 22, 30)])),
    ("no hole", torch.zeros(1, 1, 24, 32)),
    ("all hole", torch.ones(1, 1, 24, 32)),
    ("one pixel", box(1, 1, 0, 0, 1, 1)),
]


class Generator(unittest.TestCase):
    def run_infill(self, name, image, mask):
        with tempfile.TemporaryDirectory() as folder:
            inputs = tensors.write(pathlib.Path(folder, "in.safetensors"), image=tensor_of(image), mask=tensor_of(mask))
            outputs = pathlib.Path(folder, "out.safetensors")
            subprocess.run([os.environ["INFILL"], "model", "run", GOLDEN / f"{name}.weights.safetensors", "--inputs",
                            inputs, "--outputs", outputs], check=True)
            return {key: torch_of(tensor) for key, tensor in tensors.read(outputs)[0].items()}

    def test_is_the_published_generator(self):
        for name in "deepfill_c8", "deepfill_tf_c8":
            weights = weights_of(name)
            self.assertEqual(len(weights), 42)
            for case, mask in CASES:
                with self.subTest(name=name, case=case):
                    n, _, height, width = mask.shape
                    image = torch.rand(n, 3, height, width, generator=torch.Generator().manual_seed(3))
                    results = self.run_infill(name, image, mask)
                    pad = lambda x: self.reflected(x.double(), -height % 8, -width % 8)
                    whole = published.generator(weights, pad(image) * 2 - 1, pad(mask), "tf" in name)
                    coarse, refined = (x[..., :height, :width] / 2 + 0.5 for x in whole)
                    composite = image * (1 - mask) + refined * mask
                    for key, expected in ("coarse", coarse), ("refined", refined), ("composite", composite):
                        apart = (results[key] - expected).abs().max() / expected.abs().max()
                        self.assertLess(apart, 5e-5, key)

    @staticmethod
    def reflected(x, below, right):
        """Continued by reflection, again and again where a picture is smaller than what it is continued by."""
        def indices(size, more):
            period = max(2 * (size - 1), 1)
            return torch.tensor([min(i % period, period - i % period) for i in range(size + more)])

        return x[:, :, indices(x.shape[2], below)][..., indices(x.shape[3], right)]


if __name__ == "__main__":
    unittest.main()
