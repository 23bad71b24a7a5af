"""Results in words: plain tables that look the same on a terminal, in a file and in a log."""

import re

import numpy as np
import pandas as pd
import xarray as xr

from inference.checks import check_choice, check_count, check_result
from inference.draws import program_of
from inference.factor_names import SHOWN, shown_name
from inference.factors import pairs_of, readable
from inference.parameter_table import TURNED, number, plain
from inference.point.restarts import best_restart
from inference.results import PointFit
from mixtures import Observations
from mixtures.errors import DataError
from mixtures.families.members import parts_of
from mixtures.tables import components_in

INTERVAL = re.compile(r"eti(\d+)_(lb|ub)")
HEADINGS = {"r_hat": "R-hat", "ess_bulk": "ESS, bulk", "ess_tail": "ESS, tail"}

MOST_RESTARTS = 5
"""How many restarts a table shows."""


def restarts_text(fit: PointFit, most: int = MOST_RESTARTS) -> str:
    """The best restarts, and how many there are of each status; one line for all that reach the same optimum.

    Args:
        fit: a point fit with restarts.
        most: how many are shown.
    """
    check_result("fit", fit, "restarts", "PointFit", "fit_map, fit_mle or fit_em")
    check_count("most", most)
    table = fit.restarts
    tally = ", ".join(f"{count} {status.word}" for status, count in table["status"].value_counts().items())
    if len(table) > 1 and "optimum" in table and (table["optimum"] == 0).all():
        return f"{len(table)} restarts: {tally}; all of them reach the same optimum."
    is_unsound = [not status.is_sound for status in table["status"]]
    is_chosen = table.index == best_restart(table)
    keys = table.assign(is_unsound=is_unsound, is_other=~is_chosen, starts=1)
    shown = _by_optimum(keys.sort_values(["is_other", "is_unsound", "objective"], kind="stable")).head(most)
    columns = {
        "seed": shown["seed"],
        "at the start": shown["initial_objective"].map("{:.4f}".format),
        "at the end": shown["objective"].map("{:.4f}".format),
        "steps": shown["steps"],
        "starts": shown["starts"],
        "status": shown["status"].map(str),
    }
    lines = [
        f"{len(table)} restarts: {tally}. Loss in nats, the chosen one first, then one start of each other optimum:",
        "",
    ]
    return "\n".join([*lines, plain(pd.DataFrame(columns), index=False)])


def _by_optimum(restarts: pd.DataFrame) -> pd.DataFrame:
    """One line of each optimum, and how many starts came to it; all lines where optima were not told apart."""
    if "optimum" not in restarts:
        return restarts
    own = -1 - np.arange(len(restarts))  # a start that came to none is alone
    optimum = restarts["optimum"].where(restarts["optimum"] >= 0, own)
    return restarts.assign(starts=optimum.map(optimum.value_counts()))[~optimum.duplicated()]


def summary(posterior: xr.DataTree, group: str = "posterior") -> pd.DataFrame:
    """Means, standard deviations, intervals and convergence of every parameter that varies, correlations in place of Cholesky factors.

    Args:
        posterior: draws; those of components mean something only once they are relabelled.
        group: `"posterior"`, or `"posterior_raw"` for the draws as sampled.

    Returns:
        The table of `arviz_stats.summary`, unrounded, without constants.
    """
    import arviz_stats

    check_result("posterior", posterior, "children", "tree of draws", "sample_nuts")
    draws = readable(posterior)[check_choice("group", group, posterior.children)].to_dataset()
    if not draws.data_vars:
        raise DataError("posterior", got=f"no variable in {group!r}", expected="draws")
    names = posterior.attrs["parameters"].split(",") if "parameters" in posterior.attrs else list(draws.data_vars)
    shown = _with_spread(posterior, draws[[shown_name(str(name)) for name in names]])
    with np.errstate(divide="ignore", invalid="ignore"):  # constants, which are left out below
        table = arviz_stats.summary(xr.DataTree.from_dict({"posterior": shown}), round_to="none")
    return table[table["sd"] > 0]


def draws_frame(posterior: xr.DataTree, group: str = "posterior") -> pd.DataFrame:
    """The draws as a table, for other programs: a line for each draw, a column for each number, called as in `summary`.

    Args:
        posterior: draws.
        group: `"posterior"`, or `"posterior_raw"` for the draws as sampled.

    Returns:
        `chain` and `draw`, then the parameters.
    """
    draws = readable(posterior)[group].to_dataset()
    stacked = draws.stack(line=("chain", "draw")).transpose("line", ...)
    columns: dict[str, np.ndarray] = {dim: stacked[dim].values for dim in ("chain", "draw")}
    for name, values in stacked.data_vars.items():
        inner = [dim for dim in values.dims if dim != "line"]
        places = [values[dim].values.tolist() if dim in values.coords else range(values.sizes[dim]) for dim in inner]
        for index in np.ndindex(*(values.sizes[dim] for dim in inner)):
            label = ", ".join(str(names[place]) for names, place in zip(places, index, strict=True))
            columns[f"{name}[{label}]" if inner else str(name)] = values.values[(slice(None), *index)]
    return pd.DataFrame(columns)


def _with_spread(posterior: xr.DataTree, draws: xr.Dataset) -> xr.Dataset:
    """Standard deviations and correlations in place of the sites that declare mclust's structures, which say nothing to a reader."""
    mixture = program_of(posterior).mixture if TURNED & set(draws.data_vars) else None
    covariances = None if mixture is None else parts_of(mixture.family).covariances
    if covariances is None or "features" not in draws.dims:
        return draws
    found = covariances({str(name): values.values for name, values in draws.items()}, draws.sizes["features"])
    scale = np.sqrt(np.einsum("...ii->...i", found))
    dims = ("chain", "draw", "components", "features")
    spread = xr.Dataset({"scale": (dims, scale)})
    matrix = xr.DataArray(found / (scale[..., None] * scale[..., None, :]), dims=(*dims, "features_bis"))
    matrix = matrix.assign_coords(features=draws["features"]) if "features" in draws.coords else matrix
    kept = draws.drop_vars([name for name in (*TURNED, "scale") if name in draws])
    return kept.assign(spread.data_vars).assign({SHOWN: pairs_of(matrix)})


def readable_summary(posterior: xr.DataTree, group: str = "posterior") -> pd.DataFrame:
    """`summary` under headings that say what they are, without Monte Carlo errors, which ESS says too."""
    table = summary(posterior, group).filter(regex="^(?!mcse)")
    counts = [name for name in table if name.startswith("ess")]
    table[counts] = table[counts].round().astype(int)
    return table.rename(columns=lambda name: HEADINGS.get(name, INTERVAL.sub(_bound, name)))


def _bound(match: re.Match[str]) -> str:
    return f"{match[1]}% {'from' if match[2] == 'lb' else 'to'}"


def summary_text(posterior: xr.DataTree, group: str = "posterior") -> str:
    """`readable_summary` as text."""
    formats = {HEADINGS["r_hat"]: "{:.3f}".format} | {HEADINGS[name]: str for name in ("ess_bulk", "ess_tail")}
    table = readable_summary(posterior, group)
    return plain(table.apply(lambda column: column.map(formats.get(column.name, number))))


def occupancy_text(classes: np.ndarray, components: int) -> str:
    """How many rows each component has.

    Example:
        >>> occupancy_text(np.array([0, 1, 1]), 2)
        '1 row in component 0, 2 rows in component 1'
    """
    numbers, names = components_in("classes", classes)
    counts = np.bincount(numbers, minlength=check_count("components", components))
    called = names if len(names) == len(counts) else [f"component {k}" for k in range(len(counts))]
    return ", ".join(f"{n} row{'s' if n != 1 else ''} in {name}" for name, n in zip(called, counts, strict=True))


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
