"""R-hat and effective sample sizes of every scalar in a set of draws, in one flat table."""

import arviz_stats
import numpy as np
import xarray as xr


def convergence(draws: xr.Dataset, kind: str) -> xr.Dataset:
    """Diagnose each scalar of the draws.

    Args:
        draws: variables with dims chain, draw and any others.
        kind: what these draws are, `"raw"` say; becomes a coordinate.

    Returns:
        `r_hat`, `ess_bulk` and `ess_tail` along the dim `quantity` (`loc[0]`, `loc[1]`, ...), with its variable's name
        in the coordinate `site`. R-hat is NaN for a constant, inf for chains that are each at a constant of its own;
        one chain is compared with itself, by halves.
    """
    draws = draws[[name for name in draws.data_vars if draws[name].dtype.kind in "fiu"]]
    chains = draws if draws.sizes["chain"] > 1 else _halves(draws)
    with np.errstate(divide="ignore", invalid="ignore"):  # constants: the docstring says what they give
        found = {
            "r_hat": arviz_stats.rhat(chains),
            "ess_bulk": arviz_stats.ess(draws, method="bulk"),
            "ess_tail": arviz_stats.ess(draws, method="tail"),
        }
    labels = [(str(name), label) for name, values in found["r_hat"].data_vars.items() for label in _labels(values)]
    columns = {
        statistic: ("quantity", np.concatenate([values.values.ravel() for values in table.data_vars.values()]))
        for statistic, table in found.items()
    }
    coords = {
        "quantity": [f"{name}{label}" for name, label in labels],
        "site": ("quantity", [name for name, _ in labels]),
        "kind": ("quantity", [kind] * len(labels)),
    }
    return xr.Dataset(columns, coords=coords)


def _halves(draws: xr.Dataset) -> xr.Dataset:
    half = draws.sizes["draw"] // 2
    parts = [draws.isel(draw=slice(start, start + half)).drop_vars("draw", errors="ignore") for start in (0, half)]
    return xr.concat([part.drop_vars("chain", errors="ignore") for part in parts], dim="chain")


def _labels(values: xr.DataArray) -> list[str]:
    """`[0, a]` for each element, in C order, by its coordinates."""
    if values.ndim == 0:
        return [""]
    names = [[str(name) for name in values[dim].values] for dim in values.dims]
    return [f"[{', '.join(names[axis][i] for axis, i in enumerate(index))}]" for index in np.ndindex(values.shape)]
