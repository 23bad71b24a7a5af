"""How many components, and of which form? Every number of components crossed with every structure, by BIC and ICL."""

import os
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from inference.checks import check_choice, check_count, check_positive, check_room
from inference.engines import engine
from inference.engines.closed_form import Climb, ClosedForm, EMProblem, Frame
from inference.point.em import fit_em
from inference.point.em_runs import Beginning, Runs, beginnings, constants, padded, part_of, stacked, summarise
from inference.point.em_settings import check_mixture
from inference.point.initial_partitions import Partitions
from inference.point.m_steps.registry import closed_form
from inference.point.restarts import best_restart
from inference.results import PointFit
from mixtures import Mixture, Observations, gaussian_mixture
from mixtures.errors import ChoiceError, DataError
from mixtures.families.covariance import ALIASES, STRUCTURES
from mixtures.seeds import check_seed

SHORT_TOLERANCE = 1e-5
"""Relative gain at which the first, short runs of all restarts stop."""

SHORT_STEPS = 100
"""M-steps of the short runs at most."""

PROMISING = 3
"""How many of a model's restarts, at different optima, run on to the full tolerance."""

CRITERIA = ("bic", "icl", "aic")


@dataclass(frozen=True, eq=False)
class Selection:
    """What a sweep over structures and numbers of components found.

    Args:
        table: one line for each structure and number of components: structure, components, log_likelihood, free_parameters, aic, bic,
            icl (all three smaller is better; mclust's are their negatives), status.
        parameters: the best parameters of each, by (structure, components).
        criterion: which criterion `best` goes by.
        x: the data.
        seed: the seed of the sweep.
        backend: the backend that ran.
    """

    table: pd.DataFrame
    parameters: dict[tuple[str, int], dict[str, np.ndarray]]
    criterion: str
    x: Observations
    seed: int
    backend: str

    @property
    def best(self) -> PointFit:
        """The fit of lowest criterion among the sound ones."""
        return self.fit(*self.best_model)

    @property
    def best_model(self) -> tuple[str, int]:
        """Structure and number of components of lowest criterion among the sound fits."""
        sound = self.table[self.table["status"].map(lambda status: status.is_sound)]
        row = (sound if len(sound) else self.table).sort_values(self.criterion).iloc[0]
        return str(row["structure"]), int(row["components"])

    def fit(self, structure: str, components: int) -> PointFit:
        """The fit of one structure and number of components."""
        if (structure, components) not in self.parameters:
            raise ChoiceError.of("structure, components", (structure, components), self.parameters)
        start = self.parameters[structure, components]
        mixture = gaussian_mixture(components, structure)
        return fit_em(mixture, self.x, start=start, restarts=1, seed=self.seed, backend=self.backend)

    def wide(self, criterion: str | None = None) -> pd.DataFrame:
        """A criterion with components down and structures across; NaN where the fit is unsound.

        Raises:
            ChoiceError: not one of the criteria.
        """
        name = self.criterion if criterion is None else criterion
        check_choice("criterion", name, CRITERIA)
        values = self.table.assign(value=self.table[name].where(self.table["status"].map(lambda s: s.is_sound)))
        return values.pivot(index="components", columns="structure", values="value")[
            list(dict.fromkeys(self.table["structure"]))
        ]

    def __str__(self) -> str:
        first = self.table.sort_values(self.criterion).head(5)
        return f"{len(self.table)} models, the best by {self.criterion.upper()}:\n{first.to_string(index=False)}"


def select_components(
    x: Any,
    components: int | Iterable[int] = range(1, 10),
    structures: str | Iterable[str] | None = None,
    *,
    criterion: str = "bic",
    restarts: int = 15,
    tolerance: float = 1e-8,
    max_steps: int = 1000,
    seed: int,
    backend: str = "numpyro",
) -> Selection:
    """Fit Gaussian mixtures of every structure and number of components by EM, and compare them.

    Args:
        x: data, shape (rows,) or (rows, features); known labels (`Observations.labels`) hold in every fit.
        components: the numbers of components to try, or just one.
        structures: covariance structures, or just one; None for all fourteen, or E and V for one variable.
        criterion: `"bic"`, `"icl"` or `"aic"`: what `best` goes by; smaller is better.
        restarts: starts of each fit.
        tolerance: see `fit_em`.
        max_steps: see `fit_em`.
        seed: an int in [0, 2**32).
        backend: `"numpyro"` or `"pyro"`.

    Returns:
        A `Selection`; `inference.plots.selection.plot_selection` draws it.

    Raises:
        DataError, ModelError, ChoiceError, SeedError: bad arguments.

    Source: Fraley & Raftery (2002), section 3; Biernacki, Celeux & Govaert (2000) for ICL.

    Example:
        >>> selection = select_components([0.0, 0.1, 0.2, 0.3, 9.0, 9.1, 9.2, 9.3], range(1, 3), ["E"], seed=0)
        >>> selection.best_model
        ('E', 2)
    """
    observations = Observations.of(x)
    if observations.observed is not None:
        raise DataError(
            "x",
            got="missing cells",
            expected="complete data",
            advice="fit_em takes missing cells, one model at a time.",
        )
    counts = list(dict.fromkeys(check_count("components", count) for count in _listed(components)))
    every = ("E", "V") if observations.features is None else STRUCTURES
    chosen = every if structures is None else _listed(structures)
    names = list(dict.fromkeys(check_choice("structures", name, (*ALIASES, *STRUCTURES)) for name in chosen))
    check_choice("criterion", criterion, CRITERIA)
    if not counts or not names:
        raise DataError("components, structures", got="none", expected="at least one of each")
    seed, restarts = check_seed(seed), check_count("restarts", restarts)
    tolerance, max_steps = check_positive("tolerance", tolerance, or_zero=True), check_count("max_steps", max_steps)
    check_room(restarts=restarts, components=max(counts))
    models = {name: [gaussian_mixture(count, name) for count in counts] for name in names}
    for mixture in (mixture for family in models.values() for mixture in family):
        check_mixture(mixture, observations, None)
    # counted from the programs; tracing them is not safe in threads
    free = {
        model: engine(backend).sites(model, observations).free_parameters
        for family in models.values()
        for model in family
    }
    columns = observations.x if observations.x.ndim == 2 else observations.x[:, None]
    partitions = Partitions(columns, seed, "select_components")
    sweep = _Sweep(observations, backend, restarts, seed, tolerance, max_steps, partitions, free)
    closed_forms = tuple(closed_form(family[0].family) for family in models.values())

    def fitted(index: int) -> list[tuple[dict[str, Any], dict[str, np.ndarray]]]:
        return sweep.fit(closed_forms, index, models[names[index]])

    # the first call compiles for all; compiled programs run outside Python's lock, a core each
    first = fitted(0)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        found = [first, *pool.map(fitted, range(1, len(names)))]
    rows, parameters = [], {}
    for name, family in zip(names, found, strict=True):
        for row, best in family:
            rows.append({"structure": name, **row})
            parameters[name, row["components"]] = best
    return Selection(pd.DataFrame(rows), parameters, criterion, observations, seed, backend)


def _listed(given: Any) -> list[Any]:
    """One value, or several, as a list; a text is one, and so is what no list can be made of, to be refused as a value."""
    is_one = isinstance(given, str | bytes | Mapping) or (isinstance(given, np.ndarray) and given.ndim == 0)
    return list(given) if isinstance(given, Iterable) and not is_one else [given]


@dataclass(frozen=True, eq=False)
class _Sweep:
    """Fits of one structure with several numbers of components, all in the lanes of one program: fewer components are padded."""

    x: Observations
    backend: str
    restarts: int
    seed: int
    tolerance: float
    max_steps: int
    partitions: Partitions
    free_parameters: dict[Mixture, int]

    def fit(
        self, closed_forms: tuple[Any, ...], index: int, models: list[Mixture]
    ) -> list[tuple[dict[str, Any], dict[str, np.ndarray]]]:
        """For each model: its line of the table, and its best parameters."""
        closed = closed_forms[index]
        values = self.x.x if self.x.x.ndim == 2 else self.x.x[:, None]
        frame = closed.frame(values)
        most = max(model.components for model in models)
        groups = [self._starts(closed, frame, values, model.components) for model in models]
        base, offset = constants(closed, frame, self.x, None)
        short = EMProblem(
            closed_forms=closed_forms,
            which=index,
            x=values,
            frame=frame,
            offset=offset,
            row_weights=None,
            labels=self.x.labels,
            fixed=dict.fromkeys(closed.fixable, False),
            is_hard=False,
            tolerance=max(self.tolerance, SHORT_TOLERANCE),
            max_steps=min(self.max_steps, SHORT_STEPS),
            base=base,
        )
        long = replace(short, tolerance=self.tolerance, max_steps=self.max_steps)
        groups = [
            self._promising(closed, short, starts, climb) for starts, climb in self._climb(closed, short, groups, most)
        ]
        results = []
        for model, (starts, climb) in zip(models, self._climb(closed, long, groups, most), strict=True):
            runs = summarise(closed, long, self.x.features, starts, climb)
            best = best_restart(runs.table)
            results.append((self._row(model, runs, best), runs.parameters(best)))
        return results

    def _starts(self, closed: ClosedForm, frame: Frame, values: np.ndarray, components: int) -> list[Beginning]:
        count = 1 if components == 1 else self.restarts
        options: dict[str, Any] = {
            "features": self.x.features,
            "partitions": self.partitions,
            "labels": self.x.labels,
        }
        return beginnings(closed, frame, values, components, count, self.seed, **options)

    def _climb(
        self, closed: ClosedForm, problem: EMProblem, groups: list[list[Beginning]], most: int
    ) -> list[tuple[list[Beginning], Climb]]:
        """Every group's starts, climbed together: fewer components are padded with components of weight 0."""
        together = [padded(closed, start, most) for group in groups for start in group]
        climb = engine(self.backend).em(problem, stacked(together))
        ends = np.cumsum([len(group) for group in groups])
        return [
            (group, part_of(closed, climb, slice(end - len(group), end), len(group[0].state["weights"])))
            for group, end in zip(groups, ends, strict=True)
        ]

    def _promising(
        self, closed: ClosedForm, problem: EMProblem, starts: list[Beginning], climb: Climb
    ) -> list[Beginning]:
        """Where the best restarts stand, one for each optimum: short runs choose who runs on (Biernacki, Celeux & Govaert 2003)."""
        table = summarise(closed, problem, self.x.features, starts, climb).table
        sound = table[table["status"].map(lambda status: status.is_sound)]
        chosen = (sound if len(sound) else table).sort_values("objective").drop_duplicates("optimum")
        return [
            Beginning(starts[row].rule, starts[row].seed, {name: value[row] for name, value in climb.states.items()})
            for row in chosen.index[:PROMISING]
        ]

    def _row(self, model: Mixture, runs: Runs, best: int) -> dict[str, Any]:
        likelihood, classified = runs.likelihoods(best)
        free = self.free_parameters[model]
        penalty = free * np.log(len(self.x))
        return {
            "components": model.components,
            "log_likelihood": likelihood,
            "free_parameters": free,
            "aic": -2 * likelihood + 2 * free,
            "bic": -2 * likelihood + penalty,
            "icl": -2 * classified + penalty,
            "status": runs.table.at[best, "status"],
        }
