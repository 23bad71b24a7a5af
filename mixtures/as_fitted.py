"""New data must be like the data of a fit: the same columns, covariates and known numbers of rows."""

from mixtures.errors import DataError
from mixtures.observations import Observations


def check_as_fitted(
    x: Observations,
    features: int | None,
    feature_names: tuple[str, ...] | None,
    covariates: int | None = None,
    covariate_names: tuple[str, ...] | None = None,
    known: tuple[str, ...] = (),
) -> None:
    """Check that data have what those of a fit had.

    Args:
        x: the new data.
        features: how many columns the fit's had; None: one variable.
        feature_names: their names.
        covariates: how many covariates; None: whatever there are.
        covariate_names: their names.
        known: which known numbers of rows (trials, exposure, errors): without, they would be other rows.

    Raises:
        DataError: another number of columns or covariates, other names, or another order; known numbers that are not there.
    """
    if x.features != features:
        raise DataError(
            "x",
            got=_shape(x.features),
            expected=f"{_shape(features)}, as in the data that the model was fitted to",
            advice=_advice_for_columns(x, features, feature_names),
        )
    _check_same_names("x", x.feature_names, feature_names)
    if covariates is not None:
        check_as_many_covariates(None if x.covariates is None else x.covariates.shape[1], covariates)
    _check_same_names("covariates", x.covariate_names, covariate_names)
    for name in known:
        if getattr(x, name) is None:
            raise DataError(
                name,
                got="none",
                expected=f"{name} of each row, as the data of the fit had",
                advice=f"Pass Observations(x, {name}=...), for new rows too.",
            )


def check_as_many_covariates(found: int | None, expected: int) -> None:
    """Check that there are as many covariates as in the data of a fit.

    Raises:
        DataError: another number, or none.
    """
    if found != expected:
        raise DataError(
            "covariates",
            got="none" if found is None else _columns(found),
            expected=f"{_columns(expected)}, as in the data that the model was fitted to",
            advice="Pass the same covariates, in the same order: covariates=...",
        )


def _advice_for_columns(x: Observations, features: int | None, names: tuple[str, ...] | None) -> str:
    """How data come to have so many columns, of these names."""
    if names and x.feature_names and set(names) <= set(x.feature_names):
        return f"Select them: x[{list(names)}]."
    if features is None and x.features == 1:
        return "Pass the column itself: x[:, 0]."
    if features == 1 and x.features is None:
        return "Pass a table of one column, without a name: np.reshape(x, (-1, 1))."
    if features == len(x) and x.features is None:
        return "One row is a table too: np.reshape(x, (1, -1)); of a DataFrame, x.iloc[[0]]."
    return "Pass the same columns."


def _check_same_names(what: str, got: tuple[str, ...] | None, expected: tuple[str, ...] | None) -> None:
    if expected and got and expected != got:
        raise DataError(
            what,
            got=f"columns {list(got)}",
            expected=f"columns {list(expected)}, in that order",
            advice=f"Select them: {what}[{list(expected)}].",
        )


def _shape(features: int | None) -> str:
    return "one variable, shape (rows,)" if features is None else f"{_columns(features)}, shape (rows, {features})"


def _columns(count: int) -> str:
    return f"{count} column{'s' if count != 1 else ''}"
