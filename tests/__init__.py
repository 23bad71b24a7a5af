"""The tests. They check the shapes in the package's signatures as they run, so the hook is set before any of it is imported."""

from jaxtyping import install_import_hook

from tests import shapes

ROOMS = ("assignment", "labels", "partitions", "plots", "point", "posterior")
"""The rooms of `inference` whose signatures have shapes."""

install_import_hook([f"inference.{room}" for room in ROOMS], f"{shapes.__name__}.arrays")
