"""How units are assigned to classes, and how often the assignment is wrong: the classification table."""

import numpy as np
from jaxtyping import Float

from inference.external.evidence import Evidence
from mixtures.errors import ModelError

ASSIGNMENTS = ("modal", "proportional")

SINGULAR = 1e12
"""The condition number from which a table has no inverse that means anything."""


def modal(posterior: Float[np.ndarray, "units classes"]) -> Float[np.ndarray, "units classes"]:
    """Each unit all in its most probable class."""
    return np.eye(posterior.shape[1])[posterior.argmax(axis=1)]


def classification_table(
    posterior: Float[np.ndarray, "units classes"],
    given: Float[np.ndarray, "units classes"],
    times: Float[np.ndarray, " units"],
) -> Float[np.ndarray, "classes assigned"]:
    """P(assigned to s | class k), estimated from the probabilities of classes; NaN of a class that has no units.

    Example:
        >>> posterior = np.array([[0.9, 0.1], [0.3, 0.7]])
        >>> classification_table(posterior, modal(posterior), np.ones(2))
        array([[0.75 , 0.25 ],
               [0.125, 0.875]])
    """
    # D_ks = sum_i n_i r_ik w_is / sum_i n_i r_ik
    joint = (posterior * times[:, None]).T @ given
    total = joint.sum(axis=1, keepdims=True)
    return np.divide(joint, total, out=np.full_like(joint, np.nan), where=total > 0)


def bch_shares(
    given: Float[np.ndarray, "units classes"], table: Float[np.ndarray, "classes assigned"]
) -> Float[np.ndarray, "units classes"]:
    """The shares whose mean over many units of class k is 1 in class k and 0 elsewhere; some are negative.

    Raises:
        ModelError: the table has no inverse: assignments do not tell all classes apart.

    Source: Bolck, Croon & Hagenaars (2004), Political Analysis 12; Vermunt (2010), Political Analysis 18.
    """
    if not np.isfinite(table).all() or np.linalg.cond(table) > SINGULAR:
        raise ModelError(
            "correction",
            got='"bch", and a classification table that cannot be inverted: some class is hardly ever assigned',
            expected="assignments that tell all classes apart",
            advice='Use assignment="proportional", correction="two-step", or a fit with fewer components.',
        )
    # E[w_i | z_i = k] = D_k. , so w* = w D^-1 has E[w*_i | z_i = k] = e_k
    return given @ np.linalg.inv(table)


def misclassification(
    given: Float[np.ndarray, "units classes"], table: Float[np.ndarray, "classes assigned"], *, is_modal: bool
) -> Evidence:
    """What an assignment says of the class, its errors known: a record a unit, or one for each class in proportion."""
    with np.errstate(divide="ignore"):  # what is never assigned
        log_table = np.log(np.nan_to_num(table)).T
    if is_modal:
        return Evidence(log_table[given.argmax(axis=1)][:, None], np.ones((len(given), 1)))
    return Evidence(log_table[None], given)
