"""What both estimators share: scikit-learn's arguments as this package's, in one place each.

Seeds, declarations, observations, and the verb that a method is.
"""

import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils.validation import validate_data

from inference.checks import checked
from inference.point.em import fit_em
from inference.point.map import fit_map
from inference.results import PointFit
from inference.status import Status
from mixtures import Mixture, Observations
from mixtures.assignments import Assignment, Dirichlet
from mixtures.checks import check_choice
from mixtures.errors import ModelError, in_words
from mixtures.families import Gaussian
from mixtures.observations import MISSING
from mixtures.seeds import check_seed

OWN = frozenset({"seed", "restarts", "backend"})
"""Arguments of verbs that estimators have as arguments of their own."""

MOST_REPEATED = 1_000_000
"""Rows that weights are drawn out to at most, beyond as many as there are: enough for means and standard deviations."""


class MixtureEstimator(BaseEstimator):
    """What both estimators do with the arguments that both have, whose meaning is said where they are arguments."""

    method: str
    missing: str
    backend: str
    options: Any

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = self.missing == "allow"
        return tags

    def _observations(self, X: Any, **of_rows: Any) -> Observations:
        """Checked rows that are numbers already, under the names that `fit` saw; one column is one variable."""
        names = getattr(self, "feature_names_in_", None)
        values = X[:, 0] if X.shape[1] == 1 else X
        named = None if names is None else tuple(map(str, names))
        return Observations(values, feature_names=named, missing=self.missing, **of_rows)

    def _new_rows(self, X: Any) -> Observations:
        """Rows to be asked about, with the columns that `fit` saw."""
        return self._observations(validate_data(self, X, reset=False, **self._reading()))

    def _reading(self) -> dict[str, Any]:
        """How scikit-learn is to read X."""
        allows_nan = check_choice("missing", self.missing, MISSING) == "allow"
        return {"dtype": np.float64, "ensure_all_finite": "allow-nan" if allows_nan else True}

    @property
    def _options(self) -> dict[str, Any]:
        """Further arguments of the method's verb."""
        given = {} if self.options is None else self.options
        if not isinstance(given, Mapping) or OWN.intersection(given):
            raise ModelError(
                "options",
                got=in_words(given),
                expected="None, or arguments of the method's verb by name, such as {'max_steps': 500}",
                advice="restarts, backend and random_state, the seed, are arguments of the estimator.",
            )
        return dict(given)

    def _point_fit(self, mixture: Mixture, x: Observations, *, seed: int, **of_verb: Any) -> PointFit:
        """The best parameters for rows and their counts; a warning where the fit did not converge."""
        x = counted(x)
        checked(mixture, x)
        verb: Callable[..., PointFit] = fit_em if self.method == "em" else fit_map
        fit = verb(mixture.scaled_to(repeated(x)), x, seed=seed, backend=self.backend, **of_verb)
        if fit.status is not Status.CONVERGED:
            warnings.warn(f"{fit.status.value}. {fit.reason}".rstrip(), ConvergenceWarning, stacklevel=3)
        return fit


def declaration(components: Any, family: Any, covariance: Any, priors: Any, assignment: Assignment | None) -> Mixture:
    """The mixture that a constructor's arguments declare.

    Raises:
        ModelError: `family` is neither `"gaussian"` nor a family; `priors` beside a family, which has its own; rows that depend on covariates or
            on each other, which estimators do not know.
    """
    if isinstance(family, str):
        check_choice("family", family, ("gaussian",))
        family = Gaussian(covariance, priors=() if priors is None else priors)
    elif priors is not None:
        kind = type(family).__name__
        raise ModelError(
            "priors",
            got=f"some, and the family {kind}",
            expected="None: a family brings its own",
            advice=f"Pass family=families.{kind}(..., priors=...).",
        )
    mixture = Mixture(components, family, Dirichlet() if assignment is None else assignment)
    if mixture.needs_covariates or mixture.assignment.needs_groups or not mixture.assignment.is_row_wise:
        raise ModelError(
            "family, assignment",
            got="rows that depend on covariates, on groups, or on the rows before",
            expected="rows that X alone describes, each by itself",
            advice="The verbs take them: inference.fit_em(mixture, Observations(x, ...)).",
        )
    return mixture


def seed_of(random_state: Any) -> int:
    """This package's seed, of what scikit-learn takes for one.

    An int is itself, so that estimators and verbs of one seed agree. A RandomState gives its next number; None is NumPy's global RandomState, as
    everywhere in scikit-learn.

    Raises:
        SeedError: an int outside [0, 2**32).

    Example:
        >>> seed_of(7), seed_of(np.random.RandomState(7)) == seed_of(np.random.RandomState(7))
        (7, True)
    """
    if isinstance(random_state, int | np.integer):
        return check_seed(random_state)
    return int(check_random_state(random_state).randint(2**32, dtype=np.uint32))


def counted(x: Observations) -> Observations:
    """The distinct rows in one order, each with how often it counts: its weights, or its repetitions.

    A fit to them is a function of how often each row is there, and of nothing else: rows in another order, or repeated instead of weighted,
    give the same starts and the same fit, to the last digit.

    Example:
        >>> counted(Observations([2.0, 1.0, 2.0], row_weights=[1.0, 1.0, 3.0])).row_weights.tolist()
        [1.0, 4.0]
    """
    weights = np.ones(len(x)) if x.row_weights is None else x.row_weights
    table = np.column_stack([x.x] if x.labels is None else [x.x, x.labels])
    order = np.lexsort(table.T)
    before, after = table[order[:-1]], table[order[1:]]
    is_same = ((before == after) | (np.isnan(before) & np.isnan(after))).all(axis=1)
    first = np.flatnonzero(np.append(True, ~is_same))
    totals = np.add.reduceat(weights[order], first)
    counts = totals[totals > 0]
    distinct = x.with_row_weights(None).take(order[first[totals > 0]])
    return distinct if (counts == 1).all() else distinct.with_row_weights(counts)


def repeated(x: Observations) -> Observations:
    """The rows, each there as often as it counts: what priors are scaled to, which know no weights.

    Whole weights are exact; others by systematic sampling, from at least as many rows as there are.

    Example:
        >>> repeated(Observations([1.0, 2.0], row_weights=[1.0, 3.0])).x.tolist()
        [1.0, 2.0, 2.0, 2.0]
    """
    if x.row_weights is None:
        return x
    total = max(len(x), min(round(x.row_weights.sum()), MOST_REPEATED))
    steps = np.cumsum(x.row_weights) / x.row_weights.sum() * total
    return x.with_row_weights(None).take(np.searchsorted(steps, np.arange(total) + 0.5))
