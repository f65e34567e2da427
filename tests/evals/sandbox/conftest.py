"""Sandboxes of both kinds: with namespaces, and with Landlock and seccomp alone."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from evals.sandbox import Sandbox

KINDS = {"namespaces": True, "landlock": False}


@pytest.fixture(scope="session", params=KINDS)
def sandbox(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    """A sandbox of each kind that this machine has."""
    os.environ["OWNERS_SECRET"] = "do-not-tell"
    kind: str = request.param
    with Sandbox(workers=4, namespaces=KINDS[kind]) as made:
        try:
            holds = made.isolation().holds
        except ValueError as error:
            pytest.skip(f"no {kind} on this machine: {error}")
        if KINDS[kind] != ("PID namespace" in holds):
            pytest.skip(f"no {kind} on this machine: {made.isolation().missing}")
        yield made


@pytest.fixture(scope="session")
def contained() -> Iterator[Sandbox]:
    """A sandbox with namespaces, in which a program may have several processes."""
    with Sandbox(workers=2) as made:
        if "PID namespace" not in made.isolation().holds:
            pytest.skip(f"no namespaces on this machine: {made.isolation().missing}")
        yield made
