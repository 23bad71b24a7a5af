"""Mixtures of factor analysers, held against dense normals of SciPy's and scikit-learn's factor analysis."""

import numpy as np
import pytest
from scipy import stats
from scipy.special import logsumexp

import inference
from mixtures import Mixture, Observations, families, gaussian_mixture, priors
from mixtures.errors import ChoiceError, DataError, ModelError
from mixtures.families.factors import most_factors
from mixtures.ppl.loadings import loadings_of, lower_of


@pytest.fixture(scope="module")
def data():
    """Two overlapping components of six columns with two factors each."""
    rng = np.random.default_rng(0)
    assignment, loadings = rng.integers(0, 2, 250), rng.normal(size=(2, 6, 2))
    noise = rng.uniform(0.7, 1.2, size=(2, 6))[assignment] * rng.normal(size=(250, 6))
    x = np.einsum("nij,nj->ni", loadings[assignment], rng.normal(size=(250, 2))) + noise
    return x + 1.5 * assignment[:, None] * np.array([1, 0, 1, 0, 1, 0])


@pytest.fixture(scope="module")
def fit(data):
    return inference.fit_em(gaussian_mixture(2, "factor-2"), data, restarts=3, seed=0)


def dense(parameters, x):
    """log w_k p(x_i | k), (rows, components), by matrices written out."""
    found = []
    for k, weight in enumerate(parameters["weights"]):
        loading = np.zeros((x.shape[1], 2))
        loading[:, 0], loading[1:, 1] = np.split(parameters["loading"][k], [x.shape[1]])
        covariance = loading @ loading.T + np.diag(parameters["scale"][k] ** 2)
        found.append(np.log(weight) + stats.multivariate_normal(parameters["loc"][k], covariance).logpdf(x))
    return np.stack(found, axis=1)


def test_em_reaches_what_a_gradient_reaches_and_says_its_height(data, fit, backend):
    assert abs(fit.log_likelihood - logsumexp(dense(fit.parameters, data), axis=1).sum()) < 1e-8 * abs(
        fit.log_likelihood
    )
    assert (np.diff(fit.losses) < 1e-7).all()  # EM never falls
    climbed = inference.fit_mle(gaussian_mixture(2, "factor-2"), data, init=fit, restarts=1, seed=0, backend=backend)
    assert 0 <= climbed.log_likelihood - fit.log_likelihood < 1e-3
    assert abs(climbed.log_likelihood - logsumexp(dense(climbed.parameters, data), axis=1).sum()) < 1e-6


def test_rows_are_assigned_as_dense_normals_say(data, fit):
    joint = dense(fit.parameters, data)
    expected = np.exp(joint - logsumexp(joint, axis=1, keepdims=True))
    np.testing.assert_allclose(inference.responsibilities(fit, data), expected, atol=1e-9)


def test_one_component_is_factor_analysis(data):
    from sklearn.decomposition import FactorAnalysis

    peer = FactorAnalysis(2, tol=1e-6, max_iter=20_000, svd_method="lapack").fit(data)
    fit = inference.fit_mle(gaussian_mixture(1, "factor-2"), data, restarts=2, seed=0)
    # its EM rests where a step gains 1e-6, and many are still to come
    assert -1e-6 < fit.log_likelihood - peer.score(data) * len(data) < 0.02
    free = 6 + 6 + 6 * 2 - 1  # means, variances, loadings less one for the angle that they are turned by
    assert abs(fit.bic - (-2 * fit.log_likelihood + free * np.log(len(data)))) < 1e-6


def test_a_turned_loading_is_the_same_covariance():
    loadings = np.random.default_rng(1).normal(size=(3, 7, 3))
    loading = lower_of(loadings)
    assert loading.shape == (3, 7 + 6 + 5)
    lower = loadings_of(np, loading, 7)
    assert (np.diagonal(lower, axis1=1, axis2=2) > 0).all()
    np.testing.assert_allclose(lower @ lower.swapaxes(1, 2), loadings @ loadings.swapaxes(1, 2), atol=1e-12)
    assert not np.triu(lower, 1).any()


def test_fixed_locations_stay(data, fit):
    held = inference.fit_em(
        gaussian_mixture(2, "factor-2"), data, init=fit, restarts=1, seed=0, fixed={"loc": fit.parameters["loc"] + 0.1}
    )
    np.testing.assert_allclose(held.parameters["loc"], fit.parameters["loc"] + 0.1, rtol=1e-12)
    climbed = inference.fit_mle(
        gaussian_mixture(2, "factor-2"), data, init=fit, restarts=1, seed=0, fixed={"loc": fit.parameters["loc"] + 0.1}
    )
    assert abs(climbed.log_likelihood - held.log_likelihood) < 1e-2


def test_a_row_with_missing_cells_has_the_marginal(data, fit, backend):
    x = data[:20].copy()
    x[::3, 1] = x[::4, 5] = np.nan
    found = inference.log_likelihood(fit, Observations(x, missing="allow"))
    covariances = families.Gaussian("factor-2").covariances(fit.parameters, 6)
    for row, value in zip(x, np.asarray(found), strict=True):
        seen = ~np.isnan(row)
        each = [
            np.log(weight) + stats.multivariate_normal(loc[seen], covariance[np.ix_(seen, seen)]).logpdf(row[seen])
            for weight, loc, covariance in zip(
                fit.parameters["weights"], fit.parameters["loc"], covariances, strict=True
            )
        ]
        assert abs(value - logsumexp(each)) < 1e-8


def test_structures_are_compared_with_it(data):
    table = inference.select_components(data, [1, 2], ["factor-1", "VVV"], restarts=2, seed=0).to_frame()
    # one factor is less than any covariance
    own, full = (
        table[table.structure == name].sort_values("components").log_likelihood.to_numpy()
        for name in ("factor-1", "VVV")
    )
    assert (own < full).all()


def test_any_number_of_factors_can_be_printed():
    assert "FactorNormal(loc[assignment[i]]" in str(gaussian_mixture(2, "factor-9"))


def test_each_loading_has_the_prior_of_its_column():
    import jax
    from numpyro.handlers import seed, trace

    x = np.random.default_rng(0).normal(size=(50, 4)) * [1.0, 10.0, 0.1, 3.0]
    sites = trace(seed(gaussian_mixture(2, "factor-2").scaled_to(x).numpyro, jax.random.key(0))).get_trace(x)
    places = np.nonzero(loadings_of(np, np.ones(7), 4).T)[1]
    expected = stats.norm(0, x.std(axis=0)[places] / 2).logpdf(sites["loading"]["value"])
    np.testing.assert_allclose(sites["loading"]["fn"].log_prob(sites["loading"]["value"]), expected.sum(1), rtol=1e-5)
    given = gaussian_mixture(2, "factor-1", priors={"loading": priors.Normal(0.0, [1.0, 2.0, 3.0])})
    with pytest.raises(ModelError, match=r"expected one number, or an array of shape \(2, 4\) or \(4,\)"):
        inference.fit_map(given, x, seed=0)


def test_loadings_are_called_by_their_columns_and_factors(data):
    import pandas as pd

    names = list("abcdef")
    found = inference.fit_em(gaussian_mixture(2, "factor-2"), pd.DataFrame(data, columns=names), restarts=1, seed=0)
    matrix = found.program.family.loadings(found.parameters)
    lines = found.to_frame()
    for j, column in enumerate(names):
        for factor in range(min(j, 1) + 1):
            np.testing.assert_array_equal(lines.loc[f"loading[{column}, {factor}]"], matrix[:, j, factor])
    assert (
        "loading[0, 0]" in inference.fit_em(gaussian_mixture(2, "factor-1"), data, restarts=1, seed=0).to_frame().index
    )


def test_how_many_factors_there_may_be():
    """Ledermann's bound is where the covariance has as many free numbers as the factors have."""
    for columns in range(2, 40):
        free = [columns * (columns + 1) // 2 - (columns * q + columns - q * (q - 1) // 2) for q in range(1, columns)]
        assert most_factors(columns) == sum(number >= 0 for number in free)


@pytest.mark.parametrize("family", [families.Gaussian, lambda name: families.StudentT(5.0, name)])
def test_too_many_factors_are_refused(data, family):
    with pytest.raises(DataError, match="at most 3 factors"):
        inference.fit_mle(Mixture(2, family("factor-4")), data, seed=0)
    with pytest.raises(DataError, match="at most 1 factor of"):
        inference.fit_mle(Mixture(2, family("factor-2")), data[:, :3], seed=0)
    with pytest.raises(DataError, match="at least 3 columns"):
        inference.fit_mle(Mixture(2, family("factor-1")), data[:, 0], seed=0)
    with pytest.raises(ChoiceError, match="factor-1"):
        family("factor-0")


@pytest.fixture(scope="module")
def of_other_signs():
    """Two components whose first loadings have the other sign than those of all rows together."""
    rng = np.random.default_rng(0)
    loadings, centres, assignment = rng.normal(size=(2, 4)), np.array([0.0, 3.0]), rng.integers(0, 2, 200)
    noise = rng.uniform(0.3, 1.0, size=(2, 4))[assignment] * rng.normal(size=(200, 4))
    return centres[assignment][:, None] + loadings[assignment] * rng.normal(size=(200, 1)) + noise


@pytest.mark.parametrize("verb", [inference.fit_mle, inference.fit_map])
def test_a_climb_crosses_where_first_loadings_are_0(of_other_signs, verb):
    model = gaussian_mixture(2, "factor-1")
    best = inference.fit_em(model, of_other_signs, restarts=3, seed=0)
    assert (best.parameters["loading"] / best.parameters["scale"])[:, 0].min() > 0.1
    climbed = verb(model, of_other_signs, restarts=3, seed=0)
    assert climbed.status.is_sound
    assert abs(climbed.log_likelihood - best.log_likelihood) < (1e-3 if verb is inference.fit_mle else 1.0)
    assert len(climbed.losses) > 1 and climbed.losses[-1] == climbed.losses.min()


def test_components_of_several_families_cross_there(of_other_signs):
    family = families.PerComponent([families.Gaussian("factor-1"), families.Gaussian("diag")])
    fit = inference.fit_mle(Mixture(2, family), of_other_signs, restarts=3, seed=0)
    assert np.abs(fit.parameters["loading_0"] / fit.parameters["scale_0"])[..., 0].min() > 0.1


@pytest.mark.parametrize("more", [lambda x: np.ones(len(x)), lambda x: x[:, 0]])
def test_columns_without_a_spread_of_their_own_are_no_maximum(of_other_signs, more):
    x = np.column_stack([of_other_signs, more(of_other_signs)])
    fit = inference.fit_em(gaussian_mixture(2, "factor-1"), x, restarts=2, seed=0)
    assert fit.status.word == "collapsed"


def test_rows_alone_are_a_size_of_what_a_fit_draws(of_other_signs):
    from mixtures import simulate

    fit = inference.fit_em(gaussian_mixture(2, "factor-1"), of_other_signs, restarts=1, seed=0)
    np.testing.assert_array_equal(simulate(fit, 5, seed=0)["obs"], simulate(fit, (5, 4), seed=0)["obs"])
