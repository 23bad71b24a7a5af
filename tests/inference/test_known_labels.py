"""A known label removes a row's other components, in every verb and both backends; an unknown one changes nothing."""

import itertools

import numpy as np
import pytest
import xarray as xr
from scipy import stats
from scipy.special import logsumexp

from inference import (
    align,
    classify,
    diagnose_labels,
    fit_guide,
    fit_map,
    load,
    log_likelihood,
    relabel,
    responsibilities,
    sample_nuts,
    save,
)
from inference.assignment.responsibilities import draw_responsibilities
from inference.backends import engine
from inference.draws import observations_of
from inference.labels.methods import METHODS
from inference.point.mle import fit_mle
from inference.posterior.generate import with_assignments, with_predictive
from inference.posterior.tree import build_tree
from inference.samplers.protocol import Draws
from mixtures import Observations, gaussian_mixture
from mixtures.errors import DataError
from tests.oracles import FIVE_POINTS

X = np.random.default_rng(0).normal(size=(30, 2)) + np.repeat([[0.0, 0.0], [1.5, 1.0]], 15, axis=0)
LABELS = np.where(np.arange(30) % 3 == 0, np.repeat([0, 1], 15), -1)


@pytest.mark.parametrize("backend", ["numpyro", "pyro"])
def test_the_hub_keeps_the_known_component_alone(backend):
    program = gaussian_mixture(2)
    parameters = fit_map(program, X, restarts=2, steps=50, seed=0).parameters
    plain = engine(backend).log_joint(program, parameters, Observations(X))
    known = engine(backend).log_joint(program, parameters, Observations(X, labels=LABELS))
    expected = np.where((LABELS[:, None] >= 0) & (LABELS[:, None] != np.arange(2)), -np.inf, plain)
    np.testing.assert_allclose(known, expected, rtol=1e-12)


@pytest.mark.quick("pyro", reason="one code serves both backends")
@pytest.mark.parametrize("backend", ["numpyro", "pyro"])
def test_gradients_are_finite_and_right(backend):
    program, x = gaussian_mixture(2), Observations(X, labels=LABELS)
    density = engine(backend).bind(program, x).log_density()
    parameters = fit_map(program, X, restarts=2, steps=50, seed=0).parameters
    u = density.unconstrain(parameters)
    _, gradient = density.value_and_gradient(u)
    step = 1e-6
    for index in range(0, density.size, 3):
        e = step * np.eye(density.size)[index]
        slope = (density.value_and_gradient(u + e)[0] - density.value_and_gradient(u - e)[0]) / (2 * step)
        assert gradient[index] == pytest.approx(slope, rel=1e-4, abs=1e-4)


@pytest.mark.quick("pyro", reason="one code serves both backends")
@pytest.mark.parametrize("backend", ["numpyro", "pyro"])
def test_point_fits_and_classification_honour_labels(backend):
    x = Observations(X, labels=np.repeat([0, 1], 15))
    program = gaussian_mixture(2)
    for fit in (
        fit_map(program, x, restarts=1, steps=50, seed=0, backend=backend),
        fit_mle(program, x, restarts=1, epochs=50, seed=0, backend=backend),
    ):
        np.testing.assert_array_equal(classify(fit, x), x.labels)
        np.testing.assert_array_equal(responsibilities(fit, x), np.eye(2)[x.labels])
    # all labels known: the likelihood's maximum is each group's own mean
    order = np.argsort(fit.parameters["loc"][:, 0])
    expected = np.stack([X[:15].mean(axis=0), X[15:].mean(axis=0)])
    np.testing.assert_allclose(fit.parameters["loc"][order], expected, rtol=1e-4, atol=1e-4)


@pytest.mark.statistical
def test_anchored_rows_keep_chains_from_switching():
    # the labels say that component 0 is the lower one; without them both labellings are equally probable
    x = Observations(X[:, 0], labels=np.repeat([0, 1], 15))
    posterior = sample_nuts(gaussian_mixture(2), x, draws=100, tune=200, chains=2, seed=0, progress=False)
    loc = posterior["posterior"]["loc"].values
    assert (loc[..., 0] < loc[..., 1]).mean() > 0.95


def test_bad_labels_name_the_row():
    with pytest.raises(DataError, match="labels: got shape"):
        Observations(X, labels=[0, 1])
    with pytest.raises(DataError, match="-2 at row 0"):
        Observations(X, labels=np.full(30, -2))
    assert Observations(X, labels=[None] * 29 + [1]).labels.tolist() == [-1] * 29 + [1]
    assert Observations(X).fingerprint != Observations(X, labels=LABELS).fingerprint


FEW = np.array([-1.0, 0.0, 0.5, 2.0, 4.0])
FEW_LABELS = np.array([-1, 2, 0, -1, 1])


def drawn(labels: np.ndarray | None) -> xr.DataTree:
    """Seven made-up draws of three components, in a tree with known labels."""
    rng, x, program, backend = (
        np.random.default_rng(0),
        Observations(FEW, labels=labels),
        gaussian_mixture(3),
        engine("numpyro"),
    )
    parameters = {
        "weights": rng.dirichlet(np.ones(3), (1, 7)),
        "loc": rng.normal(1.0, 2.0, (1, 7, 3)),
        "scale": rng.gamma(5.0, 0.2, (1, 7, 3)),
    }
    draws = Draws(parameters, {"lp": np.zeros((1, 7))})
    return build_tree(backend.bind(program, x), draws, {})


def possible(tree: xr.DataTree) -> np.ndarray:
    """log p(x_i, z_i = k) by scipy, impossible components at -inf, (draws, rows, components)."""
    weights, loc, scale = (tree["posterior"][name].values[0][:, None] for name in ("weights", "loc", "scale"))
    table = np.log(weights) + stats.norm.logpdf(FEW[:, None], loc, scale)
    is_possible = (FEW_LABELS[:, None] < 0) | (FEW_LABELS[:, None] == np.arange(3))
    return np.where(is_possible, table, -np.inf)


def test_a_posterior_remembers_its_labels(tmp_path):
    tree, x = drawn(FEW_LABELS), Observations(FEW, labels=FEW_LABELS)
    save(tree, tmp_path / "draws.nc")
    table = possible(tree)
    shares = np.exp(table - logsumexp(table, axis=2, keepdims=True))
    for one in (tree, load(tmp_path / "draws.nc")):
        again = observations_of(one)
        np.testing.assert_array_equal(again.labels, FEW_LABELS)
        assert again.fingerprint == one.attrs["data_fingerprint"] == x.fingerprint
        np.testing.assert_allclose(draw_responsibilities(one), shares, rtol=1e-10)
        np.testing.assert_allclose(draw_responsibilities(one, rows=np.array([4, 0])), shares[:, [4, 0]], rtol=1e-10)
        np.testing.assert_allclose(responsibilities(one, x), shares.mean(axis=0), rtol=1e-10)
        np.testing.assert_allclose(one["log_likelihood"]["obs"][0], logsumexp(table, axis=2), rtol=1e-10)
        np.testing.assert_allclose(log_likelihood(one, x)[0], logsumexp(table, axis=2), rtol=1e-10)
    assert observations_of(drawn(None)).labels is None


def test_drawn_assignments_of_known_rows_are_their_labels():
    known = FEW_LABELS >= 0
    z = with_assignments(drawn(FEW_LABELS), seed=0)["posterior"]["assignment"].values[0]
    np.testing.assert_array_equal(z[:, known], np.tile(FEW_LABELS[known], (7, 1)))


def test_predicted_rows_have_no_labels():
    np.testing.assert_array_equal(
        with_predictive(drawn(FEW_LABELS), seed=0)["posterior_predictive"]["obs"],
        with_predictive(drawn(None), seed=0)["posterior_predictive"]["obs"],
    )


def test_components_that_labels_name_are_not_renumbered():
    tree = drawn(FEW_LABELS)
    after = relabel(tree, method="ordering", by="loc")
    assert after["posterior"].to_dataset().identical(tree["posterior"].to_dataset())
    assert "known labels" in after["relabelling"].attrs["note"]
    assert diagnose_labels(tree).switching.possible == 1


@pytest.mark.parametrize("method", METHODS)
def test_components_that_no_label_names_are_exchanged_among_themselves(method):
    tree = drawn(np.array([-1, 2, -1, -1, -1]))
    p = draw_responsibilities(tree)
    after = relabel(tree, method)
    permutations = after["relabelling"]["permutation"].values[0]
    assert (permutations[:, 2] == 2).all()
    expected = np.take_along_axis(p, permutations[:, None, :], axis=2)
    np.testing.assert_allclose(draw_responsibilities(after), expected, atol=1e-10)
    if method == "ordering":
        chosen = relabel(tree, method, by="loc")["posterior"]["loc"].values[0]
        np.testing.assert_array_equal(chosen[:, :2], np.sort(tree["posterior"]["loc"].values[0, :, :2], axis=-1))
    if method == "ecr":  # by brute force over the two permutations that are possible
        best = p[int(np.asarray(tree["sample_stats"]["log_posterior"]).argmax())].argmax(axis=1)
        apart = [[(1 - draw[np.arange(5), np.array(s)[best]]).sum() for s in ([0, 1, 2], [1, 0, 2])] for draw in p]
        np.testing.assert_array_equal(permutations[:, 0], np.argmin(apart, axis=1))
    report = diagnose_labels(tree)
    assert report.switching.possible == 2
    assert (report.switching.labellings[:, 2] == 2).all()


def test_results_are_aligned_by_what_they_say_of_rows_not_by_their_labels():
    # two fits of the same groups, whose labels number them the other way round
    labels = np.repeat([0, 1], 15)
    first = fit_map(gaussian_mixture(2), Observations(X, labels=labels), restarts=1, steps=100, seed=0)
    other = fit_map(gaussian_mixture(2), Observations(X, labels=1 - labels), restarts=1, steps=100, seed=0)
    moved = align(other, first, Observations(X, labels=labels))
    np.testing.assert_allclose(moved.parameters["loc"], first.parameters["loc"], atol=1e-3)


@pytest.mark.quick("numpyro-*", reason="one code serves both backends")
@pytest.mark.parametrize("labels", [[-1, -1, 0, -1, 1], [1, 1, 0, 0, 0]], ids=["some known", "all known"])
def test_a_guide_is_sure_of_what_is_known(tutorial, backend, labels):
    """Its loss is the negative log posterior density, by brute force over the assignments that the labels leave."""
    x, labels = Observations(FIVE_POINTS, labels=labels), np.array(labels)
    fit = fit_map(tutorial, x, restarts=2, steps=20, seed=0, backend=backend)
    guide = fit_guide(fit, x, steps=600, seed=0)
    w, loc, scale = (fit.parameters[name] for name in ("weights", "loc", "scale"))
    paths = [
        z
        for z in itertools.product((0, 1), repeat=5)
        if all(known in (-1, k) for k, known in zip(z, labels, strict=True))
    ]
    terms = [
        sum(np.log(w[k]) + stats.norm(loc[k], scale).logpdf(p) for k, p in zip(z, FIVE_POINTS, strict=True))
        for z in paths
    ]
    prior = stats.dirichlet([0.5, 0.5]).logpdf(w) + stats.norm(0, 10).logpdf(loc).sum()
    prior += stats.lognorm(2.0).logpdf(scale)
    assert guide.losses[-1] == pytest.approx(-(logsumexp(terms) + prior), abs=1e-6)
    probability = np.exp(terms - logsumexp(terms))
    expected = np.array([[probability[[z[row] == k for z in paths]].sum() for k in (0, 1)] for row in range(5)])
    np.testing.assert_allclose(guide.assignment_probs, expected, atol=1e-4)
    known = labels >= 0
    np.testing.assert_array_equal(guide.assignment_probs[known], np.eye(2)[labels[known]])
