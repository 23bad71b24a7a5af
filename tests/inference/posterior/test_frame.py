"""Posteriors do not depend on the data's origin and unit, as far as float64 has digits; and chains start inside the support.

Oracles: a conjugate program whose prior is scaled to its data, with posterior and evidence in closed form at any origin and unit; the law
that data moved and stretched have the posterior moved and stretched; log densities by scipy.
"""

from dataclasses import replace

import arviz_stats
import numpy as np
import numpyro
import pyro
import pytest
import xarray as xr
from scipy import special, stats

import inference
import mixtures
from inference.backends import engine
from inference.posterior.approximate import judged
from inference.posterior.frame import check_digits, first_look, inside, is_finite, second_look
from inference.samplers.protocol import Frame
from mixtures import Mixture, Observations, families
from mixtures.errors import DataError, FitError, ModelError

ORIGINS_AND_UNITS = [(0.0, 1.0), (0.0, 1e-12), (0.0, 1e12), (1e3, 1e-6), (1e6, 1.0), (1.76e9, 60.0), (1.76e9, 1e6)]
X = np.array([-1.0, 0.5, 2.0, 2.5, 4.0])


@mixtures.declare
def in_own_units(ppl, x):
    """Two unknowns: x ~ Normal(loc, 0.3 range), loc ~ Normal(min, range), and one that no row depends on. All rows are of one kind."""
    low = ppl.xp.min(x)
    width = ppl.xp.max(x) - low
    loc = ppl.sample("loc", ppl.dist.Normal(low, width))
    ppl.sample("spare", ppl.dist.Normal(1.0, 2.0))
    with ppl.plate("rows", len(x)):
        ppl.assign("assignment", ppl.xp.ones(2) / 2)
        ppl.sample("obs", ppl.dist.Normal(loc, 0.3 * width), obs=x)


def exact(x):
    """Mean and standard deviation of loc, and the log evidence."""
    width, noise = np.ptp(x), 0.3 * np.ptp(x)
    precision = len(x) / noise**2 + 1 / width**2
    # about min(x), so that no digits are lost
    mean = ((x - x.min()).sum() / noise**2) / precision
    covariance = noise**2 * np.eye(len(x)) + width**2
    evidence = stats.multivariate_normal(np.zeros(len(x)), covariance / width**2).logpdf((x - x.min()) / width)
    return x.min() + mean, precision**-0.5, evidence - len(x) * np.log(width)


def mode_of(x):
    """A fit of `in_own_units` at its mode."""
    fit = inference.fit_map(in_own_units, X, restarts=2, steps=50, seed=0)
    return replace(fit, parameters={"loc": np.array(exact(x)[0]), "spare": np.array(1.0)}, log_posterior=0.0)


@pytest.fixture(scope="module")
def modes():
    fit = mode_of(X)
    return {
        place: replace(fit, parameters={"loc": np.array(exact(place[0] + place[1] * X)[0]), "spare": np.array(1.0)})
        for place in ORIGINS_AND_UNITS
    }


def check_moments(values, mean, sd, errors):
    """Draws (chains, draws) of a normal with this mean and standard deviation, within so many Monte Carlo errors."""
    moved = xr.Dataset({"v": (("chain", "draw"), (values - mean) / sd)})
    ess = float(arviz_stats.ess(moved, method="mean")["v"])
    assert ess > 20
    assert abs(float(moved["v"].mean())) < errors / np.sqrt(ess)
    assert abs(float(moved["v"].std()) - 1) < errors / np.sqrt(ess)


@pytest.mark.parametrize("place", ORIGINS_AND_UNITS)
def test_the_second_look_sees_the_width_of_the_posterior(modes, place):
    x = Observations(place[0] + place[1] * X)
    mean, sd, _ = exact(x.x)
    hub = engine("numpyro")
    density, sites = hub.bind(in_own_units, x).log_density(), hub.sites(in_own_units, x)
    _, first = first_look(hub.bind(in_own_units, x), density, 0, "sample_nuts")
    frame = second_look(density, sites, modes[place].parameters, first)
    np.testing.assert_allclose(frame.centre, [mean, 1.0], rtol=1e-12)
    np.testing.assert_allclose(frame.unit, [sd, 2.0], rtol=1e-3)
    np.testing.assert_allclose(first.unit[0], np.ptp(x.x), rtol=1.0)


PLACES = [(0.0, 1e-12), (0.0, 1e12), (1e3, 1e-6), (1.76e9, 60.0)]


@pytest.mark.quick(
    "*-numpyro", "*-nutpie", "at the mode-place0-pyro", reason="all samplers see a place through one frame"
)
@pytest.mark.parametrize("sampler", ["numpyro", "nutpie", "pyro"])
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("begin", ["at the mode", "anywhere"])
def test_chains_find_the_posterior_wherever_it_is(modes, sampler, place, begin):
    x = place[0] + place[1] * X
    mean, sd, _ = exact(x)
    size = {"draws": 250, "tune": 250, "chains": 1 if sampler == "pyro" else 2}
    init = modes[place] if begin == "at the mode" else None
    tree = inference.sample_nuts(in_own_units, x, init=init, sampler=sampler, seed=0, progress=False, **size)
    check_moments(tree["posterior"]["loc"].values, mean, sd, errors=5.0)
    assert tree["sample_stats"]["n_steps"].mean() < 16


@pytest.mark.parametrize("place", ORIGINS_AND_UNITS)
def test_approximations_are_exact_wherever_a_normal_posterior_is(modes, place):
    x = place[0] + place[1] * X
    mean, sd, evidence = exact(x)
    trees = {
        family: inference.fit_vi(in_own_units, x, family=family, init=modes[place], draws=500, seed=0)
        for family in ("normal", "multivariate", "flow")
    }
    trees["Laplace"] = inference.fit_laplace(in_own_units, x, init=modes[place], draws=500, seed=0)
    for tree in trees.values():
        z = (tree["posterior"]["loc"].values - mean) / sd
        assert abs(z.mean()) < 5 / np.sqrt(500) + 0.1
        assert abs(z.std() - 1) < 5 / np.sqrt(1000) + 0.1
        assert tree.attrs["is_trustworthy"] == 1
        assert abs(tree.attrs.get("elbo", evidence) - evidence) < 0.05
    assert abs(trees["Laplace"].attrs["log_evidence"] - evidence) < 1e-5


@pytest.mark.parametrize("place", [(0.0, 1e-12), (1e3, 1e-6), (1.76e9, 60.0)])
def test_particles_find_the_posterior_wherever_it_is(place):
    x, runs = place[0] + place[1] * X, 8
    mean, sd, evidence = exact(x)
    tree = inference.sample_smc(in_own_units, x, particles=200, runs=runs, seed=0, progress=False)
    means = (tree["posterior"]["loc"].values.mean(axis=1) - mean) / sd  # runs are independent
    # a particle's share in the error of a mean is at most that of ten independent draws
    assert abs(means.mean()) < 5 * np.sqrt(10 / 200 / runs)
    # Student's t with 7 degrees of freedom exceeds 8 once in 10,000
    assert abs(tree.attrs["log_evidence"] - evidence) < 8 * tree.attrs["log_evidence_error"]
    assert tree.attrs["log_evidence_error"] < 0.2


def lines(rng):
    covariate = rng.normal(size=60)
    return Observations(
        np.where(rng.random(60) < 0.5, 1 + 2 * covariate, -covariate) + rng.normal(size=60), covariates=covariate
    )


MOVED = {
    "normal": Mixture(2, families.Gaussian()),
    "tied": Mixture(3, families.Gaussian("tied")),
    "student": Mixture(2, families.StudentT()),
    "regression": Mixture(2, families.Regression()),
    "several columns": Mixture(2, families.Gaussian()),
}


@pytest.mark.quick(but=["several columns-pyro"], reason="one code serves both backends")
@pytest.mark.parametrize("backend", ["numpyro", "pyro"])
@pytest.mark.parametrize("name", MOVED)
def test_samplers_see_one_density_whatever_the_origin_and_unit(name, backend):
    """In its frame, the density of moved and stretched data is the plain one's: so is all that is computed from it."""
    rng = np.random.default_rng(1)
    plain = lines(rng) if name == "regression" else Observations(rng.normal(size=(60, 2) if "columns" in name else 60))
    origins = [(0.0, 1e-12), (1e6, 1.0), (1.76e9, 60.0)] if name != "regression" else [(0.0, 1e-12), (0.0, 1e12)]
    hub, seen = engine(backend), []
    for origin, unit in [(0.0, 1.0), *origins]:
        x = replace_x(plain, origin + unit * plain.x)
        density, sites = hub.bind(MOVED[name], x).log_density(jacobian=True), hub.sites(MOVED[name], x)
        vectors, first = first_look(hub.bind(MOVED[name], x), density, 0, "sample_nuts")
        frame = second_look(density, sites, MOVED[name].start(x, np.random.default_rng(3)), first)
        v = np.random.default_rng(2).normal(size=(3, density.size))
        both = [density.value_and_gradient(frame.outward(row)) for row in v]
        values = np.array([value for value, _ in both])
        gradients = np.array([gradient * frame.unit for _, gradient in both])
        seen.append((values - values[0], gradients, first.inward(vectors), first.inward(frame.centre)))
    for other in seen[1:]:
        for got, right in zip(other, seen[0], strict=True):
            np.testing.assert_allclose(got, right, rtol=1e-3, atol=1e-3 * np.abs(right).max())


def replace_x(observations, x):
    return Observations(x, covariates=observations.covariates)


@pytest.mark.parametrize("place", [(0.0, 1e-12), (1.76e9, 60.0)])
def test_mixtures_have_the_same_posterior_whatever_the_origin_and_unit(place):
    """Overlapping components, and quantities that do not know labels: the mixture's mean and the log likelihood."""
    origin, unit = place
    rng = np.random.default_rng(4)
    x = np.concatenate([rng.normal(0, 1, 60), rng.normal(2.5, 1, 40)])
    model, seen = mixtures.gaussian_mixture(2, "tied"), []
    for data in (x, origin + unit * x):
        tree = inference.sample_nuts(model, data, draws=400, tune=400, chains=2, seed=0, progress=False)
        shift, scale = (origin, unit) if data is not x else (0.0, 1.0)
        posterior = tree["posterior"].to_dataset()
        mean = (posterior["weights"] * (posterior["loc"] - shift) / scale).sum("components")
        likelihood = tree["log_likelihood"]["obs"].sum(
            "obs_dim_0" if "obs_dim_0" in tree["log_likelihood"]["obs"].dims else "rows"
        )
        seen.append(xr.Dataset({"mean": mean, "likelihood": likelihood + len(x) * np.log(scale)}))
    for name in seen[0]:
        errors = [float(arviz_stats.mcse(each[[name]], method="mean")[name]) for each in seen]
        assert abs(float(seen[0][name].mean() - seen[1][name].mean())) < 5 * np.hypot(*errors)


def test_data_without_digits_are_refused_in_words(tutorial):
    x = 1e6 + 1e-8 * np.array([0.0, 1.0, 10.0, 11.0, 12.0])
    model = mixtures.gaussian_mixture(2, "tied")
    with pytest.raises(DataError, match=r"float64 has steps of .* Subtract a constant"):
        inference.sample_nuts(model, x, draws=5, tune=5, chains=1, seed=0, progress=False)
    far = 1.76e9 + 60 * np.array([0.0, 1.0, 10.0, 11.0, 12.0])
    with pytest.raises(DataError, match=r"float32 has steps of .*precision='float64'"):
        inference.sample_nuts(model, far, precision="float32", draws=5, tune=5, chains=1, seed=0, progress=False)
    check_digits(Frame(np.array([1.76e9]), np.array([60.0])))


# ---------------------------------------------------------------- the edge of the support

WAITS = 0.25 + np.random.default_rng(16).exponential(0.4, 80)


@mixtures.declare
def shifted(ppl, x):
    """Waiting times that begin at an unknown moment, bounded by 0.2: the density rises up to that edge."""
    weights = ppl.sample("weights", ppl.dist.Dirichlet(ppl.xp.ones(2)))
    shift = ppl.sample("shift", ppl.dist.Uniform(0.0, 0.2))
    with ppl.plate("components", 2):
        rate = ppl.sample("rate", ppl.dist.Gamma(2.0, 1.0))
    with ppl.plate("rows", len(x)):
        z = ppl.assign("assignment", weights)
        ppl.sample("obs", ppl.dist.Exponential(rate[z]), obs=x - shift)


def log_density_of_shifted(weights, shift, rate):
    table = np.log(weights) + np.log(rate) - rate * (WAITS - shift)[:, None]
    return special.logsumexp(table, axis=1).sum() + stats.gamma.logpdf(rate, 2.0).sum() + np.log(5.0)


@pytest.mark.quick("*-nutpie", "0.2-pyro", reason="all samplers begin where one code says")
@pytest.mark.parametrize("sampler", ["numpyro", "nutpie", "pyro"])
@pytest.mark.parametrize("shift", [0.2, np.nextafter(0.2, 0.0), 0.0])
def test_chains_that_start_at_a_bound_move(sampler, shift):
    fit = inference.fit_map(shifted, WAITS, restarts=2, steps=50, seed=0)
    fit = replace(fit, parameters=fit.parameters | {"shift": np.array(shift), "weights": np.array([1.0, 0.0])})
    size = {"draws": 20, "tune": 40, "chains": 1} if sampler == "pyro" else {"draws": 100, "tune": 150, "chains": 2}
    tree = inference.sample_nuts(shifted, WAITS, init=fit, sampler=sampler, seed=0, progress=False, **size)
    draws = {name: value.values.reshape(-1, *value.shape[2:]) for name, value in tree["posterior"].data_vars.items()}
    found = tree["sample_stats"]["log_posterior"].values.ravel()
    right = [
        log_density_of_shifted(*(draws[name][i] for name in ("weights", "shift", "rate"))) for i in range(len(found))
    ]
    np.testing.assert_allclose(found, right, rtol=1e-7)
    assert all(value.std(axis=0).min() > 1e-3 for value in draws.values())
    # with n rates about 2.5 the shift's posterior is exponential below its bound, some thousandths wide
    assert (draws["shift"] < 0.2).all() and (draws["shift"] > 0.0).all()


@mixtures.declare
def of_all_supports(ppl, x):
    """Every kind of support that has an edge."""
    weights = ppl.sample("weights", ppl.dist.Dirichlet(ppl.xp.ones(3)))
    share = ppl.sample("share", ppl.dist.Beta(2.0, 2.0))
    scale = ppl.sample("scale", ppl.dist.LogNormal(0.0, 1.0))
    root = ppl.sample("root", ppl.dist.LKJCholesky(2, 2.0))
    with ppl.plate("rows", len(x)):
        z = ppl.assign("assignment", weights)
        ppl.sample("obs", ppl.dist.Normal(share * z + root[1, 0], scale), obs=x)


EDGES = {
    "weights": [np.array([1.0, 0.0, 0.0]), np.array([0.0, 0.5, 0.5]), np.array([0.0, 0.0, 1.0])],
    "share": [np.array(0.0), np.array(1.0), np.array(1e-300)],
    "scale": [np.array(0.0), np.array(1e-300), np.array(np.inf)],
    "root": [np.array([[1.0, 0.0], [sign, 0.0]]) for sign in (1.0, -1.0)],
}
MIDDLE = {"weights": np.full(3, 1 / 3), "share": np.array(0.5), "scale": np.array(1.0), "root": np.eye(2)}


@pytest.mark.quick("numpyro-*", "pyro-weights", reason="one code serves both backends")
@pytest.mark.parametrize("name", EDGES)
def test_at_every_edge_there_is_a_start_inside(name, backend):
    hub, x = engine(backend), Observations(np.array([0.1, 0.3, -0.4, 0.9, 1.1]))
    density, sites = hub.bind(of_all_supports, x).log_density(jacobian=True), hub.sites(of_all_supports, x)
    _, first = first_look(hub.bind(of_all_supports, x), density, 0, "sample_nuts")
    for value in EDGES[name]:
        frame = second_look(density, sites, MIDDLE | {name: value}, first)
        assert is_finite(density, frame.centre)
        assert (frame.unit > 0).all() and (frame.unit <= 1).all()
        inner = density.constrain(frame.centre)
        for other in set(MIDDLE) - {name}:
            np.testing.assert_allclose(inner[other], MIDDLE[other], atol=1e-5)
        # the side it was on is kept
        back = inside(density, sites, inner, first)
        np.testing.assert_allclose(back, frame.centre, rtol=1e-6, atol=1e-6)
        if name == "root":
            assert np.sign(inner["root"][1, 0]) == np.sign(value[1, 0])
            np.testing.assert_allclose((inner["root"] ** 2).sum(axis=1), 1.0, rtol=1e-9)


def test_a_probability_near_the_edge_for_good_reason_stays_there():
    """Ten of a million: the posterior is narrow on the logit scale, and far out."""
    x = Observations(np.r_[np.ones(10), np.zeros(10**6 - 10)])

    @mixtures.declare
    def rare(ppl, x):
        share = ppl.sample("share", ppl.dist.Beta(1.0, 1.0))
        with ppl.plate("rows", len(x)):
            ppl.assign("assignment", ppl.xp.ones(1))
            ppl.sample("obs", ppl.dist.Bernoulli(share), obs=x)

    hub = engine("numpyro")
    density, sites = hub.bind(rare, x).log_density(jacobian=True), hub.sites(rare, x)
    _, first = first_look(hub.bind(rare, x), density, 0, "sample_nuts")
    frame = second_look(density, sites, {"share": np.array(1e-5)}, first)
    # logit of Beta(11, 999991): its variance is trigamma(11) + trigamma(999991), its curvature at 1e-5 n p (1 - p)
    np.testing.assert_allclose(frame.centre, np.log(1e-5 / (1 - 1e-5)), rtol=1e-6)
    np.testing.assert_allclose(frame.unit, 10**-0.5, rtol=0.05)


IMPROPER = {
    "Normal": lambda ppl: ppl.dist.Normal(0.0, np.inf),
    "Uniform": lambda ppl: ppl.dist.Uniform(-np.inf, np.inf),
    "HalfNormal": lambda ppl: ppl.dist.HalfNormal(np.inf),
    "Gamma": lambda ppl: ppl.dist.Gamma(0.0, 0.0),
    "Dirichlet": lambda ppl: ppl.dist.Dirichlet(ppl.xp.zeros(2)),
    "ImproperUniform": lambda ppl: (
        numpyro.distributions.ImproperUniform(numpyro.distributions.constraints.real, (), ())
        if ppl.name == "numpyro"
        else pyro.distributions.ImproperUniform(pyro.distributions.constraints.real, (), ())
    ),
}


@pytest.mark.parametrize("prior", IMPROPER)
def test_improper_priors_are_refused_in_words(prior, backend):
    @mixtures.declare
    def program(ppl, x):
        unknown = ppl.sample("unknown", IMPROPER[prior](ppl))
        with ppl.plate("rows", len(x)):
            ppl.assign("assignment", ppl.xp.ones(2) / 2)
            ppl.sample("obs", ppl.dist.Normal(unknown if prior != "Dirichlet" else unknown[0], 1.0), obs=x)

    verbs = ["fit_map", "fit_mle", "sample_nuts", "fit_laplace"]
    for verb in verbs + (["sample_smc", "fit_vi"] if backend == "numpyro" else []):
        with pytest.raises(ModelError, match="proper"):
            getattr(inference, verb)(program, X, seed=0, backend=backend)


def test_a_prior_that_never_meets_the_data_is_said():
    @mixtures.declare
    def beyond(ppl, x):
        scale = ppl.sample("scale", ppl.dist.LogNormal(0.0, 1.0))
        with ppl.plate("rows", len(x)):
            ppl.assign("assignment", ppl.xp.ones(1))
            ppl.sample("obs", ppl.dist.LogNormal(0.0, scale), obs=x)  # some of X are negative

    for call in (
        lambda: inference.sample_smc(beyond, X, particles=20, runs=1, seed=0, progress=False),
        lambda: inference.sample_nuts(beyond, X, draws=5, tune=5, chains=1, seed=0, progress=False),
    ):
        with pytest.raises(FitError, match="prior"):
            call()


# ---------------------------------------------------------------- trust


def test_one_weight_above_all_others_is_not_trusted():
    """ArviZ's k-hat of such ratios is small: the tail that it looks at is even but for one."""
    even = np.random.default_rng(0).normal(size=1000)
    for height in (30.0, 1e6):
        _, said = judged(np.r_[even, height], is_at_rest=True)
        assert said["effective_draws"] < 1.01 and not said["is_trustworthy"]
    _, said = judged(0.3 * even, is_at_rest=True)
    # (E w)^2 / E w^2 of a lognormal weight is exp(-sigma^2)
    np.testing.assert_allclose(said["effective_draws"], 1000 * np.exp(-(0.3**2)), rtol=0.05)
    assert said["is_trustworthy"]
    assert not judged(0.3 * even, is_at_rest=False)[1]["is_trustworthy"]


@pytest.mark.quick("options0-normal", "options1-multivariate", reason="each option, and each family")
@pytest.mark.parametrize("family", ["normal", "multivariate"])
@pytest.mark.parametrize("options", [{"steps": 1}, {"steps": 20, "learning_rate": 1e-6}])
def test_a_family_that_has_not_come_to_rest_is_not_trusted(modes, family, options):
    tree = inference.fit_vi(in_own_units, X, family=family, init=modes[0.0, 1.0], seed=0, **options)
    assert tree.attrs["unrest"] > 0.3 and not tree.attrs["is_trustworthy"]


def test_a_start_far_off_is_not_trusted(modes):
    """Twenty standard deviations off the mode, which 200 short steps cannot cover."""
    mean, sd, _ = exact(X)
    init = replace(modes[0.0, 1.0], parameters={"loc": np.array(mean + 20 * sd), "spare": np.array(1.0)})
    tree = inference.fit_vi(in_own_units, X, init=init, steps=200, seed=0)
    far = abs(tree["posterior"]["loc"].values.mean() - mean) / sd
    assert far > 3 and tree.attrs["unrest"] > 0.3 and not tree.attrs["is_trustworthy"]
