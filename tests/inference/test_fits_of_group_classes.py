"""Fits, posteriors and answers under classes of groups: against an EM written down by itself, scipy's density, all classes and assignments of a
few groups, and each other."""

import numpy as np
import pytest
from scipy.stats import norm

import inference
from inference.backends import bind
from inference.point.em.m_steps.group_classes import GroupClassesEM
from mixtures import Mixture, Observations, families, gaussian_mixture, regression_mixture, simulate
from mixtures.assignments import GroupClasses
from mixtures.errors import DataError, ModelError
from tests.group_passes import check_passes
from tests.inference.plots.conftest import point_fit
from tests.inference.test_group_classes import MODEL, VALUES, Everything, stacked
from tests.statistical.test_recovery import NOMINAL, wrongly_covered


def schools(groups=40, seed=0, longest=9):
    """Overlapping types of pupils in schools of two kinds and any size, pupils mixed up."""
    rng = np.random.default_rng(seed)
    group = rng.permutation(np.repeat(np.arange(groups), rng.integers(3, longest, groups)))
    kind = rng.integers(2, size=groups)[group]
    z = (rng.random(len(group)) < np.array([0.15, 0.8])[kind]).astype(int)
    return Observations(rng.normal(np.array([-1.0, 1.0])[z], np.array([0.8, 1.0])[z]), group=group)


X = schools()


def em_by_itself(x, group, values, steps):
    """EM in which every group is a line of a loop."""
    for _ in range(steps):
        groups, pairs = 0.0, 0.0
        shares = np.zeros((len(x), 2))
        for g in np.unique(group):
            rows = np.flatnonzero(group == g)
            emissions = norm.pdf(x[rows, None], values["loc"], values["scale"])
            each = emissions[:, None, :] * values["class_weights"]
            posterior = values["class_probs"] * each.sum(axis=2).prod(axis=0)
            posterior = posterior / posterior.sum()
            both = posterior[:, None] * each / each.sum(axis=2, keepdims=True)
            groups, pairs, shares[rows] = groups + posterior, pairs + both.sum(axis=0), both.sum(axis=1)
        rows = shares.sum(axis=0)
        loc = x @ shares / rows
        scale = np.sqrt(((x[:, None] - loc) ** 2 * shares).sum(axis=0) / rows)
        weights = pairs / pairs.sum(axis=1, keepdims=True)
        values = {"class_probs": groups / groups.sum(), "class_weights": weights, "loc": loc, "scale": scale}
    return values


def test_em_makes_the_steps_of_an_em_by_itself(backend):
    fit = inference.fit_em(MODEL, X, init=VALUES, restarts=1, max_steps=7, tolerance=0.0, seed=0, backend=backend)
    for site, value in em_by_itself(X.x, X.group, VALUES, 7).items():
        np.testing.assert_allclose(fit.parameters[site], value, rtol=1e-9)


@pytest.mark.parametrize("objective", ["likelihood", "posterior"])
def test_em_and_gradients_find_the_same(backend, objective):
    model = Mixture(2, families.Poisson(), GroupClasses(2, weights=2.0, probs=3.0))
    x = Observations(np.where(X.x > 0, np.floor(4 * X.x + 3), np.floor(np.abs(X.x))), group=X.group)
    by = inference.fit_mle if objective == "likelihood" else inference.fit_map
    fit = inference.fit_em(model, x, restarts=4, seed=0, objective=objective, tolerance=1e-12, backend=backend)
    other = by(model, x, restarts=4, seed=0, backend=backend)
    assert fit.status.is_sound and other.status.is_sound
    which = "log_likelihood" if objective == "likelihood" else "log_posterior"
    np.testing.assert_allclose(getattr(fit, which), getattr(other, which), atol=1e-6)
    for site in model.assignment.priors_by_site:  # classes have the same numbers
        np.testing.assert_allclose(fit.parameters[site], other.parameters[site], atol=1e-3)


@pytest.fixture(scope="module")
def fit():
    return inference.fit_em(MODEL, X, restarts=6, seed=0, tolerance=1e-12)


def test_answers_of_a_fit(fit, tmp_path):
    few = X.take(np.isin(X.group, [0, 1]))
    every = Everything(fit.parameters, few.x, few.group)
    np.testing.assert_allclose(inference.responsibilities(fit, few), every.marginals, atol=1e-10)
    np.testing.assert_array_equal(inference.classify(fit, few), every.best)
    classes = inference.group_classes(fit, few)
    assert classes.index.tolist() == few.group_names.tolist()
    np.testing.assert_allclose(classes, every.classes, atol=1e-10)
    assert inference.log_likelihood(fit, X).shape == (40,)
    np.testing.assert_allclose(inference.log_likelihood(fit, X).sum(), fit.log_likelihood, rtol=1e-12)
    assert fit.sample_size == 40 and fit.free_parameters == 1 + 2 + 4
    drawn = inference.classify(fit, X, temperature=1, seed=0)
    assert 0 < drawn.mean() < 1 and len(set(drawn[X.group == 0])) > 1
    inference.save(fit, tmp_path / "fit.json")
    np.testing.assert_allclose(inference.group_classes(inference.load(tmp_path / "fit.json"), few), classes)


def test_classes_of_groups_are_summed_over_all_assignments(backend):
    few = X.take(np.isin(X.group, [0, 1]))
    classes = inference.group_classes(point_fit(MODEL, few, VALUES, backend), few)
    np.testing.assert_allclose(classes, Everything(VALUES, few.x, few.group).classes, atol=1e-10)


def test_classes_are_numbered_by_their_share_of_the_first_component(fit):
    weights = fit.parameters["class_weights"]
    assert weights[0, 0] > weights[1, 0]
    law = {name: fit.parameters[name] for name in MODEL.assignment.priors_by_site}
    other = MODEL.assignment.permuted(law, np.array([1, 0]))
    np.testing.assert_allclose(other["class_weights"], weights[::-1, ::-1])
    np.testing.assert_allclose(other["class_probs"], law["class_probs"][::-1])
    swapped = {**fit.parameters, **other, "loc": fit.parameters["loc"][::-1], "scale": fit.parameters["scale"][::-1]}
    bound = bind(MODEL, X, "numpyro")
    before, after = (np.concatenate(bound.log_densities(stacked(one))) for one in (fit.parameters, swapped))
    np.testing.assert_allclose(after, before, rtol=1e-12)


def log_likelihood_of(vector):
    """By scipy, group by group, of log odds, locations and log scales."""
    weights = np.column_stack([1 / (1 + np.exp(vector[1:3])), 1 / (1 + np.exp(-vector[1:3]))])
    rows = norm.pdf(X.x[:, None], vector[3:5], np.exp(vector[5:7])) @ weights.T
    probs = 1 / (1 + np.exp(-vector[0])), 1 / (1 + np.exp(vector[0]))
    return sum(np.log(probs @ rows[X.group == g].prod(axis=0)) for g in range(40))


def test_standard_errors_are_those_of_scipys_density(fit):
    found, odds = fit.parameters, lambda p: np.log(p / (1 - p))
    at = [odds(found["class_probs"][:1]), odds(found["class_weights"][:, 1]), found["loc"], np.log(found["scale"])]
    center, step = np.concatenate(at), 1e-4 * np.eye(7)
    assert abs(log_likelihood_of(center) - fit.log_likelihood) < 1e-8
    corners = [(i, j, a, b) for i in range(7) for j in range(7) for a in (1, -1) for b in (1, -1)]
    hessian = np.zeros((7, 7))
    for i, j, a, b in corners:
        hessian[i, j] += a * b * log_likelihood_of(center + a * step[i] + b * step[j]) / 4e-8
    errors = np.sqrt(np.diag(np.linalg.inv(-hessian)))
    slopes = found["class_probs"].prod(), *found["class_weights"].prod(axis=1)  # dp = p (1 - p) d log odds
    table = inference.standard_errors(fit, X).to_frame()["standard_error"]
    lines = [("class_probs[0]", "all"), ("class_weights[0]", 1), ("class_weights[1]", 1), ("loc", 0), ("loc", 1)]
    expected = np.append(errors[:3] * slopes, errors[3:5])
    np.testing.assert_allclose([float(table[line]) for line in lines], expected, rtol=1e-3)


def test_with_one_component_classes_are_no_parameters():
    fit = inference.fit_em(Mixture(1, families.Gaussian(), GroupClasses(2)), X, restarts=1, seed=0)
    assert fit.free_parameters == 2
    np.testing.assert_allclose(fit.log_likelihood, norm.logpdf(X.x, X.x.mean(), X.x.std()).sum(), rtol=1e-10)
    # of rows the component is certain, and of what class a group is the data say nothing
    assert fit.icl == pytest.approx(fit.bic, abs=1e-9)
    climbed = inference.fit_mle(fit.program, X, init=fit, restarts=1, seed=0, backend="pyro")
    assert climbed.icl == pytest.approx(climbed.bic, abs=1e-9)


def test_hard_em_rests_at_its_own_classification():
    fit = inference.fit_em(MODEL, X, restarts=4, hard=True, seed=0)
    z = inference.classify(fit, X)
    np.testing.assert_allclose(fit.parameters["loc"], [X.x[z == k].mean() for k in (0, 1)], rtol=1e-10)


@pytest.fixture(scope="module")
def posterior(fit):
    return inference.relabel(
        inference.sample_nuts(MODEL, X, draws=150, tune=200, chains=2, seed=0, init=fit, progress=False)
    )


def test_a_posterior_has_classes(posterior, fit):
    group = posterior["posterior"]
    assert group["class_weights"].dims == ("chain", "draw", "classes", "components")
    assert posterior["log_likelihood"]["obs"].dims == ("chain", "draw", "groups")
    assert (group["class_weights"].values[:, :, 0, 0] >= group["class_weights"].values[:, :, 1, 0]).all()
    flat = {name: group[name].values.reshape(300, *group[name].shape[2:]) for name in VALUES}
    density = sum(bind(MODEL.scaled_to(X), X, "numpyro").log_densities(flat))
    np.testing.assert_allclose(density, posterior["sample_stats"]["log_posterior"].values.ravel(), rtol=1e-10)
    classes = inference.group_classes(posterior, X)
    np.testing.assert_allclose(classes.sum(axis=1), 1.0)
    assert np.corrcoef(classes[0], inference.group_classes(fit, X)[0])[0, 1] > 0.9
    assert inference.partition(posterior, rows=range(30), seed=0).labels.shape == (30,)
    inference.plots.overview(posterior, X)


def test_what_cannot_be_is_said(fit):
    weighted = X.with_row_weights(np.full(len(X), 2.0))
    for ask, text in (
        (lambda: GroupClasses(0), "classes"),
        (lambda: GroupClasses(2, weights=-1.0), "weights"),
        (lambda: GroupClasses(2, probs=[1.0, 2.0]), "since classes are alike"),
        (lambda: Mixture(2, families.Gaussian(), GroupClasses(2, weights=[1.0, 2.0, 3.0])), "or 2 of them"),
        (lambda: regression_mixture(2, weights=GroupClasses(2), random="intercept"), "GroupClasses"),
        (lambda: inference.fit_em(MODEL, X.x, seed=0), "group: got none"),
        (lambda: inference.fit_em(MODEL, weighted, seed=0), "which share a class"),
        (lambda: inference.fit_mle(MODEL, X, batch_size=10, seed=0), "which share a class"),
        (lambda: inference.sample_telescope(MODEL, X, seed=0), "partitions have known probabilities"),
        (lambda: inference.classify(fit, X, temperature=0.5, seed=0), "0.5 and rows of groups, which share a class"),
        (
            lambda: inference.group_classes(inference.fit_em(gaussian_mixture(2), X.x, seed=0), X.x),
            "without classes of groups",
        ),
        (lambda: inference.external(fit, X, outcome=X.x), "which share a class"),
        (
            lambda: inference.number_of_components(MODEL, X, routes=["loo"], seed=0),
            "whose other rows share their class",
        ),
    ):
        with pytest.raises((ModelError, DataError), match=text):
            ask()


def test_compiled_passes_over_groups_are_numpys():
    """With more lengths of groups than have a program of their own, so that some are filled up; with several blocks and threads."""
    x = schools(groups=150, seed=1, longest=30)
    is_filled_up, statistics = check_passes(GroupClassesEM(2), x, MODEL, VALUES, [(100, 2)])
    assert is_filled_up
    np.testing.assert_allclose(statistics["pairs"].sum(axis=1), statistics["rows"], rtol=1e-10)


def _free_of_labels(sites):
    """Numbers of draws that depend neither on components' labels nor on classes'."""
    weights = sites["class_weights"]
    yield "largest share of a class", sites["class_probs"].max(axis=1)
    yield "how far classes differ", np.abs(weights[:, 0, 0] - weights[:, 1, 0])
    yield "largest weight", weights.reshape(len(weights), -1).max(axis=1)
    yield "sum of loc", sites["loc"].sum(axis=1)
    yield "range of loc", np.ptp(sites["loc"], axis=1)
    yield "range of scale", np.ptp(sites["scale"], axis=1)


@pytest.mark.statistical
@pytest.mark.slow
def test_intervals_cover_the_truth_at_the_nominal_rate():
    """As of every family in `tests/statistical/test_recovery.py`: truths from the prior, central 80 % intervals of quantities without labels."""
    group, is_inside, draws = np.repeat(np.arange(12), 5), {}, 200
    model = MODEL.scaled_to(X)
    sets = 55
    for seed in range(sets):
        truth = simulate(model, len(group), seed=seed, group=group)
        x = Observations(truth["obs"], group=group)
        post = inference.sample_nuts(model, x, draws=draws, tune=draws, chains=1, seed=seed, progress=False)
        sites = {site: post["posterior"][site].values[0] for site in VALUES}
        true = dict(_free_of_labels({site: truth[site][None] for site in VALUES}))
        for quantity, drawn in _free_of_labels(sites):
            rank = (drawn < true[quantity]).mean()
            is_inside.setdefault(quantity, []).append(abs(rank - 0.5) < NOMINAL / 2)
    assert not wrongly_covered(is_inside, sets, 1e-4), {name: sum(each) for name, each in is_inside.items()}
