"""MixtureClassifier is discriminant analysis: it agrees with scikit-learn's where that has the model, and with textbook equations elsewhere."""

import numpy as np
import pytest
from scipy.special import log_softmax, softmax
from scipy.stats import norm
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis, QuadraticDiscriminantAnalysis
from sklearn.mixture import GaussianMixture
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import inference
from inference.sklearn import MixtureClassifier
from mixtures import families, gaussian_mixture

RNG = np.random.default_rng(8)
MEANS = np.array([[0.0, 0.0], [1.5, 0.5], [0.5, 2.0]])
Y = np.array(["b", "a", "c"])[np.repeat([0, 1, 2], [50, 40, 30])]
X = np.repeat(MEANS, [50, 40, 30], axis=0) + RNG.normal(size=(120, 2)) @ [[1.0, 0.4], [0.0, 0.8]]
NEW = RNG.normal(1.0, 1.5, size=(120, 2))


def test_one_component_a_class_is_quadratic_discriminant_analysis():
    ours, peer = MixtureClassifier().fit(X, Y), QuadraticDiscriminantAnalysis().fit(X, Y)
    # whether its covariances are unbiased is a matter of its version; ours are those of maximum likelihood
    for label, scaling in zip(peer.classes_, peer.scalings_, strict=True):
        scaling *= np.trace(np.cov(X[label == Y], rowvar=False, ddof=0)) / scaling.sum()
    assert list(ours.classes_) == list(peer.classes_)
    np.testing.assert_allclose(ours.class_prior_, peer.priors_, rtol=1e-12)
    np.testing.assert_allclose(ours.predict_proba(NEW), peer.predict_proba(NEW), rtol=1e-7, atol=1e-12)
    np.testing.assert_allclose(ours.predict_log_proba(NEW), peer.predict_log_proba(NEW), rtol=1e-7)
    np.testing.assert_array_equal(ours.predict(NEW), peer.predict(NEW))


def test_a_shared_covariance_is_linear_discriminant_analysis():
    ours, peer = MixtureClassifier(covariance="tied").fit(X, Y), LinearDiscriminantAnalysis(solver="lsqr").fit(X, Y)
    np.testing.assert_allclose(ours.predict_proba(NEW), peer.predict_proba(NEW), rtol=1e-7, atol=1e-12)


def test_a_diagonal_covariance_is_naive_bayes_with_weights_too():
    weights = np.random.default_rng(5).uniform(0.1, 2.0, len(X))
    ours = MixtureClassifier(covariance="diag").fit(X, Y, sample_weight=weights)
    peer = GaussianNB(var_smoothing=0.0).fit(X, Y, sample_weight=weights)
    np.testing.assert_allclose(ours.class_prior_, peer.class_prior_, rtol=1e-10)
    np.testing.assert_allclose(ours.predict_proba(NEW), peer.predict_proba(NEW), rtol=1e-7, atol=1e-12)


def test_given_class_priors_are_those_of_bayes_rule():
    given = [0.2, 0.3, 0.5]
    ours = MixtureClassifier(covariance="tied", class_priors=given).fit(X, Y)
    peer = LinearDiscriminantAnalysis(solver="lsqr", priors=given).fit(X, Y)
    # its shared covariance weights classes by the given priors: ours is then that of the rows
    rows = LinearDiscriminantAnalysis(solver="lsqr").fit(X, Y)
    joint = rows.predict_log_proba(NEW) - np.log(rows.priors_) + np.log(peer.priors_)
    np.testing.assert_allclose(ours.predict_proba(NEW), softmax(joint, axis=1), rtol=1e-7, atol=1e-12)
    np.testing.assert_array_equal(ours.class_prior_, given)


def test_several_components_a_class_are_bayes_rule_with_a_mixture_each():
    x = np.concatenate([X, X + np.array([2.5, -1.5])])
    y = np.concatenate([Y, Y])
    ours = MixtureClassifier(2, covariance="spherical", restarts=4, random_state=0).fit(x, y)
    shares, joint = [], []
    for label in ours.classes_:
        peer = GaussianMixture(2, covariance_type="spherical", tol=1e-12, max_iter=5000, reg_covar=0.0, n_init=10)
        joint.append(peer.set_params(random_state=0).fit(x[y == label]).score_samples(NEW))
        shares.append((y == label).mean())
    expected = log_softmax(np.array(joint).T + np.log(shares), axis=1)
    np.testing.assert_allclose(ours.predict_log_proba(NEW), expected, atol=2e-3)
    assert len(ours.fits_) == 3
    assert ours.converged_


def semi_supervised(x, labels, weights=None, steps=3000):
    """EM for two normals with one standard deviation, labels known where >= 0, by its textbook equations."""
    known = labels >= 0
    r = np.where(known[:, None], labels[:, None] == [0, 1], 0.0)
    given = weights is not None
    for _ in range(steps):
        w = np.asarray(weights) if given else r.sum(axis=0) / r.sum()
        mean = x @ r / r.sum(axis=0)
        sd = np.sqrt(np.sum(r * (x[:, None] - mean) ** 2) / r.sum())
        r[~known] = softmax(np.log(w) + norm.logpdf(x[~known, None], mean, sd), axis=1)
    return w, mean, sd


@pytest.mark.parametrize("given", [None, [0.5, 0.5]])
def test_rows_of_unknown_class_have_their_say(given):
    rng = np.random.default_rng(2)
    x = np.concatenate([rng.normal(0.0, 1.0, 50), rng.normal(2.0, 1.0, 30)])
    labels = np.repeat([0, 1], [50, 30])
    labels[rng.random(80) < 0.7] = -1
    classes = np.array(["no", "yes", "?"])[labels]
    options = {"restarts": 4, "random_state": 0, "options": {"tolerance": 1e-14}}
    ours = MixtureClassifier(covariance="tied", unlabelled="?", class_priors=given, **options)
    ours.fit(x[:, None], classes)
    weights, mean, sd = semi_supervised(x, labels, given)
    expected = softmax(np.log(weights) + norm.logpdf(x[:, None], mean, sd), axis=1)
    np.testing.assert_allclose(ours.predict_proba(x[:, None]), expected, atol=1e-6)
    np.testing.assert_allclose(ours.class_prior_, weights, rtol=1e-5)
    assert list(ours.classes_) == ["no", "yes"]
    supervised = MixtureClassifier(covariance="tied").fit(x[labels >= 0][:, None], classes[labels >= 0])
    assert np.abs(supervised.predict_proba(x[:, None]) - expected).max() > 0.01  # or the test says nothing


def test_any_family_classifies():
    rng = np.random.default_rng(3)
    counts = np.concatenate([rng.poisson(2.0, 60), rng.poisson(5.0, 40)]).astype(float)[:, None]
    y = np.repeat([0, 1], [60, 40])
    ours = MixtureClassifier(family=families.Poisson()).fit(counts, y)
    rates = np.array([counts[y == label].mean() for label in (0, 1)])
    joint = np.log([0.6, 0.4]) + counts * np.log(rates) - rates
    np.testing.assert_allclose(ours.predict_proba(counts), softmax(joint, axis=1), rtol=1e-8)


@pytest.mark.slow  # posteriors of both estimators are of one base, in test_sklearn_model.py
def test_the_posterior_mode_is_the_verbs_own():
    numbers = np.searchsorted(["a", "b", "c"], Y)
    fit = inference.fit_map(gaussian_mixture(3, "tied"), X, labels=numbers, restarts=2, seed=0)
    ours = MixtureClassifier(covariance="tied", method="map", restarts=2, random_state=0).fit(X, Y)
    np.testing.assert_allclose(ours.predict_proba(NEW), inference.responsibilities(fit, NEW), atol=1e-6)
    np.testing.assert_allclose(ours.fits_[0].log_posterior, fit.log_posterior, rtol=1e-9)


def test_cross_validation_scores_as_discriminant_analysis_does():
    mixed = np.random.default_rng(4).permutation(len(X))
    ours = make_pipeline(StandardScaler(), MixtureClassifier())
    found = GridSearchCV(ours, {"mixtureclassifier__covariance": ["full", "tied"]}, cv=3).fit(X[mixed], Y[mixed])
    peer = make_pipeline(StandardScaler(), LinearDiscriminantAnalysis(solver="lsqr"))
    np.testing.assert_allclose(
        found.cv_results_["mean_test_score"][1], cross_val_score(peer, X[mixed], Y[mixed], cv=3).mean(), rtol=1e-12
    )


@pytest.mark.parametrize(
    ("arguments", "classes", "text"),
    [
        ({"components_per_class": 31}, Y, "30 distinct rows that count of class 'c'; expected at least 31"),
        ({"components_per_class": 2, "unlabelled": "a"}, Y, "rows of unknown class"),
        ({"unlabelled": "a", "class_priors": [0.5, 0.5], "method": "map"}, Y, "expected method 'em'"),
        ({"unlabelled": "a"}, np.full(len(X), "a"), "rows of unknown class alone"),
        ({"class_priors": [0.5, 0.6, 0.1]}, Y, "3 probabilities > 0 that add up to 1, in the order of ['a', 'b', 'c']"),
        ({"method": "nuts"}, Y, "expected one of 'em', 'map'"),
    ],
)
def test_bad_arguments_are_refused_where_fit_is_called(arguments, classes, text):
    with pytest.raises(ValueError, match=".*") as caught:
        MixtureClassifier(**arguments).fit(X, classes)
    assert text in str(caught.value)
