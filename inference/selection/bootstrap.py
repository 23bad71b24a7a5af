"""Is one component more than chance would give? The likelihood-ratio test of K against K + 1, its distribution by parametric bootstrap."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float

from inference.backends import bind
from inference.checks import check_count, check_counts, check_positive, check_room, check_share
from inference.html import InNotebooks
from inference.parameter_table import plain
from inference.point.em.fit import fit_em
from inference.point.em.settings import check_mixture
from inference.results import PointFit
from inference.selection.refits import EMOptions, Parameters
from inference.selection.replicates import Piece, check_plain, pieces_of, replicates_of
from inference.selection.steps_up import statistics_of
from inference.status import Status
from inference.tasks import each_of
from mixtures import Mixture, Observations
from mixtures.checks import listed
from mixtures.errors import DataError, ModelError
from mixtures.seeds import check_seed, derived


@dataclass(frozen=True, eq=False, repr=False)
class BootstrapTest(InNotebooks):
    """Likelihood-ratio tests of K against K + 1 components, one after the other.

    Args:
        table: one line a test: components (K), statistic (2 log of the likelihood ratio), p_value, replicates, failed (replicates without a
            sound fit, which count as larger than what was observed), log_likelihood and status of the fit of K components, status_of_next of
            that of K + 1. NaN where no fit is sound.
        replicates: the statistics of the replicates by K, (replicates,); NaN where a replicate failed.
        level: below it K is rejected.
        seed: the seed.
        backend: the backend that ran.
    """

    table: pd.DataFrame
    replicates: dict[int, Float[np.ndarray, " replicates"]]
    level: float
    seed: int
    backend: str

    @property
    def components(self) -> int | None:
        """The first K that was not rejected; None where all were, or where a test could not be made."""
        kept = self.table[self.table["p_value"] > self.level]
        return int(kept["components"].iloc[0]) if len(kept) else None

    def to_frame(self) -> pd.DataFrame:
        """The table, K as the index."""
        return self.table.set_index("components")

    def __str__(self) -> str:
        shown = self.table.assign(
            test=[f"{k} against {k + 1}" for k in self.table["components"]],
            statistic=self.table["statistic"].map("{:.4g}".format),
            p_value=self.table["p_value"].map("{:.3g}".format),
        )
        lines = ["Likelihood-ratio tests by parametric bootstrap:"]
        lines.append(plain(shown[["test", "statistic", "p_value", "replicates", "failed"]], index=False))
        return "\n".join([*lines, *self._words()])

    def _words(self) -> list[str]:
        """What the tests say, and what did not work."""
        last = self.table.iloc[-1]
        said = []
        if np.isnan(last["statistic"]):
            bad = last["status"] if not last["status"].is_sound else last["status_of_next"]
            said.append(
                f"No test of {last['components']} against {last['components'] + 1}: a fit to the data ended {bad.word}."
            )
        elif self.components is None:
            said.append(f"Each number of components is rejected at level {self.level:g}: try more.")
        else:
            said.append(
                f"{self.components} is the first number of components that is not rejected at level {self.level:g}."
            )
        if self.table["failed"].any():
            said.append(
                "Replicates without a sound fit count as larger than what was observed, so that p values are never too small."
            )
        return said


def bootstrap_test(
    mixture: Mixture,
    x: Any,
    components: int | Iterable[int] | None = None,
    *,
    replicates: int = 999,
    level: float = 0.05,
    restarts: int = 8,
    tolerance: float = 1e-8,
    max_steps: int = 1000,
    seed: int,
    backend: str = "numpyro",
) -> BootstrapTest:
    """Test K against K + 1 components by the bootstrap distribution of the likelihood ratio.

    The likelihood-ratio statistic of mixtures is not chi-squared, since K components lie on the boundary of K + 1. So data sets are drawn
    from the fit of K components, with the data's shape, covariates, series and missing cells, and K and K + 1 components are fitted to
    each: K from the parameters that it was drawn from, K + 1 from splits of the K that were found. The data's own statistic is found by the
    same search, so that it differs from the replicates' by nothing but the data; it may be below that of a longer search (raise
    `restarts`). K components with one of them written twice are K + 1: no statistic is below 0.

    With closed M-steps all replicates and starts are restarts of one program; other families take a fit after the other.

    Args:
        mixture: a declaration that `fit_em` takes; its own number of components is of no matter where `components` is given.
        x: data, shape (rows,) or (rows, features), without known labels and row weights.
        components: K, or several, increasing, which are tested in turn until one is not rejected; None: that of `mixture`.
        replicates: how many data sets are drawn, B.
        level: K is rejected where p is not above it.
        restarts: starts of K + 1 components on each data set.
        tolerance: see `fit_em`.
        max_steps: see `fit_em`.
        seed: an int in [0, 2**32).
        backend: `"numpyro"` or `"pyro"`.

    Returns:
        A `BootstrapTest`; p = (1 + how many replicates reach the data's statistic) / (1 + B), replicates without a sound fit among them.

    Raises:
        DataError: known labels, row weights or bounds of cells, of which a replicate would have none; bad data.
        ModelError, ChoiceError, SeedError: bad arguments.

    Source: McLachlan (1987), Applied Statistics 36; Davison & Hinkley (1997), section 4.2, for p.

    Example:
        >>> from mixtures import gaussian_mixture
        >>> x = [0.0, 0.1, 0.2, 0.3, 0.4, 9.0, 9.1, 9.2, 9.3, 9.4]
        >>> test = bootstrap_test(gaussian_mixture(1, "E"), x, replicates=19, restarts=2, seed=0)
        >>> float(test.table["p_value"].iloc[0])
        0.05
    """
    observations = check_mixture(mixture, x)
    counts = _checked_components(mixture, components)
    check_counts(replicates=replicates, restarts=restarts, max_steps=max_steps)
    check_positive("tolerance", tolerance, or_zero=True)
    level, seed = check_share("level", level), check_seed(seed)
    check_room(replicates=replicates, rows=len(observations))
    if 1 / (1 + replicates) > level:
        raise ModelError(
            "replicates",
            got=f"{replicates} at level {level:g}",
            expected=f"at least {int(np.ceil(1 / level)) - 1}: p is never below 1 / (1 + replicates)",
        )
    check_plain(observations)
    rows, found = [], {}
    for count in counts:
        for model in (replace(mixture, components=count), replace(mixture, components=count + 1)):
            check_mixture(model, observations)
        options = EMOptions(restarts, derived(seed, "bootstrap_test", count), float(tolerance), max_steps, backend)
        row, found[count] = _one(replace(mixture, components=count), observations, replicates, options)
        rows.append(row)
        if not row["p_value"] <= level:
            break
    return BootstrapTest(pd.DataFrame(rows), found, level, seed, backend)


def _one(mixture: Mixture, x: Observations, replicates: int, options: EMOptions) -> tuple[dict[str, Any], np.ndarray]:
    """A line of the table, and the replicates' statistics."""
    null = fit_em(mixture, x, restarts=1 if mixture.components == 1 else 50, seed=options.seed, backend=options.backend)
    if not null.status.is_sound:
        return _line(null, np.nan, np.full(replicates, np.nan), null.status), np.full(replicates, np.nan)
    # found by the same search as the replicates' are
    own, of_next = statistics_of(mixture, [x], null.parameters, options)
    pieces = pieces_of(replicates, x)
    statistics = np.concatenate(each_of(_drawn, pieces, mixture, x, null.parameters, options))
    return _line(null, float(own[0]), statistics, of_next[0]), statistics


def _drawn(piece: Piece, mixture: Mixture, x: Observations, parameters: Parameters, options: EMOptions) -> np.ndarray:
    """The statistics of a share of a batch of replicates."""
    bound, begin = bind(mixture, x, options.backend), piece.batch.start
    sets = piece.of(replicates_of(bound, parameters, piece.batch, derived(options.seed, "replicates", begin)))
    of_batch = replace(options, seed=derived(options.seed, "fits", begin))
    return statistics_of(mixture, sets, parameters, of_batch, first=piece.first)[0]


def _line(null: PointFit, statistic: float, replicates: np.ndarray, status_of_next: Status) -> dict[str, Any]:
    is_failed = np.isnan(replicates)
    reached = np.sum(is_failed | (replicates >= statistic))
    return {
        "components": len(null.components),
        "statistic": statistic,
        "p_value": np.nan if np.isnan(statistic) else float(1 + reached) / (1 + len(replicates)),
        "replicates": len(replicates),
        "failed": 0 if np.isnan(statistic) else int(is_failed.sum()),
        "log_likelihood": null.log_likelihood,
        "status": null.status,
        "status_of_next": status_of_next,
    }


def _checked_components(mixture: Mixture, components: Any) -> list[int]:
    if components is None:
        return [mixture.components]
    counts = [check_count("components", count) for count in listed(components)]
    if not counts or sorted(set(counts)) != counts:
        raise DataError("components", got=str(counts), expected="increasing numbers, at least one of them")
    return counts
