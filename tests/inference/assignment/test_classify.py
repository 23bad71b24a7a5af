"""Classification: the most probable component, a draw, probabilities; one switch of class; exact responsibilities."""

import numpy as np
import pytest
from scipy import stats

import inference
import mixtures
from inference.backends import engine
from mixtures import Observations
from mixtures.errors import DataError, ModelError, SeedError
from tests.oracles import FIVE_POINTS
from tests.programs import two_assignments


def _exact(fit, x):
    """Responsibilities by Bayes's rule with scipy's normal density, on the log scale."""
    p = fit.parameters
    joint = np.log(p["weights"]) + stats.norm(p["loc"], p["scale"]).logpdf(np.asarray(x)[:, None])
    joint -= joint.max(axis=1, keepdims=True)
    return np.exp(joint) / np.exp(joint).sum(axis=1, keepdims=True)


@pytest.mark.quick("numpyro", reason="one code serves both backends")
def test_five_points_fall_into_two_classes(tutorial_fit):
    assert inference.classify(tutorial_fit, FIVE_POINTS).tolist() == [1, 1, 0, 0, 0]


def test_responsibilities_are_exact(tutorial_fit):
    x = np.linspace(4.0, 8.0, 41)
    np.testing.assert_allclose(
        inference.responsibilities(tutorial_fit, x), _exact(tutorial_fit, x), rtol=1e-9, atol=1e-14
    )


def test_on_new_data_the_class_switches_once_near_the_boundary(tutorial_fit):
    x = np.arange(-3.0, 15.0, 0.1)
    classes = inference.classify(tutorial_fit, x)
    switches = np.flatnonzero(np.diff(classes))
    assert len(switches) == 1
    assert abs(x[switches[0]] - 5.75) < 0.2
    np.testing.assert_array_equal(classes, _exact(tutorial_fit, x).argmax(axis=1))


@pytest.mark.statistical
@pytest.mark.parametrize("temperature", [1, 2.5])
def test_draws_follow_the_tempered_responsibilities(tutorial_fit, temperature):
    """Frequencies of 2000 draws of each of six boundary rows, by a chi-square statistic."""
    draws = 2000
    x = np.repeat(np.linspace(5.6, 5.85, 6), draws)
    table = np.log(_exact(tutorial_fit, x))
    expected = np.exp(table / temperature)
    expected /= expected.sum(axis=1, keepdims=True)
    drawn = inference.classify(tutorial_fit, x, temperature=temperature, seed=11)
    observed = drawn.reshape(6, draws).mean(axis=1)
    p = expected[::draws, 1]
    assert ((p > 0.02) & (p < 0.98)).sum() >= 4
    statistic = np.sum((observed - p) ** 2 / (p * (1 - p) / draws))
    assert stats.chi2(6).sf(statistic) > 1e-6


def test_draws_are_reproducible_and_seeds_differ(tutorial_fit):
    x = np.full(200, 5.74)
    draws = [inference.classify(tutorial_fit, x, temperature=1, seed=seed) for seed in (0, 0, 1)]
    np.testing.assert_array_equal(draws[0], draws[1])
    assert not np.array_equal(draws[0], draws[2])


@pytest.mark.quick("numpyro", reason="the guide is one code")
def test_the_guide_learns_the_exact_responsibilities(tutorial_fit):
    guide = inference.fit_guide(tutorial_fit, FIVE_POINTS, seed=0)
    np.testing.assert_allclose(guide.assignment_probs, _exact(tutorial_fit, FIVE_POINTS), atol=1e-3)
    np.testing.assert_allclose(guide.losses[-1], 17.4432548791, atol=1e-4)
    assert guide.status is inference.Status.CONVERGED


@pytest.mark.quick("numpyro", reason="the guide is one code")
def test_the_guide_is_right_where_classes_overlap(tutorial_fit):
    x = np.linspace(5.4, 6.1, 8)
    guide = inference.fit_guide(tutorial_fit, x, seed=0)
    np.testing.assert_allclose(guide.assignment_probs, _exact(tutorial_fit, x), atol=1e-3)


def test_log_likelihood_sums_the_assignment_out(tutorial_fit):
    p = tutorial_fit.parameters
    density = (p["weights"] * stats.norm(p["loc"], p["scale"]).pdf(FIVE_POINTS[:, None])).sum(axis=1)
    found = inference.log_likelihood(tutorial_fit, FIVE_POINTS)
    np.testing.assert_allclose(found, np.log(density), rtol=1e-10)
    np.testing.assert_allclose(found.sum(), tutorial_fit.log_likelihood, rtol=1e-12)


@pytest.mark.quick("pyro", reason="one code serves both backends")
def test_several_assignments_a_row_come_back_by_site(backend):
    x = np.array([-2.0, -1.5, 0.0, 1.0, 2.5, 6.0])
    fit = inference.fit_map(two_assignments, x, restarts=2, steps=50, seed=0, backend=backend)
    probs = inference.responsibilities(fit, x)
    p = fit.parameters
    # brute force: every pair of assignments of each row
    joint = np.array(
        [
            [
                [
                    p["groups"][g] * p["levels"][v] * stats.norm(p["loc"][g], p["scale"] * (1 + v)).pdf(value)
                    for v in range(3)
                ]
                for g in range(2)
            ]
            for value in x
        ]
    )
    joint /= joint.sum(axis=(1, 2), keepdims=True)
    np.testing.assert_allclose(probs["group"], joint.sum(axis=2), rtol=1e-9)
    np.testing.assert_allclose(probs["level"], joint.sum(axis=1), rtol=1e-9)
    classes = inference.classify(fit, x)
    best = joint.reshape(len(x), -1).argmax(axis=1)
    np.testing.assert_array_equal(classes["group"], best // 3)
    np.testing.assert_array_equal(classes["level"], best % 3)


def test_infer_discrete_is_the_argmax_of_the_hub_in_two_dimensions(faithful, faithful_fit):
    table = engine("numpyro").log_joint(faithful_fit.program, faithful_fit.parameters, faithful)
    np.testing.assert_array_equal(inference.classify(faithful_fit, faithful), table.argmax(axis=1))


def test_bad_arguments_are_refused_in_words(tutorial_fit, faithful_fit, faithful):
    with pytest.raises(SeedError, match="temperature > 0 need a seed"):
        inference.classify(tutorial_fit, FIVE_POINTS, temperature=1)
    with pytest.raises(ModelError, match="temperature"):
        inference.classify(tutorial_fit, FIVE_POINTS, temperature=-1)
    with pytest.raises(DataError, match="2 columns"):
        inference.classify(faithful_fit, FIVE_POINTS)
    swapped = Observations(faithful.x[:, ::-1], feature_names=["waiting", "eruptions"])
    with pytest.raises(DataError, match="in that order"):
        inference.responsibilities(faithful_fit, swapped)
    with pytest.raises(ModelError, match="interval"):
        inference.responsibilities(faithful_fit, faithful, interval=0.9)


def test_one_row_can_be_classified(tutorial_fit):
    assert inference.classify(tutorial_fit, [11.0]).tolist() == [0]


@pytest.mark.quick("numpyro", reason="one code serves both backends")
def test_components_of_an_untold_order_are_numbered_by_weight(backend):
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(-1.5, 1.0, 60), rng.normal(1.5, 1.0, 30), rng.normal(4.0, 1.0, 10)])
    fit = inference.fit_map(
        mixtures.gaussian_mixture(3, "tied"), Observations(x), restarts=4, steps=100, seed=0, backend=backend
    )
    assert (np.diff(fit.parameters["weights"]) <= 0).all()


def test_what_is_neither_a_fit_nor_draws_is_refused():
    with pytest.raises(ModelError, match="got dict; expected a point fit, or a tree of draws"):
        inference.classify({"loc": 0.0}, FIVE_POINTS)
