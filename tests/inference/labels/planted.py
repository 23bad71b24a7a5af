"""Draws of a Gaussian mixture's parameters whose labels we scrambled ourselves, so that the answer is known."""

from typing import NamedTuple

import numpy as np
from scipy.stats import norm


class Planted(NamedTuple):
    """Raw draws after scrambling by `planted`, and the permutations that undo it."""

    x: np.ndarray  # rows
    z: np.ndarray  # draws, rows
    p: np.ndarray  # draws, rows, components
    parameters: np.ndarray  # draws, components, 3: weight, location, log scale
    planted: np.ndarray  # draws, components
    answer: np.ndarray  # draws, components
    log_joint: object  # (components, 3) -> (rows, components)


def planted_draws(planted: np.ndarray, rows: int = 120, gap: float = 5.0, noise: float = 0.1, seed: int = 0) -> Planted:
    """Draws around a mixture of unit Gaussians `gap` apart, relabelled by `planted` (draws, components)."""
    draws, components = planted.shape
    rng = np.random.default_rng(seed)
    truth = np.column_stack([np.full(components, 1 / components), gap * np.arange(components), np.zeros(components)])
    x = rng.normal(truth[np.arange(rows) % components, 1], 1.0)
    clean = truth + rng.normal(0, [0.0, noise, noise], (draws, components, 3))
    parameters = np.take_along_axis(clean, planted[..., None], axis=1)

    def log_joint(theta: np.ndarray) -> np.ndarray:
        return np.log(theta[..., None, :, 0]) + norm.logpdf(
            x[:, None], theta[..., None, :, 1], np.exp(theta[..., None, :, 2])
        )

    joint = log_joint(parameters)
    p = np.exp(joint - np.logaddexp.reduce(joint, axis=2, keepdims=True))
    z = (p.cumsum(axis=2) < rng.uniform(size=(draws, rows, 1))).sum(axis=2).clip(0, components - 1)
    return Planted(x, z, p, parameters, planted, np.argsort(planted, axis=1), log_joint)


def scrambles(draws: int, components: int, seed: int = 0) -> np.ndarray:
    """Random permutations, the first the identity, then a full cycle, a 3-cycle and a 4-cycle where they fit."""
    permutations = np.random.default_rng(seed).permuted(np.tile(np.arange(components), (draws, 1)), axis=1)
    permutations[0] = np.arange(components)
    for draw, length in enumerate([components, 3, 4], start=1):
        if draw < draws and length <= components:
            permutations[draw] = np.concatenate([np.roll(np.arange(length), -1), np.arange(length, components)])
    return permutations
