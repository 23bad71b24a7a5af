"""Extra zeros, hurdles and measurements that are often exactly 0, whatever the family of the others."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from scipy import stats

import inference
from inference.backends import engine
from mixtures import Mixture, Observations, families, simulate, zero_inflated_poisson_mixture
from mixtures.errors import DataError, ModelError
from mixtures.ppl.numpyro_ppl import WORDS as NUMPYRO
from mixtures.ppl.pyro_ppl import PyroPPL
from mixtures.specification import from_json, to_json
from tests.inference.plots.conftest import point_fit

COUNTS = np.array([0.0, 1.0, 2.0, 3.0, 9.0])
C = np.array([0.3, -1.0, 0.8, 2.0, 0.1])
GATE = 0.3

NEGATIVE_BINOMIAL = stats.nbinom(2.0, 0.5 / 1.5)
LINE = np.exp(0.4 + 0.7 * C)
OF_COUNTS = {
    "negative binomial": (
        families.NegativeBinomial(),
        {"concentration": [2.0], "rate": [0.5]},
        NEGATIVE_BINOMIAL,
        Observations(COUNTS),
    ),
    "binomial": (families.Binomial(10), {"probs": [0.2]}, stats.binom(10, 0.2), Observations(COUNTS)),
    "exposure": (families.Poisson(), {"rate": [1.5]}, stats.poisson(1.5 * LINE), Observations(COUNTS, exposure=LINE)),
    "regression": (
        families.Regression("poisson"),
        {"intercept": [0.4], "slope": [[0.7]]},
        stats.poisson(LINE),
        Observations(COUNTS, covariates=C),
    ),
    "no zeros": (families.Truncated(families.Poisson(), low=1), {"rate": [1.5]}, None, Observations(COUNTS)),
}


def with_weight(values):
    return {"weights": np.ones(1), **{site: np.array(value) for site, value in values.items()}}


@pytest.mark.parametrize("name", OF_COUNTS)
@pytest.mark.parametrize("wrapper", [families.ZeroInflated, families.Hurdle])
def test_every_family_of_counts(backend, name, wrapper):
    family, values, counts, x = OF_COUNTS[name]
    if counts is None and wrapper is families.Hurdle:
        return  # zeros are cut off already
    is_zero = COUNTS == 0
    if counts is None:  # extra zeros of a distribution without any are a hurdle
        pmf, zero = stats.poisson(1.5).pmf(COUNTS) * ~is_zero / stats.poisson(1.5).sf(0), 0.0
    else:
        pmf, zero = counts.pmf(COUNTS), counts.pmf(0)
    inflated = GATE * is_zero + (1 - GATE) * pmf
    right = inflated if wrapper is families.ZeroInflated else np.where(is_zero, GATE, (1 - GATE) * pmf / (1 - zero))
    table = engine(backend).log_joint(Mixture(1, wrapper(family)), with_weight({**values, "gate": [GATE]}), x)
    np.testing.assert_allclose(np.exp(table[:, 0]), right, rtol=1e-9)


@pytest.mark.quick("pyro-*", "numpyro-family1-*", reason="each backend")
@pytest.mark.parametrize(
    ("family", "values", "amount", "at"),
    [
        (families.LogNormal(), {"loc": [0.3], "scale": [0.8]}, stats.lognorm(0.8, scale=np.exp(0.3)), 0.0),
        (families.Gaussian(), {"loc": [1.0], "scale": [2.0]}, stats.norm(1.0, 2.0), 0.5),
        (families.Beta(), {"concentration1": [2.0], "concentration0": [3.0]}, stats.beta(2.0, 3.0), 1.0),
    ],
)
def test_measurements_at_a_value_have_its_probability_alone(backend, family, values, amount, at):
    x = np.array([at, 0.2, 0.7, at, 0.45])
    model = Mixture(1, families.SemiContinuous(family, at=at))
    values = with_weight({**values, "gate": [GATE]})
    table = engine(backend).log_joint(model, values, Observations(x))[:, 0]
    right = np.where(x == at, np.log(GATE), np.log1p(-GATE) + amount.logpdf(np.where(x == at, 0.3, x)))
    np.testing.assert_allclose(table, right, rtol=1e-10)
    gradient = engine(backend).bind(model, Observations(x)).log_density(jacobian=True)
    assert np.isfinite(gradient.value_and_gradient(gradient.unconstrain(values))[1]).all()
    drawn = simulate(model, 4000, 0, values, backend)["obs"]
    assert abs(np.mean(drawn == at) - GATE) < 5 * np.sqrt(GATE * (1 - GATE) / 4000)
    assert stats.kstest(drawn[drawn != at], amount.cdf).pvalue > 1e-4


def _pyro(value):
    return torch.as_tensor(value, dtype=torch.float64)


@pytest.mark.parametrize("name", ["ZeroInflated", "Hurdle", "SemiContinuous"])
@pytest.mark.parametrize("gate", [1e-12, 0.3, 1 - 1e-9])
def test_tails_keep_their_digits(name, gate):
    x = np.array([-1.0, 0.0, 2.0, 40.0])
    amount = stats.gamma(2.0, scale=1 / 3.0) if name == "SemiContinuous" else stats.poisson(3.0)
    rest, shift = (amount.sf(0), amount.cdf(0)) if name == "Hurdle" else (1.0, 0.0)
    above = np.where(x < 0, 0.0, np.log1p(-gate) + np.log(amount.sf(x) / rest))
    below = np.where(x < 0, 1e-300, gate + (1 - gate) * (amount.cdf(x) - shift) / rest)
    for dist, array in ((NUMPYRO.dist, jnp.asarray), (PyroPPL(torch.float64).dist, _pyro)):
        with jax.enable_x64(True):
            cell = dist.Gamma(array(2.0), array(3.0)) if name == "SemiContinuous" else dist.Poisson(array(3.0))
            extra = {"at": array(0.0), "legal": array(1.0)} if name == "SemiContinuous" else {}
            found = [np.asarray(tail) for tail in getattr(dist, name)(cell, array(gate), **extra).log_tails(array(x))]
        np.testing.assert_allclose(np.exp(found[0]), below, rtol=1e-9, atol=1e-299)
        np.testing.assert_allclose(found[1], above, rtol=1e-9, atol=1e-299)


@pytest.mark.quick("pyro", reason="the densities of both backends have tests of their own")
def test_one_component_has_the_closed_form(backend):
    """The share of zeros and the family's maximum at the others: the likelihood of a hurdle and of measurements falls apart."""
    x = np.concatenate([np.zeros(7), stats.lognorm(0.7, scale=2.0).ppf(np.linspace(0.05, 0.95, 13))])
    fit = inference.fit_em(
        Mixture(1, families.SemiContinuous(families.LogNormal())), x, restarts=1, seed=0, backend=backend
    )
    y = np.log(x[7:])
    for site, right in {"gate": 7 / 20, "loc": y.mean(), "scale": y.std()}.items():
        np.testing.assert_allclose(fit.parameters[site], [right], rtol=1e-5)


def test_default_priors_and_starts_look_at_the_others():
    x = np.concatenate([np.zeros(20), [1.0, 2.0, 4.0]])
    priors = Mixture(2, families.SemiContinuous(families.LogNormal())).scaled_to(x).priors
    assert dict(priors["loc"].parameters)["loc"] == pytest.approx(np.log(2.0))
    priors = Mixture(2, families.Hurdle(families.Poisson())).scaled_to(x).priors
    assert dict(priors["rate"].parameters)["rate"] == pytest.approx(3 / 7)
    product = families.Product({"a": families.SemiContinuous(families.LogNormal()), "b": families.Gaussian()})
    model = Mixture(2, product).scaled_to(np.column_stack([x, x]))
    assert dict(model.priors["a_loc"].parameters)["loc"] == pytest.approx(np.log(2.0))
    assert dict(model.priors["b_loc"].parameters)["loc"] == pytest.approx(2.0)
    start = model.start(np.column_stack([x, x]), np.random.default_rng(0))
    assert all(np.isfinite(value).all() for value in start.values())


@pytest.mark.quick("pyro", reason="one code serves both backends")
def test_fits_in_any_unit(backend):
    rng = np.random.default_rng(0)
    x = np.where(rng.random(60) < 0.3, 0.0, rng.gamma(np.where(rng.random(60) < 0.5, 2.0, 9.0)))
    model = Mixture(2, families.SemiContinuous(families.Gamma()))
    fits = [inference.fit_map(model, unit * x, restarts=3, seed=0, backend=backend) for unit in (1.0, 1e9)]
    assert fits[0].status is fits[1].status
    np.testing.assert_allclose(fits[0].parameters["gate"], fits[1].parameters["gate"], rtol=1e-4)


def test_residuals_of_the_share_have_an_interval():
    x, w, gate = np.array([0.0, 0.8, 5.0, 0.0, 2.0]), np.array([0.5, 0.5]), np.array([0.4, 0.1])
    model = Mixture(2, families.SemiContinuous(families.Gamma()))
    fit = point_fit(model, x, {"weights": w, "gate": gate, "concentration": [3.0, 3.0], "rate": [2.0, 0.5]})
    found = inference.pseudo_residuals(fit, x)
    assert found.upper[0] == pytest.approx(stats.norm.ppf(w @ gate), abs=1e-8)
    assert found.lower[0] == -np.inf
    each = stats.gamma(3.0, scale=[0.5, 2.0]).cdf(x[1])
    assert found.values[1] == pytest.approx(stats.norm.ppf(w @ gate + (w * (1 - gate)) @ each), abs=1e-8)


def test_a_cell_below_a_limit_may_be_zero(backend):
    model = Mixture(1, families.SemiContinuous(families.Exponential()))
    values = with_weight({"gate": [GATE], "rate": [2.0]})
    x = Observations([1.0, np.nan, np.nan], lower=[np.nan, np.nan, 0.2], upper=[np.nan, 0.5, 0.5])
    table = engine(backend).log_joint(model, values, x)[:, 0]
    cdf = stats.expon(scale=0.5).cdf
    np.testing.assert_allclose(np.exp(table[1:]), [GATE + 0.7 * cdf(0.5), 0.7 * (cdf(0.5) - cdf(0.2))], rtol=1e-9)
    with pytest.raises(DataError, match="a bound of 0, which a share of the cells is"):
        model.check(Observations([1.0, np.nan], lower=[np.nan, 0.0], upper=[np.nan, 0.5]))


def test_the_former_name_and_files_of_it():
    model = zero_inflated_poisson_mixture(2)
    assert from_json(to_json(model)) == model
    former = to_json(model).replace("families.inflated:", "families.poisson:")
    assert "families.poisson:ZeroInflatedPoisson" in former
    assert from_json(former) == model


BAD = {
    "ZeroInflated of measurements": (lambda: families.ZeroInflated(families.Gaussian()), "SemiContinuous"),
    "Hurdle of categories": (lambda: families.Hurdle(families.Categorical(3)), "a family of counts"),
    "SemiContinuous of counts": (lambda: families.SemiContinuous(families.Poisson()), "ZeroInflated"),
    "twice": (lambda: families.ZeroInflated(families.ZeroInflatedPoisson()), "whose gate this is"),
    "a product": (lambda: families.Hurdle(families.Product({"a": families.Poisson()})), "Hurdle"),
    "no distribution function": (lambda: families.SemiContinuous(families.VonMises()), "distribution function"),
    "at nothing": (lambda: families.SemiContinuous(families.Gamma(), at=np.nan), "a finite number"),
    "cut off outside": (
        lambda: families.Truncated(families.SemiContinuous(families.Gamma()), high=9.0),
        r"SemiContinuous\(Truncated",
    ),
    "noise beside": (lambda: families.WithNoise(families.SemiContinuous(families.Gamma()), 0.0, 9.0), "density"),
    "a density beside": (
        lambda: families.PerComponent([families.SemiContinuous(families.Gamma()), families.Gamma()]),
        "cannot be weighed against a density",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_what_makes_no_sense_is_refused(name):
    make, text = BAD[name]
    with pytest.raises(ModelError, match=text):
        make()


def test_data_that_no_component_can_be():
    with pytest.raises(DataError, match="numbers > 0"):
        Mixture(2, families.SemiContinuous(families.Gamma())).check(Observations([0.0, -1.0, 2.0]))
    columns = Observations(np.abs(np.random.default_rng(0).normal(size=(9, 2))))
    for family in (families.SemiContinuous(families.Gaussian()), families.Truncated(families.Gaussian(), low=0.0)):
        with pytest.raises(DataError, match="covariance='diag'"):
            Mixture(2, family).check(columns)
    Mixture(2, families.SemiContinuous(families.Gaussian("diag"))).check(columns)
