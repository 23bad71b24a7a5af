"""How a Gaussian's covariance varies between components and between features.

Names are scikit-learn's (`full`, `tied`, `diag`, `spherical`) or mclust's three letters for volume, shape and orientation
(Banfield & Raftery 1993; Celeux & Govaert 1995): E equal across components, V varying, I identity.
"""

from dataclasses import dataclass

from mixtures.errors import ChoiceError

ALIASES = {"full": "VVV", "tied": "EEE", "diag": "VVI", "spherical": "VII"}
STRUCTURES = ("EII", "VII", "EEI", "VVI", "EEE", "VVV")


@dataclass(frozen=True)
class Structure:
    """A covariance structure, read off its three letters.

    Args:
        code: mclust's code.
    """

    code: str

    @property
    def is_shared(self) -> bool:
        """Whether all components have one covariance."""
        return self.code[0] == "E"

    @property
    def is_spherical(self) -> bool:
        """Whether the covariance is a multiple of the identity."""
        return self.code[1] == "I"

    @property
    def is_correlated(self) -> bool:
        """Whether features may be correlated within a component."""
        return self.code[2] != "I"


def structure(name: str) -> Structure:
    """The structure called `name`.

    Raises:
        ChoiceError: no such structure; the text lists the choices.

    Example:
        >>> structure("tied").code
        'EEE'
    """
    code = ALIASES.get(name, name)
    if code not in STRUCTURES:
        raise ChoiceError.of("covariance", name, (*ALIASES, *STRUCTURES))
    return Structure(code)
