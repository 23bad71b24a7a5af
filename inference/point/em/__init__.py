"""Expectation maximisation: the verb, closed M-steps, what climbs where there are none, and where restarts begin."""

from inference.point.em.fit import fit_em as fit_em

__all__ = ["fit_em"]
