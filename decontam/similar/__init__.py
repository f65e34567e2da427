"""Rows that say the same as an item in other words or another language: a report, never a flag."""

from decontam.similar.embeddings import Embedder, HttpEmbedder
from decontam.similar.find import find_similar, unsearchable
from decontam.similar.finding import SimilarFinding
from decontam.similar.folder import folder_embedder
from decontam.similar.judge import HttpJudge, Judge
from decontam.similar.prompt import Judgement
from decontam.similar.settings import Settings
from decontam.similar.verdicts import Verdicts

__all__ = [
    "Embedder",
    "HttpEmbedder",
    "HttpJudge",
    "Judge",
    "Judgement",
    "Settings",
    "SimilarFinding",
    "Verdicts",
    "find_similar",
    "folder_embedder",
    "unsearchable",
]
