"""What a mixture is: declarations, their words, priors and families, data and draws.

    >>> import mixtures
    >>> model = mixtures.gaussian_mixture(2)
    >>> x = mixtures.load_dataset("faithful")

Importing loads no backend. See `inference` for what can be asked of a declaration.
"""

from mixtures import errors, families, priors, weights
from mixtures.datasets import load_dataset
from mixtures.mixture import Mixture
from mixtures.models import gaussian_mixture
from mixtures.observations import Observations
from mixtures.program import Program, declare
from mixtures.simulate import simulate

__version__ = "0.1.0"

__all__ = [
    "Mixture",
    "Observations",
    "Program",
    "declare",
    "errors",
    "families",
    "gaussian_mixture",
    "load_dataset",
    "priors",
    "simulate",
    "weights",
]
