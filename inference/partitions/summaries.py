"""What the clusters of a partition look like: their parameters re-estimated from the rows that are in them."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float, Int

from inference.html import InNotebooks
from inference.partitions.partition import Partition, clusters_of
from mixtures import Observations
from mixtures.errors import DataError
from mixtures.families import Gaussian
from mixtures.families.by_column import check_categories

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False, repr=False)
class ClusterSummary(InNotebooks):
    """Size, mean and spread of every cluster; no model is assumed within a cluster.

    Args:
        sizes: rows in each cluster.
        shares: sizes over the number of rows.
        mean: mean of each cluster's rows, over the cells that were observed; NaN where a cluster has none.
        sd: standard deviation (divisor n - 1) over the observed cells; NaN where a cluster has fewer than two.
        covariance: covariance matrix (divisor n - 1), of each pair of features over the rows in which both were observed;
            NaN where these are fewer than two. With missing cells it need not be positive definite. Data of shape (rows,)
            count as one feature.
        feature_names: names of the columns, or None.
    """

    sizes: Int[np.ndarray, " clusters"]
    shares: Float[np.ndarray, " clusters"]
    mean: Float[np.ndarray, "clusters features"]
    sd: Float[np.ndarray, "clusters features"]
    covariance: Float[np.ndarray, "clusters features features"]
    feature_names: tuple[str, ...] | None

    def to_frame(self) -> "pd.DataFrame":
        """One line a cluster: rows, share, and each feature's mean and standard deviation."""
        import pandas as pd

        names = self.feature_names or tuple(map(str, range(self.mean.shape[1])))
        columns = {"rows": self.sizes, "share": self.shares}
        for j, name in enumerate(names):
            columns |= {f"mean {name}": self.mean[:, j], f"sd {name}": self.sd[:, j]}
        return pd.DataFrame(columns).rename_axis("cluster")

    def __str__(self) -> str:
        return self.to_frame().to_string(float_format="{:.4g}".format)


def cluster_summary(x: Any, partition: Partition | np.ndarray) -> ClusterSummary:
    """Size, mean and spread of each cluster, given the partition.

    Args:
        x: the rows that were clustered, (rows,) or (rows, features); with `Observations(x, missing="allow")` cells that
            were not observed are left out, feature by feature.
        partition: a `Partition`, or labels 0, 1, ...

    Returns:
        A `ClusterSummary`: a line for each cluster when printed.

    Raises:
        DataError: another number of rows than the partition has, or labels that are not 0, 1, ...

    Example:
        >>> import numpy as np
        >>> cluster_summary([0.0, 1.0, 10.0, 11.0, 12.0], np.array([0, 0, 1, 1, 1])).mean.tolist()
        [[0.5], [11.0]]
    """
    observations = Observations.of(x)
    check_categories(Gaussian(), observations)
    labels = clusters_of(partition)
    if len(labels) != len(observations):
        raise DataError(
            "x", got=f"{len(observations)} rows", expected=f"{len(labels)} rows, as many as the partition has"
        )
    table = observations.x.reshape(len(observations), -1)
    members = [table[labels == k] for k in range(int(labels.max()) + 1)]
    covariance = np.stack([_covariance(rows) for rows in members])
    sizes = np.array([len(rows) for rows in members])
    return ClusterSummary(
        sizes=sizes,
        shares=sizes / sizes.sum(),
        mean=np.stack([_mean(rows) for rows in members]),
        sd=np.sqrt(np.diagonal(covariance, axis1=1, axis2=2)),
        covariance=covariance,
        feature_names=observations.feature_names,
    )


def _mean(rows: Float[np.ndarray, "members features"]) -> Float[np.ndarray, " features"]:
    cells = (~np.isnan(rows)).sum(axis=0)
    return np.where(cells > 0, np.nansum(rows, axis=0) / np.maximum(cells, 1), np.nan)


def _covariance(rows: Float[np.ndarray, "members features"]) -> Float[np.ndarray, "features features"]:
    seen = (~np.isnan(rows)).astype(float)
    centred = np.nan_to_num(rows - _mean(rows))
    pairs = seen.T @ seen
    # sum over rows with both of (a - mean a)(b - mean b) = sum ab - sum a sum b / n, with means over these rows too
    products = centred.T @ centred - (centred.T @ seen) * (seen.T @ centred) / np.maximum(pairs, 1)
    return np.where(pairs > 1, products / np.maximum(pairs - 1, 1), np.nan)
