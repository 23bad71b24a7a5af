"""What a user may ask of EM, checked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from inference.backends.sites import Sites
from inference.checks import checked
from inference.point.given import checked_values
from inference.point.starts import Start, listed
from mixtures import Observations
from mixtures.assignments.chain import begins
from mixtures.checks import is_number
from mixtures.errors import ModelError, in_words


@dataclass(frozen=True, eq=False)
class Settings:
    """The checked arguments of `fit_em`; see there.

    Where a site is held in part, all that is held is in `constraint`, as a user gives it, and `fixed` is empty.
    """

    restarts: int
    seed: int
    starts: list[dict[str, np.ndarray]]
    fixed: dict[str, np.ndarray]
    row_weights: np.ndarray | None
    is_hard: bool
    tolerance: float
    max_steps: int
    constraint: Mapping[str, Any] | None = None

    @property
    def in_words(self) -> str:
        """All of them, numbers to their last digit."""

        def plain(value: Any) -> Any:
            if isinstance(value, dict):
                return {name: plain(one) for name, one in value.items()}
            return (
                [plain(one) for one in value] if isinstance(value, list) else getattr(value, "tolist", lambda: value)()
            )

        return repr({name: plain(value) for name, value in vars(self).items()})


def check_mixture(mixture: Any, x: Any, labels: Any = None, row_weights: Any = None) -> Observations:
    """The data, with known labels and weights, for a mixture that has no more components than there are rows.

    Raises:
        ModelError: not a `Mixture`, or too many components.
        DataError: bad data, labels or weights.
    """
    observations = checked(mixture, x, labels=labels, row_weights=row_weights)
    if mixture.mixture is None:
        raise ModelError(
            "mixture",
            got=f"{type(mixture).__name__}",
            expected="a Mixture: EM needs to know the family of its components",
            advice="fit_mle and fit_map take every declared program.",
        )
    if mixture.components > len(observations):
        raise ModelError(
            "components",
            got=f"{mixture.components} for {len(observations)} rows",
            expected="at most as many components as rows",
            advice="Declare fewer components.",
        )
    return observations


def check_stepwise(alpha: Any, name: str = "stepwise") -> float:
    """The power by which stepwise EM's rate falls.

    Raises:
        ModelError: not a number, or one by which averages do not settle, or stand still too early.
    """
    if not is_number(alpha) or not 0.5 < alpha <= 1:
        raise ModelError(name, got=in_words(alpha), expected="a power in (0.5, 1], such as 0.7")
    return float(alpha)


def is_in_part(fixed: Any) -> bool:
    """Whether some values of a site that is held are free, NaN, and some are not.

    Example:
        >>> is_in_part({"loc": [0.0, float("nan")]}), is_in_part({"loc": [0.0, 1.0]}), is_in_part(None)
        (True, False, False)
    """
    if not isinstance(fixed, Mapping):
        return False
    try:
        free = [np.isnan(np.asarray(value, dtype=np.float64)) for value in fixed.values()]
        return any(each.any() and not each.all() for each in free)
    except (TypeError, ValueError):  # no numbers: said where they are checked
        return False


def check_fixed(fixed: Mapping[str, Any] | None, sites: Sites) -> dict[str, np.ndarray]:
    """Known parameters, by site.

    Raises:
        ChoiceError: no such site.
        ModelError: not numbers, a wrong shape, or values outside a site's support.
    """
    advice = "Leave out a site that is free."
    return {} if fixed is None else checked_values("fixed", fixed, sites, advice)


def freed_by(fixed: Mapping[str, Any], sites: Sites) -> int:
    """How many free parameters there are less where these sites are known."""
    return sum(site.free - site.redundant for site in sites.parameters if site.name in fixed)


def check_possible(fixed: Mapping[str, np.ndarray], x: Observations) -> None:
    """Check that no row is known to be of a component whose weight is known to be 0, and no move known whose probability is.

    Raises:
        ModelError: one is.
    """
    labels = x.labels
    if labels is None:
        return
    _check_moves(fixed, labels, begins(np, x.rows, len(x)))
    _check_classes(fixed, labels, x)
    weights = fixed.get("weights")
    if weights is None or weights.ndim != 1:
        return
    bad = np.flatnonzero((labels >= 0) & (weights[labels] == 0))
    if len(bad):
        raise ModelError(
            "fixed['weights']",
            got=f"weight 0 of component {labels[bad[0]]}, which row {bad[0]} is known to be of",
            expected="a weight above 0 for every component that a label names",
            advice="Mend the weights or the labels.",
        )


def _check_moves(fixed: Mapping[str, np.ndarray], labels: np.ndarray, is_first: np.ndarray) -> None:
    """The same of a chain: the first rows of series, and rows that follow one another."""
    initial, transition = fixed.get("initial"), fixed.get("transition")
    if initial is not None:
        bad = np.flatnonzero(is_first & (labels >= 0) & (initial[labels] == 0))
        if len(bad):
            raise ModelError(
                "fixed['initial']",
                got=f"probability 0 of component {labels[bad[0]]}, in which the series of row {bad[0]} is known to begin",
                expected="a probability above 0 for what a label names",
                advice="Mend the probabilities or the labels.",
            )
    if transition is not None:
        before, after = labels[:-1], labels[1:]
        bad = np.flatnonzero(~is_first[1:] & (before >= 0) & (after >= 0) & (transition[before, after] == 0))
        if len(bad):
            raise ModelError(
                "fixed['transition']",
                got=f"probability 0 of going from component {before[bad[0]]} to {after[bad[0]]}, as row {bad[0] + 1} is known to do",
                expected="a probability above 0 for every move that labels name",
                advice="Mend the probabilities or the labels.",
            )


def _check_classes(fixed: Mapping[str, np.ndarray], labels: np.ndarray, x: Observations) -> None:
    """The same of classes of groups: one at least must have all components that labels name in a group."""
    weights = fixed.get("class_weights")
    if weights is None or x.group is None or x.group_names is None:
        return
    known = np.flatnonzero(labels >= 0)
    excluded = np.zeros((len(x.group_names), len(weights)))
    np.add.at(excluded, x.group[known], weights[:, labels[known]].T == 0)
    bad = np.flatnonzero(((excluded > 0) | (fixed.get("class_probs", np.ones(len(weights))) == 0)).all(axis=1))
    if len(bad):
        raise ModelError(
            "fixed['class_weights']",
            got=f"weight 0, in every class, of components that rows of group {x.group_names.tolist()[bad[0]]!r} are known to be of",
            expected="for each group a class that has all components which its labels name",
            advice="Mend the weights or the labels.",
        )


def check_starts(
    init: Start | Sequence[Start] | None, fixed: Mapping[str, np.ndarray], sites: Sites
) -> list[dict[str, np.ndarray]]:
    """The user's starts, complete.

    Raises:
        ChoiceError: a start names a site that the program does not have.
        ModelError: a site is missing, or has a wrong shape or values outside its support.
    """
    names = [site.name for site in sites.parameters]
    complete = []
    for one in listed(init):
        values = checked_values("init", one, sites) | dict(fixed)
        missing = [name for name in names if name not in values]
        if missing:
            raise ModelError(
                "init", got=f"no value for {', '.join(missing)}", expected=f"values for {', '.join(names)}"
            )
        complete.append(values)
    return complete
