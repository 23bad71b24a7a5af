"""One run of the telescoping sampler for all tests that ask how it is stored, seeded or read: no program takes longer to compile."""

from typing import Any

import xarray as xr

import inference
from mixtures import Mixture, component_counts, families
from tests.oracles import FIVE_POINTS

MODEL = Mixture(4, families.Poisson())
PRIOR = component_counts.Poisson(1.0)


def telescoped(seed: int, **options: Any) -> xr.DataTree:
    """Draws; other numbers of draws and sweeps, another prior and other data of five rows take the same compiled program."""
    shape = {"prior_on_components": PRIOR, "sweeps": 1, "chains": 2, "assignments": True, "progress": False}
    return inference.sample_telescope(MODEL, FIVE_POINTS, seed=seed, **{**shape, **options})
