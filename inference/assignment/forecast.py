"""What comes next in a hidden Markov chain? The states and the rows after the last one, with how sure they are."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from jaxtyping import Float

from inference.assignment.responsibilities import bound_and_draws, in_blocks
from inference.backends import Bound, bind
from inference.checks import check_count, no_path
from inference.draws import observations_of
from inference.frames import components_of
from inference.html import InNotebooks
from inference.interval import tails
from inference.parameter_table import heading
from inference.results import PointFit
from mixtures import Mixture, Observations, Program
from mixtures.assignments import Chain, Markov
from mixtures.assignments.chain import begins
from mixtures.errors import ModelError
from mixtures.known_numbers import KNOWN
from mixtures.seeds import NEEDED, check_seed, derived, generator

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False, repr=False)
class Forecast(InNotebooks):
    """The rows that follow the last one of each series.

    Args:
        assignment_probs: P(component), (series, steps, components), exact given each draw of the parameters, and averaged over them.
        draws: of the rows, (draws, series, steps) or (draws, series, steps, features).
        series: the number of each series, or its name.
        feature_names: the columns' names, or None.
        components: the components' names, or their numbers.
    """

    assignment_probs: Float[np.ndarray, "series steps components"]
    draws: np.ndarray
    series: tuple[Any, ...]
    feature_names: tuple[str, ...] | None
    components: tuple[Any, ...]

    def to_frame(self) -> "pd.DataFrame":
        """A line for each series and step: of each column the mean and the bounds between which 89% of the draws lie; of each component
        its probability."""
        import pandas as pd

        draws = self.draws if self.draws.ndim == 4 else self.draws[..., None]
        names = self.feature_names or tuple(f"x{j}" for j in range(draws.shape[3]))
        steps = range(1, draws.shape[2] + 1)
        index = pd.MultiIndex.from_product([self.series, steps], names=["series", "step"])
        low, high = np.quantile(draws, tails(), axis=0)
        columns: dict[str, np.ndarray] = {}
        for j, name in enumerate(names):
            own = {"": draws.mean(axis=0), " 89% from": low, " 89% to": high}
            columns |= {f"{name}{what}": values[..., j].ravel() for what, values in own.items()}
        for k, name in enumerate(self.components):
            columns[f"P({heading(name)})"] = self.assignment_probs[..., k].ravel()
        return pd.DataFrame(columns, index=index)

    def __str__(self) -> str:
        series, steps = self.assignment_probs.shape[:2]
        head = f"Forecast of {steps} step{'s' if steps != 1 else ''} after {series} series, {len(self.draws)} draws"
        return f"{head}\n\n{self.to_frame().to_string(float_format='{:.4g}'.format)}"


def forecast(
    fit_or_posterior: PointFit | xr.DataTree,
    steps: int,
    x: Any = None,
    *,
    draws: int = 1000,
    seed: int = NEEDED,
    program: Program | None = None,
) -> Forecast:
    """The rows that follow the last one of each series of a hidden Markov chain.

    The states' probabilities are exact given the parameters: those of the last row, given it and all before it, moved on by the transition
    matrix. Rows are drawn from the program itself. Of a posterior, every draw of the rows has its own draw of the parameters, so that
    their uncertainty is in the intervals; of a point fit it is not.

    Args:
        fit_or_posterior: a point fit, or a tree of draws, of `hidden_markov`.
        steps: how many rows.
        x: the series until now, with the columns of the fitted data; of a posterior None takes its own.
        draws: how many times the rows are drawn.
        seed: an int in [0, 2**32).
        program: the declaration of the draws, where it cannot be imported again: one made inside a function, say.

    Returns:
        A `Forecast`; a table when printed.

    Raises:
        ModelError: rows that do not follow one another; rows that depend on covariates, trials, exposures or errors, which are not known of the
            future; no `x` for a fit.
        DataError: other columns than the model was fitted to.

    Source: Zucchini, MacDonald & Langrock (2016), Hidden Markov Models for Time Series, sections 5.2 and 5.5.

    Example:
        >>> from inference import fit_em
        >>> from mixtures import families, hidden_markov, load_dataset
        >>> x = load_dataset("earthquakes")
        >>> fit = fit_em(hidden_markov(2, families.Poisson()), x, restarts=5, seed=0)
        >>> forecast(fit, 3, x, seed=0).assignment_probs.shape
        (1, 3, 2)
    """
    steps, draws, seed = check_count("steps", steps), check_count("draws", draws), check_seed(seed)
    parameters, bound = _problem(fit_or_posterior, x, draws, seed, program)
    last = _last_states(bound, parameters)
    moved = [np.einsum("dsi,dij->dsj", last, parameters["transition"])]
    while len(moved) < steps:
        moved.append(np.einsum("dsi,dij->dsj", moved[-1], parameters["transition"]))
    rows = [
        _future(bound, {**parameters, "initial": moved[0][:, s]}, steps, derived(seed, "forecast", s))
        for s in range(last.shape[1])
    ]
    return Forecast(
        assignment_probs=np.stack(moved, axis=2).mean(axis=0),
        draws=np.stack(rows, axis=1),
        series=tuple(range(last.shape[1])),
        feature_names=bound.x.feature_names,
        components=components_of(fit_or_posterior),
    )


def _problem(
    result: PointFit | xr.DataTree, x: Any, draws: int, seed: int, program: Program | None
) -> tuple[dict[str, np.ndarray], Bound]:
    """As many values of the parameters as rows are to be drawn, and the series until now."""
    if x is None:
        if isinstance(result, PointFit):
            raise ModelError("x", got="None", expected="the series until now", advice="A fit does not keep its data.")
        x = observations_of(result)
    bound, every = bound_and_draws(result, x, program)
    count = len(next(iter(every.values())))
    chosen = generator(seed, "forecast").permutation(np.resize(np.arange(count), draws))
    parameters = {name: value[chosen] for name, value in every.items()}
    if not isinstance(bound.sites.law, Chain):
        raise ModelError(
            "program", got="rows that do not follow one another", expected="a hidden Markov chain, see hidden_markov"
        )
    mixture = bound.program.mixture
    if mixture is not None and mixture.needs_covariates:
        raise ModelError(
            "program", got="rows that depend on covariates", expected="rows whose future depends on nothing else"
        )
    if known := [name for name in KNOWN if name in bound.x.known_of_cells]:
        raise ModelError(
            "x", got=f"rows that depend on {known[0]}", expected="rows whose future depends on nothing else"
        )
    if not isinstance(bound.sites.law, Markov):
        raise ModelError(
            "program",
            got=f"the law {type(bound.sites.law).__name__}",
            expected="Markov, under which every row has the same transition matrix",
        )
    return parameters, bound


def _last_states(bound: Bound, parameters: Mapping[str, np.ndarray]) -> np.ndarray:
    """P(z_T | x_1, ..., x_T) of each series, (draws, series, components)."""
    law, rows = bound.sites.law, bound.x.rows
    assert law is not None  # the caller has checked
    is_last = np.append(begins(np, rows, len(bound.x))[1:], True)
    found: list[np.ndarray] = []
    for table in in_blocks(bound.emissions, parameters, bound):
        for one in table:
            values = {name: value[len(found)] for name, value in parameters.items()}
            found.append(law.filtered(np, values, one, rows)[is_last])
    if np.isnan(found).any():
        raise no_path()
    return np.array(found)


def _future(bound: Bound, parameters: Mapping[str, np.ndarray], steps: int, seed: int) -> np.ndarray:
    """Rows after the last, drawn by the program with the next state's probabilities as the initial ones, (draws, steps[, features])."""
    mixture = bound.numbered.mixture
    assert isinstance(mixture, Mixture)  # the caller has checked
    assert isinstance(mixture.assignment, Markov)
    onward = replace(mixture, assignment=replace(mixture.assignment, initial=1.0))
    like = bound.x.x[np.resize(np.arange(len(bound.x)), steps)]  # of which the shape alone matters
    size = len(next(iter(parameters.values())))
    drawn = bind(onward, Observations(like, bound.x.feature_names, missing="allow"), bound.backend).forward(
        parameters, draws=size, seed=seed
    )
    if "obs" in drawn:
        return np.asarray(drawn["obs"])
    names = [site.name for site in bound.sites.all if site.kind == "observed"]
    return np.stack([np.asarray(drawn[name]) for name in names], axis=-1)
