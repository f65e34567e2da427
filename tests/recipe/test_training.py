"""SFT, DPO and RLVR on the embedded model: small, real runs."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest

from evals.digest import file_digest
from recipe.config import DPOConfig, RLVRConfig, SFTConfig
from recipe.dpo import dpo
from recipe.rlvr import reward, rlvr
from recipe.rows import Row, identified
from recipe.sft import sft
from recipe.tiny.make import BASE
from recipe.tiny.sources import source_rows
from recipe.training import Run


def rows(name: str, count: int) -> list[Row]:
    return list(identified(itertools.islice(source_rows(name), count), name))


def run(folder: Path, seed: int = 1) -> Run:
    return Run(
        start=BASE,
        fingerprint="base",
        data_digest="rows",
        out=folder / "out",
        scratch=folder / "scratch",
        seed=seed,
    )


def losses(folder: Path) -> list[float]:
    log = (folder / "out" / "train.jsonl").read_text().splitlines()
    return [entry["loss"] for entry in map(json.loads, log) if "loss" in entry]


def test_sft_lowers_the_loss_and_leaves_a_checkpoint(tmp_path: Path) -> None:
    checkpoint = sft(SFTConfig(lr=1e-3, batch_size=8), rows("word-problems", 320), run(tmp_path))
    seen = losses(tmp_path)
    assert seen[-1] < 0.7 * seen[0]
    assert json.loads((tmp_path / "out" / "checkpoint.json").read_text()) == {
        "base": checkpoint.base,
        "method": "sft",
        "step": 40,
        "data_digest": "rows",
    }
    assert checkpoint.step == 40
    names = {p.name for p in (tmp_path / "out").iterdir()}
    assert {"model.safetensors", "tokenizer.json", "chat_template.jinja"} <= names
    assert not {n for n in names if n.endswith((".bin", ".pt", ".pkl"))}


def test_the_same_seed_trains_the_same_weights_and_another_seed_others(tmp_path: Path) -> None:
    digests = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        sft(SFTConfig(lr=1e-3, batch_size=8), rows("chat", 32), run(tmp_path / name, seed))
        digests.append(file_digest(tmp_path / name / "out" / "model.safetensors"))
    assert digests[0] == digests[1]
    assert digests[0] != digests[2]


def test_sft_learns_from_assistant_tokens_only(tmp_path: Path) -> None:
    import trl
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(BASE)
    row = rows("word-problems", 1)[0]
    encoded = tokenizer.apply_chat_template(
        row["messages"], return_dict=True, return_assistant_tokens_mask=True
    )
    told = [t for t, m in zip(encoded["input_ids"], encoded["assistant_masks"], strict=True) if m]
    assert tokenizer.decode(told) == row["messages"][-1]["content"] + "<|end|>"
    assert trl.__version__


def test_dpo_prefers_the_chosen_response(tmp_path: Path) -> None:
    config = DPOConfig(lr=1e-4, batch_size=8)
    checkpoint = dpo(config, rows("preferences", 64), run(tmp_path))
    assert checkpoint.method == "dpo"
    assert checkpoint.step == 8


def test_rlvr_takes_its_steps(tmp_path: Path) -> None:
    config = RLVRConfig(lr=1e-4, steps=2, prompts_per_step=2, samples_per_prompt=4, max_tokens=16)
    checkpoint = rlvr(config, rows("prompts", 16), run(tmp_path))
    assert (checkpoint.method, checkpoint.step) == ("rlvr", 2)


def test_the_reward_is_the_verifiers_word() -> None:
    rewards = reward(10.0)(
        completions=[[{"role": "assistant", "content": c}] for c in ("#### 4", "#### 5", "4")],
        verifier=["gsm8k_strict"] * 3,
        reference=["4"] * 3,
        trainer_state=None,
    )
    assert rewards == [10.0, 0.0, 0.0]


def test_a_prompt_without_a_verifier_is_an_error_that_names_it(tmp_path: Path) -> None:
    bare = rows("chat", 2)
    with pytest.raises(ValueError, match=rf"RLVR prompt {bare[0]['id']} of 'chat' has no 'verif"):
        rlvr(RLVRConfig(lr=1e-4, steps=1), bare, run(tmp_path))


@pytest.mark.parametrize(
    ("method", "config"), [(sft, SFTConfig(lr=1e-3)), (dpo, DPOConfig(lr=1e-3))]
)
def test_no_rows_are_an_error(tmp_path: Path, method, config) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match="no "):
        method(config, [], run(tmp_path))


def test_a_killed_run_resumes_to_the_same_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import recipe.training

    config, data = SFTConfig(lr=1e-3, batch_size=8), rows("word-problems", 64)
    sft(config, data, run(tmp_path / "whole"))
    monkeypatch.setattr(recipe.training, "SAVE_EVERY_SECONDS", 0.0)

    def die(scratch: Path, step: int, _total: int, _loss: float | None) -> None:
        if step == 6:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(recipe.training, "write_progress", die)
        with pytest.raises(KeyboardInterrupt):
            sft(config, data, run(tmp_path / "killed"))
    torn = tmp_path / "killed" / "scratch" / "checkpoint-9"
    torn.mkdir()
    (torn / "model.safetensors").write_bytes(b"half")
    assert list((tmp_path / "killed" / "scratch").glob("checkpoint-5"))
    sft(config, data, run(tmp_path / "killed"))
    weights = [tmp_path / n / "out" / "model.safetensors" for n in ("whole", "killed")]
    assert file_digest(weights[0]) == file_digest(weights[1])


def test_a_run_that_diverges_is_an_error_and_not_a_model(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="training diverged"):
        sft(SFTConfig(lr=1e9, batch_size=8), rows("chat", 64), run(tmp_path))
    assert not (tmp_path / "out" / "model.safetensors").exists()


def test_rows_that_are_all_too_long_are_an_error_that_names_max_length(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"max_length \(3 tokens\)"):
        sft(SFTConfig(lr=1e-3, max_length=3), rows("word-problems", 8), run(tmp_path))
