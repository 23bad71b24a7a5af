"""Status: how a fit ended, as a value with a sentence."""

from enum import Enum


class Status(Enum):
    """How a fit, or one of its restarts, ended; the value is the sentence shown to the user."""

    CONVERGED = "converged"
    MAX_STEPS = "max steps reached: the gradient is not zero yet; raise the number of steps"
    LIMIT = (
        "at a limit: a parameter such as the degrees of freedom grows without bound, where the family becomes a simpler one (Student's t "
        "the normal, the negative binomial the Poisson); the other parameters are those of that family"
    )
    RUNAWAY = (
        "runs off: a slope, or another parameter, grows without bound and the objective rises all the way, as where covariates separate "
        "the components, or the outcomes, completely; use fit_map, whose priors bound it, or fewer covariates"
    )
    SPURIOUS = (
        "spurious: a component sits on a few rows that lie close together, much narrower than the others, likely by chance; "
        "try fewer components, components of one form, or priors"
    )
    EMPTY = "empty component: a component has less than half a row; try fewer components"
    DUPLICATE = "duplicate components: two components are one and the same; try fewer components or other starts"
    COLLAPSED = (
        "collapsed: a component shrank onto single points, or its weight ran to zero, where the objective has no maximum; "
        "use priors that keep away from zero (Dirichlet of at least 1), or other starts"
    )
    POOLED = (
        "pooled: the scale that a prior learns ran to zero and what it is the prior of to one value, where the joint density has no maximum, "
        "whatever the data; use sample_nuts, which averages over the scale, or a prior of the scale that keeps away from zero (LogNormal)"
    )
    NOT_FINITE = "not finite: the objective became NaN or infinite; check the start values and the priors"

    @property
    def is_sound(self) -> bool:
        """Whether the parameters may be used as an answer."""
        return self in (Status.CONVERGED, Status.MAX_STEPS, Status.LIMIT)

    @property
    def word(self) -> str:
        """The status in a word or two, for tables."""
        return self.value.split(":")[0]

    def __str__(self) -> str:
        return self.word

    def __lt__(self, other: object) -> bool:
        """By `SEVERITY`, so that tables can be sorted and grouped by status."""
        return SEVERITY.index(self) < SEVERITY.index(other) if isinstance(other, Status) else NotImplemented


SEVERITY = tuple(Status)
"""From best to worst: of two restarts the one with the earlier status is preferred, if one of them is unsound."""
