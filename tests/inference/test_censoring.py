"""Cells known by bounds alone, under every verb: against scipy's distribution functions, closed forms and brute force."""

import itertools

import numpy as np
import pytest
from scipy import optimize, stats
from scipy.special import gammaln, logsumexp

import inference
from inference.backends import bind, engine
from inference.draws import observations_of
from mixtures import Mixture, Observations, families, hidden_markov, priors, simulate
from mixtures.errors import DataError, ModelError

NAN = float("nan")
WEIGHTS = np.array([0.4, 0.6])

TIMES = Observations(
    [0.7, NAN, NAN, NAN, NAN], lower=[NAN, 1.9, NAN, 0.4, NAN], upper=[NAN, NAN, 0.6, 1.3, NAN], missing="allow"
)
SHARES = Observations(
    [0.7, NAN, NAN, NAN, NAN], lower=[NAN, 0.9, NAN, 0.4, NAN], upper=[NAN, NAN, 0.6, 0.5, NAN], missing="allow"
)
COUNTS = Observations(
    [3.0, NAN, NAN, NAN, NAN], lower=[NAN, 4.0, NAN, 1.0, NAN], upper=[NAN, NAN, 2.0, 5.0, NAN], missing="allow"
)
"""A cell that is known, and one each that is right-censored, left-censored, in an interval, and missing."""

FAMILIES = {
    "gaussian": (
        families.Gaussian(),
        {"loc": [0.0, 1.0], "scale": [1.0, 0.5]},
        lambda loc, scale: stats.norm(loc, scale),
        TIMES,
    ),
    "student_t": (
        families.StudentT(),
        {"df": [3.0, 9.0], "loc": [0.0, 1.0], "scale": [1.0, 0.5]},
        lambda df, loc, scale: stats.t(df, loc, scale),
        TIMES,
    ),
    "log_normal": (
        families.LogNormal(),
        {"loc": [0.0, 0.5], "scale": [1.0, 0.5]},
        lambda loc, scale: stats.lognorm(scale, scale=np.exp(loc)),
        TIMES,
    ),
    "gamma": (
        families.Gamma(),
        {"concentration": [0.7, 4.0], "rate": [1.0, 3.0]},
        lambda concentration, rate: stats.gamma(concentration, scale=1 / rate),
        TIMES,
    ),
    "exponential": (families.Exponential(), {"rate": [0.7, 2.0]}, lambda rate: stats.expon(scale=1 / rate), TIMES),
    "weibull": (
        families.Weibull(),
        {"scale": [1.0, 2.0], "concentration": [0.8, 3.0]},
        lambda scale, concentration: stats.weibull_min(concentration, scale=scale),
        TIMES,
    ),
    "inverse_gaussian": (
        families.InverseGaussian(),
        {"loc": [1.0, 2.0], "concentration": [0.8, 5.0]},
        lambda loc, concentration: stats.invgauss(loc / concentration, scale=concentration),
        TIMES,
    ),
    "generalized_pareto": (
        families.GeneralizedPareto(),
        {"scale": [1.0, 2.0], "concentration": [0.2, 1.5]},
        lambda scale, concentration: stats.genpareto(concentration, scale=scale),
        TIMES,
    ),
    "beta": (
        families.Beta(),
        {"concentration1": [0.7, 4.0], "concentration0": [2.0, 3.0]},
        lambda concentration1, concentration0: stats.beta(concentration1, concentration0),
        SHARES,
    ),
    "poisson": (families.Poisson(), {"rate": [0.7, 4.0]}, lambda rate: stats.poisson(rate), COUNTS),
    "negative_binomial": (
        families.NegativeBinomial(),
        {"concentration": [0.7, 4.0], "rate": [0.5, 1.0]},
        lambda concentration, rate: stats.nbinom(concentration, rate / (1 + rate)),
        COUNTS,
    ),
    "binomial": (families.Binomial(8), {"probs": [0.3, 0.6]}, lambda probs: stats.binom(8, probs), COUNTS),
    "categorical": (
        families.Categorical(6),
        {"probs": [[0.3, 0.1, 0.1, 0.2, 0.1, 0.2], [0.1, 0.2, 0.3, 0.1, 0.2, 0.1]]},
        lambda probs: stats.rv_discrete(values=(range(6), probs)),
        COUNTS,
    ),
    "truncated gaussian": (
        families.Truncated(families.Gaussian(), low=0.2, high=2.5),
        {"loc": [0.0, 1.0], "scale": [1.0, 0.5]},
        lambda loc, scale: stats.truncnorm((0.2 - loc) / scale, (2.5 - loc) / scale, loc, scale),
        TIMES,
    ),
}


def exact(law, x: Observations) -> np.ndarray:
    """log of a density, or of the probability of an interval with both ends, of each row."""
    is_discrete = hasattr(law.dist, "pmf") if hasattr(law, "dist") else True
    found = []
    low = np.full(len(x), -np.inf) if x.lower is None else x.lower
    high = np.full(len(x), np.inf) if x.upper is None else x.upper
    for value, a, b in zip(x.x, low, high, strict=True):
        if not np.isnan(value):
            found.append(law.logpmf(value) if is_discrete else law.logpdf(value))
        else:
            found.append(np.log(law.cdf(b) - law.cdf(a - is_discrete)))
    return np.array(found)


@pytest.mark.parametrize("name", FAMILIES)
def test_what_is_known_of_a_row_by_its_bounds(name, backend):
    """Densities of known cells, probabilities of the others, 0 of missing ones."""
    family, parameters, law, x = FAMILIES[name]
    values = {"weights": WEIGHTS, **{site: np.array(value) for site, value in parameters.items()}}
    table = engine(backend).log_joint(Mixture(2, family), values, x)
    for k in (0, 1):
        of_k = law(**{site: np.array(value)[k] for site, value in parameters.items()})
        np.testing.assert_allclose(table[:, k] - np.log(WEIGHTS[k]), exact(of_k, x), rtol=1e-10, atol=1e-12)


def test_columns_have_bounds_of_their_own(backend):
    """In a product of families, and in a diagonal Gaussian, where known, censored and missing cells stand side by side."""
    x = Observations(
        np.array([[0.5, NAN], [NAN, 2.0], [NAN, NAN]]),
        lower=np.array([[NAN, 3.0], [NAN, NAN], [0.0, NAN]]),
        upper=np.array([[NAN, NAN], [NAN, NAN], [1.0, 4.0]]),
        missing="allow",
    )
    first, second = stats.norm(0.3, 0.8), stats.poisson(2.5)
    wanted = [
        first.logpdf(0.5) + np.log(second.sf(2)),
        second.logpmf(2),
        np.log(first.cdf(1) - first.cdf(0)) + second.logcdf(4),
    ]
    product = Mixture(1, families.Product({"a": families.Gaussian(), "b": families.Poisson()}))
    values = {"weights": np.ones(1), "a_loc": np.array([0.3]), "a_scale": np.array([0.8]), "b_rate": np.array([2.5])}
    np.testing.assert_allclose(engine(backend).log_joint(product, values, x)[:, 0], wanted, rtol=1e-10)

    other = stats.norm(1.0, 2.0)
    diag = {"weights": np.ones(1), "loc": np.array([[0.3, 1.0]]), "scale": np.array([[0.8, 2.0]])}
    wanted = [
        first.logpdf(0.5) + other.logsf(3),
        other.logpdf(2),
        np.log(first.cdf(1) - first.cdf(0)) + other.logcdf(4),
    ]
    table = engine(backend).log_joint(Mixture(1, families.Gaussian("diag")), diag, x)
    np.testing.assert_allclose(table[:, 0], wanted, rtol=1e-10)


def test_a_narrow_interval_has_the_density_times_its_width(backend):
    """Where two distribution functions agree in all digits, and far out."""
    low = np.array([0.3, -0.8, 30.0, 0.3])
    width = np.array([1e-9, 1e-13, 1e-7, 1e-4])
    x = Observations(np.full(4, NAN), lower=low, upper=low + width)
    values = {"weights": np.ones(1), "loc": np.zeros(1), "scale": np.ones(1)}
    table = engine(backend).log_joint(Mixture(1, families.Gaussian()), values, x)[:, 0]
    width = x.upper - x.lower
    np.testing.assert_allclose(table, stats.norm.logpdf(low + width / 2) + np.log(width), rtol=1e-9)


@pytest.mark.quick("numpyro", reason="of bounds both backends know the same")
def test_the_rate_of_censored_waiting_times_is_events_by_time(backend):
    """Closed form: of an exponential, events / total time at risk; EM, gradients and the mode under a gamma prior."""
    rng = np.random.default_rng(0)
    time, end = rng.exponential(2.0, 60), rng.uniform(0.5, 4.0, 60)
    x = Observations(np.where(time <= end, time, NAN), lower=np.where(time <= end, NAN, end))
    events, total = np.sum(time <= end), np.minimum(time, end).sum()
    model = Mixture(1, families.Exponential(priors={"rate": priors.Gamma(3.0, 2.0)}))
    for fit in (inference.fit_em, inference.fit_mle):
        found = fit(model, x, restarts=1, seed=0, backend=backend)
        np.testing.assert_allclose(found.parameters["rate"], [events / total], rtol=1e-6)
        np.testing.assert_allclose(found.log_likelihood, events * np.log(events / total) - events, rtol=1e-9)
    found = inference.fit_map(model, x, restarts=1, seed=0, backend=backend)
    np.testing.assert_allclose(found.parameters["rate"], [(events + 3.0 - 1) / (total + 2.0)], rtol=1e-6)


@pytest.fixture(scope="module")
def survival():
    """Times of two overlapping Weibulls, some not seen to their end."""
    rng = np.random.default_rng(3)
    time = np.where(rng.random(150) < 0.4, rng.weibull(1.5, 150), 5 * rng.weibull(2.5, 150))
    end = rng.uniform(1, 8, 150)
    return Observations(np.where(time <= end, time, NAN), lower=np.where(time <= end, NAN, end))


def _log_likelihood(u, x):
    """Of two Weibulls, by scipy, from an unconstrained vector."""
    share, scale, shape = 1 / (1 + np.exp(-u[0])), np.exp(u[1:3]), np.exp(u[3:5])
    laws = [stats.weibull_min(shape[k], scale=scale[k]) for k in (0, 1)]
    is_seen = ~np.isnan(x.x)
    each = [
        np.where(is_seen, law.logpdf(np.where(is_seen, x.x, 1.0)), law.logsf(np.where(is_seen, 1.0, x.lower)))
        for law in laws
    ]
    return logsumexp([np.log(share) + each[0], np.log1p(-share) + each[1]], axis=0).sum()


@pytest.mark.quick("pyro", reason="of bounds both backends know the same")
def test_a_survival_mixture_at_its_maximum(survival, backend):
    """EM and gradients end where scipy's optimiser, on scipy's densities, finds nothing higher."""
    model = Mixture(2, families.Weibull())
    for fit in (inference.fit_em, inference.fit_mle):
        found = fit(model, survival, restarts=4, seed=0, backend=backend)
        p = found.parameters
        u = np.concatenate(
            [[np.log(p["weights"][0] / p["weights"][1])], np.log(p["scale"]), np.log(p["concentration"])]
        )
        np.testing.assert_allclose(found.log_likelihood, _log_likelihood(u, survival), rtol=1e-9)
        best = optimize.minimize(lambda u: -_log_likelihood(u, survival), u, method="BFGS")
        assert -best.fun < found.log_likelihood + 1e-5


@pytest.mark.quick("pyro", reason="of bounds both backends know the same")
def test_assignments_of_censored_rows(survival, backend):
    """Responsibilities by scipy; what has not ended yet belongs to the longer-lived component."""
    fit = inference.fit_map(Mixture(2, families.Weibull()), survival, restarts=4, seed=0, backend=backend)
    p = fit.parameters
    laws = [stats.weibull_min(p["concentration"][k], scale=p["scale"][k]) for k in (0, 1)]
    new = Observations([NAN, 1.0], lower=[6.0, NAN])
    each = np.log(p["weights"]) + np.array([[law.logsf(6.0) for law in laws], [law.logpdf(1.0) for law in laws]])
    wanted = np.exp(each - logsumexp(each, axis=1, keepdims=True))
    np.testing.assert_allclose(inference.responsibilities(fit, new), wanted, atol=1e-9)
    np.testing.assert_allclose(inference.log_likelihood(fit, new), logsumexp(each, axis=1), rtol=1e-9)
    assert inference.classify(fit, new)[0] == np.argmax(p["scale"])


@pytest.mark.quick("pyro", reason="of bounds both backends know the same")
def test_a_chain_of_censored_rows(backend):
    """Sum over all paths of states."""
    x = Observations([1.0, NAN, NAN, 4.0], lower=[NAN, 3.0, NAN, NAN], upper=[NAN, NAN, 1.0, NAN])
    initial, move, rate = np.array([0.3, 0.7]), np.array([[0.8, 0.2], [0.4, 0.6]]), np.array([1.0, 4.0])
    emission = np.stack([exact(stats.poisson(r), x) for r in rate], axis=1)
    paths = [
        np.log(initial[z[0]]) + sum(np.log(move[a, b]) for a, b in itertools.pairwise(z)) + emission[range(4), z].sum()
        for z in itertools.product((0, 1), repeat=4)
    ]
    model = hidden_markov(2, families.Poisson())
    values = {"initial": initial[None], "transition": move[None], "rate": rate[None]}
    bound = bind(model, x, backend)
    table = np.asarray(bound.emissions(values)[0])
    np.testing.assert_allclose(table, emission, rtol=1e-10)
    found = bound.log_densities(values)[0]
    np.testing.assert_allclose(found, logsumexp(paths), rtol=1e-10)


def test_cure_is_a_component_that_never_ends(backend):
    """log(share of cured + share of others x their survival), by hand."""
    model = Mixture(2, families.PerComponent([families.Never(), families.Exponential()]))
    x = Observations([0.5, NAN, NAN], lower=[NAN, 3.0, 0.2])
    values = {"weights": np.array([0.3, 0.7]), "rate_1": np.array(0.9)}
    table = engine(backend).log_joint(model, values, x)
    wanted = [np.log(0.7 * 0.9 * np.exp(-0.45)), np.log(0.3 + 0.7 * np.exp(-2.7)), np.log(0.3 + 0.7 * np.exp(-0.18))]
    np.testing.assert_allclose(logsumexp(table, axis=1), wanted, rtol=1e-12)


@pytest.mark.quick("pyro", reason="of bounds both backends know the same")
def test_the_share_of_cured_at_its_maximum(backend):
    """EM ends where scipy's optimiser does."""
    rng = np.random.default_rng(1)
    time = np.where(rng.random(200) < 0.4, np.inf, rng.exponential(1.5, 200))
    end = rng.uniform(2, 6, 200)
    is_seen = time <= end
    x = Observations(np.where(is_seen, time, NAN), lower=np.where(is_seen, NAN, end))

    def loss(u):
        cured, rate = 1 / (1 + np.exp(-u[0])), np.exp(u[1])
        seen = np.log1p(-cured) + np.log(rate) - rate * np.where(is_seen, time, 1.0)
        return -np.where(is_seen, seen, np.log(cured + (1 - cured) * np.exp(-rate * end))).sum()

    best = optimize.minimize(loss, np.zeros(2), method="BFGS", options={"gtol": 1e-8})
    model = Mixture(2, families.PerComponent([families.Never(), families.Exponential()]))
    fit = inference.fit_em(model, x, restarts=2, seed=0, backend=backend)
    np.testing.assert_allclose(fit.parameters["weights"][0], 1 / (1 + np.exp(-best.x[0])), rtol=1e-4)
    np.testing.assert_allclose(fit.log_likelihood, -best.fun, rtol=1e-9)


CONJUGATE = Mixture(1, families.Exponential(priors={"rate": priors.Gamma(3.0, 2.0)}))
WAITING = Observations([0.4, 2.2, NAN, NAN, 1.1, NAN], lower=[NAN, NAN, 1.0, 3.0, NAN, 0.7])
EVENTS, TOTAL = 3, 8.4


@pytest.mark.statistical
@pytest.mark.parametrize("backend", ["numpyro", pytest.param("pyro", marks=pytest.mark.slow)])
def test_draws_of_censored_waiting_times(backend):
    """The posterior is Gamma(3 + events, 2 + time at risk); the tree gives its data back."""
    draws = inference.sample_nuts(CONJUGATE, WAITING, draws=600, tune=300, chains=2, seed=0, backend=backend)
    rate = draws["posterior"]["rate"].values.ravel()
    exact = stats.gamma(3 + EVENTS, scale=1 / (2 + TOTAL))
    error = exact.std() / np.sqrt(len(rate) / 4)
    assert abs(rate.mean() - exact.mean()) < 5 * error
    assert abs(rate.std() / exact.std() - 1) < 0.25
    assert observations_of(draws).fingerprint == WAITING.fingerprint


@pytest.mark.slow  # the density is exact above, and evidence of any density in test_smc.py
@pytest.mark.statistical
def test_evidence_of_censored_waiting_times():
    """Integral of rate^events e^-(rate time) over the gamma prior."""
    found = inference.sample_smc(CONJUGATE, WAITING, seed=0)
    exact = gammaln(3 + EVENTS) - gammaln(3) + 3 * np.log(2) - (3 + EVENTS) * np.log(2 + TOTAL)
    assert abs(float(found.attrs["log_evidence"]) - exact) < 0.2


@pytest.mark.quick("pyro-gaussian", "numpyro-poisson", "numpyro-gamma", reason="each backend, and each kind of number")
@pytest.mark.statistical
@pytest.mark.parametrize(
    ("family", "parameters", "law"),
    [
        (
            families.Truncated(families.Gaussian(), low=1.0),
            {"loc": [-2.0], "scale": [1.0]},
            stats.truncnorm(3.0, np.inf, -2.0, 1.0),
        ),
        (families.Truncated(families.Gamma(), 0.5, 2.0), {"concentration": [2.0], "rate": [3.0]}, None),
        (families.Truncated(families.Poisson(), low=1), {"rate": [1.3]}, None),
    ],
    ids=["gaussian", "gamma", "poisson"],
)
def test_what_was_kept_is_drawn_by_its_distribution_function(family, parameters, law, backend):
    x = simulate(Mixture(1, family), 1000, 0, {"weights": [1.0], **parameters}, backend)["obs"]
    if isinstance(family.family, families.Poisson):
        counts = np.bincount(x.astype(int), minlength=8)
        probs = stats.poisson(1.3).pmf(np.arange(len(counts))) / stats.poisson(1.3).sf(0)
        assert counts[0] == 0
        pooled = np.append(probs[1:5], 1 - probs[1:5].sum())
        assert stats.chisquare(np.append(counts[1:5], counts[5:].sum()), 1000 * pooled).pvalue > 1e-4
        return
    base = stats.gamma(2.0, scale=1 / 3.0)
    cdf = law.cdf if law is not None else lambda x: (base.cdf(x) - base.cdf(0.5)) / (base.cdf(2.0) - base.cdf(0.5))
    assert stats.kstest(x, cdf).pvalue > 1e-4


@pytest.mark.quick("pyro", reason="of bounds both backends know the same")
def test_a_truncated_family_at_its_maximum(backend):
    """The rate of counts without zeros solves rate / (1 - e^-rate) = mean."""
    x = np.array([1.0, 1.0, 2.0, 4.0, 1.0, 3.0, 2.0])
    exact = optimize.brentq(lambda rate: rate / -np.expm1(-rate) - x.mean(), 0.1, 9.0)
    fit = inference.fit_mle(
        Mixture(1, families.Truncated(families.Poisson(), low=1)), x, restarts=2, seed=0, backend=backend
    )
    np.testing.assert_allclose(fit.parameters["rate"], [exact], rtol=1e-5)


@pytest.mark.quick("pyro", reason="of bounds both backends know the same")
def test_rounded_data(backend):
    """Bins of a normal sample: the maximum of the multinomial likelihood, by scipy."""
    x = np.round(np.random.default_rng(5).normal(2.0, 0.8, 80))
    low, high = x - 0.5, x + 0.5

    def loss(u):
        law = stats.norm(u[0], np.exp(u[1]))
        return -np.log(law.cdf(high) - law.cdf(low)).sum()

    best = optimize.minimize(loss, [2.0, 0.0], method="BFGS", options={"gtol": 1e-8})
    binned = Observations(np.full(80, NAN), lower=low, upper=high)
    fit = inference.fit_mle(Mixture(1, families.Gaussian()), binned, restarts=2, seed=0, backend=backend)
    np.testing.assert_allclose(
        [fit.parameters["loc"][0], fit.parameters["scale"][0]], [best.x[0], np.exp(best.x[1])], rtol=1e-4
    )


def test_bounds_in_words():
    """Each mistake has its text."""
    with pytest.raises(DataError, match="lower: got 3.0 at row 0.*not above the upper"):
        Observations([NAN], lower=[3.0], upper=[1.0])
    with pytest.raises(DataError, match="upper: got 2.0 at row 1.*NaN in x"):
        Observations([1.0, 1.5], upper=[NAN, 2.0])
    with pytest.raises(DataError, match="lower: got shape"):
        Observations([1.0, 1.5], lower=[1.0])
    with pytest.raises(DataError, match="finite numbers"):
        Observations([NAN, NAN], lower=[1.0, NAN])
    with pytest.raises(DataError, match="all censored on one side"):
        inference.fit_map(Mixture(1, families.Exponential()), Observations([NAN, NAN], lower=[1.0, 2.0]), seed=0)
    with pytest.raises(DataError, match="upper: got -1.0 at row 0.*numbers > 0"):
        inference.fit_map(Mixture(1, families.Gamma()), Observations([NAN, 1.0], upper=[-1.0, NAN]), seed=0)
    with pytest.raises(DataError, match="no distribution function"):
        inference.fit_map(Mixture(1, families.VonMises()), Observations([NAN, 1.0], upper=[1.0, NAN]), seed=0)
    table = Observations([[NAN, 1.0], [0.0, 2.0]], upper=[[1.0, NAN], [NAN, NAN]])
    with pytest.raises(DataError, match="covariance='diag'"):
        inference.fit_map(Mixture(1, families.Gaussian()), table, seed=0)
    with pytest.raises(ModelError, match="low < high"):
        families.Truncated(families.Gaussian())
    with pytest.raises(ModelError, match="no distribution function"):
        families.Truncated(families.VonMises(), low=0.0)


def test_bounds_go_along():
    """With rows that are taken, columns, and where both are one number."""
    x = Observations([[NAN, 1.0], [NAN, 2.0]], lower=[[0.0, NAN], [3.0, NAN]], upper=[[2.0, NAN], [3.0, NAN]])
    assert x.x[1, 0] == 3.0
    np.testing.assert_array_equal(x.is_censored, [[True, False], [False, False]])
    np.testing.assert_array_equal(x.substituted, [[1.0, 1.0], [3.0, 2.0]])
    assert x.take([1]).lower is None
    assert x.take([0]).upper.tolist() == [[2.0, np.inf]]
    assert x.column(0).lower.tolist() == [0.0, -np.inf]
    assert x.column(1).lower is None
    assert Observations(x, missing="allow").fingerprint == x.fingerprint
    assert x.with_labels([0, 1]).upper is not None
