"""Partitions by brute force: every one of them, every loss from its definition over pairs of rows or over labels."""

import itertools

import numpy as np
from sklearn import metrics


def all_partitions(rows: int) -> np.ndarray:
    """Every partition of `rows` rows as a restricted growth string: a label is at most one above those before it."""
    strings = [[0]]
    for _ in range(rows - 1):
        strings = [[*string, label] for string in strings for label in range(max(string) + 2)]
    return np.array(strings)


def posterior_of(responsibilities: np.ndarray, partitions: np.ndarray) -> np.ndarray:
    """P(partition), by summing over all K^n assignments of every draw."""
    index = {tuple(partition): i for i, partition in enumerate(partitions)}
    _, rows, components = responsibilities.shape
    probability = np.zeros(len(partitions))
    for labels in itertools.product(range(components), repeat=rows):
        seen = {}
        string = tuple(seen.setdefault(label, len(seen)) for label in labels)
        probability[index[string]] += responsibilities[:, np.arange(rows), labels].prod(axis=1).mean()
    return probability


def pair_counts(c, z) -> tuple[int, int]:
    """Ordered pairs joined in c and apart in z, and the other way round."""
    together_c, together_z = np.equal.outer(c, c), np.equal.outer(z, z)
    return int((together_c & ~together_z).sum()), int((~together_c & together_z).sum())


def entropy(labels) -> float:
    """H in bits."""
    share = np.unique(labels, return_counts=True, axis=0)[1] / len(labels)
    return float(-(share * np.log2(share)).sum())


def entropies(c, z) -> tuple[float, float, float]:
    """H(c), H(z), H(c, z) in bits."""
    return entropy(c), entropy(z), entropy(np.stack([c, z], axis=1))


def binder(c, z, joined=1.0, split=1.0) -> float:
    wrong_joined, wrong_split = pair_counts(c, z)
    return (joined * wrong_joined + split * wrong_split) / len(c) ** 2


def vi(c, z) -> float:
    hc, hz, both = entropies(c, z)
    return 2 * both - hc - hz


def omari(c, z) -> float:
    return 1 - metrics.adjusted_rand_score(c, z)


def id_(c, z) -> float:
    hc, hz, both = entropies(c, z)
    return max(hc, hz) - (hc + hz - both)


def nid(c, z) -> float:
    hc, hz, both = entropies(c, z)
    return 0.0 if max(hc, hz) == 0 else 1 - (hc + hz - both) / max(hc, hz)


def nvi(c, z) -> float:
    hc, hz, both = entropies(c, z)
    return 0.0 if both == 0 else 1 - (hc + hz - both) / both


BETWEEN = {"binder": binder, "vi": vi, "omari": omari, "id": id_, "nid": nid, "nvi": nvi}


def vi_lower_bound(c, similarity, sampled) -> float:
    """Wade & Ghahramani (2018), equation 4, row by row; `sampled` holds one partition a draw."""
    rows, total = len(c), 0.0
    for i in range(rows):
        own = sum(c[j] == c[i] for j in range(rows))
        theirs = np.mean([np.log2(np.sum(z == z[i])) for z in sampled])
        total += np.log2(own) + theirs - 2 * np.log2(sum(similarity[i, j] for j in range(rows) if c[j] == c[i]))
    return total / rows


def omari_approximate(c, similarity) -> float:
    """Fritsch & Ickstadt (2009), equation 4, over pairs i < j."""
    pairs = list(itertools.combinations(range(len(c)), 2))
    joined = np.array([c[i] == c[j] for i, j in pairs], dtype=float)
    similar = np.array([similarity[i, j] for i, j in pairs])
    chance = joined.sum() * similar.sum() / len(pairs)
    largest = (joined.sum() + similar.sum()) / 2
    return 1 - ((joined * similar).sum() - chance) / (largest - chance)


def overlapping(rows: int, components: int, draws: int, seed: int, gap: float = 1.5) -> np.ndarray:
    """Responsibilities of a Gaussian mixture whose components overlap, with uncertain means and switching labels."""
    rng = np.random.default_rng(seed)
    x = rng.normal(gap * rng.integers(0, components, rows), 1.0)
    means = gap * np.arange(components) + rng.normal(0, 0.4, (draws, components))
    means = rng.permuted(means, axis=1)
    density = np.exp(-0.5 * (x[None, :, None] - means[:, None, :]) ** 2) * rng.dirichlet(
        np.ones(components), (draws, 1)
    )
    return density / density.sum(axis=2, keepdims=True)
