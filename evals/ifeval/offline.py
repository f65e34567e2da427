"""lm-eval's IFEval without a network, and the tokenizers that both benchmarks count with.

On import, `lm_eval.tasks.ifeval.instructions_util` downloads nltk's `punkt_tab` unless nltk finds
a folder of that name; at run time two of its checks split sentences with it.  `prepare` shows nltk
an empty folder while the module is imported, and where the model itself is missing gives that
module, and no other, a tokenizer of ours.  nltk stays as it is: whoever else asks it for Punkt
gets Punkt, or nltk's own error.
"""

from __future__ import annotations

import functools
import random
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Literal, Protocol

from evals.ifeval.sentences import split_sentences

if TYPE_CHECKING:
    from nltk.tokenize import NLTKWordTokenizer

Splitter = Literal["punkt_tab", "bundled"]

_preparing = threading.RLock()


class _SentenceTokenizer(Protocol):
    def tokenize(self, text: str) -> list[str]: ...


class _Bundled:
    """Our splitter in the shape of an nltk tokenizer."""

    def tokenize(self, text: str) -> list[str]:
        return split_sentences(text)


class _FixedDraws:
    """Stands in for `random`: every draw is a function of its arguments alone.

    lm-eval replaces an argument that it does not accept by a random one (the letters `#` and `!`
    of two of the 541 documents), so the same response may score differently in two runs.
    """

    def choice(self, options: Sequence[str]) -> str:
        return random.Random(0).choice(options)

    def randint(self, low: int, high: int) -> int:
        return random.Random(0).randint(low, high)

    def sample(self, options: Sequence[str], k: int) -> list[str]:
        return random.Random(0).sample(options, k)


def prepare() -> Splitter:
    """Make lm-eval's `ifeval` task importable and repeatable; call before the task is loaded.

    Nothing is downloaded.  Language detection is seeded and its profiles are read once, so that
    the answer depends neither on earlier calls nor on the thread.  Safe to call again, from any
    thread and in any process.

    Returns:
        What splits sentences: see `sentence_splitter`.
    """
    with _preparing:
        _prepare()
    return sentence_splitter()


def sentence_splitter() -> Splitter:
    """What sentences are counted with: nltk's `punkt_tab` where nltk finds it, else ours.

    Scores by `punkt_tab` are lm-eval's own; those by `bundled` may differ where sentences are
    counted, so a run records this value.
    """
    return "bundled" if isinstance(_sentence_tokenizer(), _Bundled) else "punkt_tab"


def sentences(text: str) -> list[str]:
    """The sentences of a text by `sentence_splitter`."""
    return _sentence_tokenizer().tokenize(text)


def tokens(text: str) -> list[str]:
    """Words and punctuation marks as `nltk.word_tokenize` gives them (Penn Treebank rules)."""
    tokenizer = _word_tokenizer()
    return [token for sentence in sentences(text) for token in tokenizer.tokenize(sentence)]


@functools.cache
def _sentence_tokenizer() -> _SentenceTokenizer:
    from nltk.tokenize import PunktTokenizer

    try:
        punkt: _SentenceTokenizer = PunktTokenizer("english")
    except LookupError:
        return _Bundled()
    return punkt


@functools.cache
def _word_tokenizer() -> NLTKWordTokenizer:
    from nltk.tokenize import NLTKWordTokenizer

    return NLTKWordTokenizer()


@functools.cache
def _prepare() -> None:
    import langdetect
    from langdetect import detector_factory

    langdetect.DetectorFactory.seed = 0
    detector_factory.init_factory()
    with _punkt_folder():
        from lm_eval.tasks.ifeval import instructions, instructions_util
    instructions.random = instructions_util.random = _FixedDraws()
    if sentence_splitter() == "bundled":
        instructions_util._get_sentence_tokenizer = _sentence_tokenizer
        instructions_util.nltk = _nltk_with_our_words(instructions_util.nltk)


def _nltk_with_our_words(nltk: ModuleType) -> SimpleNamespace:
    """What lm-eval's module uses of nltk, with words tokenized by our sentences."""
    return SimpleNamespace(word_tokenize=tokens, tokenize=nltk.tokenize, data=nltk.data)


@contextmanager
def _punkt_folder() -> Iterator[None]:
    """Let nltk find an empty `punkt_tab` folder behind any real one."""
    import nltk

    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "tokenizers", "punkt_tab").mkdir(parents=True, mode=0o700)
        nltk.data.path.append(folder)
        try:
            yield
        finally:
            nltk.data.path.remove(folder)
