"""What tests of the evaluation share."""

from __future__ import annotations

import pytest
from toy_engine import ToyEngine

from evals.commands import run_engine


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> ToyEngine:
    """Stands in for the engine of every run."""
    engine = ToyEngine()
    monkeypatch.setattr(
        run_engine, "ENGINES", dict.fromkeys(run_engine.ENGINES, lambda _args: engine)
    )
    return engine


@pytest.fixture
def without_the_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    """No dataset can be had but what lies on this machine."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.delenv("ASSAY_HUB", raising=False)


@pytest.fixture
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server is asked again at once, without a key."""
    monkeypatch.setattr("evals.engines.server.FIRST_WAIT_S", 0.001)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
