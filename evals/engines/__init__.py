"""How text is generated: one engine per back end, all with the same two methods."""

from evals.engines.generation import Engine, Generation, Likelihood, Request, Sampling

__all__ = ["Engine", "Generation", "Likelihood", "Request", "Sampling"]
