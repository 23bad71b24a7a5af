"""Which components of a posterior may be exchanged: those that the declaration makes alike and that no known label names."""

import numpy as np
import xarray as xr

from inference.backends import engine
from inference.draws import observations_of, program_of
from mixtures import Observations, Program
from mixtures.exchangeable import Groups, exchangeable, grouped

FIXED = "components are told apart by the declaration or by known labels: none may be exchanged with another"


def groups_of(posterior: xr.DataTree, components: int) -> Groups:
    """The groups of components within which the posterior's density is the same under any numbering.

    Args:
        posterior: draws; without a program all components count as alike.
        components: how many there are.
    """
    x = observations_of(posterior)
    groups: Groups = grouped([()] * components)
    if "program" in posterior.attrs:
        groups = groups_in(program_of(posterior), x, posterior.attrs["backend"], components)
    named = set() if x.labels is None else set(x.labels[x.labels >= 0].tolist())
    unnamed = [tuple(k for k in group if k not in named) for group in groups]
    return tuple(group for group in unnamed if len(group) > 1)


def groups_in(program: Program, x: Observations, backend: str, components: int) -> Groups:
    """The groups of components that a program makes alike: a mixture by its parts, a user's own by its density."""
    mixture = program.mixture
    if mixture is None:
        return engine(backend).sites(program, x).exchangeable
    covariates = None if x.covariates is None else x.covariates.shape[1]
    return exchangeable(mixture, components, x.features, covariates)


def is_exchangeable(groups: Groups, components: int) -> np.ndarray:
    """Which components are in some group, (components,)."""
    return np.isin(np.arange(components), [k for group in groups for k in group])
