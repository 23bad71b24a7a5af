"""The verdict on a posterior's labels: which sentence holds, and the rule that decides."""

from dataclasses import dataclass
from enum import Enum

WORST_R_HAT = 1.05
LEAST_AGREEMENT = 0.95
MOST_UNSURE = 0.05
MOST_STRAYS = 0.01
LEAST_DRAWS = 4  # of a chain, or of half a chain where there is one only: R-hat needs as many


class Verdict(Enum):
    """What may be read from the draws; the values are the sentences shown to the user."""

    TOO_FEW = (
        f"too few draws to tell: whether labels switch, and whether chains agree, needs at least {LEAST_DRAWS} draws in each of "
        f"two chains, or {2 * LEAST_DRAWS} in one"
    )
    IDENTIFIED = "identified: all draws have the same labelling"
    DECLARED = (
        "components are told apart by the declaration or by known labels: no labels can switch, and there is nothing to "
        "relabel; read the draws as they are"
    )
    SWITCHES = (
        "labels switch within chains, safely relabelled: read the relabelled draws; means of the raw ones mix "
        "components, however good their R-hat looks"
    )
    CHAINS_APART = (
        "each chain keeps a labelling of its own, safely relabelled: raw R-hat is bad for the labels alone, and the "
        "relabelled chains agree"
    )
    AMBIGUOUS = (
        "relabelling is ambiguous: components overlap or merge; do not read per-component means, read the "
        "partition, the density, or a fit of fewer components"
    )
    DIFFERENT_MODES = (
        "chains disagree where labels do not matter: they are stuck in different modes or have not converged, which no "
        "relabelling can mend; run longer or start from a fit"
    )
    DRIFTS = (
        "the two halves of the chain disagree where labels do not matter: it has not converged, which no relabelling can "
        "mend; run longer, and more than one chain"
    )
    MINOR_MODE = (
        "all chains are in a minor mode: the reference fit's log posterior density is out of their reach, however good "
        "R-hat looks; start the chains from that fit"
    )

    @property
    def is_readable(self) -> bool:
        """Whether components can be read one by one, once the draws are relabelled."""
        return self in (Verdict.IDENTIFIED, Verdict.DECLARED, Verdict.SWITCHES, Verdict.CHAINS_APART)


@dataclass(frozen=True)
class Findings:
    """What was found of the draws; NaN where there was nothing to compare.

    Args:
        invariant_r_hat: the greatest R-hat of label-invariant quantities.
        density_gap: how far the best draw's log density lies below the reference's.
        expected_gap: how far a typical draw's would, were the reference the mode that the chains are in.
        agreement: the share of draws that the methods label alike.
        unsure: the share of draws whose labelling is too close to call.
        relabelled_r_hat: the greatest R-hat of relabelled parameters.
        visited: how many labellings were visited.
        chains_apart: the share of pairs of chains whose usual labelling differs.
        strays: the greatest share of a chain's draws that have another labelling than its usual one.
        is_declared: whether no component may be exchanged with another, so that there is one labelling only.
        chains: how many chains there are; one is compared with itself, by halves.
        draws: how many draws each has; None counts as enough.
    """

    invariant_r_hat: float
    density_gap: float
    expected_gap: float
    agreement: float
    unsure: float
    relabelled_r_hat: float
    visited: int
    chains_apart: float
    strays: float
    is_declared: bool = False
    chains: int = 2
    draws: int | None = None


def decide(found: Findings) -> Verdict:
    """The first sentence that holds, the gravest first; a NaN counts as nothing wrong."""
    if found.draws is not None and (found.draws if found.chains > 1 else found.draws // 2) < LEAST_DRAWS:
        return Verdict.TOO_FEW
    is_ambiguous = found.agreement < LEAST_AGREEMENT or found.unsure > MOST_UNSURE
    # Where the labels are beyond doubt, relabelled parameters are label-invariant quantities like any other.
    if found.invariant_r_hat > WORST_R_HAT or (not is_ambiguous and found.relabelled_r_hat > WORST_R_HAT):
        return Verdict.DIFFERENT_MODES if found.chains > 1 else Verdict.DRIFTS
    if found.density_gap > found.expected_gap:
        return Verdict.MINOR_MODE
    if found.is_declared:
        return Verdict.DECLARED
    if is_ambiguous:
        return Verdict.AMBIGUOUS
    if found.visited == 1:
        return Verdict.IDENTIFIED
    keeps_to_its_own = found.chains_apart > 0 and found.strays <= MOST_STRAYS
    return Verdict.CHAINS_APART if keeps_to_its_own else Verdict.SWITCHES
