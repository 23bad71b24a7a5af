"""Components keep their colour in every picture, and are told apart with a red-green deficiency as well."""

from itertools import combinations

import numpy as np
from matplotlib.colors import to_rgb

from inference.plots.palette import COMPONENTS, MARKERS, colour, marker

DEUTERANOPIA = np.array(
    [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
)
"""Machado, Oliveira & Fernandes (2009), severity 1, on linear RGB."""


def seen(name):
    rgb = np.array(to_rgb(name))
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return np.clip(DEUTERANOPIA @ linear, 0, 1) ** (1 / 2.2)


def test_colours_stay_apart_without_red_and_green():
    distances = [np.linalg.norm(seen(one) - seen(other)) for one, other in combinations(COMPONENTS, 2)]
    assert min(distances) > 0.15


def test_forty_nine_components_differ_in_colour_or_marker():
    looks = {(colour(component), marker(component)) for component in range(len(COMPONENTS) * len(MARKERS))}
    assert len(looks) == 49
