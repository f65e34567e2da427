"""What tests of the checker share."""

from __future__ import annotations

import pytest


@pytest.fixture
def without_the_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    """No dataset can be had but what lies on this machine."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.delenv("ASSAY_HUB", raising=False)
