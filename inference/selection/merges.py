"""Which components are one cluster? Components merged two by two: by the entropy of the assignment, or by the valleys between modes."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
import xarray as xr
from jaxtyping import Float

from inference.assignment.responsibilities import checked_like, probabilities
from inference.checks import check_choice, check_count
from inference.frames import classes_like, components_of
from inference.html import InNotebooks
from inference.parameter_table import plain
from inference.results import PointFit
from inference.selection.elbow import elbow
from inference.selection.entropy import Tree, entropy_of, merged_by_entropy
from inference.selection.ridgeline import merged_by_valleys, normals_of
from mixtures.errors import ModelError

METHODS = ("entropy", "modes")

UNIMODAL = 1.0 - 1e-6
"""The height of a valley, as a share of the lower mode, from which there is none."""


@dataclass(frozen=True, eq=False, repr=False)
class ComponentMerges(InNotebooks):
    """The components of a fit, merged two by two.

    Args:
        method: `"entropy"` or `"modes"`.
        tree: each line a merge, from all components to one cluster: the cluster that is kept and the one that joins it, both named by the
            lowest of their components.
        entropies: entry k - 1 is the entropy of the assignment with k clusters.
        rows_merged: entry k - 1 is how many rows the merges that lead to k clusters have moved, of the most probable assignments.
        valleys: of `"modes"`, the height of the valley that each merge crosses, as a share of the lower mode: 1 where there is none, and
            the two are one mode; None otherwise.
        responsibilities: of the fit, (rows, components).
        suggested: how many clusters the elbow of the entropies, or the number of modes, suggests; None where there are too few components
            for an elbow.
        names: the components' names, or their numbers.
        x: what was handed in: frames come back as frames.
    """

    method: str
    tree: Tree
    entropies: Float[np.ndarray, " components"]
    rows_merged: Float[np.ndarray, " components"]
    valleys: Float[np.ndarray, " merges"] | None
    responsibilities: Float[np.ndarray, "rows components"]
    suggested: int | None
    names: tuple[Any, ...]
    x: Any

    @property
    def components(self) -> int:
        """The number of components of the fit."""
        return self.responsibilities.shape[1]

    def groups(self, clusters: int) -> list[tuple[int, ...]]:
        """The components of each of so many clusters, which are numbered by the lowest of these.

        Raises:
            ModelError: not one of 1, ..., components.
        """
        if check_count("clusters", clusters) > self.components:
            raise ModelError(
                "clusters", got=str(clusters), expected=f"1 to {self.components}, the components of the fit"
            )
        members = {k: [k] for k in range(self.components)}
        for kept, gone in self.tree[: self.components - clusters]:
            members[int(kept)] += members.pop(int(gone))
        return [tuple(sorted(members[k])) for k in sorted(members)]

    def probabilities(self, clusters: int) -> np.ndarray:
        """P(row i is of cluster c), sums over the components of each cluster, (rows, clusters)."""
        return np.stack([self.responsibilities[:, list(group)].sum(axis=1) for group in self.groups(clusters)], axis=1)

    def classify(self, clusters: int | None = None) -> Any:
        """The most probable cluster of each row; None: of as many as are suggested. A Series where `x` is a pandas object.

        Raises:
            ModelError: not one of 1, ..., components; None, and no number is suggested.
        """
        wanted = self.suggested if clusters is None else clusters
        if wanted is None:
            raise ModelError(
                "clusters",
                got="None, and no number is suggested",
                expected=f"1 to {self.components}",
                advice="Two lines have an elbow from four components on: look at entropies.",
            )
        classes = self.probabilities(wanted).argmax(axis=1)
        found = classes_like(self.x, classes, ())
        return found.rename("cluster") if isinstance(found, pd.Series) else found

    def elbow(self, against: Literal["clusters", "rows"] = "clusters") -> int | None:
        """The number of clusters at the elbow of the entropies; None below four components.

        Args:
            against: entropies against the number of clusters, or against the rows that merges have moved, which is fairer where clusters
                differ much in size (Baudry et al. 2010, section 4).
        """
        check_choice("against", against, ("clusters", "rows"))
        place = np.arange(1.0, self.components + 1) if against == "clusters" else -self.rows_merged
        return elbow(place, self.entropies)

    def to_frame(self) -> pd.DataFrame:
        """One line for each number of clusters, from one: entropy, rows_merged, valley (of `"modes"`), and which components are merged."""
        counts = range(1, self.components + 1)
        table: dict[str, Any] = {"entropy": self.entropies, "rows_merged": self.rows_merged}
        if self.valleys is not None:
            table["valley"] = np.append(self.valleys[::-1], np.nan)
        table["groups"] = [" | ".join(self._words(group) for group in self.groups(count)) for count in counts]
        return pd.DataFrame(table, index=pd.Index(counts, name="clusters"))

    def _words(self, group: tuple[int, ...]) -> str:
        return "+".join(str(self.names[k]) for k in group)

    def __str__(self) -> str:
        shown = self.to_frame().iloc[::-1]
        numbers = [name for name in shown if name != "groups"]
        shown[numbers] = shown[numbers].map(lambda value: "-" if np.isnan(value) else f"{value:.4g}")
        return "\n".join(
            [
                f"{self.components} components, merged by {self.method}:",
                plain(shown.reset_index(), index=False),
                self._said(),
            ]
        )

    def _said(self) -> str:
        if self.suggested is None:
            return "Too few components for an elbow: compare the entropies."
        if self.method == "modes":
            return f"{self.suggested} mode{'s' * (self.suggested > 1)}: merges across no valley end there."
        return f"The elbow of the entropies is at {self.suggested} clusters: merges beyond it join clusters that are apart."


def merge_components(
    fit: PointFit | xr.DataTree, x: Any, *, method: Literal["entropy", "modes"] = "entropy"
) -> ComponentMerges:
    """Merge the components of a fit to clusters: BIC needs several components for one cluster that is not of the family's shape.

    `"entropy"`: at each step the two whose merging lowers the entropy of the assignment, - sum_i sum_k t_ik log t_ik, most: components that
    share rows of which it is unsure which of the two they are of. For every family. The density stays that of the fit.

    `"modes"`: at each step the two with the highest valley between them. All modes of two normals lie on their ridgeline,
    x(a) = ((1 - a) S1^-1 + a S2^-1)^-1 ((1 - a) S1^-1 m1 + a S2^-1 m2), and the valley's height is the density's lowest value there between two
    modes, as a share of the lower one; 1 where there is one mode. Clusters of several components are as near as the nearest of these. For
    normal components.

    Args:
        fit: a point fit, or a tree of relabelled draws, whose rows have one assignment.
        x: the rows that say which components overlap, usually those of the fit; each as often as it counts.
        method: `"entropy"` or `"modes"`.

    Returns:
        A `ComponentMerges`; `inference.plots.plot_merges` draws it.

    Raises:
        ModelError: `"modes"` of other components than normal ones; one component alone; several assignments a row.
        ChoiceError: another method.
        DataError: other columns than the model was fitted to.

    Source: Baudry, Raftery, Celeux, Lo & Gottardo (2010), Journal of Computational and Graphical Statistics 19; Ray & Lindsay (2005), Annals of
    Statistics 33, theorem 1; Hennig (2010), Advances in Data Analysis and Classification 4, section 3, for the valley's height.

    Example:
        >>> from inference import fit_em
        >>> from mixtures import gaussian_mixture
        >>> x = [0.0, 0.4, 1.0, 1.3, 2.0, 9.0, 9.5, 10.0]
        >>> fit = fit_em(gaussian_mixture(3, "E"), x, restarts=10, seed=0)
        >>> merge_components(fit, x).groups(2)
        [(0,), (1, 2)]
    """
    check_choice("method", method, METHODS)
    observations = checked_like(fit, x)
    shares = probabilities(fit, x)
    if isinstance(shares, dict):
        raise ModelError(
            "fit", got="several assignments a row", expected="one", advice="Merge components of one assignment."
        )
    if shares.shape[1] < 2:
        raise ModelError("fit", got="one component", expected="two or more, which could be merged")
    valleys = None
    if method == "modes":
        tree, valleys = merged_by_valleys(*normals_of(fit, observations))
    else:
        tree = merged_by_entropy(shares, observations.times)
    entropies, rows_merged = entropy_of(shares, observations.times, tree)
    suggested = elbow(np.arange(1.0, len(entropies) + 1), entropies)
    if valleys is not None:
        suggested = 1 + int(np.sum(valleys < UNIMODAL))
    names = components_of(fit) or tuple(range(shares.shape[1]))
    return ComponentMerges(method, tree, entropies, rows_merged, valleys, shares, suggested, tuple(names), x)
