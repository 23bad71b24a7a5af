"""How many components, and of which form? Every number of components crossed with every structure, by BIC and ICL."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from inference.checks import check_count, check_positive
from inference.engines import engine
from inference.engines.protocol import EMProblem
from inference.point.em import fit_em
from inference.point.em_runs import Runs, Beginning, beginnings, padded, stacked, summarise, part_of
from inference.point.em_settings import check_mixture
from inference.point.m_steps.registry import closed_form
from inference.point.restarts import best_restart
from inference.results import PointFit
from inference.status import Status
from mixtures import Mixture, Observations, gaussian_mixture
from mixtures.errors import ChoiceError, DataError
from mixtures.families.covariance import STRUCTURES
from mixtures.seeds import check_seed

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
        """A criterion with components down and structures across; NaN where the fit is unsound."""
        name = criterion or self.criterion
        values = self.table.assign(value=self.table[name].where(self.table["status"].map(lambda s: s.is_sound)))
        return values.pivot(index="components", columns="structure", values="value")[list(dict.fromkeys(self.table["structure"]))]

    def __str__(self) -> str:
        first = self.table.sort_values(self.criterion).head(5)
        return f"{len(self.table)} models, the best by {self.criterion.upper()}:\n{first.to_string(index=False)}"


def select_components(
    x: Any,
    components: Iterable[int] = range(1, 10),
    structures: Iterable[str] | None = None,
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
        x: data, shape (rows,) or (rows, features).
        components: the numbers of components to try.
        structures: covariance structures; None for all fourteen, or E and V for one variable.
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
    counts = [check_count("components", count) for count in components]
    names = list(structures) if structures is not None else list(("E", "V") if observations.features is None else STRUCTURES)
    if criterion not in CRITERIA:
        raise ChoiceError.of("criterion", criterion, CRITERIA)
    if not counts or not names:
        raise DataError("components, structures", got="none", expected="at least one of each")
    seed, restarts = check_seed(seed), check_count("restarts", restarts)
    tolerance = check_positive("tolerance", tolerance, or_zero=True)
    models = {name: [gaussian_mixture(count, name) for count in counts] for name in names}
    for mixture in (mixture for family in models.values() for mixture in family):
        check_mixture(mixture, observations, None)
    sweep = _Sweep(observations, backend, restarts, seed, tolerance, max_steps)
    closed_forms = tuple(closed_form(family[0].family) for family in models.values())
    rows, parameters = [], {}
    for index, (name, family) in enumerate(models.items()):
        for mixture, runs, classified in sweep.fit(closed_forms, index, family):
            best = best_restart(runs.table)
            parameters[name, mixture.components] = runs.parameters(best)
            row = _row(observations, backend, mixture, runs, best, classified(best))
            rows.append({"structure": name, **row})
    return Selection(pd.DataFrame(rows), parameters, criterion, observations, seed, backend)


@dataclass(frozen=True, eq=False)
class _Sweep:
    """Fits of one structure with several numbers of components, all in the lanes of one program: fewer components are padded."""

    x: Observations
    backend: str
    restarts: int
    seed: int
    tolerance: float
    max_steps: int

    def fit(self, closed_forms: tuple[Any, ...], index: int, models: list[Mixture]):
        """For each model: the model, its restarts, and a function from a restart to its classification log likelihood."""
        closed = closed_forms[index]
        values = self.x.x if self.x.x.ndim == 2 else self.x.x[:, None]
        frame = closed.frame(values)
        most = max(model.components for model in models)
        starts = [
            beginnings(
                closed, frame, values, model.components, self._restarts(model.components), self.seed, features=self.x.features
            )
            for model in models
        ]
        problem = EMProblem(
            closed_forms=closed_forms,
            which=index,
            x=values,
            frame=frame,
            row_weights=None,
            labels=None,
            fixed=dict.fromkeys(closed.fixable, False),
            is_hard=False,
            tolerance=self.tolerance,
            max_steps=self.max_steps,
        )
        every = [padded(closed, start, most) for group in starts for start in group]
        climb = engine(self.backend).em(problem, stacked(every))
        begin = 0
        standard = ((values - frame.centre) / frame.unit).T
        for model, group in zip(models, starts, strict=True):
            mine = part_of(closed, climb, slice(begin, begin + len(group)), model.components)
            begin += len(group)
            runs = summarise(closed, problem, self.x.features, group, mine)

            def classified(restart: int, mine: Any = mine) -> float:
                state = {name: value[restart] for name, value in mine.states.items()}
                table, _ = closed.log_joint(np, state, standard)
                return float(table.max(axis=0).sum() + len(values) * closed.log_jacobian(frame))

            yield model, runs, classified

    def _restarts(self, components: int) -> int:
        return 1 if components == 1 else self.restarts


def _row(
    x: Observations, backend: str, mixture: Mixture, runs: Runs, best: int, classified: float
) -> dict[str, Any]:
    likelihood, status = -runs.table.at[best, "objective"], runs.table.at[best, "status"]
    free = engine(backend).sites(mixture, x).free_parameters
    penalty = free * np.log(len(x))
    return {
        "components": mixture.components,
        "log_likelihood": likelihood,
        "free_parameters": free,
        "aic": -2 * likelihood + 2 * free,
        "bic": -2 * likelihood + penalty,
        "icl": -2 * classified + penalty,
        "status": status,
    }
