"""Compiled programs, kept between processes: compiling takes most of the time of a short session.

JAX reads its settings where it is imported; a process that is ours, the command or the tests, says before where programs are kept. A program is
found again by what it computes. The folder is that of one kind of machine and of the versions at work, for compiled code is of no use to others.
"""

import hashlib
import os
import platform
from collections.abc import MutableMapping
from importlib.metadata import version
from pathlib import Path

LEAST_SECONDS = 0.2
"""Programs that compile faster are not kept: to look one up takes time too."""

MOST_BYTES = 250_000_000
"""What all programs together may take, some 4000; those that have not been used for longest make room. Whenever JAX keeps another program it
looks at all that are there, 0.1 s for so many."""


def cache_folder(root: str | os.PathLike[str] | None = None) -> Path:
    """Where programs for this machine and these versions are kept.

    Args:
        root: None: `bayes-mixtures` in the user's cache folder.
    """
    if root is None:
        root = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "bayes-mixtures"
    kind = "\n".join([version("jax"), version("jaxlib"), platform.machine(), _processor()])
    return Path(root) / hashlib.sha256(kind.encode()).hexdigest()[:16]


def keep_compiled_programs(
    root: str | os.PathLike[str] | None = None, environment: MutableMapping[str, str] = os.environ
) -> None:
    """Have JAX keep what it compiles; to be called before it is imported. What the user has set stays.

    Args:
        root: see `cache_folder`.
        environment: the variables to set.

    Example:
        >>> import tempfile
        >>> settings = {}
        >>> with tempfile.TemporaryDirectory() as root:
        ...     keep_compiled_programs(root, settings)
        >>> sorted(settings)[0]
        'JAX_COMPILATION_CACHE_DIR'
    """
    if "JAX_COMPILATION_CACHE_DIR" in environment:
        return
    try:
        folder = cache_folder(root)
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, RuntimeError):  # no home, or no room in it: then each process compiles for itself
        return
    environment["JAX_COMPILATION_CACHE_DIR"] = str(folder)
    environment.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", str(LEAST_SECONDS))
    # with a bound, processes wait for each other's files
    environment.setdefault("JAX_COMPILATION_CACHE_MAX_SIZE", str(MOST_BYTES))


def _processor() -> str:
    """What the processor can do, as far as the system says it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    told = [line for line in lines if line.startswith(("flags", "Features", "model name"))]
    return "\n".join(sorted(set(told)))
