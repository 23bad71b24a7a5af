"""May these draws be believed? What a sampler's own numbers and label-invariant quantities say, each with a sentence on what to do.

R-hat of a component's parameters says nothing of convergence, since labels may differ between chains. Read instead are quantities that
no relabelling changes: the log posterior density, the weights in order of size, and the density of a few rows spread over the data.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass

import arviz_stats
import numpy as np
import xarray as xr

from inference.draws import whole, with_program
from inference.html import InNotebooks
from inference.invariants import density_gaps, reference_rows, sorted_weights, unknowns_of
from inference.posterior.approximate import EFFECTIVE, EVEN_SHARE, GOOD_K_HAT
from inference.posterior.room import short_of_room
from inference.posterior.warning import PosteriorWarning
from mixtures import Program
from mixtures.errors import DataError, FitError

LEAST_BFMI = 0.3
"""Betancourt (2016): below it, the momentum is redrawn too timidly for the energy's spread."""

MOST_R_HAT = 1.01
"""Vehtari et al. (2021)."""

LEAST_ESS = 100
"""Effective draws a chain: Vehtari et al. (2021)."""

MOST_EVIDENCE_SPREAD = 1.0
"""Standard deviation, in nats, of independent runs' log evidences: with more, the mean is one run's."""

SAMPLE = "Sample the posterior instead: sample_nuts."

MORE_ROWS = "Raise max_rows, or sample the posterior itself: leave max_rows out."
"""Where sample_nuts has drawn from an approximation."""

MAX_TREE_DEPTH = 10
"""NUTS stops doubling here, in every sampler of this package."""


@dataclass(frozen=True, repr=False)
class PosteriorReport(InNotebooks):
    """All that was found wrong with the draws; empty if nothing.

    Args:
        warnings: the gravest first.
    """

    warnings: tuple[PosteriorWarning, ...]

    @property
    def is_sound(self) -> bool:
        """Whether nothing was found wrong."""
        return not self.warnings

    def __str__(self) -> str:
        if self.is_sound:
            return "nothing wrong was found with the draws"
        return "\n".join(f"warning: {warning}" for warning in self.warnings)


def check_posterior(posterior: xr.DataTree, *, program: Program | None = None) -> PosteriorReport:
    """Look for signs that draws do not represent the posterior.

    It checks, as far as the tree keeps them: draws that are NaN or infinite, chains stuck below the density of the fit they were started
    from (or of the best chain), R-hat and effective draws of label-invariant quantities, divergences, the energy's Bayesian fraction of
    missing information, NUTS's tree depth, whether the run was cut short; of approximations, their k-hat; of tempered SMC, whether runs agree on
    the evidence.

    Args:
        posterior: draws from `sample_nuts`, `sample_smc`, `fit_laplace` or `fit_vi`, relabelled or not.
        program: the declaration of the draws, where it cannot be imported again: one made inside a function, say.

    Returns:
        A report: one line a warning when printed.

    Raises:
        DataError: not a posterior's tree.

    Example:
        >>> from inference import sample_nuts
        >>> from mixtures import gaussian_mixture
        >>> x = [0.0, 1.0, 2.0, 10.0, 11.0, 12.0]
        >>> post = sample_nuts(gaussian_mixture(2, "tied"), x, draws=10, tune=50, chains=2, seed=0, progress=False)
        >>> "effective draws" in [warning.name for warning in check_posterior(post).warnings]
        True
    """
    posterior = whole(with_program(posterior, program))
    if "sample_stats" not in posterior.children or not posterior["sample_stats"].data_vars:
        raise DataError(
            "posterior",
            got="a tree without a group 'sample_stats'",
            expected="the log density of each draw",
            advice="Pass the tree as sample_nuts returned it.",
        )
    stats = posterior["sample_stats"].to_dataset()
    checks = (
        _not_a_number,
        _minor_mode,
        _approximation,
        _evidence,
        _convergence,
        _divergences,
        _energy,
        _tree_depth,
        short_of_room,
        _incomplete,
        _lost,
    )
    return PosteriorReport(tuple(warning for check in checks for warning in check(posterior, stats)))


def raise_if_unsound(posterior: xr.DataTree) -> None:
    """For `strict=True`.

    Raises:
        FitError: the report has warnings; the draws are in the error's attribute `posterior`, so that hours of work are not lost.
    """
    try:
        report = check_posterior(posterior)
    except Exception as unexpected:
        unexpected.posterior = posterior  # type: ignore[attr-defined]
        raise
    if not report.is_sound:
        error = FitError(
            "posterior",
            got="; ".join(map(str, report.warnings)),
            expected="draws without warnings",
            advice="The draws are in this error's attribute `posterior`; without strict=True they are returned.",
        )
        error.posterior = posterior  # type: ignore[attr-defined]
        raise error


def _not_a_number(posterior: xr.DataTree, stats: xr.Dataset) -> Iterator[PosteriorWarning]:
    named = [stats[name] for name in ("lp", "log_posterior") if name in stats]
    bad = np.zeros((stats.sizes["chain"], stats.sizes["draw"]), dtype=bool)
    variables = posterior["posterior"].to_dataset().data_vars.values()
    for table in [*(v for v in variables if v.dtype.kind in "fiu" and {"chain", "draw"} <= set(v.dims)), *named]:
        values = table.transpose("chain", "draw", ...).values
        bad |= ~np.isfinite(values).reshape(*bad.shape, -1).all(axis=2)
    if bad.any():
        yield PosteriorWarning(
            "not a number",
            f"{int(bad.sum())} of {bad.size} draws have a parameter or a log density that is no finite number",
            "Do not use them: look for a collapsing component or values at the edge of the support, and sample again.",
        )


def _approximation(posterior: xr.DataTree, stats: xr.Dataset) -> Iterator[PosteriorWarning]:
    if posterior.attrs.get("is_trustworthy", 1):
        return
    k_hat = posterior.attrs["k_hat"]
    effective = posterior.attrs["effective_draws"]
    draws = stats.sizes["chain"] * stats.sizes["draw"]
    name = "approximation"
    instead = MORE_ROWS if "max_rows" in posterior.attrs else SAMPLE
    if np.isnan(k_hat) or k_hat == np.inf:
        yield PosteriorWarning(name, f"k-hat cannot be computed from these {draws} draws", "Take more draws.")
    elif k_hat >= GOOD_K_HAT and effective < EVEN_SHARE * draws:
        yield PosteriorWarning(name, f"k-hat is {k_hat:.2f}, and more than 0.7 means that tails are missed", instead)
    elif effective < EFFECTIVE * draws:
        yield PosteriorWarning(
            name, f"only {effective:.0f} of {draws} draws are effective when they are weighed", instead
        )
    else:
        yield PosteriorWarning(name, "it has not come to rest", f"Take more steps. {SAMPLE}")


def _evidence(posterior: xr.DataTree, stats: xr.Dataset) -> Iterator[PosteriorWarning]:
    if "evidence" not in posterior.children or posterior["evidence"].sizes["chain"] < 2:
        return
    spread = float(posterior["evidence"]["log_evidence"].std(ddof=1))
    if not spread <= MOST_EVIDENCE_SPREAD:
        yield PosteriorWarning(
            "evidence",
            f"log evidences of the runs spread by {spread:.1f} nats: some missed a mode, or left the prior too fast",
            "Raise particles and moves until runs agree.",
        )


def _minor_mode(posterior: xr.DataTree, stats: xr.Dataset) -> Iterator[PosteriorWarning]:
    if "log_posterior" not in stats or "free_parameters" not in posterior.attrs:
        return
    densities = stats["log_posterior"].transpose("chain", "draw").values
    reference = max(posterior.attrs.get("init_log_posterior", -np.inf), densities.max())
    gaps = density_gaps(densities, reference, unknowns_of(posterior, posterior["posterior"].to_dataset()))
    stuck = np.flatnonzero(gaps.is_minor)
    if len(stuck):
        worst = float(np.max(gaps.chains[stuck]))
        start = "Start from the best fit, init=fit_map(...), sample longer, or use sample_smc"
        if len(stuck) == len(densities):
            advice = (
                f"{start}; if chains leave the fit wherever they start, it is a narrow spike: try fewer components."
            )
        else:
            advice = f"{start}, which crosses between modes."
        yield PosteriorWarning(
            "minor mode",
            f"{_chains(stuck)} never came near the best known log posterior density (lowest: {worst:.1f} below it, "
            f"{gaps.expected:.1f} is usual)",
            advice,
        )


def _convergence(posterior: xr.DataTree, stats: xr.Dataset) -> Iterator[PosteriorWarning]:
    quantities = label_invariant(posterior)
    chains, draws = quantities.sizes["chain"], quantities.sizes["draw"]
    if draws < 4:
        yield PosteriorWarning("effective draws", f"only {draws} draws a chain", "Sample longer: raise draws.")
        return
    with np.errstate(divide="ignore", invalid="ignore"):  # a quantity that never changes has no R-hat: it is left out
        name, worst = _extreme(arviz_stats.rhat(quantities), np.max) if chains > 1 else ("", np.nan)
        fewest = {method: _extreme(arviz_stats.ess(quantities, method=method), np.min) for method in ("bulk", "tail")}
    if worst > MOST_R_HAT:
        yield PosteriorWarning(
            "r-hat",
            f"chains disagree where labels do not matter: R-hat of {name} is {worst:.3f}, more than {MOST_R_HAT}",
            "Sample longer (raise tune and draws); if it stays, chains are in different modes: start from the best fit.",
        )
    method, (name, ess) = min(fewest.items(), key=lambda item: item[1][1])
    if ess < LEAST_ESS * chains:
        yield PosteriorWarning(
            "effective draws",
            f"{ess:.0f} effective draws ({method}) of {name}, fewer than {LEAST_ESS} a chain",
            "Raise draws, or try metric='dense' where the attribute `metric` is 'diagonal': estimates are noisier than so many draws suggest.",
        )


def _divergences(posterior: xr.DataTree, stats: xr.Dataset) -> Iterator[PosteriorWarning]:
    count = int(stats["diverging"].sum()) if "diverging" in stats else 0
    if count:
        yield PosteriorWarning(
            "divergences",
            f"{count} of {stats['diverging'].size} draws ended in a divergence: part of the posterior is out of reach",
            "Raise target_accept (0.95, 0.99); if they stay, a component is collapsing: use priors that keep scales from zero.",
        )


def _energy(posterior: xr.DataTree, stats: xr.Dataset) -> Iterator[PosteriorWarning]:
    if "energy" not in stats or stats.sizes["draw"] < 2:
        return
    with np.errstate(divide="ignore", invalid="ignore"):
        found = arviz_stats.bfmi(posterior)["energy"].values
    low = np.flatnonzero(found < LEAST_BFMI)
    if len(low):
        yield PosteriorWarning(
            "energy",
            f"E-BFMI of {_chains(low)} is {found[low].min():.2f}, less than {LEAST_BFMI}: tails are explored too slowly",
            "Raise tune; if it stays, the posterior has heavy tails: use tighter priors.",
        )


def _tree_depth(posterior: xr.DataTree, stats: xr.Dataset) -> Iterator[PosteriorWarning]:
    count = int((stats["tree_depth"] >= MAX_TREE_DEPTH).sum()) if "tree_depth" in stats else 0
    if count:
        yield PosteriorWarning(
            "tree depth",
            f"{count} of {stats['tree_depth'].size} draws stopped at the greatest tree depth, {MAX_TREE_DEPTH}: slow, not wrong",
            "Raise tune, so that scales are learned better, or start from a fit.",
        )


def _incomplete(posterior: xr.DataTree, stats: xr.Dataset) -> Iterator[PosteriorWarning]:
    if not posterior.attrs.get("complete", 1):
        yield PosteriorWarning(
            "incomplete",
            f"the run was stopped after {stats.sizes['draw']} draws a chain",
            "Continue it with resume(path, x) if it has a store, or run it again.",
        )


def _lost(posterior: xr.DataTree, stats: xr.Dataset) -> Iterator[PosteriorWarning]:
    for group, reason in json.loads(posterior.attrs.get("lost", "{}")).items():
        yield PosteriorWarning(
            "lost", f"{group} could not be made after sampling ({reason})", "The draws are unaffected."
        )


def label_invariant(posterior: xr.DataTree) -> xr.Dataset:
    """Quantities of each draw that do not depend on labels: log density, sorted weights, log densities of reference rows."""
    stats, draws = posterior["sample_stats"].to_dataset(), posterior["posterior"].to_dataset()
    found = {"log_posterior": stats["log_posterior"]} if "log_posterior" in stats else {}
    if "weights" in draws and "components" in draws["weights"].dims:
        weights = draws["weights"].transpose("chain", "draw", "components")
        found["sorted_weights"] = xr.DataArray(sorted_weights(weights.values), dims=("chain", "draw", "rank"))
    for name in ("n_components", "n_clusters"):
        if name in draws:
            found[name] = draws[name]
    if "log_likelihood" in posterior.children and "obs" in posterior["log_likelihood"].data_vars:
        observed = posterior["observed_data"].to_dataset()["obs"].values
        kept = posterior["log_likelihood"].to_dataset()["obs"]
        of = str(kept.dims[-1])  # rows, or groups that are independent
        seen = observed if of == "rows" else kept.mean(["chain", "draw"]).values
        found["log_density_of_row"] = kept.isel({of: reference_rows(seen)})
    return xr.Dataset({name: values.drop_vars(list(values.coords)) for name, values in found.items()})


def _extreme(table: xr.Dataset, of: object) -> tuple[str, float]:
    """The variable with the most extreme value, and that value."""
    values = {str(name): value.values[~np.isnan(value.values)] for name, value in table.data_vars.items()}
    found = {name: float(of(value)) for name, value in values.items() if len(value)}  # type: ignore[operator]
    if not found:
        return "", float("nan")
    best = of(list(found.values()))  # type: ignore[operator]
    return next((name, value) for name, value in found.items() if value == best)


def _chains(indices: np.ndarray) -> str:
    return f"chain{'s' if len(indices) > 1 else ''} {', '.join(map(str, indices))}"
