"""How many components? Every route that is trusted, in one table: criteria, cross-validation, evidence, leave-one-out, p(K)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float

from inference.assignment.certainty import entropy_r2
from inference.assignment.responsibilities import probabilities
from inference.checks import check_choice, check_count, check_counts, check_positive
from inference.html import InNotebooks
from inference.parameter_table import plain
from inference.point.em.fit import fit_em
from inference.point.em.settings import check_mixture
from inference.results import PointFit
from inference.selection.cross_validation import folds_of, held_out, paired_error
from inference.selection.posterior_routes import evidence_of, loo_of, numbers_of, with_probabilities
from inference.selection.refits import EMOptions
from inference.selection.routes import Answer, answers_of
from inference.selection.words import words_of
from inference.tasks import each_of
from mixtures import Mixture, Observations
from mixtures.checks import listed
from mixtures.errors import ChoiceError, DataError, ModelError
from mixtures.seeds import check_seed, derived

ROUTES = ("criteria", "cross-validation", "evidence", "loo")

BLOCKS = (
    ("log_likelihood", "aic", "bic", "caic", "sabic", "icl", "entropy_r2", "status"),
    ("log_score", "log_score_behind", "log_score_error", "elpd_loo", "elpd_loo_behind", "elpd_loo_error", "bad_k"),
    ("log_evidence", "log_evidence_error", "p_evidence", "p_components", "p_clusters"),
)
"""What is printed side by side."""


@dataclass(frozen=True, eq=False, repr=False)
class NumberOfComponents(InNotebooks):
    """How many components, by several routes.

    Args:
        table: one line for each number of components, its index; columns by route.

            - criteria, of `fit_em`: log_likelihood, free_parameters, aic, bic, caic, sabic, icl (smaller is better), entropy_r2 (1: every row
              is sure of its component), status.
            - cross-validation: log_score (larger is better), and log_score_behind, how far it is behind the best with its standard error,
              log_score_error, from differences of rows.
            - evidence: log_evidence, log_evidence_error (Monte Carlo), p_evidence (all numbers tried as probable beforehand).
            - loo: elpd_loo, elpd_loo_behind, elpd_loo_error likewise; bad_k, the share of rows whose Pareto k is too large.
            - posterior: p_components and p_clusters.
        rows: log_score and elpd_loo of every row: (rows, numbers of components) by column of the table.
        fits: the fits of the criteria, by number of components.
        seed: the seed.
        backend: the backend that ran.
    """

    table: pd.DataFrame
    rows: dict[str, Float[np.ndarray, "rows numbers"]]
    fits: dict[int, PointFit]
    seed: int
    backend: str

    @property
    def answers(self) -> list[Answer]:
        """What each route says: its question, its number of components, and which others it cannot tell from that one."""
        return answers_of(self.table)

    @property
    def words(self) -> list[str]:
        """Where routes disagree, and why."""
        return words_of(self.answers, self.table)

    def best(self, route: str = "bic") -> int:
        """The number of components by one route, a name of `answers`.

        Raises:
            ChoiceError: no such route here.
        """
        found = {answer.route: answer.components for answer in self.answers}
        if route not in found:
            raise ChoiceError.of("route", route, found)
        return found[route]

    def to_frame(self) -> pd.DataFrame:
        """The table."""
        return self.table.copy()

    def __str__(self) -> str:
        said = pd.DataFrame(
            {
                "route": [answer.route for answer in self.answers],
                "components": [answer.components for answer in self.answers],
                "hardly worse": [", ".join(map(str, answer.close)) or "-" for answer in self.answers],
                "question": [answer.question for answer in self.answers],
            }
        )
        blocks = [text for columns in BLOCKS if (text := self._block(columns))]
        return "\n".join(["How many components?", plain(said, index=False), *self.words, *blocks])

    def _block(self, columns: tuple[str, ...]) -> str:
        """Some columns of the table as text, where there are any."""
        shown = self.table[[name for name in columns if name in self.table]].dropna(how="all")
        if not len(shown.columns):
            return ""
        words = {
            name: ["" if pd.isna(status) else status.word for status in values]
            if name == "status"
            else ["-" if np.isnan(value) else f"{value:.2f}" for value in values]
            for name, values in shown.items()
        }
        return "\n" + plain(pd.DataFrame({"components": shown.index, **words}), index=False)


def number_of_components(
    model: Mixture,
    x: Any,
    components: Iterable[int] = range(1, 7),
    *,
    routes: Iterable[str] = ("criteria", "cross-validation"),
    posterior: Any = None,
    folds: int = 10,
    restarts: int = 20,
    tolerance: float = 1e-8,
    max_steps: int = 1000,
    smc: Mapping[str, Any] | None = None,
    nuts: Mapping[str, Any] | None = None,
    seed: int,
    row_weights: Any = None,
    backend: str = "numpyro",
) -> NumberOfComponents:
    """How many components, by every route that is asked for, in one table and in words.

    Routes answer different questions and need not agree. `"criteria"`, from `fit_em`: BIC and CAIC choose the number that generated the
    data, if one did, as rows grow in number; SABIC with a milder penalty; AIC the number that predicts best; ICL the number of clusters that
    are apart. `"cross-validation"`: the log score of rows that a fit has not seen. `"evidence"`: log p(x | K) by `sample_smc`, which
    depends on the priors. `"loo"`: the log score of left-out rows averaged over the posterior. A posterior in which the number is unknown
    has p(K) and p(K+).

    Args:
        model: a declaration that `fit_em` takes; its own number of components is of no matter.
        x: data, shape (rows,) or (rows, features), without known labels.
        components: the numbers to try.
        routes: of `"criteria"`, `"cross-validation"`, `"evidence"` and `"loo"`.
        posterior: what `sample_telescope` returned: draws of `n_components` (K) and `n_clusters` (K+, components that have rows).
        folds: of cross-validation.
        restarts: starts of each fit.
        tolerance: see `fit_em`.
        max_steps: see `fit_em`.
        smc: options of `sample_smc`, `{"particles": 500}` say.
        nuts: options of `sample_nuts`, `{"draws": 500}` say.
        seed: an int in [0, 2**32).
        row_weights: how often each row counts, shape (rows,); also `Observations.row_weights`.
        backend: `"numpyro"` or `"pyro"`.

    Returns:
        A `NumberOfComponents`; `inference.plots.plot_component_count` draws it.

    Raises:
        DataError, ModelError, ChoiceError, SeedError: bad arguments; leaving rows out of a chain.
        BackendError: a package or backend that a route needs is not installed.

    Source: Schwarz (1978); Bozdogan (1987); Sclove (1987); Akaike (1974); Biernacki, Celeux & Govaert (2000); Smyth (2000), Statistics and
    Computing 10, for cross-validation; Ramaswamy, DeSarbo, Reibstein & Robinson (1993) for entropy_r2; Vehtari, Gelman & Gabry (2017) for LOO.

    Example:
        >>> from mixtures import gaussian_mixture
        >>> x = [0.0, 0.3, 0.4, 0.6, 1.0, 9.0, 9.2, 9.5, 9.7, 10.0]
        >>> count = number_of_components(gaussian_mixture(1, "E"), x, range(1, 4), routes=["criteria"], restarts=5, seed=0)
        >>> count.best("bic"), count.best("icl")
        (2, 2)
    """
    observations = check_mixture(model, x, row_weights=row_weights)
    counts, wanted = _checked(components, routes, posterior)
    several = [replace(model, components=count) for count in counts]
    for one in several:
        check_mixture(one, observations)
    if observations.labels is not None:
        raise DataError(
            "labels",
            got="known labels",
            expected="none: they are of one number of components",
            advice="Leave them out: Observations.with_labels(None).",
        )
    check_counts(folds=folds, restarts=restarts, max_steps=max_steps)
    check_positive("tolerance", tolerance, or_zero=True)
    seed = check_seed(seed)
    options = EMOptions(restarts, derived(seed, "number_of_components"), float(tolerance), max_steps, backend)
    # first: a posterior of a known number is refused before any fit
    drawn = [] if posterior is None else [pd.DataFrame(numbers_of(posterior)).fillna(0.0)]
    parts, rows, fits = [], {}, {}
    if "criteria" in wanted:
        fits = dict(zip(counts, each_of(_fit, several, observations, options), strict=True))
        parts.append(pd.DataFrame({count: _criteria(fit, observations) for count, fit in fits.items()}).T)
    if "cross-validation" in wanted:
        fold_of = folds_of(len(observations), folds, options.seed)
        scores = each_of(held_out, several, observations, fold_of, options)
        rows["log_score"] = np.stack(scores, axis=1)
        parts.append(_scored("log_score", rows["log_score"], observations.times, counts))
    if "evidence" in wanted:
        found = each_of(evidence_of, several, observations, seed, backend, smc or {})
        parts.append(with_probabilities(pd.DataFrame(found, index=counts)))
    if "loo" in wanted:
        said, densities = zip(*each_of(loo_of, several, observations, seed, backend, nuts or {}), strict=True)
        rows["elpd_loo"] = np.stack(densities, axis=1)
        parts.append(_scored("elpd_loo", rows["elpd_loo"], observations.times, counts))
        parts.append(pd.DataFrame(said, index=counts))
    table = pd.concat([*parts, *drawn], axis=1).sort_index().rename_axis("components")
    numbers = [name for name in table if name != "status"]
    table[numbers] = table[numbers].astype(np.float64)
    return NumberOfComponents(table, rows, fits, seed, backend)


def _checked(components: Any, routes: Any, posterior: Any) -> tuple[list[int], list[str]]:
    counts = sorted({check_count("components", count) for count in listed(components)})
    wanted = [check_choice("routes", route, ROUTES) for route in listed(routes)]
    if not wanted and posterior is None:
        raise ModelError("routes", got="none, and no posterior", expected=f"some of {', '.join(ROUTES)}")
    if wanted and not counts:
        raise DataError("components", got="none", expected="at least one number")
    return counts, wanted


def _fit(model: Mixture, x: Observations, options: EMOptions) -> PointFit:
    restarts = 1 if model.components == 1 else options.restarts
    settings: Any = {"tolerance": options.tolerance, "max_steps": options.max_steps, "backend": options.backend}
    return fit_em(model, x, restarts=restarts, seed=options.seed, **settings)


def _criteria(fit: PointFit, x: Observations) -> dict[str, Any]:
    names = ("log_likelihood", "free_parameters", "aic", "bic", "caic", "sabic", "icl")
    found = {name: getattr(fit, name) for name in names}
    return {**found, "entropy_r2": entropy_r2(probabilities(fit, x), x.times), "status": fit.status}


def _scored(name: str, rows: np.ndarray, times: np.ndarray, counts: list[int]) -> pd.DataFrame:
    """Sums of log scores of rows, how far each is behind the best, and the standard error of that."""
    total = times @ rows
    best = int(np.nanargmax(total)) if np.isfinite(total).any() else 0
    errors = [paired_error(rows[:, best], column, times) for column in rows.T]
    columns = {name: total, f"{name}_behind": total[best] - total, f"{name}_error": errors}
    return pd.DataFrame(columns, index=counts)
