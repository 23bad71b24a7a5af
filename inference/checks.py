"""What every verb checks before it starts."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from jaxtyping import Int

from inference.results import PointFit
from mixtures import Mixture, Observations, Program
from mixtures.assignments.groups import check_labels_of_groups
from mixtures.blocks import reduced
from mixtures.categories import BOOLEAN, Categories, listed
from mixtures.checks import check_choice as check_choice  # every verb has its checks from here
from mixtures.checks import check_count as check_count
from mixtures.checks import check_counts as check_counts
from mixtures.checks import check_flags as check_flags
from mixtures.checks import check_options as check_options
from mixtures.checks import check_path as check_path
from mixtures.checks import check_positive as check_positive
from mixtures.checks import check_room as check_room
from mixtures.checks import check_share as check_share
from mixtures.elsewhere import as_array, tabular
from mixtures.errors import DataError, ModelError, in_words
from mixtures.families import Product
from mixtures.families.members import can_be
from mixtures.tables import named_row

if TYPE_CHECKING:
    import xarray as xr

WIDEST = 1e150
"""Columns vary by no more than this, and by no less than its inverse."""


def checked(program: Program, x: Any, *, labels: Any = None, row_weights: Any = None) -> Observations:
    """`x` as observations that the program can describe, with the known labels and row weights that a verb was given beside it.

    Raises:
        ModelError: `program` is not a declaration.
        DataError: `x` cannot be used, or lies outside the family's support; or a row cannot be of any component, or of
            the one that its label says.
    """
    if not isinstance(program, Program):
        raise ModelError(
            "program",
            got=f"{in_words(program)} ({type(program).__name__})",
            expected="a declaration",
            advice="Use gaussian_mixture(2), Mixture(...), or decorate your own function with @mixtures.declare.",
        )
    mixture = program.mixture
    if mixture is not None and mixture.formula is not None:
        x = mixture.read(x)
    elif mixture is not None and isinstance(mixture.family, Product):
        x = of_columns(x, [name for name, _ in mixture.family.pairs])
    observations = observed(x, labels, row_weights)
    if mixture is not None:
        observations = observations.with_covariates_first(mixture.covariate_names)
        check_room(rows=len(observations), components=mixture.components)
        check_squares(observations)
        mixture.check(observations)
        if mixture.assignment.keeps_groups:
            observations = observations.with_groups_of(observations.group_names)
        observations.check_labels(mixture.components)
        if mixture.assignment.shares_assignment:
            check_labels_of_groups(observations.labels, observations.group)
        _check_possible(mixture, observations)
    elif observations.labels is not None:
        raise DataError(
            "labels",
            got="known labels, and a program of your own",
            expected="a Mixture, whose assignment they can be held against",
            advice='Say it in the program: ppl.factor("labels", ...), as Mixture does; or pass the data without labels.',
        )
    return observations


def check_block(mixture: Mixture, block: Observations) -> None:
    """The part of `checked` that each row is looked at for, of some rows of a source.

    Raises:
        DataError: as for `checked`.
    """
    check_squares(block)
    mixture.check_rows(block)
    _check_possible(mixture, block)


def of_columns(x: Any, names: Sequence[str] | None) -> Any:
    """Of a frame that has all columns of these names those columns, in this order; anything else as it is.

    Example:
        >>> import pandas as pd
        >>> of_columns(pd.DataFrame({"b": [1], "city": ["Rome"], "a": [2]}), ["a", "b"]).columns.tolist()
        ['a', 'b']
    """
    return x[list(names)] if isinstance(x, pd.DataFrame) and names and set(names) <= set(x.columns) else x


def like_before(program: Program, x: Any, names: Sequence[str] | None, categories: Categories | None) -> Any:
    """New data with the columns of those that a model was fitted to, their categories numbered as they were.

    Raises:
        DataError: a category that the model does not know; names where it knows numbers, or, in a frame, numbers where it knows names.
    """
    mixture = program.mixture
    x = of_columns(x, names) if mixture is None or mixture.formula is None else mixture.read(x)
    if categories is not None:
        _check_names_stay(tabular(x), categories)
    known = Observations.of(x).in_categories(categories)
    return known if mixture is None else known.with_covariates_first(mixture.covariate_names)


def _check_names_stay(table: Any, categories: Categories) -> None:
    """Check that a pandas object has names where the model knows names: its numbers need not be those that the model gave them.

    Raises:
        DataError: it has numbers there.
    """
    columns = [table] if isinstance(table, pd.Series) else []
    columns = [column for _, column in table.items()] if isinstance(table, pd.DataFrame) else columns
    for column, known in zip(columns, categories, strict=False):
        if known is not None and known != BOOLEAN and column.dtype.kind in "iuf" and column.notna().any():
            raise DataError(
                "x",
                got=f"numbers in column {column.name!r}",
                expected=f"its categories by name: {listed(known)}",
                advice="Pass the table as the model knew it; an array, x.to_numpy(), may have the categories' numbers.",
            )


def check_has_prior(mixture: Mixture | None, verb: str, advice: str) -> None:
    """Check that the likelihood alone has a maximum.

    Raises:
        ModelError: the law of the assignment needs its prior.
    """
    if mixture is not None and mixture.assignment.needs_prior:
        raise ModelError(
            "mixture",
            got=f"{type(mixture.assignment).__name__}, whose prior is what groups have in common, for {verb}",
            expected="a verb that has priors",
            advice=advice,
        )


def no_path(is_chain: bool = True) -> DataError:
    """The error of rows that a chain cannot produce: its probabilities of moving are 0 where known labels, or the rows, want them; or of groups
    whose rows are known to be of components that do not go together."""
    if not is_chain:
        return DataError(
            "x",
            got="groups, or known labels in them, that no component can produce",
            expected="groups whose rows one component, or one class, can produce, all of them",
            advice="Give rows that share a component the same label, or leave the labels out: Observations.with_labels(None).",
        )
    return DataError(
        "x",
        got="rows, or known labels, that no path of the chain can produce",
        expected="at least one path whose moves all have a probability above 0",
        advice="Leave the labels out: Observations.with_labels(None); or mend the probabilities that are 0.",
    )


def observed(x: Any, labels: Any, row_weights: Any) -> Observations:
    """`x` as observations, with the known labels and row weights that a verb was given beside it."""
    observations = Observations.of(x)
    if labels is not None:
        observations = observations.with_labels(labels)
    return observations if row_weights is None else observations.with_row_weights(row_weights)


def check_squares(x: Observations) -> None:
    """Check that columns that vary do so by numbers whose squares are numbers: variances are made of these.

    Raises:
        DataError: a column varies by less than 1e-150 or by more than 1e150.
    """
    low, high = x.extremes
    if np.isnan(low).any():
        low, high = reduced(np.fmin, x.x), reduced(np.fmax, x.x)  # missing cells have no part in these
    with np.errstate(over="ignore"):
        width = np.atleast_1d(high - low)
    bad = np.flatnonzero(((width > 0) & (width < 1 / WIDEST)) | (width > WIDEST))
    if len(bad):
        index = int(bad[0])
        name = x.feature_names[index] if x.feature_names else index
        raise DataError(
            "x",
            got=f"values of column {name!r} that differ by {width[index]:.3g} at most",
            expected=f"differences between {1 / WIDEST:g} and {WIDEST:g}, whose squares float64 can hold",
            advice="Measure the column in another unit.",
        )


def _check_possible(mixture: Mixture, x: Observations) -> None:
    """Check that each row can be of some component, and of the one that its label says: backends would answer with a log likelihood
    of -100,000.

    Raises:
        DataError: a row lies beyond the bounds of all components, or of the one that its label says.
    """
    is_possible = can_be(mixture.family, x.x, mixture.components)
    if is_possible.all():
        return
    x.refuse(
        np.logical_not(is_possible.any(axis=1)),
        "rows that some component can describe",
        "Drop these rows, or widen the components' bounds.",
    )
    if x.labels is None:
        return
    bad = np.flatnonzero((x.labels >= 0) & ~is_possible[np.arange(len(x)), x.labels])
    if len(bad):
        row = int(bad[0])
        name = named_row(x.row_names, row)
        more = f", and so for {len(bad) - 1} more" if len(bad) > 1 else ""
        left = np.flatnonzero(is_possible[row]).tolist()
        raise DataError(
            "labels",
            got=f"{x.labels[row]} at row {row}{name}, which cannot be of that component: x there is {x.x[row]}{more}",
            expected=f"one of the components that the row can be of, {left}, or -1",
            advice="Mend the label or the row, or widen the component's bounds.",
        )


def check_proper(draws: Mapping[str, np.ndarray]) -> None:
    """Check draws from a program's priors, by site: a prior that is improper has none, or infinite ones.

    Raises:
        ModelError: draws that are not finite.
    """
    for name, values in draws.items():
        if not np.isfinite(values).all():
            raise ModelError(
                f"the prior of {name!r}",
                got="draws that are not finite numbers: it is improper, or wider than float64",
                expected="a proper prior",
                advice="Make it as wide as the data's scale allows, and not wider: Normal(mean, 10 sd), say.",
            )


def sizes_of(program: Program, x: Observations) -> dict[str, int]:
    """The axes of one parameter: as many numbers as any result has for each draw or start, at least."""
    mixture = program.mixture
    return {} if mixture is None else {"components": mixture.components, "features": x.features or 1}


def check_no_hyperpriors(program: Program) -> None:
    """Check that the likelihood knows all that is to be fitted.

    Raises:
        ModelError: a parameter is one of another's prior.
    """
    mixture = program.mixture
    if mixture is not None and (sites := sorted(mixture.hyper_sites & set(mixture.priors))):
        raise ModelError(
            "program",
            got=f"{', '.join(map(repr, sites))}, of which the likelihood knows nothing",
            expected="parameters that the rows depend on",
            advice="Use sample_nuts or sample_telescope, which know priors; or give the prior numbers.",
        )


def check_tree(posterior: Any) -> "xr.DataTree":
    """A tree with draws and the data that they are of.

    Raises:
        DataError: something else, or a tree without the groups `posterior` and `observed_data`.
    """
    import xarray as xr  # a quarter of a second, which point fits never need

    if not isinstance(posterior, xr.DataTree):
        got = type(posterior).__name__
    else:
        absent = [group for group in ("posterior", "observed_data") if group not in posterior.children]
        if not absent:
            return posterior
        got = f"a tree without {' and '.join(f'a group {group!r}' for group in absent)}"
    raise DataError(
        "posterior",
        got=got,
        expected="an xarray.DataTree in ArviZ's schema",
        advice="Pass what sample_nuts returned.",
    )


def check_point_fit(fit: Any) -> PointFit:
    """A point fit, where there are no draws.

    Raises:
        ModelError: something else.
    """
    if isinstance(fit, PointFit):
        return fit
    raise ModelError(
        "fit",
        got=type(fit).__name__,
        expected="a point fit, or a tree of draws",
        advice="Pass what fit_map, fit_em, fit_mle or sample_nuts returned.",
    )


def check_rows(rows: Any, total: int) -> Int[np.ndarray, " rows"] | None:
    """Indices of rows, as an array; None means all rows and stays None.

    Args:
        rows: indices, from the end where negative, or a mask of all rows.
        total: how many rows there are.

    Raises:
        DataError: no row, an index that no row has, or something that is not an index.
    """
    if rows is None:
        return None
    indices = np.atleast_1d(as_array(rows, "rows"))
    if indices.dtype == bool and indices.shape == (total,):
        indices = np.flatnonzero(indices)
    is_index = indices.dtype.kind in "iu" and indices.ndim == 1
    if indices.size and is_index and -total <= indices.min() and indices.max() < total:
        return indices
    bad = indices[(indices < -total) | (indices >= total)][:3].tolist() if is_index else []
    got = f"indices {bad}" if bad else "no row" if not indices.size else in_words(rows)
    raise DataError("rows", got=got, expected=f"indices of {total} rows, 0 to {total - 1}")


def check_result(what: str, value: Any, attribute: str, kind: str, verb: str) -> None:
    """Check that a picture or a text is given the result that it is of.

    Args:
        what: the argument.
        value: what was given.
        attribute: what such a result has, and no other: a picture need not load what made it.
        kind: the name of its class.
        verb: what returns it.

    Raises:
        ModelError: another kind of thing.
    """
    if isinstance(value, type) or not hasattr(value, attribute):
        raise ModelError(
            what, got=f"a {type(value).__name__}", expected=f"a {kind}", advice=f"Pass what {verb} returned."
        )
