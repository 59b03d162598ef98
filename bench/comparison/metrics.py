"""How close a filled picture is to the truth, measured inside the hole only."""

from __future__ import annotations

import math

import cv2
import numpy as np

from comparison.mobilenet import MobileNetV2

TILE, MARGIN = 384, 64  # multiples of the coarsest feature's 16 pixels


def psnr(truth: np.ndarray, result: np.ndarray, mask: np.ndarray) -> float:
    """Peak signal to noise over the hole's pixels, in dB; infinite for equal pictures."""
    error = truth[mask > 0].astype(np.float64) - result[mask > 0]
    mse = float(np.mean(error**2))
    return math.inf if mse == 0 else 10 * math.log10(255**2 / mse)


def ssim(truth: np.ndarray, result: np.ndarray, mask: np.ndarray) -> float:
    """Structural similarity of the luminances (Gaussian, sigma 1.5), averaged over the hole."""

    def blur(x: np.ndarray) -> np.ndarray:
        return cv2.GaussianBlur(x, (11, 11), 1.5)

    a = cv2.cvtColor(truth, cv2.COLOR_BGR2GRAY).astype(np.float64)
    b = cv2.cvtColor(result, cv2.COLOR_BGR2GRAY).astype(np.float64)
    mean_a, mean_b = blur(a), blur(b)
    var_a, var_b = blur(a * a) - mean_a**2, blur(b * b) - mean_b**2
    covariance = blur(a * b) - mean_a * mean_b
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    similarity = (2 * mean_a * mean_b + c1) * (2 * covariance + c2)
    similarity /= (mean_a**2 + mean_b**2 + c1) * (var_a + var_b + c2)
    return float(similarity[mask > 0].mean())


def _features(network: MobileNetV2, bgr: np.ndarray) -> list[np.ndarray]:
    taps = network(bgr[:, :, ::-1])
    return [t / (np.linalg.norm(t, axis=2, keepdims=True) + 1e-8) for t in taps]


def mbd(network: MobileNetV2, truth: np.ndarray, result: np.ndarray, mask: np.ndarray) -> float:
    """Feature distance (lower is better): at four depths of MobileNetV2 every place's feature vector is
    scaled to unit length; the squared distance is averaged over the hole and added over the depths. Tiles
    with a margin keep the memory small."""
    rows, cols = mask.shape
    top, left = (int(v.min()) // 16 * 16 for v in np.nonzero(mask))
    total, weight = np.zeros(4), np.zeros(4)
    for y in range(top, rows, TILE):
        for x in range(left, cols, TILE):
            if not mask[y : y + TILE, x : x + TILE].any():
                continue
            window = np.s_[max(0, y - MARGIN) : y + TILE + MARGIN, max(0, x - MARGIN) : x + TILE + MARGIN]
            inside = np.zeros_like(mask, np.float32)
            inside[y : y + TILE, x : x + TILE] = mask[y : y + TILE, x : x + TILE] > 0
            hole = inside[window]
            pairs = zip(_features(network, truth[window]), _features(network, result[window]), strict=True)
            for tap, (a, b) in enumerate(pairs):
                share = cv2.resize(hole, a.shape[1::-1], interpolation=cv2.INTER_AREA)
                total[tap] += float((((a - b) ** 2).sum(axis=2) * share).sum())
                weight[tap] += float(share.sum())
    return float((total / weight).sum())
