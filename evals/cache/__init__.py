"""What a model answered, kept row by row: nothing is generated twice, whoever scores it."""

from evals.cache.engine import CachedEngine
from evals.cache.rows import MemoryRows, RowCache, Rows

__all__ = ["CachedEngine", "MemoryRows", "RowCache", "Rows"]
