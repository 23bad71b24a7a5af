"""Paths of a chain, whose rows have no probabilities one by one: the most probable path at a fit, and one at every draw of a posterior."""

from collections.abc import Mapping
from typing import Literal

import numpy as np
import xarray as xr
from jaxtyping import Int

from inference.assignment.responsibilities import CELLS_AT_ONCE
from inference.backends import Bound, bind
from inference.checks import no_path
from inference.draws import backend_of, parameters_of, program_of
from mixtures import Observations, Program
from mixtures.seeds import generator


def path_at(
    bound: Bound, parameters: Mapping[str, np.ndarray], temperature: Literal[0, 1], rng: np.random.Generator
) -> Int[np.ndarray, " rows"]:
    """The most probable path (temperature 0; Viterbi 1967), or one drawn from the paths' posterior (1), at one value of each parameter."""
    law, values = bound.sites.law, dict(parameters)
    assert law is not None  # the caller has checked that there is a chain
    table = bound.emissions({name: np.asarray(value)[None] for name, value in values.items()})[0]
    if not np.isfinite(law.log_mode(np, values, table, bound.x.rows)):
        raise no_path()
    if temperature == 0:
        return law.mode(np, values, table, bound.x.rows)
    return law.sample(values, table, bound.x.rows, rng)


def drawn_paths(
    posterior: xr.DataTree, x: Observations, rng: np.random.Generator, program: Program | None = None
) -> Int[np.ndarray, "draws rows"]:
    """A path of all rows at every draw, chains one after the other."""
    bound, draws = bind(program or program_of(posterior), x, backend_of(posterior)), parameters_of(posterior)
    law = bound.sites.law
    assert law is not None  # as above
    count = len(next(iter(draws.values())))
    size = max(1, min(count, CELLS_AT_ONCE // (len(x) * bound.sites.joint_categories)))
    paths = np.empty((count, len(x)), dtype=np.int32)
    for begin in range(0, count, size):
        some = {name: value[begin : begin + size] for name, value in draws.items()}
        for draw, table in enumerate(bound.emissions(some)):
            paths[begin + draw] = law.sample({name: value[draw] for name, value in some.items()}, table, x.rows, rng)
    return paths


def path_shares(posterior: xr.DataTree, x: Observations) -> np.ndarray:
    """Drawn paths as sure responsibilities, (draws, rows, components): what two rows share is known of paths alone.

    The paths are of a seed of their own, so that what is made of them can be made again.
    """
    paths = drawn_paths(posterior, x, generator(0, "paths"))
    components = bind(program_of(posterior), x, backend_of(posterior)).sites.joint_categories
    return (paths[..., None] == np.arange(components)).astype(np.float64)
