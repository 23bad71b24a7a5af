"""align gives the components of fits and posteriors the labels of a reference, whatever made either."""

from dataclasses import replace
from itertools import permutations as all_permutations

import numpy as np
import pandas as pd
import pytest

from inference.labels.align import align, costs_between, match, matched
from inference.labels.relabel import relabel
from inference.results import Origin, PointFit
from inference.status import Status
from mixtures import Observations, gaussian_mixture
from mixtures.errors import DataError
from tests.inference.labels.planted import planted_draws, scrambles
from tests.inference.labels.trees import planted_tree

LOC = np.array([0.0, 5.0, 10.0])


def fit_at(loc: np.ndarray, scale: float = 1.0) -> PointFit:
    """A fit with the given locations."""
    components = len(loc)
    parameters = {"weights": np.full(components, 1 / components), "loc": loc, "scale": np.full(components, scale)}
    program = gaussian_mixture(components).scaled_to(np.arange(20.0))
    return PointFit(
        parameters=parameters,
        dims=dict.fromkeys(parameters, ("components",)),
        log_likelihood=0.0,
        log_posterior=0.0,
        classification_log_likelihood=0.0,
        losses=np.zeros(1),
        gradient_norms={},
        restarts=pd.DataFrame(),
        status=Status.CONVERGED,
        free_parameters=8,
        origin=Origin.of(program, Observations(np.arange(20.0)), "numpyro", seed=0),
    )


@pytest.mark.parametrize("groups", [((0, 1, 2, 3),), ((0, 2), (1, 3)), ((1, 3),)])
def test_labels_are_the_cheapest_of_all_within_groups(groups):
    """Of shares of rows: by brute force, over all permutations that exchange components of one group."""
    rng = np.random.default_rng(0)
    ours, theirs = rng.dirichlet(np.ones(4), (5, 6)), rng.dirichlet(np.ones(4), 6)
    costs = costs_between(ours, theirs)
    assert costs[3, 0, 2] == pytest.approx(np.mean([p[0] * (1 - q[2]) for p, q in zip(ours[3], theirs, strict=True)]))
    group_of = {k: number for number, group in enumerate(groups) for k in group}
    allowed = [
        p
        for p in all_permutations(range(4))
        if all(k == p[k] or group_of.get(k) == group_of.get(p[k], -1) for k in range(4))
    ]
    found = matched(costs, groups)
    for t in range(5):
        total = {p: sum(costs[t, p[k], k] for k in range(4)) for p in allowed}
        best, second = sorted(total.values())[:2]
        assert total[tuple(found.permutations[t])] == pytest.approx(best)
        assert (found.cost[t], found.margin[t]) == (pytest.approx(best), pytest.approx(second - best))
    assert found.total_costs.tolist() == [pytest.approx(found.cost.sum())]


@pytest.fixture
def tree():
    return planted_tree(planted_draws(scrambles(40, 3)))


@pytest.mark.parametrize("order", list(all_permutations(range(3))))
def test_a_fit_gets_the_labels_of_another(order):
    reference, other = fit_at(LOC), fit_at(LOC[list(order)] + 0.4, scale=1.2)
    aligned = align(other, to=reference)
    assert np.array_equal(aligned.parameters["loc"], LOC + 0.4)
    assert np.array_equal(other.parameters["loc"], LOC[list(order)] + 0.4)


def test_parameters_that_are_noise_do_not_mislead():
    """The scales would match the other way round, exactly."""
    reference, other = fit_at(LOC[:2]), fit_at(LOC[1::-1] + 0.1)
    reference.parameters["scale"] = np.array([1.0, 1.1])
    other.parameters["scale"] = np.array([1.0, 1.1])
    assert np.array_equal(align(other, to=reference).parameters["loc"], LOC[:2] + 0.1)


def test_a_site_without_components_and_other_axes_are_respected():
    fit = fit_at(LOC[::-1])
    odd = replace(
        fit,
        parameters={**fit.parameters, "tied": np.arange(3.0), "table": np.arange(6.0).reshape(2, 3)},
        dims={**fit.dims, "tied": ("other",), "table": ("other", "components")},
    )
    aligned = align(odd, to=fit_at(LOC))
    assert aligned.parameters["tied"].tolist() == [0, 1, 2]
    assert aligned.parameters["table"].tolist() == [[2, 1, 0], [5, 4, 3]]


def test_a_posterior_gets_the_labels_of_a_fit_and_a_fit_those_of_a_posterior(tree):
    reference = fit_at(LOC[[1, 2, 0]])
    aligned = align(tree, to=reference)
    assert np.abs(aligned["posterior"]["loc"].mean(["chain", "draw"]) - LOC[[1, 2, 0]]).max() < 0.2
    assert np.array_equal(align(fit_at(LOC), to=aligned).parameters["loc"], LOC[[1, 2, 0]])


def test_a_posterior_gets_the_labels_of_another(tree):
    other = planted_tree(planted_draws(scrambles(60, 3, seed=5), seed=5), chains=3)
    reference = relabel(tree, pivot=1)
    aligned = align(other, to=reference)
    gap = aligned["posterior"]["loc"].mean(["chain", "draw"]) - reference["posterior"]["loc"].mean(["chain", "draw"])
    assert np.abs(gap).max() < 0.2


def test_the_permutations_of_an_aligned_posterior_still_lead_from_the_raw_draws(tree):
    aligned = align(relabel(tree, "stephens"), to=fit_at(LOC[[2, 0, 1]]))
    raw, permutation = aligned["posterior_raw"]["loc"].values, aligned["relabelling"]["permutation"].values
    assert np.array_equal(np.take_along_axis(raw, permutation, axis=2), aligned["posterior"]["loc"].values)
    assert aligned["relabelling"].attrs["method"] == "stephens"


def test_aligning_twice_is_aligning_once_and_a_fit_is_aligned_with_itself(tree):
    reference = fit_at(LOC)
    assert match(reference, to=reference).permutations.tolist() == [[0, 1, 2]]
    once = align(tree, to=reference)
    again = align(once, to=reference)
    assert again["posterior"].to_dataset().identical(once["posterior"].to_dataset())


def test_a_list_is_aligned_one_by_one(tree):
    fits = align([fit_at(LOC[[1, 0, 2]]), tree], to=fit_at(LOC))
    assert np.array_equal(fits[0].parameters["loc"], LOC)
    assert (fits[1]["posterior"]["loc"].diff("components") > 0).all()


def test_the_margin_says_how_sure_the_match_is():
    reference = fit_at(LOC)
    assert match(fit_at(LOC + 0.1), to=reference).margin[0] > 0.5
    assert match(fit_at(np.array([0.0, 0.0, 10.0])), to=reference).margin[0] < 1e-9


def test_other_numbers_of_components_and_other_things_are_refused(tree):
    with pytest.raises(DataError, match="2 components; expected 3"):
        align(fit_at(LOC[:2]), to=fit_at(LOC))
    with pytest.raises(DataError, match="got dict; expected a PointFit"):
        align({}, to=fit_at(LOC))
