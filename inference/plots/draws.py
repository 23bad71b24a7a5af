"""One column of a site out of a posterior, and what the pictures call it."""

import numpy as np
import xarray as xr
from jaxtyping import Float

from inference.checks import check_choice, check_result
from inference.frames import components_of
from inference.plots.palette import Look, looks
from mixtures.errors import DataError, in_words


def component_draws(
    posterior: xr.DataTree, site: str, feature: int = 0, group: str = "posterior"
) -> Float[np.ndarray, "chain draw components"]:
    """The draws of one number for each component.

    Args:
        posterior: draws in ArviZ's schema.
        site: the variable.
        feature: which of its columns, if it has several.
        group: `"posterior"`, or `"posterior_raw"` for the draws as sampled of a tree that is relabelled.

    Raises:
        ModelError: not a tree of draws.
        ChoiceError: no such group or site.
        DataError: a site that the components share, or a column that it has not.
    """
    check_result("posterior", posterior, "children", "tree of draws", "sample_nuts")
    draws = posterior[check_choice("group", group, list(posterior.children))].to_dataset()
    check_choice("site", site, list(map(str, draws.data_vars)))
    if "components" not in draws[site].dims:
        raise DataError("site", got=f"{site!r}, which the components share", expected="a site with components")
    values = draws[site].transpose("chain", "draw", "components", ...).values
    columns = values.reshape(*values.shape[:3], -1)
    if not isinstance(feature, int | np.integer) or isinstance(feature, bool) or not 0 <= feature < columns.shape[3]:
        expected = f"a column of {site!r}: an int from 0 to {columns.shape[3] - 1}"
        raise DataError("feature", got=in_words(feature), expected=expected)
    return columns[..., feature]


def label_of(posterior: xr.DataTree, site: str, feature: int = 0, component: int | None = None) -> str:
    """What ArviZ calls it: loc[0, waiting]."""
    variable = posterior["posterior"].to_dataset()[site]
    dims = [dim for dim in variable.dims if dim not in ("chain", "draw", "components")]
    place = np.unravel_index(feature, [variable.sizes[dim] for dim in dims]) if dims else ()
    inner = [] if component is None else [str(variable["components"].values[component])]
    for dim, index in zip(dims, place, strict=True):
        inner.append(str(variable[dim].values[index]) if dim in variable.coords else str(index))
    return f"{site}[{', '.join(inner)}]" if inner else site


def looks_in(posterior: xr.DataTree, components: int) -> list[Look]:
    """What so many components look like, under the names that the tree has for them."""
    return looks(components, names=components_of(posterior))


def labelling_of(posterior: xr.DataTree, group: str) -> str:
    """Whether the draws of a group are as they were sampled, or under one labelling."""
    return "relabelled" if group == "posterior" and "posterior_raw" in posterior.children else "as sampled"


def central(values: np.ndarray, share: float = 0.99) -> tuple[float, float]:
    """Where the central share of the draws lies, and a little more: one far draw must not press all others together.

    What is positive, such as a scale, begins at 0 at the lowest.
    """
    low, high = np.quantile(values, [(1 - share) / 2, (1 + share) / 2])
    margin = 0.1 * (high - low) or 1.0
    floor = 0.0 if values.min() >= 0 else -np.inf
    return float(max(low - margin, floor)), float(high + margin)
