"""How many components, and of which form? Every number of components crossed with every family or covariance structure, by BIC and ICL."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from inference.checks import check_choice, check_count, check_positive, check_room, observed
from inference.html import InNotebooks
from inference.point.em.fit import fit_em
from inference.point.em.settings import check_mixture
from inference.point.em.streamed import check_source
from inference.results import PointFit
from inference.selection.refits import EMOptions
from inference.selection.sweep import one_by_one, sweep
from mixtures import Mixture, Observations, Source
from mixtures.assignments import Assignment, Dirichlet
from mixtures.checks import listed
from mixtures.errors import ChoiceError, DataError, ModelError
from mixtures.families import Gaussian
from mixtures.families.covariance import STRUCTURES, check_structure
from mixtures.families.factors import factors_of
from mixtures.families.family import Family
from mixtures.families.members import check_family
from mixtures.seeds import NEEDED, check_seed

CRITERIA = ("bic", "icl", "aic", "sabic", "caic")


@dataclass(frozen=True, eq=False, repr=False)
class Selection(InNotebooks):
    """What a sweep over structures and numbers of components found.

    Args:
        table: one line for each structure and number of components: structure, components, log_likelihood, free_parameters, aic, bic,
            icl, sabic, caic (in all smaller is better; mclust's are their negatives), status.
        parameters: the best parameters of each, by (structure, components).
        declarations: the declaration of each, by (structure, components).
        criterion: which criterion `best` goes by.
        x: the data, or the source of them.
        seed: the seed of the sweep.
        backend: the backend that ran.
    """

    table: pd.DataFrame
    parameters: dict[tuple[str, int], dict[str, np.ndarray]]
    declarations: dict[tuple[str, int], Mixture]
    criterion: str
    x: Observations | Source
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
        mixture, best = self.declarations[structure, components], self.parameters[structure, components]
        return fit_em(mixture, self.x, init=best, restarts=1, seed=self.seed, backend=self.backend)

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

    def to_frame(self) -> pd.DataFrame:
        """The table, the best by the criterion first, and how much worse each is than the best."""
        first = self.table.sort_values(self.criterion, ignore_index=True)
        return first.assign(difference=first[self.criterion] - first[self.criterion].min())

    def __str__(self) -> str:
        first = self.to_frame().head(5)
        return f"{len(self.table)} models, the best by {self.criterion.upper()}:\n{first.to_string(index=False)}"


def select_components(
    x: Any,
    components: int | Iterable[int] = range(1, 10),
    structures: str | Iterable[str] | None = None,
    *,
    family: Family | Mapping[str, Family] | None = None,
    assignment: Assignment | None = None,
    criterion: str = "bic",
    restarts: int = 15,
    tolerance: float = 1e-8,
    max_steps: int = 1000,
    seed: int = NEEDED,
    row_weights: Any = None,
    labels: Any = None,
    backend: str = "numpyro",
) -> Selection:
    """Fit mixtures of every family, or covariance structure, and number of components by EM, and compare them.

    Gaussian mixtures with complete data and the default weights are fitted all together, in one compiled program; other declarations
    one after the other, by `fit_em`.

    Args:
        x: data, shape (rows,) or (rows, features); known labels hold in every fit. Or a `mixtures.Source`, whose rows need not fit into
            memory, where `fit_em` streams: each fit reads the rows as often as its restarts take steps, so ask for few structures and restarts.
        components: the numbers of components to try, or just one.
        structures: covariance structures of Gaussians, or just one, `"factor-2"` among them; None for mclust's fourteen, or E and V for one
            variable.
        family: a family instead of Gaussians, or several: `{name in the table: family}`.
        assignment: the law of the assignment, see `mixtures.assignments`; None: the default, `Dirichlet(1.0)`.
        criterion: `"bic"`, `"icl"`, `"aic"`, `"sabic"` or `"caic"`: what `best` goes by; smaller is better.
        restarts: starts of each fit.
        tolerance: see `fit_em`.
        max_steps: see `fit_em`.
        seed: an int in [0, 2**32).
        row_weights: how often each row counts, shape (rows,); also `Observations.row_weights`.
        labels: known components 0, ..., components - 1, shape (rows,), and -1 or None where unknown; also `Observations.labels`.
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
    data = x if isinstance(x, Source) else observed(x, labels, row_weights)
    counts = list(dict.fromkeys(check_count("components", count) for count in listed(components)))
    candidates = _families(data.features, structures, family)
    check_choice("criterion", criterion, CRITERIA)
    if not counts or not candidates:
        raise DataError("components, structures", got="none", expected="at least one of each")
    seed, restarts = check_seed(seed), check_count("restarts", restarts)
    tolerance, max_steps = check_positive("tolerance", tolerance, or_zero=True), check_count("max_steps", max_steps)
    check_room(restarts=restarts, components=max(counts))
    law = Dirichlet() if assignment is None else assignment
    models = {name: [Mixture(count, one, law) for count in counts] for name, one in candidates.items()}
    options = EMOptions(restarts, seed, tolerance, max_steps, backend)
    if isinstance(data, Source):
        for first, *_ in models.values():  # what does not stream of the last family is said before the first fit
            check_source(first, data, seed, labels=labels, row_weights=row_weights)
        found = one_by_one(models, data, options)
    else:
        for mixture in (mixture for several in models.values() for mixture in several):
            check_mixture(mixture, data)
        is_plain = assignment is None and family is None and data.observed is None and not data.known_of_cells
        # one program serves all structures whose M-steps know a component alike: factors have another
        alike = {name: several for name, several in models.items() if is_plain and factors_of(name) is None}
        rest = {name: several for name, several in models.items() if name not in alike}
        each = (sweep(alike, data, options) if alike else {}) | (one_by_one(rest, data, options) if rest else {})
        found = {name: each[name] for name in models}
    rows, parameters, declarations = [], {}, {}
    for name, several in found.items():
        for mixture, row, best in several:
            rows.append({"structure": name, "components": mixture.components, **row})
            parameters[name, mixture.components], declarations[name, mixture.components] = best, mixture
    return Selection(pd.DataFrame(rows), parameters, declarations, criterion, data, seed, backend)


def _families(features: int | None, structures: Any, family: Any) -> dict[str, Family]:
    """The families to try, by name."""
    if family is None:
        every = ("E", "V") if features is None else STRUCTURES
        chosen = every if structures is None else listed(structures)
        names = dict.fromkeys(check_structure("structures", name) for name in chosen)
        return {name: Gaussian(name) for name in names}
    if structures is not None:
        raise ModelError(
            "structures",
            got="structures and a family",
            expected="one of the two",
            advice='A structure is a family too: family={"VVV": families.Gaussian("VVV"), ...}.',
        )
    several = family if isinstance(family, Mapping) else {type(family).__name__: family}
    for name, one in several.items():
        check_family(f"family: {name}", one)
    return {str(name): one for name, one in several.items()}
