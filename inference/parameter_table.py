"""The parameters of a fit as a table that people read: one line a number, one column a component, names as the data have them."""

from collections.abc import Iterator
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from inference.axis_names import chances, places
from inference.factor_names import SHOWN, is_factor, shown_name
from mixtures.assignments import TO
from mixtures.families import PerComponent
from mixtures.families.members import parts_of

if TYPE_CHECKING:
    from inference.results import PointFit

SHARED = "all"
"""The column of what belongs to all components alike, in a table where nothing belongs to one."""

TURNED = {"log_volume", "log_shape", "orientation"}
"""Sites by which mclust's structures are declared; readers are shown standard deviations and correlations."""

MOST_LINES, MOST_COMPONENTS = 40, 10
"""How much of a table is printed: the rest is in the frame."""


def parameter_table(fit: "PointFit") -> pd.DataFrame:
    """A fit's parameters, a line for each number and a column for each component.

    What all components share stands in every column; NaN is what a component, such as noise or one with another family, does not have.
    Correlations are shown in place of their Cholesky factor; of structures that are declared by volume, shape and orientation, standard
    deviations and correlations.

    Args:
        fit: a point fit.

    Returns:
        Numbers, the parameters' names as the index; its attribute `attrs["shared"]` names the lines that are shared, `attrs["sites"]` says
        of which site each line is.
    """
    named = list(_lines(fit))
    lines = {name: values for _, name, values in named}
    names = fit.components
    own = {name: values for name, values in lines.items() if np.ndim(values)}
    columns = list(names) if own else [SHARED]
    full = {name: np.broadcast_to(values, len(columns)) for name, values in lines.items()}
    table = pd.DataFrame.from_dict(full, orient="index", columns=pd.Index(columns, name="component"))
    table.attrs["shared"] = [name for name in lines if name not in own]
    table.attrs["sites"] = {name: site for site, name, _ in named}
    return table


def table_text(fit: "PointFit") -> str:
    """The table as text: what is shared below it, and no more of it than can be read."""
    table = parameter_table(fit)
    shared = table.attrs["shared"]
    own = table.drop(index=shared)
    lines = []
    if len(own):
        shown = own.iloc[:MOST_LINES, :MOST_COMPONENTS]
        shown.columns = pd.Index([heading(name) for name in shown.columns])
        lines += ["", plain(shown.map(number))]
        left = [
            f"{count} more {what}" for count, what in
            ((len(own) - len(shown), "lines"), (own.shape[1] - shown.shape[1], "components")) if count
        ]  # fmt: skip
        lines += (
            [f"... and {' of '.join(left) if len(left) == 1 else ' and '.join(left)}: see to_frame()"] if left else []
        )
    lines += [f"{name}, shared: {number(table.loc[name].iloc[0])}" for name in shared[:MOST_LINES]]
    return "\n".join(lines)


def heading(name: object) -> str:
    """What stands above the column of a component: its name, or its number with a word before it."""
    return f"component {name}" if isinstance(name, int | np.integer) else str(name)


def number(value: float) -> str:
    """Four digits; a dash where there is no number."""
    return "-" if np.isnan(value) else f"{value:.4g}"


def plain(table: pd.DataFrame, index: bool = True) -> str:
    """The whole table as text, however wide the terminal is."""
    text = table.to_string(index=index, line_width=10_000)
    return "\n".join(line.rstrip() for line in text.splitlines())


def _lines(fit: "PointFit") -> Iterator[tuple[str, str, np.ndarray]]:
    """Every number of every site: the site, the number's name, and one value for each component or one for all."""
    spread = _spread(fit)
    for name, value in fit.parameters.items():
        if spread is not None and name in (*TURNED, "scale"):
            continue
        dims = fit.dims[name]
        values = _in_its_column(fit, name, _without_redundant(fit, name, value))
        if "components" in dims:
            values = np.moveaxis(values, dims.index("components"), -1)
            dims = tuple(dim for dim in dims if dim != "components")
        if is_factor(name):
            yield from _correlations(fit, shown_name(name), dims[0], values)
            continue
        for index in np.ndindex(values.shape[: len(dims)]):
            label = _label(fit, name, dict(zip(dims, index, strict=True)))
            yield name, f"{name}[{label}]" if label else name, values[index]
    if spread is not None:
        yield from _scales_and_correlations(fit, spread)


def _spread(fit: "PointFit") -> np.ndarray | None:
    """Covariance matrices, (features, features, components), where the sites that make them up say nothing to a reader."""
    mixture, features = fit.program.mixture, fit.origin.features
    covariances = None if mixture is None else parts_of(mixture.family).covariances
    if covariances is None or features is None or not TURNED & set(fit.parameters):
        return None
    return np.moveaxis(covariances(fit.parameters, features), -3, -1)


def _place(fit: "PointFit", dim: str, place: int, feature: int | None = None) -> str:
    """The name of a place along a dim, or its number; the columns of a chain's matrix are those that it comes from."""
    name = places(fit.origin, dim, place + 1, feature)[place]
    return f"to {name}" if dim == TO else name


def _label(fit: "PointFit", site: str, index: dict[str, int]) -> str:
    """The places of a number along its site's axes; of a probability of yes or no that which it is of."""
    mixture, feature = fit.program.mixture, index.get("features")
    names = [_place(fit, dim, place, feature) for dim, place in index.items()]
    second = {} if mixture is None else chances(mixture.family, fit.origin)
    yes = second[site][feature or 0] if site in second else None
    if yes is None:
        return ", ".join(names)
    return f"{names[0]} = {yes}" if names else yes


def _without_redundant(fit: "PointFit", name: str, value: np.ndarray) -> np.ndarray:
    """A site's value; NaN where a component, such as noise, has a place in it without use."""
    mixture, dims = fit.program.mixture, fit.dims[name]
    if "components" not in dims or mixture is None or name not in parts_of(mixture.family).redundant_sites:
        return value
    axis = dims.index("components")
    unused = np.isin(np.arange(value.shape[axis]), list(parts_of(mixture.family).distinct_components))
    shape = [-1 if place == axis else 1 for place in range(value.ndim)]
    return np.where(unused.reshape(shape), np.nan, value)


def _in_its_column(fit: "PointFit", name: str, value: np.ndarray) -> np.ndarray:
    """A site's value; of a site of one component's own family beside NaN for the others, (..., components)."""
    mixture = fit.program.mixture
    if mixture is None or not isinstance(mixture.family, PerComponent):
        return value
    own = mixture.family.component_of.get(name)
    return value if own is None else np.where(np.arange(mixture.components) == own, value[..., None], np.nan)


def _correlations(fit: "PointFit", shown: str, dim: str, root: np.ndarray) -> Iterator[tuple[str, str, np.ndarray]]:
    """Correlations, which people read, from their Cholesky factor, which samplers like."""
    # R = C C'
    yield from _pairs(fit, shown, dim, np.einsum("ij...,kj...->ik...", root, root))


def _pairs(fit: "PointFit", shown: str, dim: str, correlation: np.ndarray) -> Iterator[tuple[str, str, np.ndarray]]:
    for i, k in combinations(range(len(correlation)), 2):
        yield shown, f"{shown}[{_place(fit, dim, i)}, {_place(fit, dim, k)}]", correlation[i, k]


def _scales_and_correlations(fit: "PointFit", covariance: np.ndarray) -> Iterator[tuple[str, str, np.ndarray]]:
    """Standard deviations and correlations of covariance matrices."""
    scale = np.sqrt(np.einsum("ii...->i...", covariance))
    for j, values in enumerate(scale):
        yield "scale", f"scale[{_place(fit, 'features', j)}]", values
    yield from _pairs(fit, SHOWN, "features", covariance / (scale[:, None] * scale[None]))
