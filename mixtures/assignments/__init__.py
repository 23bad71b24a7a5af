"""Laws of the assignment: how rows come to their components. One law a file; `Mixture` takes one as its third part."""

from mixtures.assignments.dirichlet import Dirichlet as Dirichlet
from mixtures.assignments.gating import Gating as Gating
from mixtures.assignments.law import Assignment as Assignment
from mixtures.assignments.law import RowWise as RowWise

__all__ = ["Assignment", "Dirichlet", "Gating", "RowWise"]
