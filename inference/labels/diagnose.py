"""diagnose_labels: did the labels switch, can they be mended, and may the posterior be believed at all?

Three ways of lying look alike to R-hat, and need three answers: chains that each keep a labelling (raw R-hat is bad,
the posterior is fine), chains that switch perfectly (raw R-hat is fine, their means are meaningless), and chains that
are all in the same minor mode (everything is fine but the log density). Hence three comparisons: raw against relabelled
draws, label-invariant quantities between chains, and the log density against a reference.
"""

from math import factorial, prod
from typing import Any

import numpy as np
import xarray as xr

from inference.checks import check_choice, check_result
from inference.draws import law_of, whole, with_program
from inference.invariants import DensityGaps, density_gaps, unknowns_of
from inference.labels.comparison import compare_methods
from inference.labels.convergence import convergence
from inference.labels.evidence import Evidence, permutations_of, raw_tree
from inference.labels.invariants import invariants
from inference.labels.methods import METHODS, Task, solved, tasks
from inference.labels.permutations import Permutations, relabel_parameters
from inference.labels.relabel import choose_rows
from inference.labels.report import LabelReport
from inference.labels.switching import describe_switching
from inference.labels.verdict import Findings, decide
from inference.renumbering import draws_of_law
from mixtures import Program
from mixtures.renamed import formerly

COMPARED = ("ecr", "ecr-iterative-1", "ecr-iterative-2", "stephens", "pra", "data-based", "ordering")
CLOSE_CALL = np.log(20.0)
"""Nats of Stephens' divergence: below it the second-best labelling is within a factor of 20 of the best."""


@formerly(max_rows="rows")
def diagnose_labels(
    posterior: xr.DataTree,
    method: str | None = None,
    pivot: Any = None,
    reference_fit: Any = None,
    *,
    max_rows: int | None = None,
    seed: int | None = None,
    program: Program | None = None,
) -> LabelReport:
    """Say how the labels behaved, and what may be read from the draws.

    Args:
        posterior: draws in ArviZ's schema, relabelled or not; the raw draws are examined.
        method: the relabelling to report on; None is the one the tree has, or else `"ecr"`.
        pivot: as in `relabel`.
        reference_fit: a point fit of the same program and data, whose log posterior density the draws must come near;
            None takes the density of the fit that the sampler was started from, if the tree keeps one.
        max_rows: use a random subset of so many rows; None is all, or as many as fit into memory.
        seed: the seed of that subset, an int in [0, 2**32); needed only if a subset is drawn.
        program: the declaration of the draws, where it cannot be imported again: one made inside a function, say.

    Returns:
        The report: a table when printed, a Dataset by `to_dataset`.

    Raises:
        ChoiceError: unknown method.
        DataError: no posterior with components.
        ModelError: `max_rows` is not an int >= 2.

    Example:
        >>> from inference import sample_nuts
        >>> from mixtures import gaussian_mixture
        >>> x = [0.0, 1.0, 2.0, 10.0, 11.0, 12.0]
        >>> post = sample_nuts(gaussian_mixture(2, "tied"), x, draws=50, tune=100, chains=2, seed=0, progress=False)
        >>> report = diagnose_labels(post)
        >>> report.switching.possible
        2
        >>> print(str(report).splitlines()[0])
        Labels of 2 components in 2 chains of 50 draws
    """
    if method is not None:
        check_choice("method", method, METHODS)
    if reference_fit is not None:
        check_result("reference_fit", reference_fit, "log_posterior", "PointFit", "fit_map, fit_mle or fit_em")
    posterior = whole(with_program(posterior, program))
    raw = raw_tree(posterior)
    evidence = Evidence(raw, choose_rows(raw, max_rows, seed))
    parts = tasks(evidence, pivot)
    compared = [name for name in COMPARED if evidence.is_of_rows or name != "data-based"]
    results = {name: solved(name, parts, evidence) for name in compared}
    found = {key: result.permutations for key, result in results.items()}
    name, permutations = _reported(posterior, method, parts, evidence, found)

    components = evidence.components
    quantities = invariants(evidence)
    is_close = results["stephens"].margin < CLOSE_CALL
    has_empty = quantities["occupied_components"].values.ravel() < components
    comparison = compare_methods(found, has_empty, is_close)
    switching = describe_switching(
        permutations.reshape(*evidence.shape, components),
        ~is_close.reshape(evidence.shape),
        possible=prod(factorial(len(group)) for group in evidence.groups),
    )
    tables = {
        "raw": xr.Dataset(evidence.sites),
        "relabelled": _relabelled(evidence, permutations),
        "invariant": quantities,
    }
    table = xr.concat([convergence(draws, kind) for kind, draws in tables.items()], dim="quantity")
    gaps = _gaps(posterior, evidence, reference_fit)
    findings = Findings(
        invariant_r_hat=_worst(table, "invariant"),
        density_gap=float(gaps.chains.min()),
        expected_gap=gaps.expected,
        agreement=1 - comparison.disputed,
        unsure=switching.unsure,
        relabelled_r_hat=_worst(table, "relabelled"),
        visited=switching.visited,
        chains_apart=switching.chains_apart,
        strays=switching.strays,
        is_declared=not evidence.groups and components > 1,
        chains=evidence.shape[0],
        draws=evidence.shape[1],
    )
    verdict = decide(findings)
    return LabelReport(verdict, name, evidence.shape, switching, table, comparison, gaps.chains, gaps.expected)


def _gaps(posterior: xr.DataTree, evidence: Evidence, reference_fit: Any) -> DensityGaps:
    """How far chains stay below the reference; NaN where there is none."""
    reference = posterior.attrs.get("init_log_posterior") if reference_fit is None else reference_fit.log_posterior
    if evidence.log_density is None or reference is None:
        return DensityGaps(np.full(evidence.shape[0], np.nan), np.nan)
    return density_gaps(evidence.log_density.reshape(evidence.shape), reference, unknowns_of(posterior, evidence.draws))


def _reported(
    posterior: xr.DataTree,
    method: str | None,
    parts: list[Task],
    evidence: Evidence,
    found: dict[str, Permutations],
) -> tuple[str, Permutations]:
    """The relabelling to report on, and its name."""
    if method is None and "relabelling" in posterior.children:
        kept = posterior["relabelling"].to_dataset()
        return str(kept.attrs.get("method", "relabelled")), permutations_of(posterior, evidence.components)
    name = method or "ecr"
    return name, found[name] if name in found else solved(name, parts, evidence).permutations


def _relabelled(evidence: Evidence, permutations: Permutations) -> xr.Dataset:
    """The sites under one labelling."""
    after = {}
    for name, variable in evidence.sites.items():
        values = variable.values.reshape(len(permutations), *variable.shape[2:])
        after[name] = variable.copy(data=relabel_parameters(values, permutations).reshape(variable.shape))
    return xr.Dataset(after | draws_of_law(evidence.draws, permutations, law_of(evidence.tree)))


def _worst(table: xr.Dataset, kind: str) -> float:
    """The greatest R-hat of one kind; NaN where all are."""
    values = table["r_hat"].values[table["kind"].values == kind]
    return float(np.max(values[~np.isnan(values)], initial=-np.inf)) if not np.isnan(values).all() else np.nan
