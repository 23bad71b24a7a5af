"""Model-based agglomerative clustering: from single rows, the two clusters are merged that cost the Gaussian likelihood least.

Source: Murtagh & Raftery (1984); Banfield & Raftery (1993), section 2; Fraley (1998), section 2.4. A cluster's cost is n_k log |S_k|
with S_k = (W_k + C) / (n_k + 1): one row's worth of the data's own covariance C makes the cost of small clusters finite.
"""

import numpy as np
from jaxtyping import Float, Int

Merges = Int[np.ndarray, "merges 2"]
"""Each line: the cluster that is kept and the one that joins it, both named by a row of theirs."""


def agglomerate(x: Float[np.ndarray, "rows features"]) -> Merges:
    """The sequence of merges from every row its own cluster to one cluster of all rows."""
    rows, features = x.shape
    covariance = np.cov(x, rowvar=False, ddof=0).reshape(features, features) if rows > 1 else np.eye(features)
    covariance = covariance + 1e-9 * (np.trace(covariance) or 1.0) * np.eye(features)
    counts, means = np.ones(rows), x.astype(np.float64)
    scatter = np.zeros((rows, features, features))
    own = np.full(rows, np.linalg.slogdet(covariance / 2)[1])

    def joined(first: int, others: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Scatter and cost of `first` joined with each of `others`."""
        total = counts[first] + counts[others]
        apart = means[others] - means[first]
        between = (counts[first] * counts[others] / total)[:, None, None] * apart[:, :, None] * apart[:, None, :]
        together = scatter[first] + scatter[others] + between
        return together, total * np.linalg.slogdet((together + covariance) / (total + 1)[:, None, None])[1]

    increase = np.full((rows, rows), np.inf)
    for row in range(rows - 1):
        others = np.arange(row + 1, rows)
        increase[row, others] = joined(row, others)[1] - own[row] - own[others]
    increase = np.minimum(increase, increase.T)
    is_alive = np.ones(rows, dtype=bool)
    merges = []
    for _ in range(rows - 1):
        kept, gone = divmod(int(np.argmin(increase)), rows)
        merges.append((kept, gone))
        together, cost = joined(kept, np.array([gone]))
        total = counts[kept] + counts[gone]
        means[kept] = (counts[kept] * means[kept] + counts[gone] * means[gone]) / total
        counts[kept], scatter[kept], own[kept] = total, together[0], cost[0]
        is_alive[gone] = False
        increase[gone] = increase[:, gone] = np.inf
        others = np.flatnonzero(is_alive)
        others = others[others != kept]
        if len(others):
            increase[kept, others] = joined(kept, others)[1] - own[kept] - own[others]
            increase[others, kept] = increase[kept, others]
    return np.array(merges).reshape(-1, 2)
