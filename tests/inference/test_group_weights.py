"""Groups with weights of their own: against scipy, against each other, and by the names of groups whatever rows are asked about."""

import numpy as np
import pytest
from scipy.special import logsumexp
from scipy.stats import norm

import inference
from inference.backends import bind
from inference.checks import checked
from mixtures import Mixture, Observations, families, simulate
from mixtures.assignments import GroupWeights, PerGroup
from mixtures.errors import DataError, ModelError

MODEL = Mixture(2, families.Gaussian(), GroupWeights())
RNG = np.random.default_rng(0)
GROUP = np.array(list("dbca"))[np.minimum(RNG.integers(0, 5, 200), 3)]
SHARES = {"a": 0.9, "b": 0.2, "c": 0.5, "d": 0.3}
Z = (RNG.random(200) < [SHARES[name] for name in GROUP]).astype(int)
X = Observations(RNG.normal(np.array([-1.0, 1.0])[Z], 1.0), group=GROUP)
VALUES = {
    "weights": np.array([0.3, 0.7]),
    "group_scale": np.array(0.8),
    "group_offset": np.random.default_rng(1).normal(size=(4, 2)),
    "loc": np.array([-1.0, 0.8]),
    "scale": np.array([0.7, 1.2]),
}


def stacked(values):
    return {name: np.asarray(value)[None] for name, value in values.items()}


def log_joint(values, x, number):
    """log w_(g, k) N(x_i; loc_k, scale_k), by scipy."""
    logits = np.log(values["weights"]) + values["group_scale"] * values["group_offset"]
    log_weights = logits - logsumexp(logits, axis=1, keepdims=True)
    return log_weights[number] + norm.logpdf(x[:, None], values["loc"], values["scale"])


def test_densities_are_scipys(backend):
    x = checked(MODEL, X)
    bound = bind(MODEL, x, backend)
    table = log_joint(VALUES, x.x, x.group)
    np.testing.assert_allclose(bound.log_joint(VALUES), table, rtol=1e-10)
    np.testing.assert_allclose(bound.log_likelihoods(stacked(VALUES)), logsumexp(table, axis=1).sum(), rtol=1e-10)
    # under other numbers of components nothing changes
    other = {name: value[..., ::-1].copy() if value.ndim else value for name, value in VALUES.items()}
    other |= MODEL.assignment.permuted(
        {name: VALUES[name] for name in MODEL.assignment.priors_by_site}, np.array([1, 0])
    )
    for before, after in zip(*(bound.log_densities(stacked(one)) for one in (VALUES, other)), strict=True):
        np.testing.assert_allclose(after, before, rtol=1e-12)


def test_a_scale_of_zero_is_the_mixture(backend):
    plain = bind(Mixture(2, families.Gaussian()), Observations(X.x), backend)
    bound = bind(MODEL, checked(MODEL, X), backend)
    of_mixture = {name: VALUES[name] for name in ("weights", "loc", "scale")}
    same = plain.log_likelihoods(stacked(of_mixture))
    np.testing.assert_allclose(
        bound.log_likelihoods(stacked({**VALUES, "group_scale": np.array(0.0)})), same, rtol=1e-12
    )


@pytest.mark.quick("numpyro", reason="one code serves both backends")
def test_em_and_gradients_find_the_same_and_know_groups_by_name(backend, tmp_path):
    fit = inference.fit_map(MODEL, X, restarts=3, seed=0, backend=backend)
    other = inference.fit_em(MODEL, X, restarts=3, seed=0, objective="posterior", backend=backend)
    assert fit.status.is_sound and other.status.is_sound
    np.testing.assert_allclose(other.log_posterior, fit.log_posterior, atol=1e-6)
    number = np.array([X.group_names.tolist().index(name) for name in GROUP])
    table = log_joint(fit.parameters, X.x, number)
    right = np.exp(table - logsumexp(table, axis=1, keepdims=True))
    inference.save(fit, tmp_path / "fit.json")
    for one in (fit, inference.load(tmp_path / "fit.json")):
        rows = np.flatnonzero(np.isin(GROUP, ["a", "c"]))[::-1]  # without some of the groups, and others first
        found = inference.responsibilities(one, Observations(X.x[rows], group=GROUP[rows]))
        np.testing.assert_allclose(found, right[rows], atol=1e-10)
        with pytest.raises(DataError, match="4 groups that the model was fitted to"):
            inference.classify(one, Observations([0.0, 1.0], group=["a", "e"]))


@pytest.fixture(scope="module")
def posterior():
    return inference.sample_nuts(MODEL, X, draws=150, tune=200, chains=2, seed=0, progress=False)


def test_a_posterior_keeps_weights_of_groups(posterior, tmp_path):
    group = posterior["posterior"]
    assert group["group_weights"].dims == ("chain", "draw", "groups", "components")
    assert group["groups"].values.tolist() == X.group_names.tolist()
    flat = {name: group[name].values.reshape(300, *group[name].shape[2:]) for name in VALUES}
    logits = np.log(flat["weights"])[:, None] + flat["group_scale"][:, None, None] * flat["group_offset"]
    right = np.exp(logits - logsumexp(logits, axis=2, keepdims=True))
    np.testing.assert_allclose(group["group_weights"].values.reshape(right.shape), right, rtol=1e-10)
    relabelled = inference.relabel(posterior)
    after = relabelled["posterior"]
    flat = {name: after[name].values.reshape(300, *after[name].shape[2:]) for name in VALUES}
    density = sum(bind(MODEL.scaled_to(X), checked(MODEL, X), "numpyro").log_densities(flat))
    np.testing.assert_allclose(density, posterior["sample_stats"]["log_posterior"].values.ravel(), rtol=1e-10)
    logits = np.log(flat["weights"])[:, None] + flat["group_scale"][:, None, None] * flat["group_offset"]
    right = np.exp(logits - logsumexp(logits, axis=2, keepdims=True))
    np.testing.assert_allclose(after["group_weights"].values.reshape(right.shape), right, rtol=1e-10)
    inference.save(posterior, tmp_path / "posterior.nc")
    back = inference.load(tmp_path / "posterior.nc")
    some = Observations(X.x[-9:], group=GROUP[-9:])
    every = inference.responsibilities(posterior, X)
    np.testing.assert_allclose(inference.responsibilities(back, some), every[-9:], rtol=1e-10)
    assert inference.similarity(posterior, rows=[3, 50]).shape == (2, 2)
    assert inference.partition(posterior, rows=range(40), seed=0).labels.shape == (40,)
    inference.plots.overview(relabelled, X)


@pytest.mark.statistical
def test_groups_are_drawn_towards_each_other(posterior):
    """A group's share lies between its own rows' and all rows', and groups come out in the order of the truth's extremes."""
    relabelled = inference.relabel(posterior)["posterior"]
    high = int(relabelled["loc"].mean(["chain", "draw"]).values.argmax())
    found = relabelled["group_weights"].isel(components=high).mean(["chain", "draw"])
    assert float(found.sel(groups="a")) == max(found.values) and float(found.sel(groups="b")) < float(
        found.sel(groups="a")
    )
    assert np.ptp(found.values) < 0.9


@pytest.mark.quick("pyro", reason="one code serves both backends")
@pytest.mark.statistical
def test_simulated_groups_have_their_weights(backend):
    group = np.arange(4000) % 4
    given = {**VALUES, "weights": [0.5, 0.5]}
    drawn = simulate(MODEL, 4000, seed=0, given=given, backend=backend, group=group)
    shares = np.array([drawn["assignment"][group == number].mean() for number in range(4)])
    logits = VALUES["group_scale"] * VALUES["group_offset"]
    right = np.exp(logits - logsumexp(logits, axis=1, keepdims=True))[:, 1]
    assert (np.abs(shares - right) < 5 * np.sqrt(right * (1 - right) / 1000)).all()


def test_what_cannot_be_is_said():
    for ask, text in (
        (lambda: inference.fit_mle(MODEL, X, seed=0), "whose prior is what groups have in common"),
        (lambda: inference.fit_em(MODEL, X, seed=0), "objective='posterior'"),
        (lambda: inference.fit_map(MODEL, X.x, seed=0), "group: got none"),
        (lambda: PerGroup(GroupWeights()), "how groups are assigned"),
    ):
        with pytest.raises((ModelError, DataError), match=text):
            ask()


def test_rows_of_a_fit_are_drawn_with_the_weights_of_the_groups_that_they_name():
    fit = inference.fit_map(MODEL, X, restarts=3, seed=0)
    group = np.repeat(["a", "b"], 4000)  # in another order than in the fit, and not all of them
    drawn = simulate(fit, 8000, seed=1, group=group)["obs"]
    values = fit.parameters
    weights = values["weights"] * np.exp(values["group_scale"] * values["group_offset"])
    means = dict(zip(dict.fromkeys(GROUP), weights @ values["loc"] / weights.sum(axis=1), strict=True))
    for name in "ab":
        # of means of 4000 rows of standard deviations below 2
        assert abs(drawn[group == name].mean() - means[name]) < 6 * 2 / np.sqrt(4000)
    assert means["a"] - means["b"] > 0.5
    with pytest.raises(DataError, match="group: got 'e'"):
        simulate(fit, 2, seed=1, group=["a", "e"])
