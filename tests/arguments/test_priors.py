"""Any prior in the place of any other: the program has the same sites as before, or it is refused in words before any work."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from inference.backends import engine
from mixtures import Mixture, Observations, families, priors
from mixtures.errors import MixturesError
from mixtures.priors import Prior

RNG = np.random.default_rng(0)
REAL = RNG.normal(size=(8, 2))
COUNTS = RNG.poisson(3, size=(8, 2)).astype(float)
POSITIVE, UNIT = np.exp(REAL), 1 / (1 + np.exp(-REAL))
LINE = Observations(REAL[:, 0], covariates=REAL)

FAMILIES: dict[str, tuple[Callable[..., Any], Any]] = {
    "Gaussian": (families.Gaussian, REAL),
    "Gaussian of one variable": (families.Gaussian, REAL[:, 0]),
    **{code: (lambda priors, code=code: families.Gaussian(code, priors), REAL) for code in ("VVE", "EVV", "VEI", "EII")},
    "StudentT": (families.StudentT, REAL),
    "SkewT": (families.SkewT, REAL),
    "Poisson": (families.Poisson, COUNTS),
    "NegativeBinomial": (families.NegativeBinomial, COUNTS),
    "ZeroInflatedPoisson": (families.ZeroInflatedPoisson, COUNTS),
    "Hurdle": (lambda priors: families.Hurdle(families.Poisson(), priors=priors), COUNTS),
    "SemiContinuous": (lambda priors: families.SemiContinuous(families.LogNormal(), priors=priors), POSITIVE),
    "Binomial": (lambda priors: families.Binomial(20, priors=priors), COUNTS),
    "Categorical": (lambda priors: families.Categorical(3, priors=priors), np.minimum(COUNTS, 2)),
    "Ordinal": (lambda priors: families.Ordinal(3, priors=priors), np.minimum(COUNTS, 2)),
    "Multinomial": (lambda priors: families.Multinomial(5, priors=priors), np.full((8, 2), [2.0, 3.0])),
    "Dirichlet": (families.Dirichlet, POSITIVE / POSITIVE.sum(axis=1, keepdims=True)),
    "DirichletMultinomial": (lambda priors: families.DirichletMultinomial(priors=priors), COUNTS),
    "Gamma": (families.Gamma, POSITIVE),
    "Weibull": (families.Weibull, POSITIVE),
    "InverseGaussian": (families.InverseGaussian, POSITIVE),
    "GeneralizedPareto": (families.GeneralizedPareto, POSITIVE),
    "Beta": (families.Beta, UNIT),
    "VonMises": (families.VonMises, np.clip(REAL, -3, 3)),
    "Regression": (families.Regression, LINE),
    "WithNoise": (lambda priors: families.WithNoise(families.Gaussian(), -9, 9, priors=priors), REAL),
    "Truncated": (lambda priors: families.Truncated(families.Gaussian(), -9, priors=priors), REAL[:, 0]),
    "Product": (
        lambda priors: families.Product({"a": families.Gaussian(), "b": families.Poisson()}, priors=priors),
        np.column_stack([REAL[:, 0], COUNTS[:, 0]]),
    ),
    "PerComponent": (lambda priors: families.PerComponent([families.Gaussian(), families.StudentT()], priors=priors), REAL),
}  # fmt: skip

NUMBERS = {
    "Beta": (2.0, 2.0),
    "Dirichlet": (1.5,),
    "Gamma": (2.0,),
    "InducedDirichlet": (1.5,),
    "InverseGamma": (2.0,),
    "RootInverseGamma": (2.0,),
    "StudentT": (3.0,),
    "Uniform": (0.1, 0.9),
}
NAMES = (*priors.OF_ONE_NUMBER, "Dirichlet", "InducedDirichlet", "LKJCholesky", "ZeroSumNormal")


def every_prior(shapes: tuple[tuple[int, ...], ...]) -> Iterator[Prior]:
    for name in sorted(NAMES):
        made = getattr(priors, name)(*NUMBERS.get(name, ()))
        for shape in shapes if made.parameters else ((),):
            yield getattr(priors, name)(**{key: np.full(shape, value) for key, value in made.parameters})


def shapes_of(mixture: Mixture, x: Observations, backend: str) -> dict[str, tuple[int, ...]]:
    return {site.name: site.shape for site in engine(backend).sites(mixture, x).all}


def faults_of(name: str, backend: str, shapes: tuple[tuple[int, ...], ...]) -> list[str]:
    make, data = FAMILIES[name]
    x, family, faults = Observations.of(data), make(priors=()), []
    expected = shapes_of(Mixture(2, family), x, backend)
    for site in family.priors_by_site:
        for prior in every_prior(shapes):
            try:
                mixture = Mixture(2, make(priors={site: prior}))
                mixture.check(x)
                found = shapes_of(mixture, x, backend)
                assert str(mixture)
            except MixturesError:
                continue
            except Exception as error:
                faults.append(f"{site} ~ {prior}: {type(error).__name__}: {error}")
                continue
            if found != expected:
                faults.append(f"{site} ~ {prior}: {found}")
    return faults


@pytest.mark.quick(
    but=["PerComponent", "SemiContinuous", "SkewT"], reason="what is made of other families is their parts"
)
@pytest.mark.parametrize("name", FAMILIES)
def test_any_prior_of_one_number_for_any_other(name):
    faults = faults_of(name, "numpyro", ((),))
    assert not faults, "\n".join(faults)


@pytest.mark.slow
@pytest.mark.parametrize("name", FAMILIES)
def test_any_prior_of_several_numbers_for_any_other(name, backend):
    faults = faults_of(name, backend, ((), (3,), (2, 2), (1,), (2, 1, 1)))
    assert not faults, "\n".join(faults)
