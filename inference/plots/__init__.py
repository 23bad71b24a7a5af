"""A picture for each question: results in, `Axes` in (or a figure of its own), `Axes` out.

The caller's rcParams and figures stay as they are; matplotlib is loaded with the first picture. `__init__.pyi` lists them all.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
