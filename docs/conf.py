"""The documentation site; `make docs` builds it."""

import hashlib
import os
from pathlib import Path

import mixtures

ROOT = Path(__file__).parent.parent

project = "bayes-mixtures"
author = "The bayes-mixtures authors"
copyright = author
version = release = mixtures.__version__

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.autosummary", "sphinx.ext.napoleon", "sphinx_copybutton"]
exclude_patterns = ["_build"]
templates_path = ["_templates"]
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_theme = "furo"
html_title = "bayes-mixtures"
html_copy_source = False
smartquotes = False  # the exact text of a message is what a reader searches for

# Pages are headed by what a reader searches for; links to a heading are checked as all others.
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

# Cells are executed once for each state of the packages. What a cell writes to stderr is a fault of the page.
SOURCES = sorted(
    path for name in ("mixtures", "inference") for path in (ROOT / name).rglob("*.py*") if path.suffix != ".pyc"
)
STATE = hashlib.sha256(b"".join(path.read_bytes() for path in SOURCES)).hexdigest()[:16]
nb_execution_mode = "cache"
nb_execution_cache_path = str(Path(__file__).parent / "_build" / "cells" / STATE)
nb_execution_raise_on_error = True
nb_execution_show_tb = True
nb_execution_timeout = 300
nb_output_stderr = "remove-warn"
nb_merge_streams = True
os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(ROOT / ".compiled"))  # each page is a process of its own
# Kernels take no settings of the reader's IPython, and do not warn of sockets that are this machine's own.
PROFILE = Path(__file__).parent / "_build" / "ipython" / "profile_default"
PROFILE.mkdir(parents=True, exist_ok=True)
(PROFILE / "ipython_kernel_config.py").write_text('get_config().IPKernelApp.log_level = "ERROR"\n')
os.environ["IPYTHONDIR"] = str(PROFILE.parent)
os.environ.setdefault("PYTHONWARNINGS", "ignore:IProgress not found")  # tqdm wants widgets in a notebook
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0.3")

# Docstrings are the reference. A name in single backticks is a link where it is a public name, and code where it is not.
default_role = "py:obj"
autosummary_generate = True
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_preserve_defaults = True
napoleon_use_rtype = False
python_maximum_signature_line_length = 90
add_module_names = False
toc_object_entries = False


def as_it_is_written(app: object, what: str, name: str, obj: object, options: object, lines: list[str]) -> None:
    """Keep Napoleon from reading a property's "Akaike (1974): ..." as a type and its meaning: it looks at the first line
    alone, which is given nothing but a space that is not printed."""
    if what in ("property", "attribute"):
        lines.insert(0, "\\ ")


def without_factories(app: object, what: str, name: str, obj: object, options: object, signature: str, returns: str):
    """A dataclass's default that a factory makes, as Python that Sphinx can read."""
    return (signature or "").replace("<factory>", "...") or None, returns


def setup(app) -> None:
    """Connect both, before the extensions."""
    app.connect("autodoc-process-docstring", as_it_is_written, priority=400)
    app.connect("autodoc-process-signature", without_factories)
