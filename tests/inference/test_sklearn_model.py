"""MixtureModel computes what the verbs compute, and what GaussianMixture does where that can; it is at home in pipelines and grids.

Components overlap, so that optima and probabilities tell right from wrong.
"""

import pickle

import numpy as np
import pandas as pd
import pytest
from scipy.special import logsumexp, softmax
from scipy.stats import multivariate_normal, norm
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import inference
from inference.sklearn import MixtureModel
from mixtures import assignments, families, gaussian_mixture, poisson_mixture, priors
from mixtures.errors import SeedError

RNG = np.random.default_rng(5)
X = np.concatenate(
    [
        RNG.multivariate_normal([0.0, 0.0], [[1.0, 0.6], [0.6, 1.0]], 90),
        RNG.multivariate_normal([2.2, 0.5], [[0.5, -0.2], [-0.2, 0.8]], 60),
    ]
)
SEEDED = {"restarts": 4, "random_state": 0}


@pytest.fixture(scope="module")
def model():
    return MixtureModel(2, **SEEDED).fit(X)


@pytest.mark.quick("full", "diag", reason="the verbs' own tests have all")
@pytest.mark.parametrize("covariance", ["full", "tied", "diag", "spherical"])
def test_the_optimum_is_that_of_gaussian_mixture(covariance):
    peer = GaussianMixture(2, covariance_type=covariance, tol=1e-12, max_iter=5000, reg_covar=0.0, n_init=10)
    peer.set_params(random_state=0).fit(X)
    ours = MixtureModel(2, covariance=covariance, **SEEDED).fit(X)
    order = np.argsort(-peer.weights_)
    np.testing.assert_allclose(ours.score(X), peer.score(X), rtol=1e-8)
    np.testing.assert_allclose(ours.fit_.parameters["loc"], peer.means_[order], rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(ours.predict_proba(X), peer.predict_proba(X)[:, order], atol=1e-3)
    np.testing.assert_allclose([ours.bic(X), ours.aic(X)], [peer.bic(X), peer.aic(X)], rtol=1e-8)
    assert ours.converged_
    assert ours.n_iter_ >= 1


def test_probabilities_are_the_verbs_own(model):
    fit = inference.fit_em(gaussian_mixture(2), X, restarts=4, seed=0)
    np.testing.assert_allclose(model.predict_proba(X), inference.responsibilities(fit, X), atol=1e-6)
    np.testing.assert_array_equal(model.predict_proba(X), inference.responsibilities(model.fit_, X))
    np.testing.assert_allclose(model.score_samples(X).sum(), fit.log_likelihood, rtol=1e-9)
    np.testing.assert_array_equal(model.labels_, model.predict(X))
    np.testing.assert_allclose([model.fit_.bic, model.fit_.aic], [model.bic(X), model.aic(X)], rtol=1e-12)


def test_a_row_of_weight_two_is_there_twice_and_rows_have_no_order():
    rng = np.random.default_rng(1)
    weights = rng.integers(0, 3, len(X))
    mixed = rng.permutation(np.repeat(np.arange(len(X)), weights))
    weighted = MixtureModel(2, **SEEDED).fit(X, sample_weight=weights)
    repeated = MixtureModel(2, **SEEDED).fit(X[mixed])
    np.testing.assert_array_equal(weighted.predict_proba(X), repeated.predict_proba(X))
    assert weighted.fit_.bic == repeated.fit_.bic


def test_a_share_of_a_weight_counts_in_proportion():
    weights = np.random.default_rng(2).uniform(0.2, 2.0, len(X))
    model = MixtureModel(2, options={"tolerance": 1e-14}, **SEEDED).fit(X, sample_weight=weights)
    total, r = weights.sum(), model.predict_proba(X)
    # at an optimum of EM, parameters are weighted means by responsibilities: the M-step's own equations
    np.testing.assert_allclose(model.fit_.parameters["weights"], weights @ r / total, rtol=1e-6)
    np.testing.assert_allclose(model.fit_.parameters["loc"].T, X.T @ (weights[:, None] * r) / (weights @ r), rtol=1e-5)


def test_priors_are_scaled_to_all_rows_not_to_the_distinct_ones():
    rng = np.random.default_rng(3)
    counts = np.concatenate([rng.poisson(1.0, 60), rng.poisson(5.0, 40)]).astype(float)
    fit = inference.fit_map(poisson_mixture(2), counts, restarts=4, seed=0)
    ours = MixtureModel(2, families.Poisson(), method="map", **SEEDED).fit(counts[:, None])
    weighted = MixtureModel(2, families.Poisson(), method="map", **SEEDED)
    weighted.fit(np.unique(counts)[:, None], sample_weight=np.unique(counts, return_counts=True)[1])
    for model in (ours, weighted):
        np.testing.assert_allclose(model.fit_.parameters["rate"], fit.parameters["rate"], rtol=1e-5)
        np.testing.assert_allclose(model.fit_.log_posterior, fit.log_posterior, rtol=1e-9)


def test_grid_search_scores_as_it_does_gaussian_mixture():
    ours = make_pipeline(StandardScaler(), MixtureModel(**SEEDED))
    peer = make_pipeline(StandardScaler(), GaussianMixture(tol=1e-12, max_iter=5000, reg_covar=0.0, n_init=10))
    peer.set_params(gaussianmixture__random_state=0)
    mixed = X[np.random.default_rng(4).permutation(len(X))]
    # structures of which scikit-learn finds the best optimum in every fold
    grid = {"mixturemodel__components": [1, 2], "mixturemodel__covariance": ["diag", "spherical"]}
    found = GridSearchCV(ours, grid, cv=3).fit(mixed)
    expected = []
    for components, covariance in (parameters.values() for parameters in found.cv_results_["params"]):
        peer.set_params(gaussianmixture__n_components=components, gaussianmixture__covariance_type=covariance)
        expected.append(cross_val_score(peer, mixed, cv=3).mean())
    np.testing.assert_allclose(found.cv_results_["mean_test_score"], expected, rtol=1e-4)
    assert found.best_index_ == np.argmax(expected)
    assert found.best_estimator_.predict(mixed).shape == (len(X),)


def test_clones_and_pickles_answer_as_the_model_does(model):
    again = clone(model).fit(X)
    assert again.get_params() == model.get_params()
    kept = pickle.loads(pickle.dumps(model))
    for other in (again, kept):
        np.testing.assert_array_equal(other.predict_proba(X), model.predict_proba(X))


def test_a_declaration_of_ones_own_is_cloned():
    given = {"priors": {"loc": priors.Normal(0.0, 5.0)}, "assignment": assignments.Dirichlet(2.0), "method": "map"}
    model = clone(MixtureModel(2, covariance="tied", **given, **SEEDED)).fit(X)
    program = gaussian_mixture(2, "tied", assignments.Dirichlet(2.0), given["priors"])
    fit = inference.fit_map(program, X, restarts=4, seed=0)
    np.testing.assert_allclose(model.fit_.log_posterior, fit.log_posterior, rtol=1e-9)


def test_frames_in_and_out(model):
    frame = pd.DataFrame(X, columns=["length", "width"], index=[f"row {i}" for i in range(len(X))])
    named = MixtureModel(2, **SEEDED).set_output(transform="pandas").fit(frame)
    out = named.transform(frame)
    assert list(out.columns) == list(named.get_feature_names_out()) == ["mixturemodel0", "mixturemodel1"]
    assert list(out.index) == list(frame.index)
    np.testing.assert_allclose(out.to_numpy(), model.predict_proba(X), rtol=1e-12)
    assert named.fit_.origin.feature_names == ("length", "width")
    with pytest.raises(ValueError, match="same order"):
        named.predict(frame[["width", "length"]])


def test_a_frame_of_one_column_is_one_variable():
    frame = pd.DataFrame({"length": X[:, 0]})
    model = MixtureModel(2, covariance="tied", **SEEDED).fit(frame)
    assert model.fit_.parameters["loc"].shape == (2,)
    assert model.sample(3)[0].shape == (3, 1)
    np.testing.assert_array_equal(model.fit_predict(frame), model.predict(frame))


def test_missing_cells_drop_out():
    holes = X.copy()
    holes[::5, 1] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        MixtureModel(2, **SEEDED).fit(holes)
    model = MixtureModel(2, missing="allow", **SEEDED).fit(holes)
    parameters = model.fit_.parameters
    covariances = families.Gaussian().covariances(parameters, 2)
    joint = [
        [
            np.log(weight) + multivariate_normal(mean[seen], cov[np.ix_(seen, seen)]).logpdf(row[seen])
            for weight, mean, cov in zip(parameters["weights"], parameters["loc"], covariances, strict=True)
        ]
        for row, seen in ((row, ~np.isnan(row)) for row in holes)
    ]
    np.testing.assert_allclose(model.predict_proba(holes), softmax(joint, axis=1), rtol=1e-8, atol=1e-12)
    np.testing.assert_allclose(model.score_samples(holes), logsumexp(joint, axis=1), rtol=1e-8)


@pytest.mark.statistical
def test_draws_are_of_the_fitted_mixture(model):
    rows, labels = model.sample(20_000)
    np.testing.assert_allclose(np.bincount(labels) / 20_000, model.fit_.parameters["weights"], atol=0.02)
    for component, mean in enumerate(model.fit_.parameters["loc"]):
        np.testing.assert_allclose(rows[labels == component].mean(axis=0), mean, atol=0.06)
    np.testing.assert_array_equal(rows, model.sample(20_000)[0])


def test_columns_of_different_families_are_drawn_side_by_side():
    frame = pd.DataFrame(
        {"length": X[:, 0], "visits": np.arange(len(X)) % 7 + np.where(np.arange(len(X)) < 90, 20, 27)}
    )
    columns = families.Product({"length": families.Gaussian(), "visits": families.Poisson()})
    rows, _ = MixtureModel(2, columns, **SEEDED).fit(frame).sample(200)
    assert rows.shape == (200, 2)
    assert np.all(rows[:, 1] == np.round(rows[:, 1])) and rows[:, 1].mean() > 15 > np.abs(rows[:, 0]).max()


def test_seeds_follow_scikit_learns_conventions(monkeypatch):
    def seed_of(random_state):
        return MixtureModel(1, restarts=1, random_state=random_state).fit(X).fit_.seed

    assert seed_of(7) == seed_of(np.int64(7)) == 7
    state = np.random.RandomState(3)
    assert [seed_of(state), seed_of(state)] == np.random.RandomState(3).randint(2**32, size=2, dtype=np.uint32).tolist()
    monkeypatch.setattr("numpy.random.mtrand._rand", np.random.RandomState(4))  # NumPy's global one
    assert seed_of(None) == np.random.RandomState(4).randint(2**32, dtype=np.uint32)
    with pytest.raises(SeedError):
        seed_of(-1)


def test_a_fit_that_did_not_converge_warns_and_says_so():
    model = MixtureModel(2, options={"max_steps": 2}, **SEEDED)
    with pytest.warns(ConvergenceWarning, match="max steps reached"):
        model.fit(X)
    assert not model.converged_
    assert model.n_iter_ == 2


def test_the_posterior_averages_probabilities_over_relabelled_draws():
    x = X[:, 0]
    options = {"draws": 60, "tune": 100, "chains": 2, "sampler": "numpyro"}
    model = MixtureModel(2, covariance="tied", method="nuts", options=options, **SEEDED).fit(x[:, None])
    draws = model.posterior_["posterior"].to_dataset().stack(all=("chain", "draw"))
    weights, loc = (draws[name].transpose("all", "components").values for name in ("weights", "loc"))
    scale = draws["scale"].values[:, None, None]
    joint = np.log(weights)[:, None] + norm.logpdf(x[None, :, None], loc[:, None], scale)
    np.testing.assert_allclose(model.predict_proba(x[:, None]), softmax(joint, axis=2).mean(axis=0), rtol=1e-8)
    density = np.exp(joint).sum(axis=2).mean(axis=0)
    np.testing.assert_allclose(model.score_samples(x[:, None]), np.log(density), rtol=1e-8)
    np.testing.assert_array_equal(model.labels_, model.predict(x[:, None]))
    assert "relabelling" in model.posterior_.children
    assert model.posterior_["observed_data"].sizes["rows"] == len(x)
    assert not hasattr(model, "bic")
    rows, labels = model.sample(50)
    assert rows.shape == (50, 1) and labels.shape == (50,)
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict_proba(x[:, None]), model.predict_proba(x[:, None]))


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"family": families.Poisson(), "priors": {}}, "expected None: a family brings its own"),
        ({"family": "gamma"}, "family: got 'gamma'; expected one of 'gaussian'"),
        ({"family": families.Regression()}, "rows that depend on covariates"),
        ({"assignment": assignments.Markov()}, "rows that depend on covariates, on groups, or on the rows before"),
        ({"method": "vi"}, "method: got 'vi'; expected one of 'em', 'map', 'nuts'"),
        ({"missing": "drop"}, "missing: got 'drop'"),
        ({"options": 3}, "options: got 3; expected None, or arguments of the method's verb by name"),
        ({"options": {"seed": 3}}, "restarts, backend and random_state, the seed, are arguments of the estimator"),
        ({"components": 0}, "components: got 0"),
    ],
)
def test_bad_arguments_are_refused_where_fit_is_called(arguments, text):
    with pytest.raises(ValueError, match=".*") as caught:
        MixtureModel(**arguments).fit(X)
    assert text in str(caught.value)
