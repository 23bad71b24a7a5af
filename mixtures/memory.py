"""How much memory is there? Asked before much of it is taken: a process that takes more is killed without a word."""

import os
from pathlib import Path

from mixtures.errors import TooLargeError

PROC = Path("/proc")
CGROUPS = (
    (Path("/sys/fs/cgroup"), "memory.max", "memory.current", "inactive_file"),
    (Path("/sys/fs/cgroup/memory"), "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
)
"""Where a container's limit and use are found, versions 2 and 1; of the use, files that are not in use are given back when needed."""


LITTLE = 1e6
"""Bytes that are there wherever Python is: to look how many there are takes longer than to take them."""


def check_memory(what: str, needed: float, advice: str) -> None:
    """Check that so much memory is there.

    Args:
        what: for what.
        needed: bytes that will be taken.
        advice: what to do if they are not there, a sentence.

    Raises:
        TooLargeError: there is less.
    """
    if needed <= LITTLE:
        return
    there = available()
    if needed > there:
        raise TooLargeError(
            what,
            got=f"a need of {spoken(needed)}",
            expected=f"at most the {spoken(there)} there are",
            advice=advice,
        )


def spoken(size: float) -> str:
    """Bytes as they are read: 3.2 GB."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:.3g} TB"


def available() -> float:
    """Bytes that this process may still take: of the machine's, of its container's, of its own limit; inf where nothing is known."""
    return max(0.0, min(_of_the_machine(), _of_the_container(), _of_the_limit()))


def _of_the_machine() -> float:
    """What programs can take without swapping; all that is built in, where the system does not say."""
    if (free := _table(PROC / "meminfo").get("MemAvailable")) is not None:
        return 1024.0 * free
    try:
        return float(os.sysconf("SC_PHYS_PAGES")) * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # Windows, and systems without these names
        return float("inf")


def _of_the_container() -> float:
    for folder, limit, use, spare in CGROUPS:
        most, taken = _number(folder / limit), _number(folder / use)
        if most is not None and taken is not None:
            return most - taken + _table(folder / "memory.stat").get(spare, 0)
    return float("inf")


def _of_the_limit() -> float:
    """What `ulimit -v` leaves."""
    try:
        import resource  # not on Windows
    except ImportError:
        return float("inf")
    most = resource.getrlimit(resource.RLIMIT_AS)[0]
    taken = _table(PROC / "self/status").get("VmSize")
    return float("inf") if most == resource.RLIM_INFINITY or taken is None else most - 1024.0 * taken


def _table(path: Path) -> dict[str, int]:
    """Lines of a name and a number; none where there is no such file."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError:
        return {}
    words = [line.replace(":", " ").split() for line in lines]
    return {line[0]: int(line[1]) for line in words if len(line) > 1 and line[1].isdigit()}


def _number(path: Path) -> float | None:
    """The number in a file; None where there is none."""
    try:
        return float(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):  # no such file, or "max"
        return None
