"""Before sampling: what would otherwise fail after the last draw is tried on none."""

import contextlib
import json
from collections.abc import Iterator

import numpy as np

from inference.backends import Bound
from inference.backends.sites import Sites
from inference.posterior.tree import coords_of, dataset, dims_of
from mixtures import Observations
from mixtures.errors import MixturesError, ModelError
from mixtures.specification import to_json


def rehearse(bound: Bound, *, predictive: bool = False, assignments: bool = False) -> None:
    """Try, before any draw is made, what would otherwise fail after the last: texts, names and shapes of the tree, data drawn anew.

    Args:
        bound: program, data and backend.
        predictive: whether data will be drawn from the posterior and the prior.
        assignments: whether assignments will be drawn.

    Raises:
        ModelError: something that was asked for cannot be made of this program; the text says what to leave out.
    """
    with _in_words("program", "a program that can be written down", "Define it in a module, or at least in a file."):
        json.dumps([str(bound.numbered), to_json(bound.numbered)])
    _check_dims(bound.x, bound.sites)
    if predictive:
        _check_predictive(bound)
    if assignments and not bound.sites.has_table:
        _check_assignments(bound)


def _check_dims(x: Observations, sites: Sites) -> None:
    advice = "Give axes of different lengths different names, in ppl.plate or in ppl.sample(..., dims=)."
    with _in_words("dims", "names of axes that go together in one table of draws", advice):
        for kind in ("parameter", "observed"):
            some = {site.name: site for site in sites.all if site.kind == kind}
            blank = {name: np.zeros((1, 1, *site.shape)) for name, site in some.items()}
            if blank:
                dataset(blank, {name: dims_of(site, x) for name, site in some.items()}, coords_of(x, sites))


def _check_predictive(bound: Bound) -> None:
    advice = "Sample without predictive=True, or have the program draw its data: ppl.sample(..., obs=x)."
    sites = bound.sites
    if not any(site.kind == "observed" for site in sites.all):
        got = "predictive=True and a program without an observed site"
        raise ModelError("predictive", got=got, expected="a program that can draw its data", advice=advice)
    with _in_words("predictive", "a program that can draw its data", advice):
        drawn = bound.on(bound.x.with_labels(None)).forward({}, draws=1, seed=0)
        for site in sites.all:
            if site.kind in ("parameter", "observed"):
                drawn[site.name].reshape(1, *site.shape)


def _check_assignments(bound: Bound) -> None:
    sites = bound.sites
    if not sites.assignments:
        return
    if sites.is_summed:  # the backend goes by plates, which do not say what the program does
        sites.check_table("assignments=True")
    shapes = {site.name: site.shape for site in sites.assignments}
    with _in_words("assignments", "a program whose assignments can be drawn", "Sample without assignments=True."):
        drawn = bound.classify(bound.prior_draw(0), temperature=1, seed=0)
        for name, values in drawn.items():
            np.asarray(values).reshape(shapes[name])


@contextlib.contextmanager
def _in_words(what: str, expected: str, advice: str) -> Iterator[None]:
    """A foreign exception as one of ours."""
    try:
        yield
    except MixturesError:
        raise
    except Exception as error:
        text = f"one that cannot ({type(error).__name__}: {str(error)[:300]})"
        raise ModelError(what, got=text, expected=expected, advice=advice) from error
