"""The scanner finds what a search over words finds, and nothing else."""

from __future__ import annotations

import itertools
import json
import random
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from decontam.items.entries import read_entries
from decontam.items.index import PART, Grams, Index, Screen, _bitmap, _buckets, build
from decontam.items.item import Item
from decontam.policy import PRESETS, Distinctive, Policy, SharedNgram, TokenMatch
from decontam.rows.batch import gather
from decontam.rows.shapes import read_row
from decontam.rules.rule import finder, prepare
from decontam.run.scan import Scan
from decontam.text.scanner import gram_keys, token_hashes
from decontam.text.tokens import words

ROOT = Path(__file__).parents[2]

Hits = set[tuple[int, int, int, int]]
World = tuple[list[str], list[list[str]], list[int], list[int]]
"""Prompts, the texts of each row, what each text is asked for, the n of each prompt."""


def test_a_character_that_folds_to_several_tokens_is_found_from_its_middle_on() -> None:
    found = findings(
        prepare(PRESETS["gpt3"], [Item("b", "1", "/ 2 " + " ".join(f"w{k}" for k in range(11)))]),
        [{"text": "a½ " + " ".join(f"w{k}" for k in range(11))}],
    )
    assert [label for _, _, label, *_ in found] == ["verbatim"]


def worlds(count: int, seed: int) -> Iterator[World]:
    rng = random.Random(seed)
    for _ in range(count):
        letters = [
            *"abcdefgh"[: rng.randint(1, 8)],
            *rng.sample(["½", "=", "é", "你"], rng.randint(0, 2)),
        ]
        longest = rng.choice([6, 15, 40])

        def text(least: int, most: int) -> str:
            return " ".join(rng.choices(letters, k=rng.randint(least, most)))  # noqa: B023

        prompts = [text(2, longest) for _ in range(rng.randint(1, 5))]
        rows = [
            [text(0, 2 * longest) for _ in range(rng.randint(0, 3))]
            for _ in range(rng.randint(1, 4))
        ]
        asked = [rng.choice([0, 1, 1, 2, 3]) for row in rows for _ in row]
        yield prompts, rows, asked, [rng.randint(1, 13) for _ in prompts]


def index_of(prompts: list[str], sizes: list[int]) -> Index:
    """Every n-gram of every prompt, each prompt with an n of its own."""
    entries = read_entries([Item("b", str(k), p) for k, p in enumerate(prompts)])
    found = [
        (place, at, n)
        for place, entry in entries.indexed()
        for n in [min(sizes[place], len(entry))]
        for at in range(len(entry) - n + 1)
    ]
    grams = Grams(*(np.array(column, dtype=np.int64) for column in zip(*found, strict=True)))
    return build(Policy("test", SharedNgram()), entries, grams, {}, [1] * len(prompts), Screen())


def searched(world: World) -> Hits:
    prompts, rows, asked, sizes = world
    found = set()
    for place, (prompt, n) in enumerate(zip(map(words, prompts), sizes, strict=True)):
        for number, (text, mask) in enumerate(zip(itertools.chain(*rows), asked, strict=True)):
            there, n = words(text) if mask & 1 else [], min(n, len(prompt))
            for position, at in itertools.product(
                range(len(prompt) - n + 1), range(len(there) - n + 1)
            ):
                if prompt[position : position + n] == there[at : at + n]:
                    found.add((place, number, at, position))
    return found


def scanned(world: World, in_place: bool) -> Hits:
    prompts, rows, asked, sizes = world
    texts = list(itertools.chain(*rows))
    ends = np.cumsum([len(row) for row in rows], dtype=np.int32).tobytes()
    given: list[str] | tuple[bytes, bytes] = texts
    if in_place:
        told = [json.dumps(t, ensure_ascii=len(t) % 2 == 0).encode() for t in texts]
        stops = np.cumsum([len(t) for t in told], dtype=np.uint64)
        starts = stops - np.array([len(t) for t in told], dtype=np.uint64)
        given = b"".join(told), np.stack([starts, stops], axis=1).tobytes()
    found, bad = index_of(prompts, sizes).scanner().scan(given, bytes(asked), ends)
    assert not bad
    hits = np.frombuffer(found, dtype=np.int32).reshape(-1, 4).tolist()
    assert len(hits) == len({tuple(hit) for hit in hits})
    return {tuple(hit) for hit in hits}


def test_the_scanner_finds_the_ngrams_that_a_search_over_words_finds() -> None:
    several = 0
    for number, world in enumerate(worlds(2000, seed=2)):
        assert scanned(world, in_place=number % 2 == 0) == searched(world), world
        several += len(searched(world)) > 1
    assert several > 800


def seen_once(world: World) -> list[tuple[int, int, int]]:
    """Prompt, row and position of the hits where each n-gram of a row is asked for once."""
    prompts, rows, asked, sizes = world
    index = replace(index_of(prompts, sizes), screen=Screen(once=True))
    ends = np.cumsum([len(row) for row in rows], dtype=np.int32)
    found, _ = index.scanner().scan(list(itertools.chain(*rows)), bytes(asked), ends.tobytes())
    hits = np.frombuffer(found, dtype=np.int32).reshape(-1, 4)
    of_row = np.searchsorted(ends, hits[:, 1], side="right")
    return list(zip(hits[:, 0].tolist(), of_row.tolist(), hits[:, 3].tolist(), strict=True))


def searched_once(world: World) -> set[tuple[int, int, int]]:
    texts = [number for number, row in enumerate(world[1]) for _ in row]
    return {(place, texts[text], position) for place, text, _, position in searched(world)}


def test_a_scanner_that_asks_once_finds_each_ngram_of_a_row_at_one_place() -> None:
    fewer = 0
    for world in worlds(1000, seed=4):
        found = seen_once(world)
        # Texts that are asked for more than those before them are looked at for all of it again.
        assert len(set(world[2])) > 1 or len(found) == len(set(found)), world
        assert set(found) == searched_once(world), world
        fewer += len(found) < len(searched(world))
    assert fewer > 200


Told = list[tuple[int, int, str, float, tuple[int, int], tuple[int, int]]]


def findings(index: Index, rows: Sequence[dict[str, object]]) -> Told:
    """What the rule of an index says of rows: row, entry, label, score and spans."""
    docs = [read_row(k, row) for k, row in enumerate(rows)]
    batch = gather(range(len(docs)), docs.__getitem__, index.policy.mode)
    assert not batch.bad
    found = finder(index)(Scan(index).pairs(batch))
    return [(f.pair.scanned.row, f.pair.place, f.label, f.score, f.train, f.item) for f in found]


def leaks(seed: int) -> tuple[list[Item], list[dict[str, object]]]:
    """Items of a few templates, and rows with copies of them that are more or less edited."""
    rng = random.Random(seed)
    common = [f"w{k}" for k in range(rng.choice([5, 12, 60]))] + ["7", "12", "+", "½"]

    def text(least: int, most: int) -> list[str]:
        return rng.choices(common, k=rng.randint(least, most))

    frame = text(0, 12)
    prompts = [[*frame, *text(2, rng.choice([6, 20, 80]))] for _ in range(rng.randint(1, 12))]

    def edited(prompt: list[str]) -> list[str]:
        copy = list(prompt)
        for _ in range(int(len(copy) * rng.choice([0, 0.05, 0.1, 0.3, 0.6]))):
            at = rng.randrange(len(copy) + 1)
            copy[at : at + rng.randint(0, 2)] = rng.choices([*common, "new"], k=rng.randint(0, 2))
        return copy

    rows: list[dict[str, object]] = [
        {"text": " ".join(["so", *text(0, 30), *edited(rng.choice(prompts)), *text(0, 30)])}
        for _ in range(rng.randint(1, 8))
    ]
    items = [
        Item(
            "b",
            str(k),
            " ".join(p),
            " ".join(text(1, 20)),
            rng.choice([None, " ".join(text(20, 40))]),
        )
        for k, p in enumerate(prompts)
    ]
    return items, rows


def test_the_window_filter_drops_no_pair_that_the_default_rule_reports() -> None:
    labels: set[str] = set()
    for seed in range(250):
        items, rows = leaks(seed)
        index = prepare(Policy("test", Distinctive(), mode="all"), items)
        assert index.screen.windows
        found = findings(index, rows)
        assert found == findings(replace(index, screen=Screen()), rows), seed
        labels |= {label for _, _, label, *_ in found}
    assert labels == {"verbatim", "near", "template_variant", "answer_only", "passage_only"}


POLICIES = (
    Policy("default", Distinctive(), mode="all"),
    Policy("tulu3", TokenMatch(4, 0.3)),
    PRESETS["gpt3"],
    PRESETS["llama3"],
    PRESETS["decon"],
)


def exact_keys(hashes: np.ndarray, n: int) -> np.ndarray:
    """Keys of n-grams that differ where the n-grams do."""
    if len(hashes) < n:
        return np.zeros(0, dtype=np.uint64)
    windows = np.lib.stride_tricks.sliding_window_view(hashes, n)
    return np.unique(windows, axis=0, return_inverse=True)[1].ravel().astype(np.uint64)


OTHER = Item("b", "other", " ".join(f"o{k}" for k in range(30)))
"""Preset decon weighs an item against others, and cannot look for one alone."""


def found_in_leaks() -> list[Told]:
    return [
        findings(prepare(policy, [*items, OTHER]), rows)
        for items, rows in map(leaks, range(1000, 1025))
        for policy in POLICIES
    ]


def weakly_keyed() -> dict[str, object]:
    """Run where the scanner's keys have few bits: what the rules find, and whether hits agree."""
    from decontam.items import information

    some = list(worlds(200, seed=3))
    agreed = all(scanned(w, in_place=False) == searched(w) for w in some)
    agreed &= all(set(seen_once(w)) == searched_once(w) for w in some)
    information.gram_keys = exact_keys  # type: ignore[attr-defined]  # it counts; it looks nothing up
    items, _ = leaks(1000)
    keys = len(prepare(POLICIES[1], items).arrays["grams"])
    return {"agreed": agreed, "keys": keys, "found": found_in_leaks()}


@pytest.fixture(scope="module")
def weak_scanner(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The scanner, compiled with n-gram keys of six bits."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    include = sysconfig.get_path("include")
    if not compiler or not (Path(include) / "Python.h").is_file():
        pytest.skip("needs a C compiler and Python's headers")
    made = tmp_path_factory.mktemp("weak") / "_scanner.so"
    keys = "-DWEAK_KEYS=0xF000000000000003ULL"
    source = str(ROOT / "decontam" / "text" / "_scanner.c")
    flags = ["-undefined", "dynamic_lookup"] if sys.platform == "darwin" else []
    command = [
        compiler,
        "-O1",
        "-shared",
        "-fPIC",
        *flags,
        keys,
        f"-I{include}",
        "-o",
        str(made),
        source,
    ]
    subprocess.run(command, check=True)
    return made


WEAKLY = """
import importlib.util, json, sys
spec = importlib.util.spec_from_file_location("decontam.text._scanner", sys.argv[1])
sys.modules["decontam.text._scanner"] = module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
sys.path[:0] = sys.argv[2:]
import test_scanner
from decontam.text import scanner
assert scanner._scanner is module
print(json.dumps(test_scanner.weakly_keyed()))
"""


def test_keys_that_collide_change_nothing(weak_scanner: Path) -> None:
    command = [
        sys.executable,
        "-c",
        WEAKLY,
        str(weak_scanner),
        str(ROOT),
        str(Path(__file__).parent),
    ]
    told = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    assert told["agreed"]
    assert told["keys"] <= 64
    assert told["found"] == json.loads(json.dumps(found_in_leaks()))
    assert any(told["found"])


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 5, 255, 256, 257])
def test_every_key_stands_in_its_bucket_and_in_the_bitmap(count: int) -> None:
    drawn = np.random.default_rng(count).integers(0, 1 << 64, count, dtype=np.uint64)
    keys = np.unique(drawn)
    buckets, bitmap = _buckets(keys), _bitmap(keys)
    runs = len(buckets) - 1
    assert runs >= 2
    assert runs & (runs - 1) == 0
    assert (buckets[0], buckets[-1]) == (0, len(keys))
    shift = np.uint64(64 - (runs.bit_length() - 1))
    for place, key in enumerate(keys):
        bucket = int(key >> shift)
        assert buckets[bucket] <= place < buckets[bucket + 1]
        word = int(bitmap[int(key) >> (64 - (len(bitmap).bit_length() - 1))])
        assert word >> (int(key) & 63) & word >> (int(key) >> 6 & 63) & 1


def test_keys_that_all_begin_alike_fill_one_bucket_and_leave_the_others_empty() -> None:
    keys = np.arange(100, dtype=np.uint64)
    assert _buckets(keys).tolist() == [0, *[100] * 128]
    assert _buckets(keys + np.uint64((1 << 64) - 200)).tolist() == [*[0] * 128, 100]


@pytest.mark.parametrize(
    ("prompts", "sizes"),
    [
        (["a b"], [13]),
        (["a b"], [1]),
        (["a b"], [2]),
        (["a b c"], [2]),
        (["a a"], [1]),
        (["a b", "c d"], [2, 1]),
    ],
)
def test_an_index_of_one_or_two_ngrams_is_searched_too(
    prompts: list[str], sizes: list[int]
) -> None:
    for text in ("a b", "b a b a a", "c d a b c", "a", "", "x"):
        world: World = (prompts, [[text]], [1], sizes)
        assert scanned(world, in_place=False) == searched(world)


def test_ngrams_of_every_length_up_to_the_longest_are_looked_up_together() -> None:
    prompts = [" ".join(f"p{n}w{k}" for k in range(n)) for n in range(2, 65)]
    world: World = (prompts, [[p] for p in prompts], [1] * len(prompts), [64] * len(prompts))
    assert {(item, text) for item, text, _, _ in scanned(world, in_place=False)} == {
        (k, k) for k in range(len(prompts))
    }


def test_ngrams_have_a_key_each_that_depends_on_their_order_and_length() -> None:
    hashes = token_hashes("a b a b a")
    two = gram_keys(hashes, 2).tolist()
    assert (len(two), two[0], two[1]) == (4, two[2], two[3])
    assert (
        len({two[0], two[1], *gram_keys(hashes, 1).tolist(), *gram_keys(hashes, 3).tolist()}) == 6
    )
    assert len(gram_keys(hashes, 6)) == len(gram_keys(hashes, 2**31 - 1)) == 0
    assert PART == 3
