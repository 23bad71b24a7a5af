"""The posterior as the nearest member of a family of distributions: variational inference on the collapsed density."""

from typing import Any

import numpy as np
import xarray as xr

from inference.backends import bind
from inference.checks import check_choice, check_count, check_counts, check_positive, check_room, checked, sizes_of
from inference.point.map import fit_map
from inference.posterior.approximate import approximate_tree
from inference.posterior.chain_starts import fits_of, frame_about
from inference.posterior.rehearsal import rehearse
from inference.posterior.some_rows import check_some_rows
from inference.results import PointFit
from inference.samplers.choice import only_in_jax
from mixtures import Program
from mixtures.errors import FitError, ModelError
from mixtures.seeds import NEEDED, check_seed, derived

AT_REST = 0.3
"""How far the family may be from where its ELBO is largest, in its own standard deviations."""

FAMILIES = ("normal", "multivariate", "flow")


def fit_vi(
    program: Program,
    x: Any,
    *,
    family: str = "multivariate",
    init: PointFit | None = None,
    steps: int = 2000,
    batch: int | None = None,
    learning_rate: float = 0.01,
    draws: int = 1000,
    seed: int = NEEDED,
    row_weights: Any = None,
    labels: Any = None,
    backend: str = "numpyro",
) -> xr.DataTree:
    """Approximate the posterior by maximising the ELBO over a family of distributions of the unconstrained parameters.

    Assignments are summed out. One labelling is described: that of `init`. The ascent is in the posterior's own units, by the curvature
    at `init`, so that the data's units and origin do not matter.

    The attribute `is_trustworthy` says whether the approximation may be trusted: its draws' importance weights have a thin tail
    (`k_hat` below 0.7) and are spread over many draws (`effective_draws`), or are all but even (99 draws of 100 effective), and the ELBO
    has come to rest (`unrest` below 0.3: in standard deviations, how far the approximation would still move or stretch).

    Args:
        program: a declaration.
        x: data, shape (rows,) or (rows, features).
        family: `"normal"` (independent coordinates), `"multivariate"` (any covariance), or `"flow"` (a normal as wide as the curvature
            at `init` says, bent by inverse autoregressive networks: Kingma et al. 2016; it can take in both sides of a skew, and further
            labellings where they are near). Each is more flexible than the one before and takes longer.
        init: a point fit to start from; None fits one.
        steps: gradient steps.
        batch: rows that each of a step's draws is compared with, taken at random: a step then costs the same whatever the number of rows, and is
            right on average (Hoffman, Blei, Wang & Paisley 2013, Journal of Machine Learning Research 14). None: all rows. The fit that it
            starts from and the judgement at the end read all rows.
        learning_rate: of the first steps; they decay to rest.
        draws: how many draws to take from the approximation.
        seed: an int in [0, 2**32).
        row_weights: how often each row counts, shape (rows,); also `Observations.row_weights`.
        labels: known components 0, ..., components - 1, shape (rows,), and -1 or None where unknown; also `Observations.labels`.
        backend: `"numpyro"`.

    Returns:
        A tree as from `sample_nuts`, of one chain; attributes `is_trustworthy`, `k_hat`, `effective_draws`, `unrest`, and `elbo`, a lower
        bound of log p(x).

    Raises:
        ChoiceError: no such family.
        ModelError: a batch of rows that are not independent, or of a program that is no `Mixture`; a flow of a program with one free
            parameter, or an `init` that is no point fit of this program.
        FitError: the ascent diverged.
        BackendError: the backend has no variational families.

    Example:
        >>> from mixtures import gaussian_mixture
        >>> x = [0.0, 1.0, 2.0, 10.0, 11.0, 12.0]
        >>> post = fit_vi(gaussian_mixture(2, "tied"), x, steps=200, draws=100, seed=0)
        >>> dict(post.posterior.loc.sizes)
        {'chain': 1, 'draw': 100, 'components': 2}
    """
    observations = checked(program, x, labels=labels, row_weights=row_weights)
    seed = check_seed(seed)
    check_choice("family", family, FAMILIES)
    check_counts(steps=steps, draws=draws)
    check_room(draws=draws, **sizes_of(program, observations))
    check_positive("learning_rate", learning_rate)
    batch = None if batch is None else check_count("batch", batch)
    bound = bind(program, observations, backend)
    sites = bound.sites  # what is wrong with the program is said before what is missing in the backend
    variational = only_in_jax(
        backend, "variational", got="'pyro'", expected="'numpyro', whose variational families are used"
    )
    if batch is not None:
        check_some_rows("batch", "batches of them", program, sites)
    own = derived(seed, "fit_vi", "fit_map")
    fit = fit_map(program, observations, seed=own, backend=backend) if init is None else fits_of(init, sites)[0]
    if family == "flow" and sites.coordinates == 1:
        raise ModelError(
            "family",
            got="'flow' for one free parameter",
            expected="two at least: each bends the next",
            advice="Use family='normal'.",
        )
    rehearse(bound)
    frame = frame_about(bound, fit, seed, "fit_vi")
    found = variational.fit(
        bound.target(),
        frame,
        family=family,
        steps=steps,
        batch=batch,
        learning_rate=learning_rate,
        draws=draws,
        seed=derived(seed, "fit_vi"),
    )
    if not (np.isfinite(found.losses[-1]) and np.isfinite(found.log_density).all()):
        raise FitError(
            "fit_vi",
            got=f"an ELBO that is no finite number after {steps} steps",
            expected="steps that converge",
            advice="Lower learning_rate, or start from a fit whose components are sound.",
        )
    return approximate_tree(
        bound,
        found.parameters,
        found.log_density,
        found.log_proposal,
        {
            "seed": seed,
            "sampler": f"variational, {family}",
            "elbo": float((found.log_density - found.log_proposal).mean()),
            "unrest": float(found.unrest.max()),
        },
        is_at_rest=bool(found.unrest.max() < AT_REST),
    )
