"""The M-step of classes of groups: each class's share of the groups, and each component's share of the rows of a class.

Source: Vermunt (2003), Sociological Methodology 33: the upward-downward algorithm, from rows to the classes of groups and back.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from inference.point.em.closed_form import Array, Frame, State, Statistics
from inference.point.em.m_steps.grouped import GroupedEM
from inference.point.em.shares import one_of, shares_of
from mixtures.assignments import GroupClasses
from mixtures.assignments.logarithms import log_of
from mixtures.observations import Observations

GOLDEN = (5**0.5 - 1) / 2
"""Multiples of it, whole numbers left out, are spread evenly over (0, 1), and no two are the same."""


@dataclass(frozen=True)
class GroupClassesEM(GroupedEM):
    """See `inference.point.em.closed_form.PathForm`. State: class_probs (classes,), class_weights (components, classes).

    Args:
        classes: how many classes of groups.
        spans: see `GroupedEM`.
    """

    classes: int
    spans: tuple[tuple[int, int], ...] = ()

    per_component = ("class_weights",)
    fixable = ("class_probs", "class_weights")
    is_damped = False
    width = 0

    def log_probs(self, xp: Any, state: State, x: Array) -> tuple[Array, Array]:
        """Of a row without the others of its group nothing is known."""
        return xp.zeros_like(state["class_weights"][:, :1]), ()

    def over_paths(
        self, xp: Any, state: State, log_density: Array, x: Array, is_hard: bool, row_weights: Array | None = None
    ) -> tuple[Array, Array, Statistics]:
        """The log likelihood, responsibilities (components, rows), and statistics of all groups."""
        is_hard = is_hard and len(log_density) > 1  # nothing tells classes of one component apart
        upward = self._most_probable if is_hard else self._summed
        of_class, downward = upward(xp, state["class_weights"], log_density)
        if row_weights is not None:
            of_class = xp.where(row_weights > 0, of_class, xp.zeros_like(of_class))
        # log p(x_g, c) = log w_c + sum_(i in g) log p(x_i | c)
        log_joint = self.of_groups(xp, of_class, lambda rows: xp.sum(rows, axis=-1))
        log_joint = log_joint + log_of(xp, state["class_probs"])[:, None]
        shares, log_likelihood = shares_of(xp, log_joint, is_hard)
        counted, of_rows = shares, self.of_rows(xp, shares)
        weighted = of_rows
        if row_weights is not None:
            counts = self.that_count(xp, row_weights)
            counted, log_likelihood = shares * counts, log_likelihood * counts
            weighted = of_rows * row_weights
        responsibilities, pairs = downward(of_rows, weighted)
        return xp.sum(log_likelihood), responsibilities, {"classes": xp.sum(counted, axis=-1), "pairs": pairs}

    def _summed(self, xp: Any, weights: Array, log_density: Array) -> tuple[Array, Any]:
        """log p(x_i | c), (classes, rows); and from P(c | x), of all rows and of those that count, to what `over_paths` wants of components."""
        # relative to the components' largest weights, so that a component without any is none that all is measured by
        most = xp.max(weights, axis=1)
        scaled = log_density + log_of(xp, most)[:, None]
        peak = xp.max(scaled, axis=0)
        ratio = weights / xp.where(most > 0, most, xp.ones_like(most))[:, None]
        emissions = xp.exp(scaled - peak)
        sums = ratio.T @ emissions

        def downward(of_rows: Array, weighted: Array) -> tuple[Array, Array]:
            # P(c, k | x) = P(c | x) pi_ck p(x_i | k) / p(x_i | c); no class that cannot produce a row has a share in it
            safe = xp.where(sums > 0, sums, xp.ones_like(sums))
            return emissions * (ratio @ (of_rows / safe)), ratio * (emissions @ (weighted / safe).T)

        return log_of(xp, sums) + peak, downward

    def _most_probable(self, xp: Any, weights: Array, log_density: Array) -> tuple[Array, Any]:
        """The same where the most probable component counts alone, and its class."""
        joint = log_density[:, None, :] + log_of(xp, weights)[:, :, None]
        chosen = one_of(xp, joint)

        def downward(of_rows: Array, weighted: Array) -> tuple[Array, Array]:
            return xp.sum(chosen * of_rows, axis=1), xp.sum(chosen * weighted, axis=2)

        return xp.max(joint, axis=0), downward

    def statistics(self, xp: Any, responsibilities: Array, seen: Array) -> Statistics:
        """Of rows that are known by their shares alone: classes lean to other components, since those that are alike would stay alike."""
        rows = xp.sum(responsibilities, axis=-1) + 1.0  # and one more, so that no component is without
        places = (xp.arange(rows.shape[0])[:, None] + 1.0) * (xp.arange(self.classes)[None, :] + 1.0) * GOLDEN
        lean = xp.exp(2.0 * (places - xp.floor(places)))
        return {"classes": xp.ones_like(lean[0]), "pairs": rows[:, None] * lean}

    def m_step(
        self, xp: Any, statistics: Statistics, state: State, fixed: Mapping[str, Array], step: Array = 1.0
    ) -> State:
        groups, pairs = statistics["classes"], statistics["pairs"]
        rows = xp.sum(pairs, axis=0)
        weights = xp.where(rows > 0, pairs / xp.where(rows > 0, rows, xp.ones_like(rows)), state["class_weights"])
        return {
            "class_probs": xp.where(fixed["class_probs"], state["class_probs"], groups / xp.sum(groups)),
            "class_weights": xp.where(fixed["class_weights"], state["class_weights"], weights),
        }

    def log_prior(self, xp: Any, state: State, pseudo: Statistics) -> Array:
        # log Dirichlet(p | a) = sum_k (a_k - 1) log p_k + constant
        return sum(
            xp.sum(xp.where(counts > 0, counts * xp.log(probs), xp.zeros_like(probs)))
            for counts, probs in (
                (pseudo["classes"], state["class_probs"]),
                (pseudo["pairs"], state["class_weights"]),
            )
        )

    def pseudo(self, law: GroupClasses, components: int) -> Statistics | None:
        each = np.broadcast_to(law.weights, (components,)) - 1.0
        groups = np.full(law.classes, law.probs - 1.0)
        if min(each.min(), groups.min()) < 0:
            return None
        return {"rows": np.zeros(components), "classes": groups, "pairs": np.repeat(each[:, None], law.classes, axis=1)}

    def apart(self, state: State) -> np.ndarray:
        return np.zeros(())  # components of one density are one, whatever their weights

    def columns(self, x: Observations) -> np.ndarray:
        return np.zeros((len(x), 0))

    def held(self, sites: frozenset[str]) -> dict[str, bool] | None:
        return {name: name in sites for name in self.fixable}

    def frame(self, x: np.ndarray) -> Frame:
        return Frame(np.zeros(0), np.ones(0))

    def blank(self, components: int) -> State:
        even = np.full((components, self.classes), 1 / components)
        return {"class_probs": np.full(self.classes, 1 / self.classes), "class_weights": even}

    def encode(self, parameters: Mapping[str, np.ndarray], frame: Frame) -> State:
        probs, weights = (np.asarray(parameters[name], dtype=np.float64) for name in self.fixable)
        return {"class_probs": probs, "class_weights": weights.T}

    def decode(self, state: State, frame: Frame) -> dict[str, np.ndarray]:
        return {"class_probs": state["class_probs"], "class_weights": state["class_weights"].T}
