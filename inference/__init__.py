"""Inference about a mixture: verbs that take a declaration and data, and return frozen results.

Every verb is loaded when first used, so that importing costs nothing and loads no backend; `__init__.pyi` lists them all.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
