"""What is being done, and how long it took: to whoever listens to the logger `inference.desk`, and to a file."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LOGGER = logging.getLogger("inference.desk")
LOGGER.addHandler(logging.NullHandler())
FORMAT = "%(asctime)s %(message)s"


@contextmanager
def step(what: str) -> Iterator[None]:
    """Say what is being done, and then how long it took."""
    LOGGER.info("%s ...", what)
    begin = time.perf_counter()
    yield
    LOGGER.info("%s: %.1f s", what, time.perf_counter() - begin)


def say(text: str) -> None:
    """Say something."""
    LOGGER.info("%s", text)


def is_heard() -> bool:
    """Whether somebody listens, beside files."""
    others = logging.NullHandler, logging.FileHandler
    return any(not isinstance(handler, others) for handler in LOGGER.handlers)


@contextmanager
def to_file(path: Path) -> Iterator[None]:
    """What is said meanwhile is added to a file too."""
    handler = logging.FileHandler(path, encoding="utf-8")
    try:
        with heard_by(handler, FORMAT):
            yield
    finally:
        handler.close()


@contextmanager
def heard_by(handler: logging.Handler, form: str) -> Iterator[None]:
    """What is said meanwhile goes to a handler too, in this form."""
    handler.setFormatter(logging.Formatter(form))
    before = LOGGER.level
    LOGGER.setLevel(logging.INFO)
    LOGGER.addHandler(handler)
    try:
        yield
    finally:
        LOGGER.removeHandler(handler)
        LOGGER.setLevel(before)
