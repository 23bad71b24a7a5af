"""Laws of the assignment: how rows are assigned to components. One law a file; `Mixture` takes one as its third part."""

from mixtures.assignments.chain import TO as TO
from mixtures.assignments.chain import Chain as Chain
from mixtures.assignments.dirichlet import Dirichlet as Dirichlet
from mixtures.assignments.gating import Gating as Gating
from mixtures.assignments.group_classes import GroupClasses as GroupClasses
from mixtures.assignments.group_weights import GroupWeights as GroupWeights
from mixtures.assignments.law import Assignment as Assignment
from mixtures.assignments.law import RowWise as RowWise
from mixtures.assignments.markov import Markov as Markov
from mixtures.assignments.markov_gating import MarkovGating as MarkovGating
from mixtures.assignments.per_group import PerGroup as PerGroup
from mixtures.assignments.sparse_dirichlet import SparseDirichlet as SparseDirichlet
from mixtures.assignments.stick_breaking import StickBreaking as StickBreaking

__all__ = [
    "TO",
    "Assignment",
    "Chain",
    "Dirichlet",
    "Gating",
    "GroupClasses",
    "GroupWeights",
    "Markov",
    "MarkovGating",
    "PerGroup",
    "RowWise",
    "SparseDirichlet",
    "StickBreaking",
]
