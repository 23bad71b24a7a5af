"""A run that can be stored: what was asked for, carried out from the beginning or from where its stored blocks end."""

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import xarray as xr

from inference.backends import Bound
from inference.posterior.store import DrawStore
from inference.results import versions
from mixtures.specification import to_json


class Run(ABC):
    """What was asked for, beside program and data: a frozen dataclass of plain values, which a store's header keeps."""

    verb: ClassVar[str]
    """The public function that begins it."""

    @property
    @abstractmethod
    def backend(self) -> str:
        """Whose target is sampled."""

    @classmethod
    @abstractmethod
    def of_header(cls, asked: Mapping[str, Any]) -> "Run":
        """The run that `dataclasses.asdict` wrote down.

        Raises:
            Any exception: it wrote down something else.
        """

    @abstractmethod
    def start_shapes(self, starts: Mapping[str, np.ndarray], bound: Bound) -> dict[str, tuple[int, ...]]:
        """The shapes that starts of so many chains have."""

    @abstractmethod
    def carry_out(
        self,
        bound: Bound,
        starts: Mapping[str, np.ndarray],
        store: DrawStore | None,
        *,
        progress: bool | None,
        strict: bool,
    ) -> xr.DataTree:
        """Sample what the store does not have yet, and make the tree.

        Args:
            bound: the declaration, its hyperparameters written out, and the data.
            starts: where the chains start, arrays by name.
            store: blocks of an earlier run, and the place for new ones.
            progress: show a progress bar; None shows one on a terminal.
            strict: raise if the draws have warnings.
        """

    def header(self, bound: Bound) -> dict[str, Any]:
        """Everything that a continuation must agree on."""
        return {
            "verb": self.verb,
            "run": dataclasses.asdict(self),  # type: ignore[call-overload]  # a dataclass, as the class asks
            "program": to_json(bound.numbered),
            "data_fingerprint": bound.x.weighted_fingerprint,
            "versions": versions(self.backend),
        }
