"""How a fit's numbers would vary over data sets like its own: replicates fitted side by side, labelled like the fit."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import pandas as pd

from inference.backends import Bound, bind
from inference.checks import check_choice, check_counts, check_positive, check_room, check_share
from inference.html import InNotebooks
from inference.interval import tails
from inference.parameter_table import number, parameter_table, plain
from inference.point.em.problem import EMProblem
from inference.point.em.runs import Beginning
from inference.point.em.settings import check_fixed, check_mixture, freed_by, is_in_part
from inference.point.objective import Objective
from inference.results import PointFit
from inference.selection.refits import EMOptions, Refit, refit
from inference.selection.replicates import Piece, pieces_of
from inference.tasks import each_of
from inference.uncertainty.aligned import aligned
from inference.uncertainty.optimum import known_values
from inference.uncertainty.readable import in_a_row, names_of
from inference.uncertainty.resamples import KINDS, check_units, resamples_of
from inference.uncertainty.same_data import same_data
from mixtures import Observations
from mixtures.errors import ModelError
from mixtures.seeds import NEEDED, check_seed, derived


@dataclass(frozen=True, eq=False, repr=False)
class BootstrapIntervals(InNotebooks):
    """How a fit's numbers vary over replicates of its data.

    Args:
        table: a line for each number, (parameter, component) as its index: estimate (the fit's), standard_error, lower, upper (quantiles
            of the replicates); NaN of a number that does not vary.
        replicates: each replicate's numbers, components labelled as in the fit, (sound replicates, numbers).
        statuses: how the replicates ended: their number by status.
        ambiguous: the share of sound replicates of which another labelling would agree with the fit nearly as well.
        kind: `"parametric"`, `"nonparametric"` or `"weighted"`.
        level: of the intervals.
        seed: the seed.
        backend: the backend that ran.
    """

    table: pd.DataFrame
    replicates: pd.DataFrame
    statuses: pd.Series
    ambiguous: float
    kind: str
    level: float
    seed: int
    backend: str

    def to_frame(self) -> pd.DataFrame:
        """The table."""
        return self.table

    def __str__(self) -> str:
        shown = self.table.map(number)
        shown.columns = pd.Index(["estimate", "std. error", f"{self.level:.0%} from", "to"])
        title = f"Bootstrap {KINDS[self.kind]}, {len(self.replicates)} replicates:"
        return "\n".join([title, "", plain(shown.reset_index(), index=False), "", *self._words()])

    def _words(self) -> list[str]:
        """What became of the replicates."""
        failed = {status.word: count for status, count in self.statuses.items() if not status.is_sound}
        tally = ", ".join(f"{count} {word}" for word, count in failed.items())
        of = f"{sum(failed.values())} of {self.statuses.sum()} replicates"
        said = [f"{of} ended without a sound fit and are left out: {tally}."] if failed else []
        if self.ambiguous:
            said.append(
                f"{self.ambiguous:.0%} of replicates could as well be labelled otherwise: read intervals of single components with care."
            )
        return said or ["Every replicate has a sound fit, and labels that are clear."]


def bootstrap(
    fit: PointFit,
    x: Any,
    *,
    kind: Literal["parametric", "nonparametric", "weighted"] = "nonparametric",
    replicates: int = 200,
    level: float = 0.95,
    tolerance: float = 1e-8,
    max_steps: int = 1000,
    fixed: Iterable[str] | None = None,
    seed: int = NEEDED,
) -> BootstrapIntervals:
    """Standard errors and percentile intervals of a maximum-likelihood fit, by fitting to data sets like its own.

    Nothing is supposed of normality. Each replicate is fitted by EM from the fit's own parameters, so that it describes this optimum; its
    components take the labels of those of the fit that they share rows with. A replicate that ends without a sound fit is counted, and
    left out.

    With closed M-steps all replicates run in one program; other families, chains with missing cells and groups take a fit after the
    other.

    Args:
        fit: a point fit that maximised the likelihood.
        x: the data that it was fitted to.
        kind: what replicates are made of. `"nonparametric"`: independent units (rows; groups whose rows hang together; series of a chain)
            drawn with replacement. `"parametric"`: data drawn from the fit, with the data's shape, covariates and missing cells.
            `"weighted"`: the rows, each with a random weight, Dirichlet(1, ..., 1) over all (a row of weight 2 is two rows); no row ever
            vanishes, so that small components collapse more rarely.
        replicates: how many.
        level: of the intervals.
        tolerance: see `fit_em`.
        max_steps: see `fit_em`.
        fixed: the sites that were known, and are in every replicate: their names, or their values as in `fit_em(fixed=...)`, NaN where they were
            free.
        seed: an int in [0, 2**32).

    Returns:
        A `BootstrapIntervals`.

    Raises:
        FitError: an unsound fit.
        DataError: other data than the fit's; for `"parametric"` known labels, row weights or bounds of cells.
        ModelError, ChoiceError, SeedError: bad arguments; a fit of the posterior, of a program of your own, or of which more was known than
            `fixed` says, or something shared.

    Source: Efron & Tibshirani (1993), chapters 6 and 13; O'Hagan, Murphy, Scrucca & Gormley (2019), Computational Statistics 34, of
        mixtures; Newton & Raftery (1994), JRSS B 56, for weights.

    Example:
        >>> from inference import fit_em
        >>> from mixtures import gaussian_mixture
        >>> x = [0.0, 1.0, 2.0, 3.0, 4.0]
        >>> found = bootstrap(fit_em(gaussian_mixture(1), x, restarts=1, seed=0), x, replicates=20, seed=0)
        >>> found.replicates.shape
        (20, 3)
    """
    check_choice("kind", kind, KINDS)
    check_counts(replicates=replicates, max_steps=max_steps)
    check_positive("tolerance", tolerance, or_zero=True)
    level, seed = check_share("level", level), check_seed(seed)
    observations = same_data(fit, x)
    check_room(replicates=replicates, rows=len(observations))
    check_mixture(fit.program, observations)
    if fit.log_posterior is not None:
        raise ModelError(
            "fit",
            got="one that maximised the posterior density",
            expected="one that maximised the likelihood, which replicates are fitted by",
            advice="Fit by fit_em or fit_mle; or ask the posterior how sure it is: sample_nuts.",
        )
    bound = bind(fit.program, observations, fit.backend)
    known = _known(fit, bound, fixed)
    check_units(bound, kind)
    options = EMOptions(1, derived(seed, "bootstrap"), float(tolerance), max_steps, fit.backend, known)
    pieces = pieces_of(replicates, observations)
    ends = [end for found in each_of(_fitted, pieces, fit, observations, kind, options) for end in found]
    numbers, ambiguous = _numbers(fit, bound, [end for end in ends if end.status.is_sound], known)
    statuses = pd.Series([end.status for end in ends]).value_counts()
    return BootstrapIntervals(_table(fit, numbers, level), numbers, statuses, ambiguous, kind, level, seed, fit.backend)


def _fitted(piece: Piece, fit: PointFit, x: Observations, kind: str, options: EMOptions) -> list[Refit]:
    """The fits of a share of a batch of replicates, each from the fit's own parameters."""
    bound, mixture = bind(fit.program, x, fit.backend), fit.program.mixture
    assert mixture is not None  # the caller has checked

    def starts(_: int, problem: EMProblem) -> list[Beginning]:
        state = problem.closed_form.encode(fit.parameters, problem.features, problem.frame)
        return [Beginning("given", options.seed, state)]

    sets = piece.of(resamples_of(fit, bound, kind, piece.batch, options.seed))
    found = refit(mixture, sets, starts, options, init=fit.parameters, first=piece.first)
    return [Refit(end.log_likelihood, end.status, end.parameters) for end in found]  # the replicate itself is let go


def _known(fit: PointFit, bound: Bound, fixed: Any) -> dict[str, np.ndarray]:
    """What was known when the fit was made, in the sites' shapes, NaN where values were free.

    Raises:
        ChoiceError: a site that the fit does not have.
        ModelError: no such values, others than the fit's, or a fit that had fewer free parameters.
    """
    sites, given = bound.sites, known_values(fixed, fit)
    if is_in_part(given):
        constraint = Objective(bound, "bootstrap", 0, False, fixed=given).constraint
        assert constraint is not None  # something is known
        lost = constraint.lost
        known = {
            name: np.broadcast_to(np.asarray(value, float), fit.parameters[name].shape) for name, value in given.items()
        }
    else:
        known = check_fixed(given, sites)
        lost = freed_by(known, sites)
    for name, value in known.items():
        own = fit.parameters[name]
        if not np.allclose(np.where(np.isnan(value), own, value), own, atol=1e-8 * np.abs(own).max()):  # in any unit
            raise ModelError(
                "fixed",
                got=f"other values of {name!r} than the fit has",
                expected="what was known when it was made",
                advice="Fit with them, and pass that fit.",
            )
    if fit.free_parameters < sites.free_parameters - lost:
        raise ModelError(
            "fit",
            got="one some of whose parameters were known or shared",
            expected="one whose parameters were free, or are named in fixed=, as those of its replicates are",
            advice="Pass fixed= as to the fit; where parameters were shared ask standard_errors(fit, x, equal=...).",
        )
    return known


def _numbers(
    fit: PointFit, bound: Bound, ends: list[Refit], known: dict[str, np.ndarray]
) -> tuple[pd.DataFrame, float]:
    """The numbers of sound replicates under the fit's labels; and the share of them whose labels are ambiguous."""
    own = parameter_table(fit)
    is_there = ~np.isnan(in_a_row(own))
    names = names_of(own)[is_there]
    if not ends:
        return pd.DataFrame(np.empty((0, len(names))), columns=names), 0.0
    stacked = {name: np.stack([end.parameters[name] for end in ends]) for name in fit.parameters}
    labelled, ambiguous = aligned(fit, bound, stacked, known)
    in_order = ({name: one[name] for name in fit.parameters} for one in labelled)
    lines = [in_a_row(parameter_table(replace(fit, parameters=one)))[is_there] for one in in_order]
    return pd.DataFrame(np.stack(lines), columns=names), ambiguous


def _table(fit: PointFit, numbers: pd.DataFrame, level: float) -> pd.DataFrame:
    """Standard deviations and quantiles over replicates; NaN where nothing varies."""
    values, columns = numbers.to_numpy(), numbers.columns
    found = np.full((3, len(columns)), np.nan)
    if len(values) > 1:
        found[0], found[1:] = values.std(axis=0, ddof=1), np.quantile(values, tails(level), axis=0)
        found[:, np.ptp(values, axis=0) == 0] = np.nan
    estimates = in_a_row(parameter_table(fit))
    return pd.DataFrame(
        {
            "estimate": estimates[~np.isnan(estimates)],
            "standard_error": found[0],
            "lower": found[1],
            "upper": found[2],
        },
        index=columns,
    )
