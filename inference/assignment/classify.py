"""Which component does a row belong to? The most probable one, or a draw."""

from typing import Any

import numpy as np

from inference.assignment.paths import path_at
from inference.assignment.responsibilities import bound_like, one_or_all, table_of
from inference.backends import Bound
from inference.checks import check_positive
from inference.results import PointFit
from mixtures.errors import ModelError, SeedError
from mixtures.seeds import check_seed, derived, generator


def classify(fit: PointFit, x: Any, *, temperature: float = 0, seed: int | None = None) -> Any:
    """The assignment of each row, given the fit's parameters.

    The rows of a hidden Markov chain are assigned jointly: at temperature 0 by the most probable path (Viterbi), which may differ from
    the rows' most probable components, at 1 by a path drawn from the posterior of the paths.

    At temperatures 0 and 1 the backend's `infer_discrete` is used: the most probable assignment, or a draw from the assignments'
    posterior. Any other temperature t draws from probabilities proportional to p(x_i, k)^(1/t); the rows must then be independent given
    the parameters. For a program of the user's own the table of `responsibilities` is used instead, since its plates may not show what
    the program does.

    Args:
        fit: a point fit.
        x: rows to classify, old or new, with the columns of the fitted data.
        temperature: 0 for the most probable assignment, 1 for a posterior draw; below 1 draws are sharper, above 1 flatter.
        seed: an int in [0, 2**32); needed at a temperature above 0.

    Returns:
        Components, ints of shape (rows,); with several assignments a row, a dict by site.

    Raises:
        ModelError: not a point fit, or no such temperature.
        SeedError: no seed at a positive temperature.
        DataError: other columns than the model was fitted to.

    Example:
        >>> from inference import fit_map
        >>> from mixtures import gaussian_mixture
        >>> fit = fit_map(gaussian_mixture(2), [0.0, 1.0, 10.0, 11.0, 12.0], restarts=5, seed=0)
        >>> classify(fit, [0.5, 11.5]).tolist()
        [1, 0]
    """
    if not isinstance(fit, PointFit):
        raise ModelError(
            "fit",
            got=type(fit).__name__,
            expected="a point fit",
            advice="For draws, average over them: responsibilities(relabel(posterior), x).argmax(axis=1), or abstain(...).",
        )
    bound = bound_like(fit, x)
    check_positive("temperature", temperature, or_zero=True)
    if seed is None and temperature > 0:
        raise SeedError(
            "seed", got="None", expected="an int in [0, 2**32)", advice="Draws at temperature > 0 need a seed."
        )
    seed = check_seed(0 if seed is None else seed)
    sites = bound.sites
    if sites.is_trivial:
        return one_or_all({site.name: np.zeros(site.shape, dtype=np.int64) for site in sites.assignments})
    if not sites.is_row_wise:
        return _path(bound, fit, temperature, seed)
    if temperature in (0, 1) and not (sites.structure and sites.has_table):
        if sites.is_summed:
            sites.check_table("classification")
        found = bound.classify(fit.parameters, temperature=int(temperature), seed=derived(seed, "classify"))
        # reshaped because infer_discrete drops the plate of a single row
        shapes = {site.name: site.shape for site in sites.assignments}
        return one_or_all({name: values.astype(np.int64).reshape(shapes[name]) for name, values in found.items()})
    table = table_of(bound, fit)
    if temperature > 0:
        # argmax of log p / t + Gumbel noise is a draw from p^(1/t) (Gumbel 1954; Maddison, Tarlow & Minka 2014)
        table = table / temperature + generator(seed, "classify").gumbel(size=table.shape)
    best = np.argmax(table, axis=1)
    shapes = {site.name: site.shape for site in sites.assignments}
    return one_or_all({name: values[best].reshape(shapes[name]) for name, values in sites.combinations().items()})


def _path(bound: Bound, fit: PointFit, temperature: float, seed: int) -> np.ndarray:
    """The path of a chain.

    Raises:
        ModelError: a temperature at which paths have no probabilities.
    """
    if temperature not in (0, 1):
        raise ModelError(
            "temperature",
            got=f"{temperature:g} and a hidden Markov chain",
            expected="0, the most probable path, or 1, a draw",
        )
    return path_at(bound, fit.parameters, 0 if temperature == 0 else 1, generator(seed, "classify")).astype(np.int64)
