"""How a Gaussian's covariance varies between components and between features.

Sigma_k = lambda_k D_k A_k D_k': volume lambda_k, shape A_k (diagonal, of determinant 1), orientation D_k (orthogonal). mclust's three
letters say of each whether it is equal across components (E), varies (V) or is absent (I) (Banfield & Raftery 1993; Celeux & Govaert
1995). scikit-learn's names are aliases, and so are E and V, mclust's names for one variable. Beside these, `"factor-q"`: q factors and what they
leave over of each column (`factors.py`).
"""

from dataclasses import dataclass
from typing import Any

from mixtures.checks import check_choice
from mixtures.families.factors import factors_of

ALIASES = {"full": "VVV", "tied": "EEE", "diag": "VVI", "spherical": "VII", "E": "EEE", "V": "VVV"}
STRUCTURES = (
    *("EII", "VII", "EEI", "VEI", "EVI", "VVI"),
    *("EEE", "VEE", "EVE", "VVE", "EEV", "VEV", "EVV", "VVV"),
)


@dataclass(frozen=True)
class Structure:
    """A covariance structure, read off its three letters: which sites declare it, and which of them are shared by all components.

    `scale` always; `log_volume` and `log_shape`, relative to the components' mean, where one of the two varies and the other does not;
    then correlations where volume and shape leave them free, and an explicit orientation where they do not.

    Args:
        code: mclust's code, or `"factor-q"`.
        features: the number of columns; None for data of shape (rows,).
    """

    code: str
    features: int | None = None

    @property
    def factors(self) -> int | None:
        """How many factors say the covariance; None: it has none."""
        return factors_of(self.code)

    @property
    def is_multivariate(self) -> bool:
        """Whether there is more than one feature, so that shape and orientation mean something."""
        return self.features is not None and self.features > 1

    @property
    def is_spherical(self) -> bool:
        """Whether the covariance is a multiple of the identity."""
        return self.code[1] == "I"

    @property
    def scale_is_shared(self) -> bool:
        """Whether all components have one `scale`: they do, unless volume and shape both vary."""
        return self.code[0] == "E" or (self.is_multivariate and self.code[1] == "E")

    @property
    def has_log_volume(self) -> bool:
        """Whether components differ in volume alone."""
        return self.is_multivariate and self.code[:2] == "VE"

    @property
    def has_log_shape(self) -> bool:
        """Whether components differ in shape at equal volume."""
        return self.is_multivariate and self.code[:2] == "EV"

    @property
    def has_correlation(self) -> bool:
        """Whether a correlation says the orientation: where shape and orientation vary together."""
        return self.is_multivariate and (self.code[1:] == "EE" or self.code[1:] == "VV")

    @property
    def has_orientation(self) -> bool:
        """Whether the axes are turned by an orientation of their own: where shape varies and orientation does not, or conversely."""
        return self.is_multivariate and (self.code[1:] == "VE" or self.code[1:] == "EV")

    @property
    def orientation_is_shared(self) -> bool:
        """Whether all components have one correlation or orientation."""
        return self.code[2] == "E"


def structure(name: str, features: int | None = None) -> Structure:
    """The structure called `name`, for data of so many features.

    Raises:
        ChoiceError: no such structure; the text lists the choices.

    Example:
        >>> structure("tied").code
        'EEE'
    """
    return Structure(ALIASES.get(check_structure("covariance", name), name), features)


def check_structure(what: str, name: Any) -> str:
    """The name of a structure.

    Raises:
        ChoiceError: there is none of this name; the text lists the choices.
    """
    if factors_of(name) is not None:
        return name
    return check_choice(what, name, (*ALIASES, *STRUCTURES, "factor-1", "factor-2", "factor-3"))
