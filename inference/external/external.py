"""The verb: one external variable and the classes of a fit.

Classes are latent, and rows are assigned with error: a table of assignments against an external variable is pulled towards no difference.
The corrections undo that, each in its way; what they share is one equation, see `structural.py`.
"""

from typing import Any

import numpy as np

from inference.checks import check_choice, check_share
from inference.external.answer import answer
from inference.external.classification import ASSIGNMENTS
from inference.external.corrections import CORRECTIONS
from inference.external.covariates import read_covariates
from inference.external.outcomes import read_outcome
from inference.external.reading import Variable
from inference.external.result import External
from inference.external.units import units_of
from inference.results import PointFit
from mixtures.errors import ModelError, in_words


def external(
    fit: PointFit,
    x: Any,
    *,
    outcome: Any = None,
    covariates: Any = None,
    data: Any = None,
    correction: str = "ml",
    assignment: str = "modal",
    kind: str | None = None,
    reference: str | int | None = None,
    level: float = 0.95,
) -> External:
    """How an outcome differs between the components of a fit, or how covariates predict them, corrected for errors of classification.

    The mixture is fitted first, without the external variable; its components, here called classes, stay what they are. Rows whose external
    variable is missing are left out, and so are those that say nothing of their class. Row weights count rows, as everywhere; where all rows
    of a group share one component (`PerGroup`), groups are counted, and the external variable has one value a group.

    Args:
        fit: a point fit, of `fit_em` or `fit_mle`; of `fit_map` too, where priors are weak.
        x: the data that it was fitted to.
        outcome: what may differ between classes, one entry a row: means and variances of numbers, probabilities of categories (names, truth
            values, or numbers that are all 0 or 1), rates of counts, which must be said, `kind="count"`. Or the name of a column of `data`.
        covariates: what may predict the class: numbers, (rows,) or (rows, covariates), a column of `data` by its name, or a formula,
            `"~ age + C(sex)"`. A multinomial logit.
        data: the frame that has the columns; None: `x`, which may have other columns beside those of the fit.
        correction: `"ml"`: the errors of assignment are held at their estimates; `"bch"`: weights by the inverse table of these errors, which
            asks least of an outcome; `"two-step"`: the measurement model is held; `"none"`: as if assignments were the classes.
        assignment: `"modal"`, each row to its most probable class, or `"proportional"`, to all of them by their probabilities; of no matter to
            `"two-step"`.
        kind: of the outcome, `"continuous"`, `"categorical"` or `"count"`; None: as said above.
        reference: with covariates, the class that the others are held against, by name or number; None: the first.
        level: of the intervals.

    Returns:
        An `External`: a table when printed. Standard errors are robust (sandwich), and know how uncertain the first step is; those of `"none"`
        do not.

    Raises:
        ModelError: no single assignment a row; not one of outcome and covariates; weights that depend on covariates already with `"ml"` or
            `"bch"`.
        DataError: other rows than the fit's; an external variable that cannot be used.
        FitError: an unsound fit; estimates that do not exist.

    Source: Bolck, Croon & Hagenaars (2004), Political Analysis 12; Vermunt (2010), Political Analysis 18; Bakk, Tekle & Vermunt (2013),
    Sociological Methodology 43; Bakk, Oberski & Vermunt (2014), Political Analysis 22; Bakk & Kuha (2018), Psychometrika 83.

    Example:
        >>> from inference import fit_em
        >>> from mixtures import gaussian_mixture
        >>> x = [0.0, 1.0, 2.0, 10.0, 11.0, 12.0]
        >>> fit = fit_em(gaussian_mixture(2, "tied"), x, restarts=5, seed=0)
        >>> found = external(fit, x, outcome=[1.0, 2.0, 3.0, 6.0, 7.0, 8.0], correction="bch")
        >>> sorted(found.to_frame()["estimate"].xs("mean", level="parameter").round(6).tolist())
        [2.0, 7.0]
    """
    check_choice("correction", correction, CORRECTIONS)
    check_choice("assignment", assignment, ASSIGNMENTS)
    check_share("level", level)
    if (outcome is None) == (covariates is None):
        got = "neither" if outcome is None else "both"
        raise ModelError("outcome, covariates", got=got, expected="one of them", advice="Ask one question at a time.")
    units = units_of(fit, x, correction)
    data = x if data is None else data
    variable: Variable
    if outcome is not None:
        _refuse("reference", reference, "an outcome")
        variable = read_outcome(outcome, kind, data, units.bound.x)
    else:
        _refuse("kind", kind, "a covariate")
        variable = read_covariates(covariates, data, units.bound.x)
    return answer(fit, units, variable, correction, assignment, _number_of(reference, units.names), level)


def _refuse(name: str, given: Any, what: str) -> None:
    if given is not None:
        raise ModelError(name, got=in_words(given), expected=f"None: {what} has none")


def _number_of(reference: str | int | None, names: tuple[Any, ...]) -> int:
    """The number of the reference class.

    Raises:
        ModelError: no class is called so.
    """
    if reference is None:
        return 0
    known = [*names, *range(len(names))]
    is_one = isinstance(reference, str | int | np.integer) and not isinstance(reference, bool)
    if not is_one or reference not in known:
        raise ModelError("reference", got=in_words(reference), expected=f"one of the components {list(names)}")
    return known.index(reference) % len(names)
