"""Raise VERSION when the rows of an embedded source change: cached results are then not reused."""

VERSION = 1
