"""What a mixture is: declarations, their words, priors and families, data and draws.

    >>> import mixtures
    >>> model = mixtures.gaussian_mixture(2)
    >>> x = mixtures.load_dataset("faithful")

Importing loads no backend. See `inference` for what can be asked of a declaration.
"""

from mixtures import assignments, component_counts, errors, families, priors, weights
from mixtures.datasets import load_dataset
from mixtures.formula import Formula
from mixtures.mixture import Mixture
from mixtures.models import (
    bernoulli_mixture,
    beta_mixture,
    binomial_mixture,
    exponential_mixture,
    gamma_mixture,
    gaussian_mixture,
    hidden_markov,
    latent_class,
    lognormal_mixture,
    multinomial_mixture,
    negative_binomial_mixture,
    poisson_mixture,
    regression_mixture,
    student_t_mixture,
    von_mises_mixture,
    weibull_mixture,
    zero_inflated_poisson_mixture,
)
from mixtures.observations import Observations
from mixtures.program import Program, declare
from mixtures.simulate import simulate
from mixtures.sources import Source, source

__version__ = "0.1.0"

__all__ = [
    "Formula",
    "Mixture",
    "Observations",
    "Program",
    "Source",
    "assignments",
    "bernoulli_mixture",
    "beta_mixture",
    "binomial_mixture",
    "component_counts",
    "declare",
    "errors",
    "exponential_mixture",
    "families",
    "gamma_mixture",
    "gaussian_mixture",
    "hidden_markov",
    "latent_class",
    "load_dataset",
    "lognormal_mixture",
    "multinomial_mixture",
    "negative_binomial_mixture",
    "poisson_mixture",
    "priors",
    "regression_mixture",
    "simulate",
    "source",
    "student_t_mixture",
    "von_mises_mixture",
    "weibull_mixture",
    "weights",
    "zero_inflated_poisson_mixture",
]
