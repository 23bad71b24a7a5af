"""Which class is a group of? Exact, for one parameter value or averaged over a posterior."""

from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from inference.assignment.responsibilities import bound_and_draws, in_blocks
from inference.checks import no_path
from inference.results import PointFit
from mixtures import Program
from mixtures.assignments import GroupClasses
from mixtures.errors import ModelError


def group_classes(fit_or_posterior: PointFit | xr.DataTree, x: Any, *, program: Program | None = None) -> pd.DataFrame:
    """P(class of group g = c | x) under `assignments.GroupClasses`, exact, given all rows of g; for a posterior, its mean over the draws.

    Averages over draws mean something only if classes keep their numbers: relabel first, which numbers classes too.

    Args:
        fit_or_posterior: a point fit, or a tree of draws.
        x: rows with the columns of the fitted data, and their groups, old or new.
        program: the declaration of the draws, where it cannot be imported again: one made inside a function, say.

    Returns:
        (groups, classes), a line for each group of `x` under its name.

    Raises:
        DataError: other columns than the model was fitted to, or no groups.
        ModelError: a model without classes of groups.

    Source: Vermunt (2003), Sociological Methodology 33.

    Example:
        >>> from inference import fit_em
        >>> from mixtures import Mixture, Observations, assignments, families
        >>> x = Observations([0, 9, 1, 0, 8, 9, 1, 9], group=["a", "a", "a", "a", "b", "b", "b", "b"])
        >>> fit = fit_em(Mixture(2, families.Poisson(), assignments.GroupClasses(2)), x, restarts=3, seed=0)
        >>> group_classes(fit, x).shape
        (2, 2)
    """
    bound, draws = bound_and_draws(fit_or_posterior, x, program)
    law, names = bound.sites.law, bound.x.group_names
    if not isinstance(law, GroupClasses) or names is None:
        raise ModelError(
            "fit",
            got=f"a model without classes of groups: {type(law).__name__ if law else 'a program of your own'}",
            expected="a mixture under assignments.GroupClasses",
            advice="responsibilities(fit, x) has the components of rows.",
        )
    total, draw = np.zeros((len(names), law.classes)), 0
    for tables in in_blocks(bound.emissions, draws, bound):
        for table in tables:
            values = {name: value[draw] for name, value in draws.items()}
            total, draw = total + law.class_marginals(np, values, table, bound.x.rows), draw + 1
    if np.isnan(total).any():
        raise no_path(is_chain=False)
    classes = pd.RangeIndex(law.classes, name="class")
    return pd.DataFrame(total / draw, index=pd.Index(names, name="group"), columns=classes)
