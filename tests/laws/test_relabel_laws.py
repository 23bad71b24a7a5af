"""Laws of relabelling that hold for every method and any scrambling of the labels."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.labels.data_based import data_based
from inference.labels.ecr import ecr
from inference.labels.ecr_iterative_1 import ecr_iterative_1
from inference.labels.ecr_iterative_2 import ecr_iterative_2
from inference.labels.ordering import ordering
from inference.labels.permutations import compose, identity, inverse, relabel_assignments, relabel_parameters
from inference.labels.pra import pra
from inference.labels.sjw import MOST_COMPONENTS, sjw
from inference.labels.stephens import stephens
from tests.inference.labels.planted import Planted, planted_draws, scrambles

METHODS = {
    "ecr": lambda d: ecr(d.p, d.z[0], d.p.shape[2]),
    "ecr on assignments": lambda d: ecr(d.z, d.z[0], d.p.shape[2]),
    "ecr-iterative-1": lambda d: ecr_iterative_1(d.z, d.p.shape[2], start=first_guess(d)),
    "ecr-iterative-2": lambda d: ecr_iterative_2(d.p, start=first_guess(d)),
    "stephens": lambda d: stephens(d.p, start=first_guess(d)),
    "pra": lambda d: pra(d.parameters, d.parameters[0]),
    "ordering": lambda d: ordering(d.parameters[:, :, 1]),
    "data-based": lambda d: data_based(d.z, d.x[:, None], d.p.shape[2], pivot=d.z[0]),
    "sjw": lambda d: sjw(d.p, d.parameters, d.log_joint, start=first_guess(d)),
}
ITERATIVE = ["ecr-iterative-1", "ecr-iterative-2", "stephens"]
laws = settings(deadline=None, max_examples=15)


def first_guess(draws: Planted) -> np.ndarray:
    return ecr(draws.p, draws.z[0], draws.p.shape[2]).permutations


def limit(method: str) -> int:
    return MOST_COMPONENTS if method == "sjw" else 8


def permute(draws: Planted, by: np.ndarray) -> Planted:
    """The same draws under other labels."""
    return draws._replace(
        z=relabel_assignments(draws.z, by),
        p=relabel_parameters(draws.p, by, axis=2),
        parameters=relabel_parameters(draws.parameters, by),
    )


@pytest.mark.parametrize("method", METHODS)
@given(components=st.integers(2, 8), seed=st.integers(0, 10_000))
@laws
def test_planted_permutations_with_cycles_are_recovered(method, components, seed):
    components = min(components, limit(method))
    draws = planted_draws(scrambles(20, components, seed), seed=seed)
    assert np.array_equal(METHODS[method](draws).permutations, draws.answer)


@pytest.mark.parametrize("method", METHODS)
@given(components=st.integers(2, 5), seed=st.integers(0, 10_000))
@laws
def test_planted_permutations_of_overlapping_components_are_recovered_where_the_choice_is_clear(
    method, components, seed
):
    """At 2.5 standard deviations a tenth of two components' rows are nearer to the other one; parameters are off by 0.3."""
    # of 120 rows 7 in 2800 seeds had a draw, a hard assignment of few rows, that was wrong and yet clear; of 360 none in 8000
    draws = planted_draws(scrambles(20, components, seed), rows=360, gap=2.5, noise=0.3, seed=seed)
    found = METHODS[method](draws)
    clear = found.margin > 0.5 * np.median(found.margin)  # methods' margins have different units
    assert clear.mean() >= 0.7
    assert np.array_equal(found.permutations[clear], draws.answer[clear])


@pytest.mark.parametrize("method", METHODS)
@given(components=st.integers(2, 5), gap=st.floats(0.5, 4), seed=st.integers(0, 10_000))
@laws
def test_relabelling_permuted_draws_is_relabelling_the_draws(method, components, gap, seed):
    """The pivot, draw 0, keeps its labels; all others are scrambled. Components overlap."""
    if method == "ecr-iterative-1":  # whole rows tie when components overlap much, and ties decide the next pivot
        gap = max(gap, 3.0)
    draws = planted_draws(identity(20, components) if seed % 2 else scrambles(20, components, seed), gap=gap, seed=seed)
    scramble = scrambles(20, components, seed + 1)
    before, after = METHODS[method](draws), METHODS[method](permute(draws, scramble))
    # The labels differ only in draws where two permutations cost the same but for rounding.
    clear = before.margin > 1e-6
    assert np.array_equal(compose(scramble, after.permutations)[clear], before.permutations[clear])
    assert np.allclose(after.cost, before.cost, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("method", METHODS)
@given(components=st.integers(1, 6), gap=st.floats(0, 4), seed=st.integers(0, 10_000))
@laws
def test_permutations_are_valid_and_costs_are_finite(method, components, gap, seed):
    """One component, and components with equal parameters (gap 0), among them."""
    draws = planted_draws(scrambles(12, components, seed), gap=gap, noise=0.1 * (seed % 2), seed=seed)
    result = METHODS[method](draws)
    assert np.array_equal(np.sort(result.permutations, axis=1), identity(12, components))
    assert np.isfinite(result.cost).all()
    assert (result.margin >= 0).all()
    assert np.isinf(result.margin).all() == (components == 1)


@pytest.mark.parametrize("method", METHODS)
@given(components=st.integers(2, 5), seed=st.integers(0, 10_000))
@laws
def test_relabelling_twice_is_relabelling_once(method, components, seed):
    draws = planted_draws(scrambles(20, components, seed), seed=seed)
    once = permute(draws, METHODS[method](draws).permutations)
    assert np.array_equal(METHODS[method](once).permutations, identity(20, components))


@pytest.mark.parametrize("method", ITERATIVE)
@given(components=st.integers(2, 6), gap=st.floats(0, 4), seed=st.integers(0, 10_000))
@laws
def test_the_total_cost_never_rises(method, components, gap, seed):
    draws = planted_draws(scrambles(30, components, seed), gap=gap, rows=25, seed=seed)
    from_nothing = {
        "ecr-iterative-1": lambda: ecr_iterative_1(draws.z, components),
        "ecr-iterative-2": lambda: ecr_iterative_2(draws.p),
        "stephens": lambda: stephens(draws.p),
    }[method]()
    totals = from_nothing.total_costs
    assert (np.diff(totals) <= 1e-9 * (1 + abs(totals[0]))).all()
    assert np.isclose(totals[-1], from_nothing.cost.sum())


@given(seed=st.integers(0, 10_000))
@laws
def test_methods_agree_on_well_separated_components(seed):
    draws = planted_draws(scrambles(20, 4, seed), gap=8.0, seed=seed)
    found = [method(draws).permutations for method in METHODS.values()]
    assert all(np.array_equal(one, other) for one, other in combinations(found, 2))


@given(components=st.integers(1, 8), seed=st.integers(0, 10_000))
@laws
def test_inverse_undoes(components, seed):
    permutations = scrambles(10, components, seed)
    assert np.array_equal(compose(permutations, inverse(permutations)), identity(10, components))
    assert np.array_equal(compose(inverse(permutations), permutations), identity(10, components))
