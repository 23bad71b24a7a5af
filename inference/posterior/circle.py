"""Directions as draws: the circle is cut once, where draws are fewest, and unrolled.

A sampler moves directions on the real line, where those 2 pi apart are the same: chains may settle on different turns, and means, R-hat and
relabelling would take equal directions for different ones. One cut for all components keeps them comparable under any labelling.
"""

from dataclasses import replace

import numpy as np
from jaxtyping import Float
from scipy.ndimage import uniform_filter1d

from inference.samplers.protocol import Draws
from mixtures import Program
from mixtures.families.members import parts_of

BINS = 72
"""Directions among which the cut is sought: every five degrees."""

WINDOW = 7
"""Bins over which draws are averaged."""

TURN = 2 * np.pi


def unrolled(program: Program, draws: Draws) -> Draws:
    """The draws with every direction on one turn; where a prior tells turns apart they are left as they are, as densities must be."""
    mixture = program.mixture
    if mixture is None:
        return draws
    alike = [site for site in parts_of(mixture.family).circular_sites if mixture.priors[site].name == "UniformAngle"]
    return replace(
        draws, parameters={**draws.parameters, **{site: on_one_turn(draws.parameters[site]) for site in alike}}
    )


def on_one_turn(angles: Float[np.ndarray, "chain draw ..."]) -> Float[np.ndarray, "chain draw ..."]:
    """Angles between the cut and one turn later; each feature, the fourth axis, has a cut of its own.

    >>> on_one_turn(np.array([[3.0, 3.1, -3.0, 9.0]])).round(2).tolist()
    [[3.0, 3.1, 3.28, 2.72]]
    """
    if angles.ndim == 4:
        return np.stack([on_one_turn(column) for column in np.moveaxis(angles, 3, 0)], axis=3)
    cut = _emptiest(angles)
    return cut + (angles - cut) % TURN


def _emptiest(angles: np.ndarray) -> float:
    """The direction, in (-2 pi, 0], that is farthest from draws; -pi where there are as few."""
    counts, edges = np.histogram(angles % TURN, bins=BINS, range=(0.0, TURN))
    around = uniform_filter1d(counts.astype(float), WINDOW, mode="wrap")
    middles = (edges[:-1] + edges[1:]) / 2 - TURN
    fewest = middles[around <= around.min() + 1e-9]
    return float(fewest[np.argmin(np.abs(fewest + np.pi))])
