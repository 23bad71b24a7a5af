"""One clustering that sums the posterior up, with how far to trust it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float, Int
from xarray import DataTree

from inference.backends import engine
from inference.checks import check_count, check_options, check_rows, check_share
from inference.draws import backend_of, observations_of, program_of, rows_of, whole, with_program
from inference.html import InNotebooks
from inference.partitions.credible_ball import CredibleBall, credible_ball
from inference.partitions.evidence import gather
from inference.partitions.expectation import loss_series, monte_carlo_error
from inference.partitions.losses import Loss, loss_of
from inference.partitions.search import search
from inference.partitions.similarity import check_matrix, responsibilities_of
from inference.partitions.uncertainty import cluster_uncertainty, membership, number_of_clusters, row_uncertainty
from mixtures import Program
from mixtures.errors import DataError, ModelError
from mixtures.renamed import NO_SEED, formerly
from mixtures.seeds import check_seed
from mixtures.tables import whole_numbers

if TYPE_CHECKING:
    import pandas as pd

ROWS_OF_A_MATRIX = 10_000
"""Up to so many rows the similarity matrix is made unless said otherwise."""

SAMPLED_BYTES = 2**30
"""Of responsibilities and sampled partitions, where there is no matrix."""


@dataclass(frozen=True, eq=False, repr=False)
class Partition(InNotebooks):
    """The partition of least posterior expected loss, and its uncertainty.

    Args:
        labels: the cluster of every row, numbered 0, 1, ... in order of first appearance.
        loss: name of the loss.
        expected_loss: its posterior expectation, the least that was found.
        monte_carlo_error: standard error of that expectation; NaN for fewer than four draws a chain.
        finalists: expected losses of the best few local minima that the search polished; equal ones are a good sign.
        similarity: the posterior similarity matrix; None where it was not made.
        membership: mean similarity of each row to the other rows of each cluster.
        row_uncertainty: probability that a row is apart from a random other row of its cluster; of a row alone in its cluster, the largest
            probability that it is together with any other row, and its own membership is 1 minus that.
        cluster_sizes: rows in each cluster.
        cluster_uncertainty: probability that two random rows of a cluster are apart.
        number_of_clusters: entry k is the posterior probability of k clusters.
        ball: the credible ball around the partition.
        seed: of the sampled partitions and the search.
    """

    labels: Int[np.ndarray, " rows"]
    loss: str
    expected_loss: float
    monte_carlo_error: float
    finalists: Float[np.ndarray, " finalists"]
    similarity: Float[np.ndarray, "rows rows"] | None
    membership: Float[np.ndarray, "rows clusters"]
    row_uncertainty: Float[np.ndarray, " rows"]
    cluster_sizes: Int[np.ndarray, " clusters"]
    cluster_uncertainty: Float[np.ndarray, " clusters"]
    number_of_clusters: Float[np.ndarray, " numbers"]
    ball: CredibleBall
    seed: int

    @property
    def clusters(self) -> int:
        """The number of clusters."""
        return len(self.cluster_sizes)

    def to_frame(self) -> "pd.DataFrame":
        """One line a cluster: its rows, and the probability that two random ones of them are apart."""
        import pandas as pd

        columns = {"rows": self.cluster_sizes, "uncertainty": self.cluster_uncertainty}
        return pd.DataFrame(columns).rename_axis("cluster")

    def __str__(self) -> str:
        lines = [
            f"Partition of {len(self.labels)} rows into {self.clusters} cluster{'s' if self.clusters > 1 else ''}",
            f"expected {self.loss} {self.expected_loss:.4g} (Monte Carlo error {self.monte_carlo_error:.1g})",
            "",
            "cluster     rows  uncertainty",
        ]
        for k, (size, doubt) in enumerate(zip(self.cluster_sizes, self.cluster_uncertainty, strict=True)):
            lines.append(f"{k:>7}  {size:>7}  {doubt:>11.3f}")
        return "\n".join([*lines, "", self._numbers(), str(self.ball)])

    def _numbers(self) -> str:
        """How many clusters the draws have, in words, and why the partition may have others."""
        likely = np.argsort(-self.number_of_clusters, kind="stable")[:5]
        counts = ", ".join(
            f"{k}: {self.number_of_clusters[k]:.2f}" for k in sorted(likely) if self.number_of_clusters[k] > 0
        )
        text = f"clusters in a draw, posterior: {counts}"
        if (most := int(likely[0])) == self.clusters:
            return text
        why = (
            "merges what draws keep apart without agreeing where"
            if most > self.clusters
            else "splits what single draws join"
        )
        return f"{text}\nThe partition has {self.clusters} where draws have most often {most}: the least expected {self.loss} {why}."


@formerly(seed=NO_SEED)
def partition(
    posterior: DataTree,
    loss: str | Loss = "vi",
    *,
    rows: Sequence[int] | np.ndarray | None = None,
    seed: int,
    restarts: int = 16,
    max_clusters: int | None = None,
    level: float = 0.95,
    similarity: bool | None = None,
    program: Program | None = None,
) -> Partition:
    """One clustering that summarises the posterior: the partition of least expected loss.

    The labels of components do not matter: relabelling the draws changes the result by Monte Carlo noise only.

    Memory: 8 bytes for each draw, row and component, 8 for each draw and row, and with the similarity matrix 16 n^2 for n rows (1.6 GB for
    10,000). Without it evenly spaced draws are used, as many as 1 GB holds, and every loss is estimated from partitions sampled from them.

    Args:
        posterior: draws of the parameters, as `sample_nuts` returns them.
        loss: `vi`, `vi-lower-bound`, `binder`, `omari`, `omari-approximate`, `id`, `nid`, `nvi`, or a `Loss` with
            costs of its own, such as `inference.partitions.losses.binder(joined=2.0)`. Information losses are in bits.
        rows: indices of the rows to cluster; all of them by default.
        seed: an int in [0, 2**32), for the partitions drawn from the responsibilities and the search.
        restarts: starts of the search, beside hierarchical cuts and sampled partitions.
        max_clusters: the most clusters allowed; no bound by default.
        level: the posterior probability of the credible ball.
        similarity: whether to compute the similarity matrix: pair losses are exact with it, hierarchical clusterings start from it, and
            `plot_similarity` shows it; None computes it for up to 10,000 rows.
        program: the declaration of the draws, where it cannot be imported again: one made inside a function, say.

    Returns:
        A `Partition`: the labels of the rows and their uncertainty; a table when printed.

    Raises:
        ChoiceError: an unknown loss.
        DataError: not a posterior's tree, or indices that no row has.
        ModelError, SeedError: bad arguments, or a loss that needs the similarity matrix, without it.
        TooLargeError: there is not enough memory.

    Source: Dahl, Johnson & Mueller (2022), J. Computational and Graphical Statistics 31 (search); Wade & Ghahramani
    (2018), Bayesian Analysis 13 (expected VI, credible ball).

    Example:
        >>> from inference import sample_nuts
        >>> from mixtures import gaussian_mixture
        >>> x = [0.0, 1.0, 2.0, 10.0, 11.0, 12.0]
        >>> post = sample_nuts(gaussian_mixture(2, "tied"), x, draws=50, tune=100, chains=2, seed=0, progress=False)
        >>> partition(post, seed=0).labels.tolist()
        [0, 0, 0, 1, 1, 1]
    """
    loss = loss_of(loss)
    _check(seed, restarts, max_clusters, level)  # what is wrong shall not wait for the responsibilities
    posterior = with_program(posterior, program)
    total = rows_of(posterior)
    chosen = check_rows(rows, total)
    count = total if chosen is None else len(chosen)
    similarity = _has_matrix(similarity, loss, count)
    posterior = whole(posterior)
    responsibilities = responsibilities_of(posterior if similarity else _thinned(posterior, count), chosen)
    chains = int(posterior["posterior"].sizes["chain"])
    return partition_responsibilities(
        responsibilities,
        loss,
        seed=seed,
        restarts=restarts,
        max_clusters=max_clusters,
        level=level,
        similarity=similarity,
        chains=chains,
    )


def _has_matrix(asked: bool | None, loss: Loss, rows: int) -> bool:
    """Whether the similarity matrix is made.

    Raises:
        ModelError: neither a bool nor None, or a loss that needs the matrix without it.
        TooLargeError: there is no memory for it.
    """
    check_options(similarity=asked)
    made = bool(rows <= ROWS_OF_A_MATRIX if asked is None else asked)
    if made:
        check_matrix(rows, copies=2)
    elif loss.overlap == "bound" or (loss.overlap == "pairs" and not loss.affine):
        raise ModelError(
            "loss",
            got=f"{loss.name!r} without the similarity matrix of {rows} rows",
            expected="the matrix, from which this loss is computed, or another loss",
            advice="Take loss='vi' or 'omari', pass a subset: rows=..., or similarity=True.",
        )
    return made


def _thinned(posterior: DataTree, rows: int) -> DataTree:
    """Evenly spaced draws, as many as `SAMPLED_BYTES` holds partitions and responsibilities of."""
    sites = engine(backend_of(posterior)).sites(program_of(posterior), observations_of(posterior))
    components = sites.joint_categories
    sizes = posterior["posterior"].sizes
    needed = sizes["chain"] * sizes["draw"] * rows * (8 * components + 8)
    return posterior.isel(draw=slice(None, None, -(-needed // SAMPLED_BYTES)), missing_dims="ignore")


def clusters_of(partition: Any, rows: int | None = None) -> Int[np.ndarray, " rows"]:
    """The cluster of each row, of a `Partition` or of labels as a user has them.

    Args:
        partition: either.
        rows: of a posterior, how many there must be; None: any number.

    Raises:
        DataError: labels that are not ints from 0, as large as the number of rows, or of another number of rows.
    """
    given = partition.labels if isinstance(partition, Partition) else partition
    all_rows = "row" if rows is None else f"of the posterior's {rows} rows"
    expected = f"a Partition, or a label 0, 1, ... for each {all_rows}"
    labels = whole_numbers("partition", given, rows, expected)
    if labels.max() >= len(labels):  # more clusters than rows, most of them empty
        raise DataError("partition", got=f"{labels.max()} at row {labels.argmax()}", expected=expected)
    return labels


def _check(seed: Any, restarts: Any, max_clusters: Any, level: Any) -> None:
    check_seed(seed)
    check_count("restarts", restarts)
    if max_clusters is not None:
        check_count("max_clusters", max_clusters)
    check_share("level", level)


@formerly(seed=NO_SEED)
def partition_responsibilities(
    responsibilities: np.ndarray,
    loss: str | Loss = "vi",
    *,
    seed: int,
    restarts: int = 16,
    max_clusters: int | None = None,
    level: float = 0.95,
    similarity: bool | None = None,
    chains: int = 1,
) -> Partition:
    """`partition` for responsibilities from anywhere.

    Args:
        responsibilities: P(assignment | row, parameters) for every draw, (draws, rows, components), chains one after
            the other.
        loss, seed, restarts, max_clusters, level, similarity: as for `partition`; all draws are used.
        chains: number of chains, for the Monte Carlo error.

    Example:
        >>> import numpy as np
        >>> sure = np.array([[0.98, 0.02], [0.95, 0.05], [0.01, 0.99]])
        >>> partition_responsibilities(np.tile(sure, (50, 1, 1)), seed=0).labels.tolist()
        [0, 0, 1]
    """
    loss, seed = loss_of(loss), check_seed(seed)
    _check(seed, restarts, max_clusters, level)
    made = _has_matrix(similarity, loss, np.shape(responsibilities)[1] if np.ndim(responsibilities) == 3 else 0)
    if not made and loss.overlap == "pairs":
        loss = replace(loss, overlap="sampled")  # the same expectation, with the noise of sampling
    evidence = gather(responsibilities, seed, made)
    found = search(evidence, loss, seed=seed, restarts=restarts, max_clusters=max_clusters)
    labels = found.labels
    affinity = membership(labels, evidence.responsibilities)
    doubt = row_uncertainty(labels, affinity)
    metric = "binder" if loss.name == "binder" else "vi"
    return Partition(
        labels=labels,
        loss=loss.name,
        expected_loss=found.expected_loss,
        monte_carlo_error=monte_carlo_error(loss_series(labels, evidence, loss), chains),
        finalists=found.finalists,
        similarity=evidence.similarity,
        membership=affinity,
        row_uncertainty=doubt,
        cluster_sizes=np.bincount(labels),
        cluster_uncertainty=cluster_uncertainty(labels, doubt),
        number_of_clusters=number_of_clusters(evidence.sampled),
        ball=credible_ball(labels, evidence.sampled, distance=metric, level=level),
        seed=seed,
    )
