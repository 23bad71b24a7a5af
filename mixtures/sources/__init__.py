"""Where rows come from that are not all in memory: arrays on disk, Parquet files, chunks of any kind; one kind a file."""

from mixtures.sources.of import source
from mixtures.sources.protocol import Source

__all__ = ["Source", "source"]
