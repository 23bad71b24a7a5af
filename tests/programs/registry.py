"""All cases."""

from tests.programs import apart, conditional, latent, no_plate, outcomes, own_families, plates, scope, several
from tests.programs.case import Case

MODULES = (several, plates, no_plate, latent, apart, conditional, outcomes, scope, own_families)
CASES: tuple[Case, ...] = tuple(case for module in MODULES for case in module.CASES)
