"""The laws of the assignment that are mixing weights, under the name that scripts know them by; see `mixtures.assignments`."""

from mixtures.assignments import Assignment as Weights
from mixtures.assignments import Dirichlet, Gating, SparseDirichlet, StickBreaking

__all__ = ["Dirichlet", "Gating", "SparseDirichlet", "StickBreaking", "Weights"]
