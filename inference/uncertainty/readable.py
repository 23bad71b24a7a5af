"""A fit's numbers as people read them, in a row, and how each moves with the unconstrained vector: the delta method's derivatives.

Correlations stand in place of Cholesky factors, standard deviations in place of mclust's volumes and shapes, and what a program keeps of its
parameters beside them, all under the names of `parameter_table`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from jaxtyping import Float

from inference.backends import Bound
from inference.factor_names import is_factor, shown_name
from inference.parameter_table import SHARED, heading, parameter_table
from inference.results import PointFit
from inference.uncertainty.scales import CORRELATION, scale_of

MOST = 8
"""How many names a sentence has."""

STEP = 1e-30
"""An imaginary step: nothing is subtracted, so that none is too short (Squire & Trapp 1998)."""


@dataclass(frozen=True, eq=False)
class Numbers:
    """A fit's numbers in a row.

    Args:
        names: (parameter, component) of each; `"all"` for what components share.
        values: (values,).
        slopes: d value / du, (values, size).
        supports: which values each may have, see `scales.SCALES`.
    """

    names: pd.MultiIndex
    values: Float[np.ndarray, " values"]
    slopes: Float[np.ndarray, "values size"]
    supports: np.ndarray

    @property
    def on_line(self) -> Float[np.ndarray, "values size"]:
        """The slopes of the values on scales without ends."""
        with np.errstate(divide="ignore", invalid="ignore"):  # of a constant at an end of its values
            slope = [scale_of(support).slope(value) for support, value in zip(self.supports, self.values, strict=True)]
            return np.where(self.slopes == 0, 0.0, np.array(slope)[:, None] * self.slopes)

    def called(self, some: np.ndarray) -> str:
        """Names of some of the values, and no more of them than can be read."""
        names = [
            line if component == SHARED else f"{line} of {heading(component)}" for line, component in self.names[some]
        ]
        return ", ".join([*names[:MOST], *([f"and {len(names) - MOST} more"] if len(names) > MOST else [])])


def numbers_at(fit: PointFit, bound: Bound, u: Float[np.ndarray, " size"]) -> Numbers:
    """The numbers of a fit at a vector near its parameters."""
    parameters, slopes = bound.log_density().constrain(u), bound.slopes(u)
    kept = bound.deterministic({name: value[None] for name, value in parameters.items()})
    dims = fit.dims | {site.name: site.dims for site in bound.sites.deterministic if site.name in kept}
    values = parameters | {name: value[0] for name, value in kept.items()}
    shown = replace(fit, parameters={name: values[name] for name in dims}, dims=dims)
    table = parameter_table(shown)
    columns = [in_a_row(_moved(shown, slopes, j)).imag / STEP for j in range(len(u))]
    is_there = ~np.isnan(in_a_row(table))
    names = names_of(table)[is_there]
    supports = np.array([_support(bound, table.attrs["sites"][line]) for line, _ in names])
    return Numbers(names, in_a_row(table)[is_there], np.stack(columns, axis=1)[is_there], supports)


def names_of(table: pd.DataFrame) -> pd.MultiIndex:
    """(parameter, component) of each number of a table of parameters, line after line."""
    names = [
        (line, component)
        for line in table.index
        for component in ([SHARED] if line in table.attrs["shared"] else table.columns)
    ]
    return pd.MultiIndex.from_tuples(names, names=["parameter", "component"])


def _moved(fit: PointFit, slopes: Mapping[str, np.ndarray], coordinate: int) -> pd.DataFrame:
    """The table an imaginary step along a coordinate away."""
    parameters = {name: value + 1j * STEP * slopes[name][..., coordinate] for name, value in fit.parameters.items()}
    return parameter_table(replace(fit, parameters=parameters))


def in_a_row(table: pd.DataFrame) -> np.ndarray:
    """The numbers of a table of parameters, line after line; what is shared once."""
    shared = set(table.attrs["shared"])
    lines = zip(table.index, table.to_numpy(), strict=True)
    return np.concatenate([values[:1] if name in shared else values for name, values in lines])


def _support(bound: Bound, site: str) -> str:
    """The support of a site's numbers, as people read them."""
    supports = {shown_name(one.name): CORRELATION if is_factor(one.name) else one.support for one in bound.sites.all}
    return supports.get(site, CORRELATION)  # those of mclust's structures are of no site
