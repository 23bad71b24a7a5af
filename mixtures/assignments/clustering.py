"""What a law says of partitions: how probable it is, weights summed out, that rows fall into clusters of these sizes.

These are Gibbs-type laws (Pitman 1995; De Blasi et al. 2015): all that a sampler of partitions must know of one are the numbers below.
"""

from dataclasses import dataclass
from typing import ClassVar

CONCENTRATION = "weight_concentration"
"""The site of a law's concentration, where it is learned; a family has a site `concentration` of its own."""


@dataclass(frozen=True)
class FiniteClusters:
    """Of K components with weights ~ Dirichlet(a, ..., a): where the number K is random, so is a.

    Args:
        concentration: the number, or None where it is the site `weight_concentration`.
        is_shared_out: whether it is that of all components together: a = concentration / K, else a = concentration.

    Example:
        >>> FiniteClusters(2.0, is_shared_out=True).of_each(2.0, 4)
        0.5
    """

    is_infinite: ClassVar[bool] = False

    concentration: float | None
    is_shared_out: bool = False

    def of_each(self, concentration, components):
        """The concentration a of each of so many components."""
        return concentration / components if self.is_shared_out else concentration + 0 * components


@dataclass(frozen=True)
class InfiniteClusters:
    """Of infinitely many components whose weights are those of a Pitman-Yor process; with discount 0 of a Dirichlet process.

    Args:
        concentration: the number, or None where it is the site `weight_concentration`.
        discount: 0 <= discount < 1.
    """

    is_infinite: ClassVar[bool] = True

    concentration: float | None
    discount: float = 0.0


Clusters = FiniteClusters | InfiniteClusters
