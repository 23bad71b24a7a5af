"""What a component looks like: one family a file."""

from mixtures.families.binary import Bernoulli, Binomial
from mixtures.families.bounded import Beta, VonMises
from mixtures.families.categorical import Categorical
from mixtures.families.columns import Columns
from mixtures.families.family import Family
from mixtures.families.gaussian import Gaussian
from mixtures.families.inflated import Hurdle, SemiContinuous, ZeroInflated, ZeroInflatedPoisson
from mixtures.families.negative_binomial import NegativeBinomial
from mixtures.families.noise import WithNoise
from mixtures.families.ordinal import Ordinal
from mixtures.families.parameter_free import Never, PointMass, Uniform
from mixtures.families.parts import Parts
from mixtures.families.per_component import PerComponent
from mixtures.families.poisson import Poisson
from mixtures.families.positive import (
    Exponential,
    Gamma,
    GeneralizedPareto,
    InverseGaussian,
    LogNormal,
    Weibull,
)
from mixtures.families.product import Product
from mixtures.families.regression import Regression
from mixtures.families.skewed import SkewNormal, SkewT
from mixtures.families.student_t import StudentT
from mixtures.families.truncated import Truncated
from mixtures.families.whole_rows import Dirichlet, DirichletMultinomial, Multinomial

__all__ = [
    "Bernoulli",
    "Beta",
    "Binomial",
    "Categorical",
    "Columns",
    "Dirichlet",
    "DirichletMultinomial",
    "Exponential",
    "Family",
    "Gamma",
    "Gaussian",
    "GeneralizedPareto",
    "Hurdle",
    "InverseGaussian",
    "LogNormal",
    "Multinomial",
    "NegativeBinomial",
    "Never",
    "Ordinal",
    "Parts",
    "PerComponent",
    "PointMass",
    "Poisson",
    "Product",
    "Regression",
    "SemiContinuous",
    "SkewNormal",
    "SkewT",
    "StudentT",
    "Truncated",
    "Uniform",
    "VonMises",
    "Weibull",
    "WithNoise",
    "ZeroInflated",
    "ZeroInflatedPoisson",
]
