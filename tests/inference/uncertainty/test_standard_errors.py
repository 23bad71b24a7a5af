"""Standard errors against closed forms, least squares' own, second differences of scipy's densities, R's flexmix, and rows written twice."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, logsumexp
from scipy.stats import norm

from inference import fit_em, fit_map, fit_mle, standard_errors
from inference.backends import bind
from inference.uncertainty.readable import numbers_at
from mixtures import (
    Mixture,
    Observations,
    families,
    gaussian_mixture,
    hidden_markov,
    latent_class,
    poisson_mixture,
    priors,
    regression_mixture,
)
from mixtures.assignments import Gating
from mixtures.errors import ChoiceError, DataError, FitError, ModelError

RNG = np.random.default_rng(5)
X = RNG.normal(3.0, 2.0, 40)
OVERLAPPING = np.concatenate([RNG.normal(0.0, 1.0, 60), RNG.normal(2.2, 1.0, 60)])
METHODS = ("information", "sandwich", "opg")


def error_of(errors, parameter, component=0):
    return errors.table.loc[(parameter, component), "standard_error"]


@pytest.mark.quick("pyro", reason="both backends agree in a test of its own")
def test_a_normal_has_the_textbooks(backend):
    fit = fit_em(gaussian_mixture(1), X, restarts=1, seed=0, backend=backend)
    errors = standard_errors(fit, X, level=0.9)
    n, sd = len(X), X.std()
    assert error_of(errors, "loc") == pytest.approx(sd / np.sqrt(n), rel=1e-6)
    assert error_of(errors, "scale") == pytest.approx(sd / np.sqrt(2 * n), rel=1e-6)
    width = norm.ppf(0.95)
    ends = errors.table.loc[("scale", 0), ["lower", "upper"]].to_numpy(dtype=float)
    np.testing.assert_allclose(ends, sd * np.exp(np.array([-1, 1]) * width / np.sqrt(2 * n)), rtol=1e-6)
    ends = errors.table.loc[("loc", 0), ["lower", "upper"]].to_numpy(dtype=float)
    np.testing.assert_allclose(ends, X.mean() + np.array([-1, 1]) * width * sd / np.sqrt(n), rtol=1e-6)
    assert np.isnan(error_of(errors, "weights"))  # the only component's is 1, whatever the data


def test_a_correlation_has_the_textbooks():
    pair = pd.DataFrame({"a": X, "b": 0.5 * X + RNG.normal(0, 1, len(X))})
    errors = standard_errors(fit_em(gaussian_mixture(1), pair, restarts=1, seed=0), pair)
    r = np.corrcoef(pair["a"], pair["b"])[0, 1]
    assert error_of(errors, "correlation[a, b]") == pytest.approx((1 - r**2) / np.sqrt(len(X)), rel=1e-6)
    # of two variances of a normal pair: cov(s_a, s_b) = r^2 s_a s_b / 2n
    covariance = errors.covariance.loc[("scale[a]", 0), ("scale[b]", 0)]
    assert covariance == pytest.approx(r**2 * pair["a"].std(ddof=0) * pair["b"].std(ddof=0) / (2 * len(X)), rel=1e-6)


DESIGN = np.column_stack([np.ones(40), RNG.normal(2.0, 1.0, 40), RNG.uniform(0, 5, 40)])
OUTCOME = DESIGN @ [1.0, 2.0, -0.5] + RNG.normal(0, 0.3 + DESIGN[:, 2] / 3)
CLUSTER = np.arange(40) % 9


def least_squares(meat):
    """(X'X)^-1 M (X'X)^-1."""
    bread = np.linalg.inv(DESIGN.T @ DESIGN)
    return bread @ meat @ bread


@pytest.mark.quick("pyro", reason="both backends agree in a test of its own")
def test_a_regression_has_those_of_least_squares(backend):
    x = Observations(OUTCOME, covariates=DESIGN[:, 1:])
    fit = fit_em(regression_mixture(1), x, restarts=1, seed=0, backend=backend)
    residuals = OUTCOME - DESIGN @ np.linalg.lstsq(DESIGN, OUTCOME)[0]
    own = DESIGN * residuals[:, None]
    sums = np.stack([own[c == CLUSTER].sum(axis=0) for c in range(9)])
    expected = {
        ("information", None): np.mean(residuals**2) * np.linalg.inv(DESIGN.T @ DESIGN),
        ("sandwich", None): least_squares(own.T @ own),  # HC0
        ("sandwich", "clusters"): least_squares(sums.T @ sums),
    }
    names = [("intercept", 0), ("slope[0]", 0), ("slope[1]", 0)]
    for (method, clusters), covariance in expected.items():
        errors = standard_errors(fit, x, method=method, clusters=CLUSTER if clusters else None)
        np.testing.assert_allclose(errors.covariance.loc[names, names], covariance, rtol=1e-5, atol=1e-9)
    names_of = np.array(list("abcdefghi"))[CLUSTER]
    by_group = Observations(OUTCOME, covariates=DESIGN[:, 1:], group=names_of)
    fit = fit_em(regression_mixture(1), by_group, restarts=1, seed=0, backend=backend)
    errors = standard_errors(fit, by_group, method="sandwich")
    np.testing.assert_allclose(errors.covariance.loc[names, names], least_squares(sums.T @ sums), rtol=1e-5, atol=1e-9)
    assert "there are 9 clusters" in str(errors)


def second_differences(function, at, steps):
    """The matrix of second derivatives, by central differences."""
    size = len(at)
    moves = np.diag(steps)
    found = np.empty((size, size))
    for i in range(size):
        for j in range(size):
            four = [function(at + a * moves[i] + b * moves[j]) * a * b for a in (-1, 1) for b in (-1, 1)]
            found[i, j] = sum(four) / (4 * steps[i] * steps[j])
    return found


@pytest.mark.quick("pyro", reason="both backends agree in a test of its own")
def test_overlapping_components_have_the_curvature_of_scipys_likelihood(backend):
    fit = fit_mle(gaussian_mixture(2, "tied"), OVERLAPPING, restarts=5, seed=0, backend=backend)

    def log_likelihood(values):
        weight, first, second, scale = values
        logs = np.log([weight, 1 - weight]) + norm.logpdf(OVERLAPPING[:, None], [first, second], scale)
        return logsumexp(logs, axis=1).sum()

    at = np.array([fit.parameters["weights"][0], *fit.parameters["loc"], fit.parameters["scale"]])
    expected = np.linalg.inv(-second_differences(log_likelihood, at, np.full(4, 1e-3)))
    names = [("weights", 0), ("loc", 0), ("loc", 1), ("scale", "all")]
    errors = standard_errors(fit, OVERLAPPING)
    np.testing.assert_allclose(errors.covariance.loc[names, names], expected, rtol=2e-3)
    assert error_of(errors, "weights", 1) == pytest.approx(error_of(errors, "weights", 0))
    lower, upper = errors.table.loc[("weights", 0), ["lower", "upper"]]
    assert 0 < lower < fit.parameters["weights"][0] < upper < 1


FLEXMIX = {
    ("intercept", 0): 1.58933935, ("intercept", 1): 1.79957158,
    ("slope[0]", 0): 0.37351502, ("slope[0]", 1): 0.53930010,
}  # fmt: skip
"""R's flexmix 2.3 of Old Faithful: sqrt(diag(refit(flexmix(waiting ~ eruptions, k = 2))@vcov)), the Hessian by optim; of log sigma 0.0732777769
and 0.2745971926, of the log odds of the weights 0.6260435981. At log L = -864.2996."""


def test_two_lines_have_those_of_flexmix(faithful):
    x = Observations(faithful.x[:, 1], covariates=faithful.x[:, :1])
    fit = fit_em(regression_mixture(2), x, restarts=20, tolerance=1e-12, seed=0)
    assert fit.log_likelihood == pytest.approx(-864.2996, abs=1e-4)
    errors = standard_errors(fit, x)
    for name, expected in FLEXMIX.items():
        assert error_of(errors, *name) == pytest.approx(expected, rel=1e-3)
    scale, weights = fit.parameters["scale"], fit.parameters["weights"]
    assert error_of(errors, "scale", 1) / scale[1] == pytest.approx(0.2745971926, rel=1e-3)
    assert error_of(errors, "weights") / weights.prod() == pytest.approx(0.6260435981, rel=1e-3)


@pytest.mark.quick("numpyro-*", reason="both backends agree in a test of its own")
@pytest.mark.parametrize("method", METHODS)
def test_a_weight_of_two_is_a_row_written_twice(method, backend):
    rows = OVERLAPPING[:40]
    times = np.arange(40) % 3  # weight 0 too
    weighted, written = Observations(rows, row_weights=times), np.repeat(rows, times)
    start = {"weights": [0.5, 0.5], "loc": [0.0, 2.0], "scale": 1.0}
    tables = [
        standard_errors(
            fit_em(gaussian_mixture(2, "tied"), x, init=start, restarts=1, tolerance=1e-13, seed=0, backend=backend),
            x,
            method=method,
        ).table
        for x in (weighted, written)
    ]
    pd.testing.assert_frame_equal(*tables, rtol=1e-4)


def test_weights_of_a_sample_are_clusters_of_one_row():
    """sum w_i^2 s_i s_i', which surveys' standard errors are made of (Skinner 1989); of a mean in closed form."""
    weight = np.linspace(0.5, 2.0, len(X))
    x = Observations(X, row_weights=weight)
    fit = fit_em(gaussian_mixture(1), x, restarts=1, seed=0)
    errors = standard_errors(fit, x, method="sandwich", clusters=np.arange(len(X)))
    residual = X - np.average(X, weights=weight)
    assert error_of(errors, "loc") == pytest.approx(np.sqrt((weight**2 * residual**2).sum()) / weight.sum(), rel=1e-6)


@pytest.mark.quick("pyro", reason="both backends agree in a test of its own")
def test_the_posterior_has_its_own_curvature(backend):
    counts = np.array([2.0, 0, 3, 1, 4, 2])
    fit = fit_map(
        poisson_mixture(1, priors={"rate": priors.Gamma(3.0, 2.0)}), counts, restarts=1, seed=0, backend=backend
    )
    errors = standard_errors(fit, counts)
    rate, events = fit.parameters["rate"][0], counts.sum() + 3 - 1
    assert rate == pytest.approx(events / (len(counts) + 2))
    assert error_of(errors, "rate") == pytest.approx(rate / np.sqrt(events), rel=1e-6)
    assert "posterior" in str(errors)


@pytest.mark.quick("pyro", reason="both backends agree in a test of its own")
def test_a_probability_of_zero_has_none_and_the_others_have_theirs(backend):
    items = np.column_stack([np.arange(20) % 4 == 0, np.zeros(20)]).astype(int)
    fit = fit_mle(Mixture(1, families.Bernoulli()), items, restarts=1, seed=0, backend=backend)
    errors = standard_errors(fit, items)
    assert error_of(errors, "probs[0]") == pytest.approx(np.sqrt(0.25 * 0.75 / 20), rel=1e-4)
    assert np.isnan(error_of(errors, "probs[1]"))
    assert "At an end of their values" in str(errors)
    assert "probs[1] of component 0" in str(errors)


def test_the_others_of_a_row_with_a_probability_near_zero_have_theirs():
    """Of three probabilities one is next to 0: the other two are one number and its complement."""
    table = np.column_stack([np.repeat([0, 2], [15, 25]), np.arange(40) % 2])
    fit = fit_em(latent_class(1, [3, 2]), table, restarts=1, seed=0)
    near = {"item0_probs": np.array([[0.375 - 6e-5, 6e-5, 0.625]])}  # where EM may come to rest
    errors = standard_errors(replace(fit, parameters=fit.parameters | near), table)
    assert np.isnan(error_of(errors, "item0_probs[1]"))
    for category in (0, 2):
        assert error_of(errors, f"item0_probs[{category}]") == pytest.approx(np.sqrt(0.375 * 0.625 / 40), rel=1e-3)


def test_what_was_known_is_named_or_handed_in_as_it_was():
    known = {"weights": [0.3, 0.7]}
    fit = fit_em(gaussian_mixture(2, "tied"), OVERLAPPING, fixed=known, restarts=2, tolerance=1e-12, seed=0)
    pd.testing.assert_frame_equal(
        standard_errors(fit, OVERLAPPING, fixed=known).table, standard_errors(fit, OVERLAPPING, fixed="weights").table
    )


def test_what_the_data_do_not_tell_has_none_and_is_named():
    """Two classes of two yes-or-no items: five parameters, three frequencies."""
    items = np.array([[0, 0]] * 20 + [[0, 1]] * 7 + [[1, 0]] * 9 + [[1, 1]] * 15)
    fit = fit_em(Mixture(2, families.Bernoulli()), items, restarts=3, tolerance=1e-12, seed=0)
    errors = standard_errors(fit, items)
    assert "The information is singular" in str(errors)
    assert "weights of component 0" in str(errors)
    assert errors.table["standard_error"].isna().all()


@pytest.mark.quick("pyro", reason="both backends agree in a test of its own")
def test_gating_has_those_of_logistic_regression(backend):
    """Where labels are known, log odds are logistic regression's, and coefficients that sum to zero are half of them."""
    rows = np.linspace(-2, 2, 30)
    labels = (np.arange(30) * 7 % 10 < 3 + 2 * rows).astype(int)
    x = Observations(np.where(labels == 1, 5.0, 0.0) + np.sin(np.arange(30)), covariates=rows[:, None], labels=labels)
    fit = fit_em(gaussian_mixture(2, "tied", weights=Gating()), x, restarts=1, seed=0, tolerance=1e-13, backend=backend)
    errors = standard_errors(fit, x)
    design = np.column_stack([np.ones(30), rows])
    slopes = [np.diff(fit.parameters["gating_intercept"])[0], np.diff(fit.parameters["gating_slope"][:, 0])[0]]
    probs = expit(design @ slopes)
    odds = np.sqrt(np.diag(np.linalg.inv(design.T @ (design * (probs * (1 - probs))[:, None]))))
    assert error_of(errors, "gating_intercept") == pytest.approx(odds[0] / 2, rel=1e-3)
    assert error_of(errors, "gating_slope[0]", 1) == pytest.approx(odds[1] / 2, rel=1e-3)


@pytest.mark.quick("VEV", reason="the structure with most parts")
@pytest.mark.parametrize("structure", ["VEV", "EVV", "VVV"])
def test_numbers_move_with_the_vector_as_they_are_read(structure, faithful):
    """The complex step against central differences of the printed table itself."""
    fit = fit_em(gaussian_mixture(2, structure), faithful, restarts=1, seed=0)
    bound = bind(fit.program, faithful, fit.backend)
    u = bound.log_density().unconstrain(fit.parameters)
    found, step = numbers_at(fit, bound, u), 1e-5
    for j, move in enumerate(np.eye(len(u)) * step):
        ends = [numbers_at(fit, bound, u + sign * move).values for sign in (1, -1)]
        np.testing.assert_allclose(found.slopes[:, j], (ends[0] - ends[1]) / (2 * step), rtol=1e-5, atol=1e-6)


def test_both_backends_agree(faithful):
    plane = Observations(faithful.x[:80])
    tables = [
        standard_errors(
            fit_em(gaussian_mixture(2), plane, restarts=3, seed=0, backend=backend), plane, method=method
        ).table
        for method in METHODS
        for backend in ("numpyro", "pyro")
    ]
    for one, other in zip(tables[::2], tables[1::2], strict=True):
        pd.testing.assert_frame_equal(one, other, rtol=1e-3)


FIT = fit_em(gaussian_mixture(2, "tied"), OVERLAPPING, restarts=3, seed=0)


def test_what_is_no_maximum_is_refused():
    early = fit_em(gaussian_mixture(2, "tied"), OVERLAPPING, restarts=1, max_steps=2, seed=0)
    with pytest.raises(FitError, match="still rises.*lower tolerance"):
        standard_errors(early, OVERLAPPING)
    hard = fit_em(gaussian_mixture(2, "tied"), OVERLAPPING, restarts=1, hard=True, seed=0)
    with pytest.raises(FitError, match="still rises.*hard=True"):
        standard_errors(hard, OVERLAPPING)
    held = fit_em(gaussian_mixture(2, "tied"), OVERLAPPING, restarts=1, fixed={"scale": 1.2}, seed=0)
    with pytest.raises(FitError, match="fixed="):
        standard_errors(held, OVERLAPPING)
    errors = standard_errors(held, OVERLAPPING, fixed=["scale"])
    assert np.isnan(error_of(errors, "scale", "all"))
    assert error_of(errors, "loc") > 0


@pytest.mark.parametrize("method", ["sandwich", "opg"])
def test_one_series_has_no_scores_that_vary(method):
    x = np.repeat([0, 6, 0, 6], 10) + np.arange(40) % 3
    fit = fit_em(hidden_markov(2, families.Poisson()), x, restarts=2, seed=0)
    with pytest.raises(ModelError, match="and one series; expected several that are independent"):
        standard_errors(fit, x, method=method)


def test_fewer_clusters_than_parameters_are_said():
    """Scores of four clusters add up to nothing: their sandwich has rank three at the most."""
    few, enough = (
        standard_errors(FIT, OVERLAPPING, method="sandwich", clusters=np.arange(120) % count) for count in (4, 60)
    )
    assert any(
        f"4 independent scores cannot tell {FIT.free_parameters} parameters" in finding for finding in few.findings
    )
    assert not any("independent scores" in finding for finding in enough.findings)


def test_bad_arguments_are_refused_in_words():
    with pytest.raises(DataError, match="other data than those of the fit"):
        standard_errors(FIT, OVERLAPPING[::-1])
    with pytest.raises(DataError, match="other row weights"):
        standard_errors(FIT, Observations(OVERLAPPING, row_weights=np.full(120, 2.0)))
    with pytest.raises(DataError, match="one cluster of all rows"):
        standard_errors(FIT, OVERLAPPING, method="sandwich", clusters=np.zeros(120, dtype=int))
    with pytest.raises(DataError, match="clusters"):
        standard_errors(FIT, OVERLAPPING, method="sandwich", clusters=[0, 1])
    with pytest.raises(ModelError, match="method='sandwich'"):
        standard_errors(FIT, OVERLAPPING, clusters=np.arange(120))
    with pytest.raises(ChoiceError, match="'loc'"):
        standard_errors(FIT, OVERLAPPING, fixed=["mean"])


def test_the_table_is_printed_and_has_names():
    text = str(standard_errors(FIT, OVERLAPPING))
    assert text.startswith("Standard errors by the observed information:")
    assert "95% from" in text
    assert repr(standard_errors(FIT, OVERLAPPING)) == "<StandardErrors: Standard errors by the observed information>"
