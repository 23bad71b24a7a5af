"""Odd data: extreme units, far rows, weights that are shares, separation, columns of one value. Sound fits are right, others say why."""

import numpy as np
import pandas as pd
import pytest
from mpmath import mp
from scipy import optimize, special, stats

import inference
from inference.backends.log_density import LogDensity
from inference.backends.sites import Site, Sites
from inference.point.polish import polish
from inference.point.runaway import runs_off
from inference.status import Status
from mixtures import Mixture, Observations, families, gaussian_mixture, weights
from mixtures.errors import DataError, FitError, ModelError

RNG = np.random.default_rng(3)
TWO = np.concatenate([RNG.normal(0, 1, (12, 2)), RNG.normal(4, 1, (12, 2))])
VERBS = {
    "em": lambda model, x, **options: inference.fit_em(model, x, restarts=6, seed=0, **options),
    "map": lambda model, x, **options: inference.fit_map(model, x, restarts=4, seed=0, **options),
    "mle": lambda model, x, **options: inference.fit_mle(model, x, restarts=2, epochs=200, seed=0, **options),
}


def log_likelihood(model, fit, x):
    """SciPy's, column by column where there is one, else by the Cholesky factor of the correlations."""
    values = x.reshape(len(x), -1)
    covariances = model.family.covariances(fit.parameters, None if x.ndim == 1 else x.shape[1])
    table = []
    for weight, loc, covariance in zip(fit.parameters["weights"], fit.parameters["loc"], covariances, strict=True):
        scale = np.sqrt(np.diag(covariance))
        z = (values - loc) / scale
        correlation = covariance / scale / scale[:, None]
        density = stats.multivariate_normal(np.zeros(len(scale)), correlation, allow_singular=True).logpdf(z)
        table.append(np.log(weight) + np.atleast_1d(density) - np.log(scale).sum())
    return float(special.logsumexp(table, axis=0).sum())


@pytest.fixture(scope="module", params=VERBS)
def of_unit_one(request):
    model = gaussian_mixture(2)
    return VERBS[request.param], model, VERBS[request.param](model, TWO)


@pytest.mark.parametrize("exponent", [-148, -100, 20, 149])
def test_fits_do_not_depend_on_units(of_unit_one, exponent):
    fit_of, model, expected = of_unit_one
    unit = 10.0**exponent
    fit = fit_of(model, TWO * unit)
    assert fit.status.is_sound
    assert all(np.isfinite(value).all() for value in fit.parameters.values())
    # p(x unit) = p(x) / unit for each number
    assert fit.log_likelihood + TWO.size * np.log(unit) == pytest.approx(expected.log_likelihood, abs=1e-6)
    np.testing.assert_allclose(fit.parameters["loc"] / unit, expected.parameters["loc"], rtol=1e-3, atol=1e-3)
    shares = inference.responsibilities(expected, TWO)
    np.testing.assert_allclose(inference.responsibilities(fit, TWO * unit), shares, atol=1e-3)
    np.testing.assert_array_equal(inference.classify(fit, TWO * unit), shares.argmax(axis=1))
    assert inference.log_likelihood(fit, TWO * unit).sum() == pytest.approx(fit.log_likelihood, rel=1e-10)


@pytest.mark.parametrize("far", [1e7, 1e9])
def test_one_row_far_away_is_a_component(far):
    x = TWO.copy()
    x[0] = far
    fit = inference.fit_em(gaussian_mixture(2, "tied"), x, restarts=10, seed=0)
    # that row is one component, all others are the other: Sigma = S / 24, and the quadratic forms sum to 24 x 2
    others = TWO[1:]
    scatter = np.cov(others, rowvar=False, ddof=0) * 23
    shares = 23 * np.log(23 / 24) + np.log(1 / 24)
    expected = shares - 12 * np.linalg.slogdet(2 * np.pi * scatter / 24)[1] - 24
    assert fit.status is Status.CONVERGED
    assert fit.log_likelihood == pytest.approx(expected, rel=1e-8)
    assert fit.log_likelihood == pytest.approx(log_likelihood(gaussian_mixture(2, "tied"), fit, x), rel=1e-8)


def test_two_clusters_far_apart_have_not_collapsed():
    """The answer is that of each cluster alone, but for the rounding of numbers around 1e8."""
    x = np.concatenate([TWO[:12], TWO[12:] + 1e8])
    fit = inference.fit_em(gaussian_mixture(2), x, restarts=6, seed=0)
    assert fit.status is Status.CONVERGED
    order = np.argsort(fit.parameters["loc"][:, 0])
    means = [part.mean(axis=0) for part in (x[:12], x[12:])]
    np.testing.assert_allclose(fit.parameters["loc"][order], means, atol=1e-7)
    covariances = gaussian_mixture(2).family.covariances(fit.parameters, 2)[order]
    alone = [np.cov(part, rowvar=False, ddof=0) for part in (TWO[:12], TWO[12:])]
    np.testing.assert_allclose(covariances, alone, rtol=1e-6, atol=1e-6)


def poisson(rate):
    return lambda x: x * mp.log(rate) - rate - mp.loggamma(x + 1)


def binomial(probs, trials):
    def log_density(x):
        ways = mp.loggamma(trials + 1) - mp.loggamma(x + 1) - mp.loggamma(trials - x + 1)
        return ways + x * mp.log(probs) + (trials - x) * mp.log(1 - probs)

    return log_density


TRIALS = 10**12
LARGE_COUNTS = {
    "poisson": (families.Poisson(), "rate", (1e9, 1e9 + 6e4), stats.poisson, poisson),
    "binomial": (
        families.Binomial(TRIALS),
        "probs",
        (0.3, 0.3000015),
        lambda probs: stats.binom(TRIALS, probs),
        lambda probs: binomial(probs, TRIALS),
    ),
}


@pytest.mark.parametrize("backend", ["numpyro", "pyro"])
@pytest.mark.parametrize("name", LARGE_COUNTS)
def test_counts_of_billions_lose_no_digits_and_no_steps(name, backend):
    """Components two standard deviations apart differ by a ten thousandth, and terms of the density are 10^10 times its logarithm."""
    family, site, values, distribution, log_density = LARGE_COUNTS[name]
    shares = (np.arange(60) + 0.5) / 60
    x = np.concatenate([distribution(value).ppf(shares) for value in values])
    fit = inference.fit_em(Mixture(2, family), x, restarts=6, seed=0, backend=backend)
    assert fit.status is Status.CONVERGED

    def exact(weights, parameters):
        with mp.workdps(40):
            densities = [log_density(mp.mpf(float(value))) for value in parameters]
            rows = [[mp.log(w) + d(mp.mpf(one)) for w, d in zip(weights, densities, strict=True)] for one in x]
            return float(sum(mp.log(sum(map(mp.exp, row))) for row in rows))

    found = fit.parameters[site]
    assert fit.log_likelihood == pytest.approx(exact(fit.parameters["weights"], found), abs=1e-9)
    # in standard deviations, Nelder & Mead from there find nothing better that matters
    unit, first = x.std() / (1 if site == "rate" else TRIALS), fit.parameters["weights"][0]
    start = np.r_[special.logit(first), np.zeros(2)]
    best = optimize.minimize(
        lambda u: -exact([special.expit(u[0]), special.expit(-u[0])], found + unit * u[1:]),
        start,
        method="Nelder-Mead",
        options={"maxfev": 120},
    )
    assert fit.log_likelihood == pytest.approx(-best.fun, abs=1e-2)


@pytest.mark.parametrize("covariance", ["full", "tied"])
@pytest.mark.parametrize("columns", [1, 2])
def test_the_log_likelihood_of_clusters_far_apart_keeps_its_digits(columns, covariance):
    x = np.concatenate([TWO[:12, :columns], TWO[12:, :columns] + 1e12]).squeeze()
    model = gaussian_mixture(2, covariance)
    fit = inference.fit_em(model, x, restarts=4, seed=0)
    assert fit.status is Status.CONVERGED
    expected = log_likelihood(model, fit, x)
    assert fit.log_likelihood == pytest.approx(expected, rel=1e-12)
    assert inference.log_likelihood(fit, x).sum() == pytest.approx(expected, rel=1e-12)


@pytest.mark.quick("closed", reason="the other is a climb by gradient")
@pytest.mark.parametrize("family", ["closed", "gradient"])
def test_weights_that_are_shares(family):
    """The same parameters as with the weights times the number of rows, whose criteria count; those of shares do not exist."""
    x = np.arange(60) / 6.0
    density = stats.norm.pdf(x, 2.0, 0.7) + stats.norm.pdf(x, 7.0, 1.0)
    share = density / density.sum()
    model = gaussian_mixture(2) if family == "closed" else Mixture(2, families.StudentT(df=10.0))
    fits = [inference.fit_em(model, x, row_weights=w, restarts=3, seed=0) for w in (share, 60 * share)]
    assert [fit.status for fit in fits] == [Status.CONVERGED] * 2
    np.testing.assert_allclose(fits[0].parameters["loc"], fits[1].parameters["loc"], rtol=1e-3)
    assert 60 * fits[0].log_likelihood == pytest.approx(fits[1].log_likelihood, rel=1e-6)
    assert fits[1].bic == pytest.approx(-2 * fits[1].log_likelihood + fits[1].free_parameters * np.log(60))
    for criterion in ("aic", "bic", "icl"):
        with pytest.raises(ModelError, match=r"row_weights: got weights that sum to 1 for 60 rows"):
            getattr(fits[0], criterion)
    assert "no BIC" in str(fits[0])


def test_complete_separation_of_gating_is_said():
    rng = np.random.default_rng(2)
    c = np.r_[np.linspace(-2, -1, 40), np.linspace(1, 2, 40)]
    x = np.where(c < 0, rng.normal(-3, 1, 80), rng.normal(3, 1, 80))
    separated = Observations(x, covariates=c[:, None])
    model = Mixture(2, families.Gaussian(), weights.Gating())
    fit = inference.fit_em(model, separated, restarts=2, seed=0)
    assert fit.status is Status.RUNAWAY
    assert "complete" in str(fit)
    # the same rows, mixed over the covariate: a maximum exists
    mixed = Observations(x, covariates=rng.permutation(c)[:, None])
    assert inference.fit_em(model, mixed, restarts=2, seed=0).status is Status.CONVERGED
    # and so does one under the prior
    assert inference.fit_map(model, separated, restarts=2, seed=0).status is Status.CONVERGED


def logistic(c, y):
    """The log likelihood of a logistic regression, whose maximum exists unless c separates y (Albert & Anderson 1984)."""

    def value_and_gradient(u):
        z = (2 * y - 1) * (u[0] + c @ u[1:])
        slope = (2 * y - 1) * special.expit(-z)
        return float(-np.logaddexp(0, -z).sum()), np.r_[slope.sum(), slope @ c]

    def join(parameters):
        return np.r_[parameters["intercept"], parameters["slope"]]

    return LogDensity(
        size=1 + c.shape[1],
        places={"intercept": np.arange(1), "slope": np.arange(1, 1 + c.shape[1])},
        value_and_gradient=value_and_gradient,
        values_and_gradients=lambda points: tuple(map(np.array, zip(*map(value_and_gradient, points), strict=True))),
        hessian=lambda u: np.zeros((0, 0)),
        constrain=lambda u: {"intercept": u[:1], "slope": u[1:]},
        unconstrain=join,
        is_real=np.ones(1 + c.shape[1], dtype=bool),
    )


@pytest.mark.parametrize("kind", ["none", "complete", "quasi-complete"])
def test_a_ridge_is_told_from_a_maximum(kind):
    """Quasi-complete: one covariate separates all rows but some at its boundary, the other has a finite slope there."""
    rng = np.random.default_rng(1)
    c = rng.normal(size=(200, 2))
    y = (rng.random(200) < special.expit(c @ [1.0, 0.5])).astype(float)
    if kind == "complete":
        y = (c @ [1.0, 0.5] > 0.1).astype(float)
    if kind == "quasi-complete":
        c[:, 0] = np.sign(c[:, 0])
        c[:60, 0] = 0.0
        y[60:] = c[60:, 0] > 0
    density = logistic(c, y)
    u = np.zeros(3)
    for _ in range(400):
        u = u + 0.02 * density.value_and_gradient(u)[1]
    end, _ = polish(density, density.constrain(u), {})
    shapes = {"intercept": (1,), "slope": (2,)}
    sites = Sites(
        tuple(Site(n, "parameter", shape, ("",), "real", False, shape[0]) for n, shape in shapes.items()),
        (("intercept", "slope"),),
    )
    assert runs_off(density, sites, end, {}) is (None if kind == "none" else Status.RUNAWAY)


def test_separated_outcomes_are_said():
    c = np.linspace(-2, 2, 40)
    model = Mixture(1, families.Regression("bernoulli"))
    separated = Observations((c > 0.3).astype(float), covariates=c)
    assert inference.fit_mle(model, separated, restarts=2, seed=0).status is Status.RUNAWAY
    mixed = np.where(np.arange(40) % 5 == 0, c <= 0.3, c > 0.3).astype(float)
    assert inference.fit_mle(model, Observations(mixed, covariates=c), restarts=2, seed=0).status is Status.CONVERGED


@pytest.mark.quick("100000000.0-*", reason="what holds further off holds nearer")
@pytest.mark.parametrize("backend", ["numpyro", "pyro"])
@pytest.mark.parametrize("far", [1e6, 1e8])
def test_the_mode_of_clusters_far_apart_is_that_of_each_alone(far, backend):
    """By SciPy, cluster by cluster, about its own mean; starts are as far apart as the clusters, a million times their width."""
    x = np.r_[QUANTILES, far + QUANTILES]
    model = gaussian_mixture(2)
    fit = inference.fit_map(model, x, restarts=6, seed=0, backend=backend)
    assert fit.status is Status.CONVERGED
    priors = {site: dict(prior.parameters) for site, prior in model.scaled_to(Observations(x)).priors.items()}
    for k, place in zip(np.argsort(fit.parameters["loc"]), (0.0, far), strict=True):

        def loss(u, place=place):
            prior = stats.norm(priors["loc"]["loc"] - place, priors["loc"]["scale"]).logpdf(u[0])
            prior += stats.norm(priors["scale"]["loc"], priors["scale"]["scale"]).logpdf(u[1]) - u[1]
            return -(prior + stats.norm(u[0], np.exp(u[1])).logpdf(QUANTILES).sum())

        best = optimize.minimize(loss, np.zeros(2), method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-12})
        found = [fit.parameters["loc"][k] - place, np.log(fit.parameters["scale"][k])]
        np.testing.assert_allclose(found, best.x, atol=1e-3)


QUANTILES = stats.norm.ppf((np.arange(40) + 0.5) / 40)


@pytest.mark.quick("mle", reason="the limit is one judgement")
@pytest.mark.parametrize("verb", ["em", "mle"])
def test_without_heavy_tails_students_t_is_at_a_limit_which_is_the_normal(verb):
    """Tails lighter than the normal's: the likelihood rises with the degrees of freedom, to that of normal components."""
    x = np.concatenate([QUANTILES, 6 + QUANTILES])
    fit, normal = VERBS[verb](Mixture(2, families.StudentT(df=None)), x), VERBS["em"](gaussian_mixture(2), x)
    assert fit.status is Status.LIMIT and fit.status.is_sound
    assert "at a limit" in str(fit)
    assert fit.parameters["df"].min() > 1e4
    assert fit.log_likelihood == pytest.approx(normal.log_likelihood, rel=1e-6)
    ours, theirs = (np.argsort(each.parameters["loc"]) for each in (fit, normal))
    for site in ("weights", "loc", "scale"):
        np.testing.assert_allclose(fit.parameters[site][ours], normal.parameters[site][theirs], rtol=1e-3, atol=1e-3)


def test_a_prior_keeps_the_degrees_of_freedom_from_their_limit():
    """Against SciPy's optimum of the same posterior density, written out by hand."""
    model = Mixture(1, families.StudentT(df=None))
    fit = VERBS["map"](model, QUANTILES)
    priors = {site: dict(prior.parameters) for site, prior in model.scaled_to(Observations(QUANTILES)).priors.items()}

    def loss(u):
        df, loc, scale = np.exp(u[0]), u[1], np.exp(u[2])
        prior = stats.gamma(priors["df"]["concentration"], scale=1 / priors["df"]["rate"]).logpdf(df)
        prior += stats.norm(priors["loc"]["loc"], priors["loc"]["scale"]).logpdf(loc)
        prior += stats.norm(priors["scale"]["loc"], priors["scale"]["scale"]).logpdf(u[2]) - u[2]
        return -(prior + stats.t(df, loc, scale).logpdf(QUANTILES).sum())

    best = optimize.minimize(loss, np.zeros(3), method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-12})
    assert fit.status is Status.CONVERGED
    assert fit.log_posterior == pytest.approx(-best.fun, abs=1e-6)
    found = [np.log(fit.parameters["df"][0]), fit.parameters["loc"][0], np.log(fit.parameters["scale"][0])]
    np.testing.assert_allclose(found, best.x, atol=1e-3)


@pytest.mark.parametrize("unit", [1e-160, 1e-300])
def test_differences_whose_squares_are_no_numbers_are_refused(unit):
    frame = pd.DataFrame({"a": NORMAL[:, 0], "b": unit * NORMAL[:, 1]})
    with pytest.raises(DataError, match="column 'b'.*another unit"):
        inference.fit_em(gaussian_mixture(2), frame, restarts=1, seed=0)


@pytest.mark.quick("em", reason="they are named by one code")
@pytest.mark.parametrize("verb", ["em", "mle"])
def test_columns_of_one_value_are_named(verb):
    frame = pd.DataFrame(np.random.default_rng(3).normal(size=(50, 2)), columns=["a", "b"]).assign(flat=1.0)
    fit = VERBS[verb](gaussian_mixture(2), frame)
    assert fit.status is not Status.CONVERGED
    assert "column 'flat' has one value in all rows, 1.0" in str(fit)
    if not fit.status.is_sound:
        with pytest.raises(FitError, match="flat"):
            VERBS[verb](gaussian_mixture(2), frame, strict=True)


def test_columns_that_depend_on_each_other_are_named():
    x = np.random.default_rng(3).normal(size=(50, 2))
    fit = inference.fit_em(gaussian_mixture(2), np.c_[x, x @ [1.0, -2.0] + 3.0], restarts=3, seed=0)
    assert not fit.status.is_sound
    assert "columns 0, 1, 2 are linearly dependent" in str(fit)


# forty rows wherever their number does not matter: these share their compiled programs
NORMAL = np.random.default_rng(7).normal(size=(40, 2))
ODD = {
    "duplicates": np.repeat(NORMAL[:8], 5, axis=0),
    "one row repeated": np.concatenate([NORMAL[:25], np.ones((15, 2))]),
    "two values": np.repeat([0.0, 1.0], 20),
    "three values": np.resize([0.0, 1.0, 5.0], 40),
    "constant": np.full((40, 2), 3.0),
    "as many rows as parameters": NORMAL[:5],
    "three rows": NORMAL[:3],
    "four rows": NORMAL[:4, 0],
    "offset": NORMAL + 1e9,
    "larger offset": NORMAL + 1e12,
    "an offset that leaves one digit": np.round(8 * NORMAL) + 1e15,
    "units apart": NORMAL * [1e-100, 1e100],
    "a far row": np.concatenate([NORMAL[:39], [[1e12, -1e12]]]),
    "one variable, a far row": np.r_[NORMAL[:39, 0], 1e9],
    "tight clusters": np.concatenate([1e-6 * NORMAL[:20], 1e-6 * NORMAL[20:] + 1.0]),
    "small integers": np.random.default_rng(1).integers(0, 3, (40, 2)).astype(float),
    "a lattice": np.array([(i, j) for i in range(5) for j in range(8)], dtype=float),
    "zeros and more": np.r_[np.zeros(20), NORMAL[20:, 0]],
    "heavy tails": np.random.default_rng(2).standard_cauchy((40, 2)),
    "rounding alone": 5.0 + 1e-12 * NORMAL,
    "beyond normal numbers": NORMAL * 1e-300,
}


@pytest.mark.quick(
    "duplicates",
    "tight clusters",
    "a far row",
    "four rows",
    "zeros and more",
    "constant",
    "heavy tails",
    "one row repeated",
    reason="each status",
)
@pytest.mark.parametrize("name", ODD)
def test_what_is_called_sound_is(name):
    x = ODD[name]
    for structure in ("full", "tied"):
        model = gaussian_mixture(2, structure)
        try:
            fit = inference.fit_em(model, x, restarts=6, seed=0)
        except DataError:
            continue
        if fit.status.is_sound:
            assert fit.log_likelihood == pytest.approx(log_likelihood(model, fit, x), rel=1e-8)
            assert inference.log_likelihood(fit, x).sum() == pytest.approx(fit.log_likelihood, rel=1e-8)
            assert np.isfinite(inference.responsibilities(fit, x)).all()
