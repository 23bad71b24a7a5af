"""Paths: assignments of rows that have no probabilities one by one, the steps of a chain or the rows of groups. The most probable path at a fit,
and one at every draw of a posterior."""

import itertools
from collections.abc import Mapping
from typing import Literal

import numpy as np
import xarray as xr
from jaxtyping import Int

from inference.assignment.responsibilities import in_blocks
from inference.backends import Bound, bind
from inference.checks import no_path
from inference.draws import backend_of, parameters_of, program_of
from mixtures import Observations
from mixtures.seeds import generator


def path_at(
    bound: Bound, parameters: Mapping[str, np.ndarray], temperature: Literal[0, 1], rng: np.random.Generator
) -> Int[np.ndarray, " rows"]:
    """The most probable path (temperature 0; Viterbi 1967), or one drawn from the paths' posterior (1), at one value of each parameter."""
    law, values = bound.sites.law, dict(parameters)
    assert law is not None  # the caller has checked that there is a chain
    table = bound.emissions_at(parameters)
    if not np.isfinite(law.log_mode(np, values, table, bound.x.rows)):
        raise no_path(bound.sites.is_chain)
    if temperature == 0:
        return law.mode(np, values, table, bound.x.rows)
    return law.sample(values, table, bound.x.rows, rng)


def drawn_paths(
    bound: Bound, draws: Mapping[str, np.ndarray], rng: np.random.Generator
) -> Int[np.ndarray, "draws rows"]:
    """A path of all rows at each of many parameter values, (draws, ...) by site."""
    law = bound.sites.law
    assert law is not None  # as above
    tables = itertools.chain.from_iterable(in_blocks(bound.emissions, draws, bound))
    return np.array(
        [
            law.sample({name: value[draw] for name, value in draws.items()}, table, bound.x.rows, rng).astype(np.int32)
            for draw, table in enumerate(tables)
        ]
    )


def path_shares(posterior: xr.DataTree, x: Observations) -> np.ndarray:
    """Drawn paths as sure responsibilities, (draws, rows, components): what two rows share is known of paths alone.

    The paths are of a seed of their own, so that what is made of them can be made again.
    """
    bound = bind(program_of(posterior), x, backend_of(posterior))
    paths = drawn_paths(bound, parameters_of(posterior), generator(0, "paths"))
    return (paths[..., None] == np.arange(bound.sites.joint_categories)).astype(np.float64)
