"""Results in words: plain tables that look the same on a terminal, in a file and in a log."""

import re

import numpy as np
import pandas as pd
import xarray as xr

from inference.checks import check_choice, check_count, check_result
from inference.draws import program_of
from inference.factors import SHOWN, pairs_of, readable, shown_name
from inference.parameter_table import TURNED, number, plain
from inference.point.restarts import best_restart
from inference.results import PointFit
from mixtures import Observations
from mixtures.errors import DataError
from mixtures.families.members import parts_of
from mixtures.tables import components_in

INTERVAL = re.compile(r"eti(\d+)_(lb|ub)")

MOST_RESTARTS = 5
"""How many restarts a table shows."""


def restarts_text(fit: PointFit, most: int = MOST_RESTARTS) -> str:
    """The best restarts, and how many there are of each status; one line where all of them agree.

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
    return "\n".join([*lines, plain(pd.DataFrame(columns), index=False)])


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


def summary_text(posterior: xr.DataTree, group: str = "posterior") -> str:
    """`summary` as text; its columns `eti89` are the bounds of the interval between the 5.5% and the 94.5% quantile."""
    table = summary(posterior, group)
    counts = [name for name in table.columns if name.startswith("ess")]
    formats = dict.fromkeys(counts, "{:.0f}".format) | {"r_hat": "{:.3f}".format}
    shown = table.apply(lambda column: column.map(formats.get(column.name, number)))
    return plain(
        shown.rename(
            columns=lambda name: INTERVAL.sub(r"\1% \2", name).replace("% lb", "% from").replace("% ub", "% to")
        )
    )


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
