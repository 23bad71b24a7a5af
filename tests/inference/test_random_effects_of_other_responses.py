"""Effects of groups within components of regressions that are not normal: against SciPy's integrals over effects and sums over the components of
groups, finite differences, lme4, and moments of what is simulated. The quadrature itself is in `tests/mixtures/test_group_marginal.py`."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import expit, gammaln, log_expit, logsumexp, xlogy
from scipy.stats import binom, gamma, nbinom

import inference
from inference.backends import bind
from mixtures import Mixture, Observations, families, simulate
from mixtures.assignments import PerGroup
from mixtures.errors import ModelError
from tests.inference.plots.conftest import point_fit
from tests.inference.test_random_effects import GROUP, SLOPES, VALUES, C, stacked
from tests.slopes import central_differences

RNG = np.random.default_rng(1)
TRIALS, EXPOSURE = RNG.integers(3, 9, 10).astype(float), RNG.uniform(0.5, 2.0, 10)
LINE = ("intercept", "slope", "random_intercept_scale")
BESIDE = {"concentration": np.array([1.5, 4.0]), "gaps": np.array([[0.7, 1.2], [1.5, 0.4]])}


def of_categories(y, eta, gaps):
    over = [np.ones(len(eta)), *(expit(eta - cutpoint) for cutpoint in (0.0, *np.cumsum(gaps))), np.zeros(len(eta))]
    return np.log([over[int(one)][i] - over[int(one) + 1][i] for i, one in enumerate(y)])


def of_counts(y, eta, exposure):
    return xlogy(y, exposure) + y * eta - exposure * np.exp(eta) - gammaln(y + 1)


# kind: responses, the site beside the line, (y, eta, that site's value, rows) -> log densities by the formulas of textbooks
KINDS = {
    "poisson": (RNG.poisson(1.5, 10), None, lambda y, eta, _, rows: of_counts(y, eta, EXPOSURE[rows])),
    "negative_binomial": (
        RNG.poisson(2.5, 10),
        "concentration",
        lambda y, eta, c, rows: nbinom.logpmf(y, c, c / (c + EXPOSURE[rows] * np.exp(eta))),
    ),
    "gamma": (RNG.gamma(2.0, 1.0, 10), "concentration", lambda y, eta, c, _: gamma.logpdf(y, c, scale=np.exp(eta) / c)),
    "bernoulli": (RNG.integers(2, size=10), None, lambda y, eta, *_: log_expit(np.where(y == 1, eta, -eta))),
    "binomial": (RNG.binomial(3, 0.5, 10), None, lambda y, eta, _, rows: binom.logpmf(y, TRIALS[rows], expit(eta))),
    "ordinal": (RNG.integers(4, size=10), "gaps", lambda y, eta, gaps, _: of_categories(y, eta, gaps)),
}
KNOWN = {"poisson": {"exposure": EXPOSURE}, "negative_binomial": {"exposure": EXPOSURE}, "binomial": {"trials": TRIALS}}


def family(kind, **options):
    return families.Regression(kind, 4 if kind == "ordinal" else None, random="intercept", **options)


def values_of(kind):
    beside = KINDS[kind][1]
    return {name: VALUES[name] for name in LINE} | ({} if beside is None else {beside: BESIDE[beside]})


def integral(kind, x, y, g, k, power):
    """Integral of b^power p(x_g, b | k) over the effect b, by SciPy."""
    _, beside, log_density = KINDS[kind]
    rows, scale = np.flatnonzero((x.group == g) & ~np.isnan(y)), VALUES["random_intercept_scale"][k]
    eta, own = VALUES["intercept"][k] + C[rows] @ VALUES["slope"][k], None if beside is None else BESIDE[beside][k]

    def weigh(b):
        return b**power * np.exp(np.sum(log_density(y[rows], eta + b, own, rows)) - 0.5 * (b / scale) ** 2)

    # a first moment may be 0, which no relative error is good for
    exact = {"epsabs": 0, "epsrel": 1e-8} if power != 1 else {"epsabs": 1e-9 * quad(lambda b: abs(weigh(b)), -9, 9)[0]}
    return quad(weigh, -9 * scale, 9 * scale, limit=100, **exact)[0] / scale / np.sqrt(2 * np.pi)


def integrals(kind, x, y, power=0):
    """The same of all groups and components, (groups, components)."""
    return np.array([[integral(kind, x, y, g, k, power) for k in range(2)] for g in range(len(x.group_names))])


def test_groups_have_the_densities_of_integrals(backend):
    """All kinds in parallel, a column each, which has effects of its own: log densities add up, and a missing cell says nothing."""
    y = np.column_stack([one for one, _, _ in KINDS.values()]).astype(float)
    y[[0, 7], [1, 4]] = np.nan
    alike = {name: np.repeat(value[:, None], 6, axis=1) for name, value in (("trials", TRIALS), ("exposure", EXPOSURE))}
    x = Observations(y, covariates=C, group=GROUP, feature_names=tuple(KINDS), missing="allow", **alike)
    model = Mixture(2, families.Product({kind: family(kind) for kind in KINDS}), PerGroup())
    values = {f"{kind}_{site}": value for kind in KINDS for site, value in values_of(kind).items()}
    values |= {"weights": VALUES["weights"]}
    each = np.sum([np.log(integrals(kind, x, y[:, j])) for j, kind in enumerate(KINDS)], axis=0)
    right = logsumexp(np.log(VALUES["weights"]) + each, axis=1)
    np.testing.assert_allclose(bind(model, x, backend).pointwise(stacked(values))[0], right, rtol=0, atol=1e-6)


@pytest.mark.parametrize("kind", ["poisson", "ordinal"])
def test_effects_are_predicted_as_integrals_say(kind):
    y = KINDS[kind][0].astype(float)
    y[[0, 7]] = np.nan  # of a group, and a whole one
    x = Observations(y, covariates=C, group=GROUP, missing="allow", **KNOWN.get(kind, {}))
    values = values_of(kind) | {"weights": VALUES["weights"]}
    joint = [(VALUES["weights"] * integrals(kind, x, y, power)).sum(axis=1) for power in range(3)]
    mean, square = joint[1] / joint[0], joint[2] / joint[0]
    found = inference.group_effects(point_fit(Mixture(2, family(kind), PerGroup()), x, values), x)
    np.testing.assert_allclose(found.mean["intercept"], mean, rtol=0, atol=1e-5)
    np.testing.assert_allclose(found.sd["intercept"], np.sqrt(square - mean**2), rtol=0, atol=1e-5)


LINES = Mixture(2, families.Regression("poisson", random=[1]), PerGroup())
COUNTS = np.where(
    np.isin(np.arange(10), [0, 7]), np.nan, KINDS["poisson"][0]
)  # one of a group is missing, and a whole one
X = Observations(COUNTS, covariates=C, group=GROUP, missing="allow")


def test_gradients_are_those_of_finite_differences(backend):
    """Nodes move with the parameters, and take their derivatives along; a group without rows that count has none."""
    density = bind(LINES, X, backend).log_density(jacobian=True)
    u = 0.5 * np.random.default_rng(1).normal(size=density.size)
    np.testing.assert_allclose(density.value_and_gradient(u)[1], central_differences(density, u), rtol=1e-6, atol=1e-6)


def test_both_backends_and_any_order_of_rows_agree_on_slopes():
    values = {name: VALUES[name] for name in (*LINE, "weights")} | SLOPES
    order = np.random.default_rng(1).permutation(10)
    mixed = Observations(X.x[order], covariates=C[order], group=GROUP[order], missing="allow")
    right = bind(LINES, X, "numpyro").log_likelihoods(stacked(values))[0]
    np.testing.assert_allclose(bind(LINES, mixed, "pyro").log_likelihoods(stacked(values))[0], right, rtol=1e-9)


@pytest.mark.statistical
def test_simulated_groups_have_new_effects(backend):
    """Two counts of a group have means exp(eta + s^2 / 2), and the covariance that a lognormal level gives them."""
    groups, level, scale = 4000, 0.3, 0.5
    group, truth = np.tile(np.arange(groups), 2), {"weights": np.array([1.0]), "intercept": np.array([level])}
    truth |= {"slope": np.array([[0.0]]), "random_intercept_scale": np.array([scale])}
    model = Mixture(1, families.Regression("poisson", random="intercept"), PerGroup())
    covariates = np.arange(2 * groups)[:, None] % 2
    y = simulate(model, 2 * groups, seed=0, given=truth, backend=backend, covariates=covariates, group=group)["obs"]
    first, second = np.asarray(y).reshape(2, groups).astype(float)
    mean = np.exp(level + scale**2 / 2)
    products = (first - mean) * (second - mean)
    assert abs(first.mean() - mean) < 5 * first.std() / np.sqrt(groups)
    assert abs(products.mean() - mean**2 * np.expm1(scale**2)) < 5 * products.std() / np.sqrt(groups)
    assert abs(np.mean((first - mean) * np.roll(second - mean, 1))) < 5 * products.std() / np.sqrt(groups)


INCIDENCE = (
    "2 3 4 0 3 1 1 8 2 0 2 2 0 2 0 5 0 0 1 3 0 0 1 8 1 3 0 12 2 0 0 0 1 1 0 2 0 5 3 1 2 1 0 0 1 2 0 0 11 0 0 0 1 1 1 0"
)
SIZE = "14 12 9 5 22 18 21 22 16 16 20 10 10 9 6 18 25 24 4 17 17 18 20 16 10 9 5 34 9 6 8 6 22 22 18 22 25 27 22 22 10 8 6 5 21 24 19 23 19 2 3 2 19 15 15 15"  # fmt: skip  # noqa: E501
HERD = np.repeat(np.arange(15), [4, 3] + [4] * 5 + [1] + [4] * 7)
PERIOD = np.concatenate([np.arange(count) for count in np.bincount(HERD)])


@pytest.mark.slow
def test_one_component_is_a_generalised_linear_mixed_model(backend):
    """Bovine pleuropneumonia (Lesnoff et al. 2004): lme4 1.1-31, glmer(cbind(incidence, size - incidence) ~ period + (1 | herd), cbpp, binomial,
    nAGQ = 25), with the constant that lme4 leaves out of the likelihood, sum(dbinom(incidence, size, incidence / size, log = TRUE))."""
    y, size = (np.array(text.split(), dtype=float) for text in (INCIDENCE, SIZE))
    x = Observations(y, trials=size, covariates=np.eye(4)[PERIOD][:, 1:], group=HERD)
    model = Mixture(1, families.Regression("binomial", random="intercept"), PerGroup())
    fit = inference.fit_mle(model, x, restarts=1, seed=0, backend=backend)
    found = [fit.parameters["intercept"][0], *fit.parameters["slope"][0], fit.parameters["random_intercept_scale"][0]]
    right = [-1.399230437, -0.9914036747, -1.127819482, -1.579470749, 0.6475184793]
    np.testing.assert_allclose(found, right, atol=2e-5)
    np.testing.assert_allclose(fit.log_likelihood, -50.0050152741 - 41.9783537689, atol=1e-6)
    errors = inference.standard_errors(fit, x).table["standard_error"]
    np.testing.assert_allclose(errors.iloc[1:5], [0.2335115611, 0.3067679422, 0.3267682897, 0.4275944389], rtol=1e-3)


def growing(groups, seed):
    """Two overlapping classes of counts that grow and fall, persons with levels of their own; and the truth."""
    rng = np.random.default_rng(seed)
    person, time = np.repeat(np.arange(groups), 6), np.tile(np.arange(6) - 2.5, groups)
    falls = (rng.random(groups) < 0.4)[person]
    eta = np.where(falls, 1.2, 0.6) + np.where(falls, -0.25, 0.15) * time + 0.4 * rng.normal(size=groups)[person]
    truth = {"intercept": [0.6, 1.2], "slope[0]": [0.15, -0.25], "random_intercept_scale": [0.4, 0.4]}
    return Observations(rng.poisson(np.exp(eta)).astype(float), covariates=time, group=person), truth


@pytest.mark.slow
@pytest.mark.statistical
def test_intervals_cover_the_truth_at_their_rate():
    """95% intervals of 40 data sets; an estimate that fails counts as one that does not cover."""
    model = Mixture(2, families.Regression("poisson", random="intercept"), PerGroup())
    covered = []
    for seed in range(40):
        x, truth = growing(120, seed)
        fit = inference.fit_mle(model, x, restarts=4, seed=seed)
        order = np.argsort(-fit.parameters["slope"][:, 0])
        table = inference.standard_errors(fit, x).table
        for name, values in truth.items():
            for k, value in zip(order, values, strict=True):
                low, high = table.loc[(name, k), ["lower", "upper"]]
                covered.append(low <= value <= high)
    # 240 intervals, six of each data set, which hang together: as if 80 were independent
    assert abs(np.mean(covered) - 0.95) < 4 * np.sqrt(0.95 * 0.05 / 80)


def test_effects_are_written_as_they_are_on_paper():
    text = str(Mixture(2, families.Regression("poisson", random="intercept"), PerGroup()))
    assert "effects[g]                ~ Normal(0, random_intercept_scale[assignment[g]])" in text
    assert "+ effects[g[i]]))" in text and "LogNormal(log(1/2 at covariates 0), 1)" in text


def test_what_cannot_be_summed_out_is_said():
    regression = families.Regression
    for ask, text in (
        (lambda: regression("student_t", random="intercept"), "got effects of groups beside kind 'student_t'; expected .* log-concave"),
        (lambda: regression("multinomial", 3, random="intercept"), "got effects of groups beside kind 'multinomial'"),
        (lambda: regression("poisson", random=[0, 1, 2]), "got 4 effects of a group, .* expected 3 at most"),
    ):  # fmt: skip
        with pytest.raises(ModelError, match=text):
            ask()
