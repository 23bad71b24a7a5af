"""Formulas: `y ~ x + C(g)` names a response and its covariates, as R does.

A formula is read on the data of the fit, and keeps what these said: the categories of each factor, the centre of `center(x)`, the knots of a
spline. New rows are then coded as the fitted ones were. It is part of a declaration, plain text and numbers, and saved with it; the work is
done by formulaic, which is asked for nothing but what `formula_words` has looked at: a stored formula is a text, and runs no code.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import numpy as np

from mixtures.categories import listed
from mixtures.elsewhere import advice_for, holds_dates, tabular
from mixtures.errors import DataError, ModelError, in_words
from mixtures.formula_words import check_formula, sides_of, variable_of, variables_of
from mixtures.observations import CELLS, Observations

if TYPE_CHECKING:
    import pandas as pd

INTERCEPT = "Intercept"


@dataclass(frozen=True)
class Formula:
    """A response and its covariates, read on the data of a fit: see `Formula.of`.

    Args:
        text: the formula.
        covariates: the names of the columns that it makes.
        categories: `(variable, names)` of every variable whose values are categories.
        state: what the data said, as JSON.
        of_response: the numbers of those of the covariates that the response depends on; None: all.
        of_weights: the numbers of those that stand behind a bar, on which the weights depend; None: there is no bar.

    Raises:
        ModelError: no formula, or one that calls what formulas cannot call.
    """

    text: str
    covariates: tuple[str, ...]
    categories: tuple[tuple[str, tuple[Any, ...]], ...] = ()
    state: str = "{}"
    of_response: tuple[int, ...] | None = None
    of_weights: tuple[int, ...] | None = None

    def __post_init__(self):
        check_formula(self.text)

    @classmethod
    def of(cls, text: str, data: Any) -> "Formula":
        """Read a formula on data.

        Args:
            text: `"y ~ x + C(g)"`: the response, one variable or several with + between; and the covariates. Texts and categoricals are coded
                by their categories, numbers too in `C(g)`; `a:b` is a product, `a * b` is `a + b + a:b`; `log`, `center`, `scale`,
                `poly(x, 2)`, `bs(x, df=4)` and others are formulaic's. Each component has an intercept of its own. `"y ~ x | z"`: the
                response depends on x, the weights on z.
            data: a DataFrame that has the variables.

        Raises:
            ModelError: no formula, one without covariates or without an intercept, or one that calls what formulas cannot call.
            DataError: data that lack a variable, or have missing cells among the covariates.
            BackendError: formulaic is not installed.

        Example:
            >>> import pandas as pd
            >>> table = pd.DataFrame({"y": [1.0, 2.0, 4.0], "x": [0.0, 1.0, 2.0], "g": ["b", "a", "b"]})
            >>> formula = Formula.of("y ~ x + C(g)", table)  # doctest: +SKIP
            >>> formula.covariates  # doctest: +SKIP
            ('x', 'C(g)[T.b]')
        """
        check_formula(text)
        frame = _table(data, variables_of(text))
        designs = [_made(side, frame) for side in sides_of(text)[1:]]
        if not all(INTERCEPT in design for design in designs):
            expected = "one with an intercept: each component has its own"
            raise ModelError("formula", got=repr(text), expected=expected, advice="Leave 0 and -1 out of it.")
        names = [tuple(name for name in design.columns if name != INTERCEPT) for design in designs]
        if not names[-1]:  # of what stands behind a bar, if there is one
            raise ModelError(
                "formula",
                got=f"{text!r}, without covariates" + (" behind the bar" if len(names) > 1 else ""),
                expected="a covariate at least",
                advice="Leave out the bar." if len(names) > 1 else "Other families need none.",
            )
        specs = [design.model_spec for design in designs]
        levels = {
            factor: state["categories"]
            for spec in specs
            for factor, (kind, state) in spec.encoder_state.items()
            if kind.value == "categorical"
        }
        transforms = {factor: state for spec in specs for factor, state in spec.transform_state.items()}
        state = json.dumps({"transforms": _plain(transforms), "levels": _plain(levels)})
        known = {variable_of(factor): tuple(_plain(values)) for factor, values in levels.items()}
        if computed := [variable for variable in known if variable not in frame]:
            expected = "a column, whose categories new rows can be held against"
            raise ModelError(
                "formula", got=f"categories of {computed[0]!r}", expected=expected, advice="Make a column of it."
            )
        every = tuple(dict.fromkeys(name for part in names for name in part))
        numbers = [tuple(every.index(name) for name in part) for part in names]
        return cls(text, every, tuple(known.items()), state, *(numbers if len(numbers) > 1 else ()))

    def observations(self, data: Any, **of_rows: Any) -> Observations:
        """The response and the covariates of data, old or new.

        Args:
            data: a DataFrame that has the variables; or `Observations` of one, whose labels and weights go along. What this method gave is given
                back as it is.
            of_rows: what else `Observations` take: `missing`, `labels`, `row_weights`, `sequence`, `group`.

        Raises:
            DataError: data that lack a variable, have a category that the fit does not know, or missing cells among the covariates.
        """
        if isinstance(data, Observations):
            if data.covariate_names == self.covariates:
                return Observations(data, **of_rows) if of_rows else data
            names = ("missing", "labels", "row_weights", "sequence", "data")
            known = {name: getattr(data, name) for name in names} | {"group": data.names_of_groups}
            of_rows = known | self._of_response(data) | of_rows
            data = data.to_frame()
        frame = _table(data, variables_of(self.text))
        self._check_categories(frame)
        return Observations(self._response(frame), covariates=self._design(frame), **of_rows)

    def _of_response(self, data: Observations) -> dict[str, Any]:
        """What is known of the response's cells beside their values: bounds, trials, exposures, errors.

        Raises:
            DataError: there is some, and the response is no column of the data, but made of some.
        """
        known = {name: getattr(data, name) for name in CELLS if getattr(data, name) is not None}
        names = [str(term) for term in sides_of(self.text)[0]]
        columns = data.feature_names or ()
        if known and (len(names) != 1 or names[0] not in columns):
            raise DataError(
                ", ".join(known),
                got=f"some, and the response {' + '.join(names)}",
                expected="a response that is a column of the data",
                advice="Make the column, its bounds and its errors beforehand.",
            )
        return {
            name: values if values.ndim == 1 else values[:, columns.index(names[0])] for name, values in known.items()
        }

    def _response(self, frame: "pd.DataFrame") -> "pd.DataFrame":
        """The left side: columns as they are, categories too, or what is made of them."""
        left = sides_of(self.text)[0]
        names = [str(term) for term in left]
        if all(name in frame for name in names):
            return frame[names]
        return _made(left, frame)

    def _design(self, frame: "pd.DataFrame") -> "pd.DataFrame":
        import pandas as pd
        from formulaic import ModelSpec
        from formulaic.parser.types import Factor

        state = json.loads(self.state)
        levels = _restored(state["levels"])
        specs = [
            ModelSpec(
                formula=side,
                na_action="ignore",
                output="pandas",
                transform_state=_restored(state["transforms"]),
                encoder_state={
                    factor: (Factor.Kind.CATEGORICAL, {"categories": values}) for factor, values in levels.items()
                },
            )
            for side in sides_of(self.text)[1:]
        ]
        made = pd.concat([_made(spec, frame) for spec in specs], axis=1)
        return made.loc[:, ~made.columns.duplicated()][list(self.covariates)]

    def _check_categories(self, frame: "pd.DataFrame") -> None:
        """Check that every category was there when the formula was read: an unknown one would pass for the first."""
        for variable, known in self.categories:
            is_bad = ~frame[variable].isin(known).to_numpy()
            if is_bad.any():
                row = int(is_bad.argmax())
                value = frame[variable].iloc[row]
                raise DataError(
                    "covariates",
                    got=f"{in_words(value)} at row {row} ({frame.index[row]!r}), column {variable!r}",
                    expected=f"one of its categories {listed([str(name) for name in known])}",
                    advice="Mend or drop these rows: nothing is known of other categories, and covariates must be known for every row.",
                )


def _table(data: Any, variables: list[str]) -> "pd.DataFrame":
    """The variables of a formula.

    Raises:
        DataError: no table with names, or one that lacks a variable.
    """
    frame = tabular(data)
    if not (hasattr(frame, "columns") and hasattr(frame, "dtypes")):
        raise DataError(
            "x", got=f"a {type(data).__name__}", expected=f"a DataFrame with the columns {variables} of the formula"
        )
    columns = [str(name) for name in frame.columns]
    for name in variables:
        if name not in columns:
            near = get_close_matches(name, columns, n=1)
            advice = f"Did you mean {near[0]!r}?" if near else ""
            raise DataError(
                "x", got=f"a table without {name!r}", expected=f"the columns {variables} of the formula", advice=advice
            )
        if holds_dates(frame[name]):
            raise DataError(
                "x",
                got=f"dates in column {name!r}",
                expected="numbers or categories",
                advice=advice_for(np.dtype("M8[s]"), name),
            )
    return frame


def _made(side: Any, frame: "pd.DataFrame") -> Any:
    """The columns that formulaic makes of a table.

    Raises:
        DataError: it cannot, because of what the table holds.
    """
    try:
        return side.get_model_matrix(frame, na_action="ignore", context={})
    except Exception as error:
        said = " ".join(str(error).split())[:200]
        raise DataError(
            "x", got=f"columns of which the formula makes nothing ({said})", expected="numbers or categories"
        ) from error


def _plain(value: Any) -> Any:
    """A state as JSON: mappings as pairs, since their keys may be numbers."""
    if isinstance(value, Mapping):
        return {"pairs": [[_plain(key), _plain(item)] for key, item in value.items()]}
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value.item() if isinstance(value, np.generic) else value


def _restored(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _restored(item) for key, item in value["pairs"]}
    return [_restored(item) for item in value] if isinstance(value, list) else value
