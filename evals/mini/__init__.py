"""The embedded benchmarks: generated problems for three skills, each with a verifier.

Every set of items follows from its name alone, so nothing is stored and nothing is downloaded.
"""

from evals.mini.benchmarks import BENCHMARKS, draw, held, problems
from evals.mini.problem import Problem, Skill

__all__ = ["BENCHMARKS", "Problem", "Skill", "draw", "held", "problems"]
