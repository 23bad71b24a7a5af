"""What a mixture, and inference, ask of a family: what a component looks like.

A family draws its parameters (shared ones once, the others once a component) and turns one row's parameters into the distribution of that
row. It also says where optimisation starts, and what data it can describe. It knows nothing of backends and nothing of inference.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

import numpy as np

from mixtures.families.parts import Parts
from mixtures.observations import Observations
from mixtures.ppl.protocol import PPL, Array, Distribution
from mixtures.priors import Prior


@runtime_checkable
class Draw(Protocol):
    """Draws a site from its prior: the mixture hands this to the family."""

    def __call__(
        self,
        site: str,
        *,
        shape: tuple[int, ...] = (),
        dims: tuple[str, ...] = (),
        leading: tuple[Any, ...] = (),
        event: tuple[int, ...] = (),
        columns: np.ndarray | None = None,
    ) -> Array:
        """See `mixtures.priors.Prior.sample` for the arguments."""
        ...


class Family(ABC):
    """What a component looks like. A family is a frozen dataclass with a field `priors`: compiled programs are cached by it.

    `features` is None for data of shape (rows,), else the number of columns.
    """

    @property
    @abstractmethod
    def priors_by_site(self) -> Mapping[str, Prior]:
        """Every site's prior: the defaults with the user's in their place."""

    @abstractmethod
    def shared(self, ppl: PPL, draw: Draw, features: int | None) -> dict[Any, Array]:
        """The parameters common to all components."""

    @abstractmethod
    def per_component(self, ppl: PPL, draw: Draw, features: int | None) -> dict[Any, Array]:
        """The parameters of each component, drawn inside the plate `components`; leading axis: components."""

    @abstractmethod
    def emission(self, ppl: PPL, parameters: Mapping[Any, Array], features: int | None) -> Distribution:
        """The distribution of a row, given the parameters of the component it is assigned to.

        Beside its own parameters a family finds there `assignment`, the component itself; `observed`, which cells were observed, where some
        are missing; and `covariates`, where the data have them.
        """

    @abstractmethod
    def start(self, x: np.ndarray, rows: np.ndarray, components: int) -> dict[str, np.ndarray]:
        """Every site's value where optimisation starts, given the indices of one randomly drawn row for each component.

        A family that depends on covariates is given them too, as `covariates`, (rows, covariates).
        """

    @abstractmethod
    def check(self, x: Observations) -> None:
        """Raise DataError, naming rows and columns, if the family cannot describe x."""

    def parts(self) -> Parts:
        """What else the family has to say; each part stands in `Parts` with what it is where a family says nothing."""
        return Parts()
