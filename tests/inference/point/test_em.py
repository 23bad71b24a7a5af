"""EM climbs, stops where the likelihood's gradient vanishes, equals scikit-learn step by step, and does not care about units or order."""

import numpy as np
import pytest
from scipy import stats
from sklearn.cluster import KMeans
from sklearn.mixture import GaussianMixture

from inference.assignment.log_likelihood import log_likelihood
from inference.backends import engine
from inference.point.em.fit import fit_em
from inference.status import Status
from mixtures import Mixture, Observations, families, gaussian_mixture, load_dataset, priors, simulate
from mixtures.errors import ChoiceError, DataError, FitError, ModelError
from mixtures.families.covariance import STRUCTURES

FAITHFUL = load_dataset("faithful").x


def overlapping(rows=150, features=3, components=3, seed=0):
    """Rows of components that overlap: each has its own mean and covariance, means about two standard deviations apart."""
    rng = np.random.default_rng(seed)
    roots = 0.7 * rng.normal(size=(components, features, features)) + np.eye(features)
    z = rng.integers(components, size=rows)
    noise = rng.normal(size=(rows, features))
    return 1.5 * rng.normal(size=(components, features))[z] + np.einsum("nij,nj->ni", roots[z], noise)


def sites_of(program, weights, means, covariances):
    return {"weights": weights, "loc": means, **program.family.sites_of(covariances, means.shape[1])}


@pytest.mark.parametrize("name", ["full", "tied", "diag", "spherical"])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_equals_scikit_learn_step_by_step(name):
    x, components, steps = overlapping(), 3, 20
    program = gaussian_mixture(components, name)
    means = x[[0, 50, 100]]
    # the identity has every structure
    start = sites_of(program, np.full(components, 1 / components), means, np.stack([np.eye(3)] * components))
    precisions = {
        "full": np.stack([np.eye(3)] * 3),
        "tied": np.eye(3),
        "diag": np.ones((3, 3)),
        "spherical": np.ones(3),
    }
    peer = GaussianMixture(
        components,
        covariance_type=name,
        tol=0,
        reg_covar=0,
        max_iter=steps,
        weights_init=start["weights"],
        means_init=means,
        precisions_init=precisions[name],
    ).fit(x)
    fit = fit_em(program, x, init=start, restarts=1, tolerance=0.0, max_steps=steps, seed=0)
    theirs = peer.covariances_
    theirs = {
        "full": theirs,
        "tied": np.stack([theirs] * components),
        "diag": np.stack([np.diag(row) for row in theirs]) if name == "diag" else None,
        "spherical": np.stack([value * np.eye(3) for value in theirs]) if name == "spherical" else None,
    }[name]
    np.testing.assert_allclose(fit.parameters["weights"], peer.weights_, rtol=1e-8)
    np.testing.assert_allclose(fit.parameters["loc"], peer.means_, rtol=1e-8, atol=1e-8)
    np.testing.assert_allclose(program.family.covariances(fit.parameters, 3), theirs, rtol=1e-8, atol=1e-8)
    assert fit.log_likelihood == pytest.approx(peer.score(x) * len(x), rel=1e-10)
    assert len(fit.losses) == steps + 1


@pytest.mark.quick("VVV", "EVE", "VEI", "EII", "VEV", "EEE", reason="each kind of volume, shape and orientation")
@pytest.mark.parametrize("code", STRUCTURES)
def test_climbs_to_where_the_likelihood_is_flat(code):
    x = overlapping(rows=100, features=3)
    program = gaussian_mixture(2, code)
    fit = fit_em(program, x, restarts=6, tolerance=1e-14, max_steps=5000, seed=1)
    assert np.diff(fit.losses).max() <= 1e-9 * abs(fit.losses[-1])
    assert fit.losses[-1] == pytest.approx(-fit.log_likelihood, rel=1e-10)
    # an independent route: the program's own marginal likelihood and its gradient by automatic differentiation
    density = engine("pyro").bind(program, Observations(x)).log_density(prior=False)
    value, gradient = density.value_and_gradient(density.unconstrain(fit.parameters))
    assert value == pytest.approx(fit.log_likelihood, rel=1e-10)
    assert np.abs(gradient).max() < 1e-3


@pytest.mark.quick("VVV", "EVE", "VEI", "EII", "VEE", reason="each kind of volume, shape and orientation")
@pytest.mark.parametrize("code", STRUCTURES)
def test_both_backends_take_the_same_steps(code):
    x = overlapping(rows=60, features=2)
    program = gaussian_mixture(2, code)
    fits = [fit_em(program, x, restarts=3, max_steps=8, seed=1, backend=name) for name in ("numpyro", "pyro")]
    np.testing.assert_allclose(fits[0].restarts["objective"], fits[1].restarts["objective"], rtol=1e-9)
    np.testing.assert_allclose(fits[0].losses, fits[1].losses, rtol=1e-9)


def test_finds_the_best_known_optimum_of_the_galaxies():
    # McLachlan & Peel (2000), section 3.10: best local maximum with four unequal variances; the usual answer is -199.253
    fit = fit_em(gaussian_mixture(4), load_dataset("galaxies").x / 1000, seed=0)
    assert fit.log_likelihood == pytest.approx(-197.454, abs=1e-3)
    assert fit.restarts["optimum"].nunique() > 2


@pytest.mark.parametrize("code", ["VVV", "VEV"])
def test_the_answer_does_not_depend_on_units_or_order(code):
    program, components = gaussian_mixture(2, code), 2
    first = fit_em(program, FAITHFUL, restarts=5, seed=0)
    covariances = program.family.covariances(first.parameters, 2)
    for scale, shift in [(1.0, 1e6), (1e12, 0.0), (1e-12, 0.0)]:
        other = fit_em(program, FAITHFUL * scale + shift, restarts=5, seed=0)
        np.testing.assert_allclose(other.parameters["weights"], first.parameters["weights"], rtol=1e-5)
        np.testing.assert_allclose((other.parameters["loc"] - shift) / scale, first.parameters["loc"], rtol=1e-5)
        theirs = program.family.covariances(other.parameters, components) / scale**2
        np.testing.assert_allclose(theirs, covariances, rtol=1e-4)
        shifted = other.log_likelihood + 2 * len(FAITHFUL) * np.log(scale)
        assert shifted == pytest.approx(first.log_likelihood, abs=1e-4)
    order = np.random.default_rng(0).permutation(len(FAITHFUL))
    permuted = fit_em(program, FAITHFUL[order], restarts=5, seed=0)
    assert permuted.log_likelihood == pytest.approx(first.log_likelihood, abs=1e-5)


def test_a_weight_of_two_is_a_doubled_row():
    program = gaussian_mixture(2)
    start = fit_em(program, FAITHFUL, restarts=1, seed=0).parameters
    weights = np.ones(len(FAITHFUL))
    weights[:5] = 2.0
    doubled = np.concatenate([FAITHFUL, FAITHFUL[:5]])
    by_weight = fit_em(program, FAITHFUL, init=start, restarts=1, row_weights=weights, seed=0)
    by_row = fit_em(program, doubled, init=start, restarts=1, seed=0)
    assert by_weight.log_likelihood == pytest.approx(by_row.log_likelihood, rel=1e-10)
    for site, value in by_row.parameters.items():
        np.testing.assert_allclose(by_weight.parameters[site], value, rtol=1e-6, atol=1e-9)


@pytest.mark.quick("closed form", reason="criteria are one code")
@pytest.mark.parametrize(
    ("program", "x"),
    [(gaussian_mixture(2), FAITHFUL), (Mixture(2, families.Gamma()), FAITHFUL[:, 1])],
    ids=["closed form", "by gradient"],
)
def test_criteria_of_rows_that_count_twice_are_those_of_rows_doubled(program, x):
    start = fit_em(program, x, restarts=1, max_steps=20, seed=0).parameters
    options = {"init": start, "restarts": 1, "seed": 0}
    by_weight = fit_em(program, x, row_weights=np.full(len(x), 2.0), **options)
    by_row = fit_em(program, np.concatenate([x, x]), **options)
    assert by_weight.sample_size == len(x) * 2
    for name in ("aic", "bic", "icl"):
        assert getattr(by_weight, name) == pytest.approx(getattr(by_row, name), rel=1e-8)


def test_hard_assignment_with_equal_spheres_and_weights_is_k_means():
    x = overlapping(rows=200, features=2, components=4)
    centres = x[[3, 50, 100, 150]]
    program = gaussian_mixture(4, "EII")
    start = sites_of(program, np.full(4, 0.25), centres, np.stack([np.eye(2)] * 4))
    fit = fit_em(program, x, init=start, restarts=1, hard=True, fixed={"weights": np.full(4, 0.25)}, seed=0)
    peer = KMeans(4, init=centres, n_init=1, algorithm="lloyd", tol=0).fit(x)
    np.testing.assert_allclose(fit.parameters["loc"], peer.cluster_centers_, rtol=1e-9)
    assert fit.parameters["scale"] ** 2 == pytest.approx(peer.inertia_ / x.size, rel=1e-9)


def test_learns_means_alone_when_the_rest_is_known():
    # the lecture's simple example: one variable, two components, variances 1, equal weights
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(-1, 1, 100), rng.normal(1.5, 1, 100)])
    fixed = {"weights": [0.5, 0.5], "scale": np.ones(2)}
    fit = fit_em(gaussian_mixture(2), x, fixed=fixed, restarts=3, tolerance=1e-15, seed=0)
    means = np.array([-2.0, 2.0])
    for _ in range(500):
        share = stats.norm(means[0], 1).pdf(x) / (stats.norm(means[0], 1).pdf(x) + stats.norm(means[1], 1).pdf(x))
        means = np.array([share @ x / share.sum(), (1 - share) @ x / (1 - share).sum()])
    np.testing.assert_allclose(np.sort(fit.parameters["loc"]), means, rtol=1e-6)
    np.testing.assert_array_equal(fit.parameters["scale"], 1.0)
    assert fit.free_parameters == 2


def test_all_labels_known_gives_the_estimates_of_each_group():
    x = overlapping(rows=90, features=2)
    labels = np.random.default_rng(1).integers(3, size=90)
    fit = fit_em(gaussian_mixture(3), x, labels=labels, restarts=1, seed=0)
    covariances = gaussian_mixture(3).family.covariances(fit.parameters, 2)
    for number in range(3):
        group = x[labels == number]
        np.testing.assert_allclose(fit.parameters["weights"][number], len(group) / 90, rtol=1e-12)
        np.testing.assert_allclose(fit.parameters["loc"][number], group.mean(axis=0), rtol=1e-9)
        np.testing.assert_allclose(covariances[number], np.cov(group.T, ddof=0), rtol=1e-9)


def test_a_few_known_rows_name_the_components():
    labels = np.full(len(FAITHFUL), -1)
    short = int(FAITHFUL[:, 0].argmin())
    labels[short] = 1
    fit = fit_em(gaussian_mixture(2), FAITHFUL, labels=labels, restarts=5, seed=0)
    assert fit.parameters["loc"][1, 0] < fit.parameters["loc"][0, 0]
    flipped = fit_em(gaussian_mixture(2), FAITHFUL, labels=np.where(labels == 1, 0, labels), restarts=5, seed=0)
    np.testing.assert_allclose(flipped.parameters["loc"], fit.parameters["loc"][::-1], rtol=1e-5)


def test_collapsed_restarts_are_reported_and_not_chosen():
    x = np.concatenate([np.random.default_rng(0).normal(size=50), [8.0, 8.0, 8.0]])
    only = {"weights": [0.9, 0.1], "loc": [0.0, 8.0], "scale": [1.0, 1e-3]}
    sound = {"weights": [0.5, 0.5], "loc": [-1.0, 1.0], "scale": [3.0, 3.0]}
    fit = fit_em(gaussian_mixture(2), x, init=[only, sound], restarts=2, max_steps=5, seed=0)
    assert fit.restarts["status"].tolist() == [Status.COLLAPSED, Status.MAX_STEPS]
    assert fit.status.is_sound
    collapsed = fit_em(gaussian_mixture(2), x, init=only, restarts=1, seed=0)
    assert collapsed.status is Status.COLLAPSED
    with pytest.raises(FitError, match="collapsed"):
        fit_em(gaussian_mixture(2), x, init=only, restarts=1, seed=0, strict=True)


def test_duplicate_and_empty_components_are_reported():
    start = {"weights": [0.5, 0.5], "loc": np.zeros((2, 2)), "scale": np.ones((2, 2))}
    start["correlation_cholesky"] = np.stack([np.eye(2)] * 2)
    assert fit_em(gaussian_mixture(2), FAITHFUL, init=start, restarts=1, seed=0).status is Status.DUPLICATE
    start = start | {"loc": np.array([[3.5, 70.0], [1e3, -1e3]])}
    assert fit_em(gaussian_mixture(2), FAITHFUL, init=start, restarts=1, seed=0).status is Status.EMPTY


def test_many_rows_pass_in_blocks(monkeypatch):
    program = gaussian_mixture(3)
    truth = {
        "weights": [0.2, 0.3, 0.5],
        "loc": np.array([[0.0, 0.0], [2.0, 0.0], [0.0, 3.0]]),
        "scale": np.ones((3, 2)),
        "correlation_cholesky": np.stack([np.eye(2)] * 3),
    }
    x = simulate(program, (1001, 2), seed=0, given=truth)["obs"]
    whole = fit_em(program, x, init=truth, restarts=1, max_steps=10, seed=0)
    monkeypatch.setattr("inference.point.em.numpyro.restarts.BLOCK_CELLS", 1)
    weights = np.ones(len(x))
    for options in ({}, {"row_weights": weights}):
        in_blocks = fit_em(program, x, init=truth, restarts=1, max_steps=10, seed=0, **options)
        np.testing.assert_allclose(in_blocks.losses, whole.losses, rtol=1e-12)


def test_bad_arguments_say_what_is_wrong():
    program = gaussian_mixture(2)
    with pytest.raises(ModelError, match="at most as many components as rows"):
        fit_em(gaussian_mixture(5), FAITHFUL[:3], seed=0)
    with pytest.raises(DataError, match="row_weights"):
        fit_em(program, FAITHFUL, row_weights=[1.0], seed=0)
    with pytest.raises(DataError, match="row_weights: got only zeros"):
        fit_em(program, FAITHFUL, row_weights=np.zeros(len(FAITHFUL)), seed=0)
    with pytest.raises(DataError, match="labels: got 2 at row 0"):
        fit_em(program, FAITHFUL, labels=np.r_[2, np.full(271, -1)], seed=0)
    with pytest.raises(ChoiceError, match="objective"):
        fit_em(program, FAITHFUL, objective="odds", seed=0)
    with pytest.raises(ModelError, match="no value for"):
        fit_em(program, FAITHFUL, init={"weights": [0.5, 0.5]}, seed=0)


@pytest.mark.quick("noise-likelihood", "per component-posterior", reason="each objective")
@pytest.mark.parametrize("objective", ["likelihood", "posterior"])
@pytest.mark.parametrize("name", ["per component", "noise", "prior"])
def test_the_parameters_are_those_of_the_reported_likelihood_where_components_are_told_apart(name, objective):
    """The heavier component comes second: renumbering it first would be another model."""
    rng = np.random.default_rng(1)
    counts = np.concatenate([np.zeros(10), rng.poisson(4, 50)])
    noisy = np.concatenate([rng.normal(size=45), rng.uniform(-10, 10, 8)])
    program, x = {
        "per component": (Mixture(2, families.PerComponent([families.PointMass(0.0), families.Poisson()])), counts),
        "noise": (Mixture(2, families.WithNoise(families.Gaussian(), -10.0, 10.0)), noisy),
        "prior": (gaussian_mixture(2, "tied", priors={"loc": priors.Normal(np.array([3.0, 0.0]), 0.5)}), noisy),
    }[name]
    fit = fit_em(program, x, restarts=2, seed=0, objective=objective)
    np.testing.assert_allclose(log_likelihood(fit, x).sum(), fit.log_likelihood, rtol=1e-9)
    if objective == "posterior":
        np.testing.assert_allclose(fit.log_posterior, -fit.losses[-1], rtol=1e-6)


def test_components_that_collapse_onto_a_line_are_a_status_not_a_crash():
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(0, 1, 15), rng.normal(2.5, 1, 15)])
    assert fit_em(gaussian_mixture(2), np.c_[x, x], restarts=3, seed=0).status is Status.COLLAPSED
    for seed in range(3):
        rows = np.random.default_rng(seed).normal(size=(12, 2))
        fit = fit_em(gaussian_mixture(4), rows, restarts=10, seed=0)
        assert len(fit.restarts) == 10 and all(np.isfinite(value).all() for value in fit.parameters.values())
