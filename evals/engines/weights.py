"""Which weights an answer came from."""

from __future__ import annotations

from pathlib import Path

from evals.digest import file_digest, text_digest

WEIGHTS = ("*.safetensors", "config.json", "generation_config.json", "adapter_config.json")


def weights_digest(model: str, commit: str | None) -> str:
    """What identifies a model's weights and configuration.

    Args:
        model: Folder (adapters count), or Hub id.
        commit: The Hub's commit the id was resolved to.

    Raises:
        ValueError: a folder without safetensors.
    """
    folder = Path(model)
    if not folder.is_dir():
        return f"{model}@{commit or 'unpinned'}"
    require_safetensors(model)
    files = sorted({f for pattern in WEIGHTS for f in folder.glob(pattern)})
    return text_digest("\n".join(f"{f.name} {file_digest(f)}" for f in files))


def require_safetensors(model: str) -> None:
    """Refuse a folder of other weights: only safetensors can be read without running code.

    Raises:
        ValueError: a folder without safetensors.
    """
    folder = Path(model)
    if folder.is_dir() and not any(folder.glob("*.safetensors")):
        raise ValueError(f"{model} holds no .safetensors file; only safetensors are loaded")
