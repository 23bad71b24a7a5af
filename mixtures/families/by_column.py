"""What a family says of single columns: which of them hold categories, and how many."""

from collections.abc import Sequence
from typing import Any

from mixtures.categories import BOOLEAN, listed
from mixtures.elsewhere import advice_for_names
from mixtures.errors import DataError
from mixtures.families.members import parts_of
from mixtures.families.product import Product
from mixtures.observations import Observations


def families_by_column(family: Any, columns: int) -> list[Any]:
    """The family of each column: that of a product's, or the one family of all."""
    return [own for _, own in family.pairs] if isinstance(family, Product) else [family] * columns


def check_categories(family: Any, x: Observations) -> None:
    """Check that columns of names are described by families of categories, and of no fewer than there are names.

    Truth values are numbers too, 0 and 1, and every family takes them for these.

    Raises:
        DataError: names where the family wants numbers, or more names than the family has categories.
    """
    if x.categories is None:
        return
    columns: Sequence[Any] = x.feature_names or range(len(x.categories))
    each = families_by_column(family, len(columns))
    if len(each) != len(columns):
        return  # which the product says
    wanted = [parts_of(own).support.categories for own in each]
    named = [
        (column, names, count) for column, names, count in zip(columns, x.categories, wanted, strict=True) if names
    ]
    bad = [str(column) for column, names, count in named if count is None and names != BOOLEAN]
    if bad:
        raise DataError(
            "x",
            got=f"columns {bad} that are not numbers" if x.feature_names else "names, which are not numbers",
            expected="real numbers",
            advice=advice_for_names(bad[0] if x.feature_names else None),
        )
    for column, names, count in named:
        if count is not None and len(names) > count:
            raise DataError(
                "x",
                got=f"{len(names)} categories in column {column!r}: {listed(names)}",
                expected=f"{count} at most",
                advice=f"Declare as many: Categorical({len(names)}); or drop categories that no row has.",
            )
