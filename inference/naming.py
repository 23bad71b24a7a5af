"""What the components are called: names that fits, tables, classes and ArviZ's output carry from then on."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np
import xarray as xr

from inference.checks import check_tree
from inference.results import PointFit
from mixtures.assignments import TO
from mixtures.errors import ModelError, in_words

Named = TypeVar("Named", PointFit, xr.DataTree)


def name_components(result: Named, names: Sequence[str]) -> Named:
    """The same result, its components called by names.

    Tables then have the names as headings, `classify` of a frame gives them as categories, and the trees of posteriors have them as the
    coordinates of `components`, and of `to`, where a chain goes: `posterior.posterior.loc.sel(components="long")`. Relabel a posterior
    first: until then a component is another in every draw.

    Args:
        result: a point fit, or a tree of draws.
        names: a list, one for each component, in their order, all different.

    Returns:
        A copy; the result itself stays as it was.

    Raises:
        ModelError: another number of names, or two that are the same.
        DataError: neither a point fit nor a tree of draws.

    Example:
        >>> from inference import fit_em
        >>> from mixtures import gaussian_mixture
        >>> fit = fit_em(gaussian_mixture(2, "tied"), [0.0, 1.0, 10.0, 11.0, 12.0], restarts=5, seed=0)
        >>> name_components(fit, ["late", "early"]).to_frame().columns.tolist()
        ['late', 'early']
    """
    if isinstance(result, PointFit):
        return replace(result, origin=replace(result.origin, component_names=_checked(names, len(result.components))))
    tree = check_tree(result).copy(deep=False)
    wanted = np.array(_checked(names, tree["posterior"].sizes.get("components", 1)))
    for group, node in tree.children.items():
        if "components" in node.dims:
            named = {dim: wanted for dim in ("components", TO) if dim in node.dims}
            tree[group] = xr.DataTree(node.to_dataset().assign_coords(named))
    return tree


def _checked(names: Any, components: int) -> tuple[str, ...]:
    given = list(names) if isinstance(names, list | tuple) else []
    is_good = len(given) == components and all(isinstance(name, str) and name for name in given)
    if not is_good or len(set(given)) < len(given):
        raise ModelError("names", got=in_words(names), expected=f"a list of {components} different names")
    return tuple(map(str, given))
