"""A local model embeds a text alike whatever stands beside it, and only from safetensors."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest

from decontam.similar import folder_embedder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model with random weights."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    vocabulary = {w: k for k, w in enumerate(["[PAD]", "[UNK]", "one", "two", "three", "four"])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    path = tmp_path_factory.mktemp("model")
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]"
    ).save_pretrained(path)
    torch.manual_seed(0)
    config = BertConfig(vocab_size=6, hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
                        intermediate_size=16)  # fmt: skip
    BertModel(config, add_pooling_layer=False).save_pretrained(path)
    return path


def test_a_folder_embeds_alike_in_any_batch_and_order(folder: Path) -> None:
    texts = ["one", "two three four one two", "four four", "one", "nobody \ud800 knows three"]
    alone, together = (folder_embedder(folder, batch=n)(texts) for n in (1, 5))
    assert np.allclose(alone, together, atol=1e-5)
    assert np.allclose(together[0], together[3])
    assert np.allclose(np.linalg.norm(together, axis=1), 1, atol=1e-5)
    assert all(not np.allclose(a, b) for a, b in itertools.combinations(together[:3], 2))


def test_a_folder_cuts_texts_at_its_limit_of_tokens(folder: Path) -> None:
    found = folder_embedder(folder, max_tokens=2)(["one two", "one two three four"])
    assert np.allclose(found[0], found[1], atol=1e-6)


def test_a_folder_without_safetensors_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "pytorch_model.bin").write_bytes(b"pickle")
    with pytest.raises(ValueError, match=r"holds no \*.safetensors"):
        folder_embedder(tmp_path)
