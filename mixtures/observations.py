"""Observations: what the user hands in, checked once, names kept.

Every verb passes its `x` through here before any backend sees it, because backends answer bad data with NaN, silence, or an error about
something else.
"""

import hashlib
from copy import copy
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Union

import numpy as np

from mixtures.blocks import digests_of, fingerprint_of, reduced
from mixtures.categories import Categories, are_codes, check_codes, check_numbers, checked_categories, coded
from mixtures.censoring import BOUNDS, substituted, with_bounds
from mixtures.checks import check_choice
from mixtures.elsewhere import tabular
from mixtures.errors import DataError, in_words
from mixtures.indices import check_index, index_of, is_default_index
from mixtures.known_numbers import KNOWN, checked_known
from mixtures.rows import Rows
from mixtures.tables import (
    MAX_NAMED,
    cell_in_words,
    check_names,
    check_shape,
    checked_covariates,
    checked_data,
    checked_group,
    checked_labels,
    checked_names,
    checked_row_weights,
    checked_sequence,
    covariates_first,
    names_of,
    numeric,
    squeezed,
)

if TYPE_CHECKING:
    import pandas as pd

CELLS = (*BOUNDS, *KNOWN)
"""What is known of each cell beside `x`, in its shape; of errors a row may have a matrix."""

OF_ROWS = ("covariates", "labels", "row_weights", "sequence", *CELLS)
"""What has an entry a row beside `x`."""

MISSING = ("raise", "allow")
"""What to do with NaN."""

LARGEST = 1e154
"""Beyond it the square of a number is no float64 any more, and with it no density."""

MISSING_ADVICE = 'Drop or mend these cells; if they were not observed, say so: Observations(x, missing="allow").'
INFINITE_ADVICE = (
    'Drop or mend these cells; where nothing was observed, put NaN, and say so: Observations(x, missing="allow").'
)


@dataclass(frozen=True, eq=False)
class Observations:
    """Data with their names.

    Args:
        x: numbers, shape (rows,) or (rows, features): a list, array, pandas Series or DataFrame. A DataFrame's columns become the features'
            names and its index the rows'; a DataFrame of one column is one variable, shape (rows,). Masked cells of a NumPy masked array
            are missing, as NaN is.
        feature_names: names of the columns, where `x` does not bring them.
        missing: `"raise"`: NaN is an error; `"allow"`: NaN marks a cell that was not observed, and drops out of the likelihood.
        covariates: what regressions and gating weights depend on, shape (rows,) or (rows, covariates); other models ignore them.
        labels: the components of rows whose component is known, ints from 0, and -1, None or NA where it is not, shape (rows,).
            Where `x` is a pandas object, pandas covariates, labels and weights must have its index, in its order.
        sequence: the series that each row belongs to, numbers or names, shape (rows,): all rows of a series side by side, in the order of
            time. Without effect where rows are independent, as in a mixture.
        group: the unit that each row belongs to (a person, a centre, a panel's household), numbers or names, shape (rows,), in any order, as
            many rows a unit as there are. Without effect but in laws of groups, see `mixtures.assignments.PerGroup`.
        row_weights: how often each row counts, shape (rows,), numbers >= 0, not all zero: a row of weight 2 is a row that is there twice.
        lower: bounds of cells that are not known exactly, in the shape of `x`, which is NaN there: a cell with a lower bound alone is
            right-censored (a time without an event yet), one with an upper bound alone left-censored (below a limit of detection), one with
            both lies between them (it was rounded, or seen at two visits). Both ends are included; NaN or an infinity where there is no
            bound. Where both bounds are one number, that is the cell.
        upper: likewise.
        trials: out of how many each count of successes is, for `Binomial()` and the regression of that kind: (rows,), or in the shape of `x`.
        exposure: for how long, or over how much, each count was made, for Poisson and negative binomial families and regressions: numbers
            > 0 that multiply the rate, likewise. Of an offset on the scale of logarithms pass `np.exp(offset)`.
        errors: how exactly each row was measured, for Gaussians: standard errors in the shape of `x`, or covariance matrices (rows,
            features, features). Components are then of what was measured without error.
        data: `{name: array}`: what a program of your own takes beside `x`, each as the argument of its name. Whole numbers stay whole, as
            indices must. An array whose first axis is as long as `x` has an entry a row, and is cut where rows are taken; any other belongs
            to all of them.
        categories: `{column: names}`: the names of a column's categories, whose numbers 0, 1, ... are in `x`. A DataFrame brings them:
            its categoricals, texts and truth values are numbered, a categorical's in its own order, texts in that of the alphabet.

    Attributes:
        x: the checked values, float64, read-only; NaN where missing.
        feature_names: the columns' names, or None.
        row_names: the rows' names, or None where they are just 0, 1, 2, ...
        has_index: whether `x` brought an index, be it just 0, 1, 2, ...
        covariates: the checked covariates, (rows, covariates), or None.
        covariate_names: their names, or None.
        row_weights, data, sequence: checked, read-only; or None.
        trials, exposure: checked, read-only, in the shape of `x`; or None.
        errors: checked, read-only; or None.
        lower, upper: checked, read-only, infinite where there is no bound; or None where no cell has one.
        categories: the names, a tuple for each column of names and None for each column of numbers; or None, where there are no names.
        group: the groups' numbers 0, 1, ..., as they come; or None.
        group_names: what the groups were called, by their numbers, (groups,); or None.

    Raises:
        DataError: empty, NaN or infinite, no numbers or names, a name that `categories` does not have, more than two dimensions, two columns
            of one name, or rows in another order than the covariates' or labels'; the text names rows and columns.
        ChoiceError: `missing` is neither `"raise"` nor `"allow"`.

    Example:
        >>> Observations([1.0, 2.0, 4.0]).shape
        (3,)
        >>> Observations([1.0, float("nan"), 4.0], missing="allow").observed
        array([ True, False,  True])
        >>> Observations([3.0, 0.0], data={"trials": [7, 5]}).data["trials"].dtype
        dtype('int64')
        >>> import pandas as pd
        >>> named = Observations(pd.DataFrame({"city": ["Rome", "Oslo"], "smokes": [True, False]}))
        >>> named.categories, named.x.tolist()
        ((('Oslo', 'Rome'), ('False', 'True')), [[1.0, 1.0], [0.0, 0.0]])
    """

    x: Any
    feature_names: tuple[str, ...] | None = None
    missing: str = "raise"
    covariates: Any = None
    labels: Any = None
    row_weights: Any = None
    data: Any = None
    sequence: Any = None
    categories: Any = None
    group: Any = None
    lower: Any = None
    upper: Any = None
    trials: Any = None
    exposure: Any = None
    errors: Any = None
    row_names: np.ndarray | None = field(default=None, init=False)
    covariate_names: tuple[str, ...] | None = field(default=None, init=False)
    group_names: np.ndarray | None = field(default=None, init=False)
    has_index: bool = field(default=False, init=False, repr=False)
    has_all_groups: bool = field(default=False, init=False, repr=False)

    def __post_init__(self):
        check_choice("missing", self.missing, MISSING)
        inherited_names = self._inherit(self.x) if isinstance(self.x, Observations) else None
        object.__setattr__(self, "has_index", index_of(self.x) is not None)
        feature_names, row_names = names_of(self.x)
        feature_names = checked_names(self.feature_names) or feature_names
        known = checked_categories(self.categories, feature_names)
        numbers, categories = coded(tabular(self.x), feature_names, known)
        values = squeezed(numeric(numbers), feature_names)
        check_shape(values)
        check_names(values, feature_names)
        if categories is not None:
            check_codes(values, categories, feature_names)
        object.__setattr__(self, "categories", categories)
        object.__setattr__(self, "feature_names", feature_names)
        object.__setattr__(self, "row_names", row_names)
        if self.lower is not None or self.upper is not None:
            for name in BOUNDS:
                check_index(name, getattr(self, name), self)
            values, lower, upper = with_bounds(values, self.lower, self.upper, feature_names, row_names)
            object.__setattr__(self, "lower", lower)
            object.__setattr__(self, "upper", upper)
        values.flags.writeable = False
        object.__setattr__(self, "x", values)
        for name in KNOWN:
            if getattr(self, name) is not None:
                check_index(name, getattr(self, name), self)
                object.__setattr__(self, name, checked_known(name, getattr(self, name), values))
        if self.labels is not None:
            check_index("labels", self.labels, self)
            object.__setattr__(self, "labels", checked_labels(self.labels, len(values)))
        if self.row_weights is not None:
            check_index("row_weights", self.row_weights, self)
            object.__setattr__(self, "row_weights", checked_row_weights(self.row_weights, len(values)))
        if self.sequence is not None:
            check_index("sequence", self.sequence, self)
            object.__setattr__(self, "sequence", checked_sequence(self.sequence, len(values)))
        if self.group is not None:
            check_index("group", self.group, self)
            group, names_of_groups = checked_group(self.group, len(values))
            object.__setattr__(self, "group", group)
            object.__setattr__(self, "group_names", names_of_groups)
        if self.data is not None:
            object.__setattr__(self, "data", checked_data(self.data) or None)
            self._refuse_twice()
        self._refuse_bad(values)
        if self.covariates is not None:
            check_index("covariates", self.covariates, self)
            covariates, names = checked_covariates(self.covariates, len(values))
            object.__setattr__(self, "covariates", covariates)
            object.__setattr__(self, "covariate_names", names or inherited_names)

    def _refuse_twice(self) -> None:
        """Refuse named data under the name of an argument that was given as well: a program could be told of one alone."""
        for name in ("group", *CELLS):
            if name in (self.data or {}) and getattr(self, name) is not None:
                raise DataError(
                    "data",
                    got=f"the name {name!r}, and {name}= as well",
                    expected="one of the two",
                    advice="Give the named data another name.",
                )

    def _refuse_bad(self, values: np.ndarray) -> None:
        """Refuse cells that are no finite numbers, or too large to be squared; data that are sound are only looked at."""
        low, high = self.extremes
        if np.min(low) >= -LARGEST and np.max(high) <= LARGEST:  # so that NaN is not
            return
        if self.missing == "raise":
            is_nan = np.isnan(values) & ~self.is_censored
            self.refuse(is_nan | np.isinf(values) if is_nan.any() else is_nan, "finite numbers", MISSING_ADVICE)
        self.refuse(np.isinf(values), "finite numbers", INFINITE_ADVICE)
        too_large = f"numbers up to {LARGEST:g}, which can be squared"
        self.refuse(np.abs(values) > LARGEST, too_large, "Divide them by a unit that suits them.")

    def _inherit(self, given: "Observations") -> tuple[str, ...] | None:
        """Take over what was not said anew; the names of the covariates, if they were taken over."""
        is_anew = self.covariates is not None
        for name in (*OF_ROWS, "data", "categories"):
            if getattr(self, name) is None:
                object.__setattr__(self, name, getattr(given, name))
        if self.group is None:
            object.__setattr__(self, "group", given.names_of_groups)
        if given.missing == "allow":
            object.__setattr__(self, "missing", "allow")
        return None if is_anew else given.covariate_names

    @classmethod
    def of(cls, x: Union["Observations", Any]) -> "Observations":
        """`x` itself if it is checked already, else checked."""
        return x if isinstance(x, cls) else cls(x)

    @property
    def shape(self) -> tuple[int, ...]:
        """(rows,) or (rows, features)."""
        return self.x.shape

    @property
    def features(self) -> int | None:
        """The number of columns; None for data of shape (rows,)."""
        return self.x.shape[1] if self.x.ndim == 2 else None

    @cached_property
    def observed(self) -> np.ndarray | None:
        """Which cells were observed, in the shape of `x`; None where all were."""
        is_missing = np.isnan(self.x)
        return ~is_missing if is_missing.any() else None

    @cached_property
    def extremes(self) -> tuple[np.ndarray, np.ndarray]:
        """The least and the greatest number of each column; NaN where a cell is missing."""
        return reduced(np.minimum, self.x), reduced(np.maximum, self.x)

    @property
    def is_censored(self) -> np.ndarray | bool:
        """Which cells are known by bounds alone, in the shape of `x`; False where none is."""
        if self.lower is None and self.upper is None:
            return False
        has_lower = False if self.lower is None else self.lower > -np.inf
        return has_lower | (False if self.upper is None else self.upper < np.inf)

    @cached_property
    def substituted(self) -> np.ndarray:
        """The data with a number in place of each censored cell, the middle of its bounds, or the one that it has: good enough for scales
        and starts, not for a likelihood."""
        if self.lower is None and self.upper is None:
            return self.x
        return substituted(self.x, self.lower, self.upper)

    @property
    def informative(self) -> np.ndarray:
        """Which rows say anything: a cell of theirs was observed or has a bound, or their component is known; (rows,)."""
        is_seen = (~np.isnan(self.x) | self.is_censored).reshape(len(self), -1).any(axis=1)
        return is_seen if self.labels is None else is_seen | (self.labels >= 0)

    def column(self, index: int) -> "Observations":
        """One column, shape (rows,), under its name."""
        names = None if self.feature_names is None else (self.feature_names[index],)

        def cut(values: np.ndarray | None) -> Any:
            return values if values is None or values.ndim == 1 else values[:, index]

        own = {name: cut(getattr(self, name)) for name in CELLS}
        if self.errors is not None and self.errors.ndim == 3:
            own["errors"] = np.sqrt(self.errors[:, index, index])
        made = Observations(
            cut(self.x),
            names,
            self.missing,
            covariates=self.covariates,
            sequence=self.sequence,
            categories=self.categories and (self.categories[index],),
            group=self.names_of_groups,
            **own,
        )
        return self._like(made, self.row_names)

    @property
    def known_numbers(self) -> tuple[str, ...]:
        """Which known numbers of rows there are, of trials, exposure and errors."""
        return tuple(name for name in KNOWN if getattr(self, name) is not None)

    def take(self, rows: Any) -> "Observations":
        """Some of the rows, given by a slice, indices or a mask; their names, and all else that has an entry a row, go along."""

        def cut(values: np.ndarray | None) -> np.ndarray | None:
            return None if values is None else values[rows]

        of_rows = {name: cut(getattr(self, name)) for name in OF_ROWS}
        weights = of_rows.pop("row_weights")
        named = self.data and {
            name: values[rows] if self.has_entry_a_row(name) else values for name, values in self.data.items()
        }
        taken = Observations(
            self.x[rows],
            self.feature_names,
            self.missing,
            row_weights=weights if weights is not None and weights.any() else None,
            data=named,
            categories=self.categories,
            group=cut(self.names_of_groups),
            **of_rows,
        )
        object.__setattr__(taken, "covariate_names", self.covariate_names)
        return self._like(taken, np.arange(len(self))[rows] if self.row_names is None else self.row_names[rows])

    def resampled(self, unit: str, drawn: Any) -> "Observations":
        """Series, or groups, that were drawn by their numbers, some several times: each time a unit of its own, with all of its rows.

        Args:
            unit: `"sequence"` or `"group"`.
            drawn: numbers of units.
        """
        number = getattr(self, unit)
        rows = [np.flatnonzero(number == one) for one in drawn]
        anew = np.repeat(np.arange(len(rows)), [len(own) for own in rows])
        return self._with(**{unit: None}).take(np.concatenate(rows))._with(**{unit: anew})

    def with_labels(self, labels: Any) -> "Observations":
        """The same rows with other known labels; None: with none."""
        check_index("labels", labels, self)
        return self._with(labels=labels)

    def with_covariates_first(self, names: tuple[str, ...]) -> "Observations":
        """The same rows, their covariates of these names before the others.

        Raises:
            DataError: covariates without names, or none of such a name.
        """
        if not names or self.covariates is None or (self.covariate_names or ())[: len(names)] == names:
            return self
        values, order = covariates_first(self.covariates, self.covariate_names, names)
        made = copy(self)
        object.__setattr__(made, "covariates", values)
        object.__setattr__(made, "covariate_names", order)
        return made

    def with_row_weights(self, row_weights: Any) -> "Observations":
        """The same rows with other weights; None: with none."""
        check_index("row_weights", row_weights, self)
        return self._with(row_weights=row_weights)

    def with_values(self, x: Any) -> "Observations":
        """The same rows with other values of their cells, in the shape of `x`."""
        return self._with(x=x)

    def with_groups_of(self, names: Any) -> "Observations":
        """The same rows, their groups numbered as in `names`; all of these are kept, whichever the rows are of, and by what is made of them.

        Raises:
            DataError: a row of another group.
        """
        numbers = {name: number for number, name in enumerate(np.asarray(names).tolist())}
        assert self.group_names is not None  # the mixture has checked
        unknown = [name for name in self.group_names[np.unique(self.group)].tolist() if name not in numbers]
        if unknown:
            raise DataError(
                "group",
                got=f"{in_words(unknown[0])}" + (f" and {len(unknown) - 1} others" if len(unknown) > 1 else ""),
                expected=f"one of the {len(numbers)} groups that the model was fitted to, whose weights are known",
                advice="Fit the model with rows of these groups.",
            )
        made = copy(self)
        vars(made).pop("first_of_group", None)  # where it was asked for already
        own = np.array([numbers.get(name, -1) for name in self.group_names.tolist()], dtype=np.int64)[self.group]
        own.flags.writeable = False
        object.__setattr__(made, "group", own)
        object.__setattr__(made, "group_names", np.asarray(names))
        object.__setattr__(made, "has_all_groups", True)
        return made

    def _with(self, **changes: Any) -> "Observations":
        kept = {name: getattr(self, name) for name in ("x", "feature_names", "missing", "data", "categories", *OF_ROWS)}
        made = Observations(**{**kept, "group": self.names_of_groups, **changes})
        object.__setattr__(made, "covariate_names", self.covariate_names)
        return self._like(made, self.row_names)

    def in_categories(self, categories: Categories | None) -> "Observations":
        """The same rows, their categories numbered as these names are; numbers without names are taken for those of the names.

        Raises:
            DataError: a name that is not among them.
        """
        if categories == self.categories:
            return self
        known = categories or (None,) * len(self.categories or ())
        own = self.categories or (None,) * len(known)
        if len(known) != (self.features or 1):
            return self  # other columns, which `check_as_fitted` says
        check_numbers(own, known, self.feature_names)
        if self.categories is None:
            return (
                self._with(categories=known) if are_codes(self.x, known) else self
            )  # a family may have more categories
        numbers = numeric(coded(self.to_frame(), self.feature_names, known)[0]).reshape(self.shape)
        return self._with(x=numbers, categories=categories)

    def to_frame(self) -> "pd.DataFrame":
        """The data as a table with their names, categories as pandas' categoricals."""
        import pandas as pd

        cells = self.x.reshape(len(self), -1)
        names = self.feature_names or tuple(f"x{column}" for column in range(cells.shape[1]))
        frame = pd.DataFrame(cells, columns=list(names), index=self.row_names)
        for name, own in zip(names, self.categories or (), strict=False):
            if own is not None:
                codes = frame[name].fillna(-1).astype(int)
                frame[name] = pd.Categorical.from_codes(codes, list(own))
        return frame

    def has_entry_a_row(self, name: str) -> bool:
        """Whether an array of `data` has an entry a row."""
        return self.data[name].shape[:1] == (len(self),)

    @cached_property
    def counts(self) -> np.ndarray | None:
        """How often each row counts: its weight, and not at all if it says nothing, see `informative`; None: each row once."""
        says = self.informative
        if self.row_weights is None:
            return None if says.all() else says.astype(np.float64)
        return np.where(says, self.row_weights, 0.0)

    @property
    def times(self) -> np.ndarray:
        """How often each row counts, (rows,): `counts`, and once where that is None."""
        return np.ones(len(self)) if self.counts is None else self.counts

    @property
    def known_of_cells(self) -> dict[str, np.ndarray]:
        """What is known of cells beside `x`, by its name: bounds, trials, exposures, errors, as far as there are some."""
        return {name: getattr(self, name) for name in CELLS if getattr(self, name) is not None}

    @property
    def rows(self) -> Rows:
        """What laws of the assignment know of the rows."""
        return Rows(self.x, self.covariates, self.sequence, self.group, self.first_of_group)

    @property
    def names_of_groups(self) -> np.ndarray | None:
        """The name of each row's group, (rows,); None where there are none."""
        return None if self.group_names is None else self.group_names[self.group]

    @cached_property
    def first_of_group(self) -> np.ndarray | None:
        """The first row of each group, (groups,); None where there are none."""
        if self.group_names is None:
            return None
        found, rows = np.unique(self.group, return_index=True)
        first = np.zeros(len(self.group_names), dtype=np.int64)  # what is of a group without rows is read nowhere
        first[found] = rows
        return first

    def _like(self, made: "Observations", row_names: np.ndarray | None) -> "Observations":
        is_plain = row_names is None or is_default_index(row_names, len(made))
        object.__setattr__(made, "row_names", None if is_plain else row_names)
        object.__setattr__(made, "has_index", self.has_index)
        return made.with_groups_of(self.group_names) if self.has_all_groups and not made.has_all_groups else made

    def refuse(self, is_bad: np.ndarray, expected: str, advice: str) -> None:
        """Raise an error that names the cells (or rows) where `is_bad`, if there are any.

        Args:
            is_bad: a mask in the shape of `x`, or one value a row.
            expected: what would have been right.
            advice: what to do, a sentence.

        Raises:
            DataError: `is_bad` anywhere; the text names rows, columns and values.
        """
        bad = np.argwhere(is_bad)
        if len(bad):
            cells = ", ".join(
                cell_in_words(self.x, index, self.feature_names, self.row_names) for index in bad[:MAX_NAMED]
            )
            more = f" and {len(bad) - MAX_NAMED} more" if len(bad) > MAX_NAMED else ""
            raise DataError("x", got=cells + more, expected=expected, advice=advice)

    def __len__(self) -> int:
        return len(self.x)

    def __array__(self, dtype=None, copy=None) -> np.ndarray:
        return np.array(self.x, dtype=dtype) if copy else np.asarray(self.x, dtype=dtype)

    @property
    def fingerprint(self) -> str:
        """sha256 of everything except the rows' names and weights: tells whether two results were made from the same data."""
        digest = fingerprint_of(self.shape, self.feature_names, digests_of(self.x))
        if self.categories is not None:
            digest.update(b"categories" + repr(self.categories).encode())
        if self.covariates is not None:
            digest.update(repr((self.covariates.shape, self.covariate_names)).encode())
            digest.update(np.ascontiguousarray(self.covariates).tobytes())
        if self.labels is not None:
            digest.update(self.labels.tobytes())
        if self.sequence is not None:
            digest.update(b"sequence" + self.sequence.tobytes())
        if self.group_names is not None:
            digest.update(b"group" + self.group.tobytes() + repr(self.group_names.tolist()).encode())
        for name in CELLS:
            if getattr(self, name) is not None:
                digest.update(name.encode() + getattr(self, name).tobytes())
        for name, values in sorted((self.data or {}).items()):
            digest.update(repr((name, values.shape, values.dtype.str)).encode() + values.tobytes())
        return digest.hexdigest()

    @property
    def weighted_fingerprint(self) -> str:
        """The fingerprint with the row weights included: for runs that may be resumed."""
        if self.row_weights is None:
            return self.fingerprint
        return hashlib.sha256(self.fingerprint.encode() + self.row_weights.tobytes()).hexdigest()

    def coords(self) -> dict[str, Any]:
        """Coordinates of the dims `rows` and `features`, for xarray."""
        coords: dict[str, Any] = {"rows": np.arange(len(self)) if self.row_names is None else self.row_names}
        if self.features is not None:
            coords["features"] = list(self.feature_names or range(self.features))
        if self.covariates is not None:
            coords["covariates"] = list(self.covariate_names or range(self.covariates.shape[1]))
        return coords

    def check_labels(self, components: int) -> None:
        """Check that known labels are numbers of components.

        Raises:
            DataError: a label is not below `components`.
        """
        if self.labels is not None and self.labels.max() >= components:
            row = int(np.argmax(self.labels))
            raise DataError(
                "labels",
                got=f"{self.labels[row]} at row {row}",
                expected=f"components 0 to {components - 1}, or -1 where unknown",
                advice="Number the known components from 0.",
            )
