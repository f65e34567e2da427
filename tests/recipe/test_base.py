"""The embedded base model and the command that makes it."""

from __future__ import annotations

from pathlib import Path

from evals.digest import file_digest
from recipe.tiny.make import BASE, main, tokenizer_texts
from recipe.tiny.tokenizer import train_tokenizer


def test_the_committed_tokenizer_is_what_the_command_makes(tmp_path: Path) -> None:
    train_tokenizer(tokenizer_texts()).save_pretrained(tmp_path)
    assert file_digest(tmp_path / "tokenizer.json") == file_digest(BASE / "tokenizer.json")
    template = "chat_template.jinja"
    assert (tmp_path / template).read_text() == (BASE / template).read_text()


def test_making_the_base_twice_makes_the_same_weights(tmp_path: Path) -> None:
    for name in ("a", "b"):
        assert main(["--out", str(tmp_path / name), "--steps", "2"]) == 0
    weights = "model.safetensors"
    assert file_digest(tmp_path / "a" / weights) == file_digest(tmp_path / "b" / weights)


def test_the_base_has_at_most_two_million_parameters() -> None:
    from safetensors import safe_open

    with safe_open(BASE / "model.safetensors", "pt") as weights:
        sizes = [weights.get_slice(name).get_shape() for name in weights.keys()]  # noqa: SIM118
    count = sum(a * (b[0] if (b := rest) else 1) for a, *rest in sizes)
    assert 500_000 < count < 2_000_000


def test_every_byte_has_a_token() -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(BASE)
    text = "Naïve café — 数学 \U0001f600 ∑ 12345"
    assert tokenizer.decode(tokenizer(text)["input_ids"]) == text
