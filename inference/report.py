"""Results in words: plain tables that look the same on a terminal, in a file and in a log."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from inference.backends import engine
from inference.backends.sites import Site
from inference.checks import check_choice, check_count, check_result
from inference.point.restarts import best_restart
from inference.results import PointFit
from mixtures import Observations
from mixtures.errors import DataError
from mixtures.families.members import parts_of
from mixtures.tables import whole_numbers

MOST_RESTARTS = 5
"""How many restarts a table shows."""


def fit_text(fit: PointFit) -> str:
    """How a fit ended, how good it is, and its parameters: one column for each component.

    Args:
        fit: a point fit.

    Example:
        >>> from inference import fit_map
        >>> from mixtures import gaussian_mixture
        >>> fit = fit_map(gaussian_mixture(2, "tied"), [0.0, 1.0, 10.0, 11.0, 12.0], restarts=5, seed=0)
        >>> print(fit_text(fit).splitlines()[0])
        converged; best of 5 restarts
    """
    check_result("fit", fit, "restarts", "PointFit", "fit_map, fit_mle or fit_em")
    head, likelihood = str(fit).splitlines()[:2]
    lines = dict(_lines(fit))
    own = {name: values for name, values in lines.items() if np.ndim(values)}
    shared = {name: values for name, values in lines.items() if not np.ndim(values)}
    parts = [head, likelihood]
    if own:
        table = pd.DataFrame.from_dict(own, orient="index")
        table.columns = pd.Index([f"component {component}" for component in table.columns])
        parts += ["", _plain(table.map(_number))]
    # of components that each have a family of their own, no value is shared
    mixture = fit.program.mixture
    word = "" if mixture is not None and parts_of(mixture.family).components is not None else ", shared"
    parts += [f"{name}{word}: {_number(value)}" for name, value in shared.items()]
    return "\n".join(parts)


def restarts_text(fit: PointFit, most: int = MOST_RESTARTS) -> str:
    """The best restarts, and how many there are of each status.

    Args:
        fit: a point fit with restarts.
        most: how many are shown.
    """
    check_result("fit", fit, "restarts", "PointFit", "fit_map, fit_mle or fit_em")
    check_count("most", most)
    table = fit.restarts
    tally = ", ".join(f"{count} {status.word}" for status, count in table["status"].value_counts().items())
    is_unsound = [not status.is_sound for status in table["status"]]
    is_chosen = table.index == best_restart(table)
    keys = table.assign(is_unsound=is_unsound, is_other=~is_chosen)
    shown = keys.sort_values(["is_other", "is_unsound", "objective"], kind="stable").head(most)
    columns = {
        "seed": shown["seed"],
        "at the start": shown["initial_objective"].map("{:.4f}".format),
        "at the end": shown["objective"].map("{:.4f}".format),
        "steps": shown["steps"],
        "status": shown["status"].map(str),
    }
    lines = [f"{len(table)} restarts: {tally}. Loss in nats, the chosen one first:", ""]
    return "\n".join([*lines, _plain(pd.DataFrame(columns), index=False)])


def summary_text(posterior: xr.DataTree, group: str = "posterior") -> str:
    """Means, standard deviations, intervals and convergence of every parameter that varies.

    Args:
        posterior: draws; those of components mean something only once they are relabelled.
        group: `"posterior"`, or `"posterior_raw"` for the draws as sampled.

    Returns:
        The table of `arviz_stats.summary`.
    """
    import arviz_stats

    check_result("posterior", posterior, "children", "tree of draws", "sample_nuts")
    draws = posterior[check_choice("group", group, posterior.children)].to_dataset()
    if not draws.data_vars:
        raise DataError("posterior", got=f"no variable in {group!r}", expected="draws")
    names = posterior.attrs["parameters"].split(",") if "parameters" in posterior.attrs else list(draws.data_vars)
    shown = _with_correlations(draws[names])
    with np.errstate(divide="ignore", invalid="ignore"):  # constants, which are left out below
        table = arviz_stats.summary(xr.DataTree.from_dict({"posterior": shown}), round_to="none")
    table = table[table["sd"] > 0]
    counts = [name for name in table.columns if name.startswith("ess")]
    formats = dict.fromkeys(counts, "{:.0f}".format) | {"r_hat": "{:.3f}".format}
    return _plain(table.apply(lambda column: column.map(formats.get(column.name, _number))))


def occupancy_text(classes: np.ndarray, components: int) -> str:
    """How many rows each component has.

    Example:
        >>> occupancy_text(np.array([0, 1, 1]), 2)
        '1 row in component 0, 2 rows in component 1'
    """
    counts = np.bincount(whole_numbers("classes", classes), minlength=check_count("components", components))
    return ", ".join(f"{n} row{'s' if n != 1 else ''} in component {k}" for k, n in enumerate(counts))


def data_text(x: Observations) -> str:
    """The size of the data and the names of their columns.

    Example:
        >>> data_text(Observations([1.0, 2.0]))
        '2 rows of one variable'
    """
    x = Observations.of(x)
    if x.features is None:
        return f"{len(x)} rows of {x.feature_names[0] if x.feature_names else 'one variable'}"
    names = f" ({', '.join(x.feature_names)})" if x.feature_names else ""
    return f"{len(x)} rows, {x.features} columns{names}"


def _lines(fit: PointFit) -> Iterator[tuple[str, np.ndarray]]:
    """Every number of every site: its name, and one value for each component or one for all."""
    names = fit.origin.feature_names or tuple(map(str, range(fit.origin.features or 0)))
    covariates = fit.origin.covariate_names or tuple(map(str, range(fit.origin.covariates or 0)))
    places = {"features": names, "covariates": covariates}
    for site in engine(fit.backend).sites(fit.program, _example(fit)).parameters:
        value, axis = _without_redundant(fit, site), site.component_axis
        moved = value if axis is None else np.moveaxis(value, axis, -1)
        dims = tuple(dim for dim in site.dims if dim != "components")
        if site.name == "correlation_cholesky":
            yield from _correlations(moved, names)
            continue
        for index in np.ndindex(moved.shape[: len(dims)]):
            label = ", ".join(
                places[dim][place] if dim in places else str(place) for dim, place in zip(dims, index, strict=True)
            )
            yield f"{site.name}[{label}]" if index else site.name, moved[index]


def _example(fit: PointFit) -> Observations:
    """Two rows like the fitted ones: the sites' axes do not depend on how many there are."""
    origin = fit.origin
    covariates = None if origin.covariates is None else np.zeros((2, origin.covariates))
    return Observations(np.zeros((2,) if origin.features is None else (2, origin.features)), covariates=covariates)


def _without_redundant(fit: PointFit, site: Site) -> np.ndarray:
    """A site's value; NaN where a component, such as noise, has a place in it without use."""
    value, axis = fit.parameters[site.name], site.component_axis
    mixture = fit.program.mixture
    if axis is None or mixture is None or site.name not in parts_of(mixture.family).redundant_sites:
        return value
    unused = np.isin(np.arange(value.shape[axis]), list(parts_of(mixture.family).distinct_components))
    shape = [-1 if place == axis else 1 for place in range(value.ndim)]
    return np.where(unused.reshape(shape), np.nan, value)


def _correlations(root: np.ndarray, names: tuple[str, ...]) -> Iterator[tuple[str, np.ndarray]]:
    """Correlations, which people read, from their Cholesky factor, which samplers like."""
    # R = C C'
    correlation = np.einsum("ij...,kj...->ik...", root, root)
    for i, k in zip(*np.triu_indices(len(names), 1), strict=True):
        yield f"correlation[{names[i]}, {names[k]}]", correlation[i, k]


def _with_correlations(draws: xr.Dataset) -> xr.Dataset:
    """Each correlation once, in place of the Cholesky factor; what is left of the matrix is constant."""
    if "correlation_cholesky" not in draws:
        return draws
    root = draws["correlation_cholesky"]
    values = root.transpose(..., "features", "features_bis").values
    correlation = root.transpose(..., "features", "features_bis").copy(
        data=np.triu(values @ np.swapaxes(values, -1, -2), 1)
    )
    return draws.drop_vars("correlation_cholesky").assign(correlation=correlation)


def _number(value: Any) -> str:
    return "-" if np.isnan(value) else f"{value:.4g}"


def _plain(table: pd.DataFrame, index: bool = True) -> str:
    """The whole table, however wide the terminal is."""
    text = table.to_string(index=index, line_width=10_000)
    return "\n".join(line.rstrip() for line in text.splitlines())
