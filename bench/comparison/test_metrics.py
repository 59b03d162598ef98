"""What the figures must say of pictures whose answer is known."""

from __future__ import annotations

import math
import unittest
from pathlib import Path

import numpy as np

from comparison import masks, metrics
from comparison.mobilenet import MobileNetV2

WEIGHTS = Path(__file__).resolve().parents[2] / "build/compare/weights"


def noisy(picture: np.ndarray, mask: np.ndarray, amount: float) -> np.ndarray:
    noise = np.random.default_rng(1).normal(0, amount, picture.shape)
    return np.where(mask[:, :, None] > 0, np.clip(picture + noise, 0, 255), picture).astype(np.uint8)


class Metrics(unittest.TestCase):
    def setUp(self) -> None:
        y, x = np.mgrid[:128, :160]
        self.picture = np.stack(
            [100 + x // 2, 60 + y, 128 + 40 * np.sin(x / 9) * np.cos(y / 7)], axis=2
        ).astype(np.uint8)
        self.mask = masks.draw("hole", "test", 160, 128)
        self.network = MobileNetV2(next(WEIGHTS.rglob("mobilenet_v2-*.pth")))

    def test_equal_pictures(self) -> None:
        self.assertEqual(metrics.psnr(self.picture, self.picture, self.mask), math.inf)
        self.assertAlmostEqual(metrics.ssim(self.picture, self.picture, self.mask), 1)
        self.assertEqual(metrics.mbd(self.network, self.picture, self.picture, self.mask), 0)

    def test_more_noise_is_worse(self) -> None:
        little, much = (noisy(self.picture, self.mask, amount) for amount in (4, 40))
        for metric in (metrics.psnr, metrics.ssim):
            self.assertGreater(metric(self.picture, little, self.mask), metric(self.picture, much, self.mask))
        distances = [metrics.mbd(self.network, self.picture, p, self.mask) for p in (little, much)]
        self.assertLess(distances[0], distances[1])

    def test_known_error(self) -> None:
        shifted = np.where(self.mask[:, :, None] > 0, self.picture + np.uint8(5), self.picture)
        self.assertAlmostEqual(metrics.psnr(self.picture, shifted, self.mask), 10 * math.log10(255**2 / 25))

    def test_outside_does_not_count(self) -> None:
        outside = self.picture.copy()
        outside[self.mask == 0] //= 2
        self.assertEqual(metrics.psnr(self.picture, outside, self.mask), math.inf)


class Masks(unittest.TestCase):
    def test_same_every_time_and_of_the_promised_share(self) -> None:
        for kind, low, high in (
            ("text", 0.04, 0.15),
            ("strokes", 0.03, 0.15),
            ("hole", 0.05, 0.08),
            ("most", 0.5, 0.7),
        ):
            with self.subTest(kind):
                mask = masks.draw(kind, "dune", 512, 512)
                self.assertTrue((mask == masks.draw(kind, "dune", 512, 512)).all())
                self.assertEqual(set(np.unique(mask)), {0, 255})
                self.assertTrue(low < (mask > 0).mean() < high)


if __name__ == "__main__":
    unittest.main()
