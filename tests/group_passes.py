"""Compiled passes of EM over groups, held against the same step in NumPy."""

import jax
import numpy as np

from inference.backends import bind
from inference.point.em.e_step import Block, e_step
from inference.point.em.m_steps.registry import closed_form
from inference.point.em.mixture_em import MixtureEM
from inference.point.em.numpyro.group_passes import over_groups
from inference.point.em.runs import problem_of
from mixtures import families


def check_passes(law, x, model, values, runs):
    """Check passes over the groups of x in blocks of so many rows by so many threads, `runs`; NumPy's log likelihood is the program's.

    Returns:
        Whether groups were filled up, and NumPy's statistics.
    """
    law, ordered, weights = law.laid_out(x)
    closed = MixtureEM(closed_form(families.Gaussian()), law)
    fixed = dict.fromkeys(closed.fixable, False)
    problem = problem_of((closed,), 0, ordered, row_weights=weights, fixed=fixed, tolerance=0.0, max_steps=1)
    state = closed.encode(values, None, problem.frame)
    rows = Block(((problem.x - problem.frame.centre) / problem.frame.unit).T, weights)
    right, statistics = e_step(np, closed, state, rows, False)
    stacked = {name: np.asarray(value)[None] for name, value in values.items()}
    whole = bind(model, x, "numpyro").log_likelihoods(stacked)[0]
    np.testing.assert_allclose(right + problem.offset, whole, rtol=1e-10)
    for block, threads in runs:
        with jax.enable_x64(True), over_groups(problem, block, threads) as one_pass:
            found, sums = one_pass(state)
        np.testing.assert_allclose(found, right, rtol=1e-11)
        for name, value in statistics.items():
            np.testing.assert_allclose(sums[name], value, rtol=1e-9, atol=1e-9)
    return weights is not None, statistics
