"""How text is generated: one engine per back end, all with the same two methods."""

from evals.engines.generation import Engine, Generation, Sampling

__all__ = ["Engine", "Generation", "Sampling"]
