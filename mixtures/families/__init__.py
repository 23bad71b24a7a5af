"""What a component looks like: one family a file."""

from mixtures.families.family import Family
from mixtures.families.gaussian import Gaussian

__all__ = ["Family", "Gaussian"]
