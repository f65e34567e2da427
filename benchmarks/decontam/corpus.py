"""Training files of a wanted size, cut from real text, with or without planted items.

The text is that of both corpora, 99 novels and 9,746 pages of reference, in an order that the seed
draws anew for every pass over them.  Rows are consecutive pieces of one length.  The same arguments
make the same file.
"""

from __future__ import annotations

import gzip
import json
import random
import textwrap
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

from benchmarks.decontam.measure import SHARED, cost, parser

CORPORA = ("eltec_eng/eltec_eng", "cpp_docs/cpp_docs_md")
FILLER = ("river", "maybe", "quickly", "seven", "table", "green", "although", "window")
GROUP = 20_000
"""Most rows of a row group in Parquet."""

Record = dict[str, Any]
Edit = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a training file is to hold."""

    megabytes: float
    """Millions of bytes as JSON lines, before any compression."""
    characters: int = 1000
    """Length of a row's text."""
    shape: str = "messages"
    """`messages`, a user and an assistant turn, or `text`."""
    planted: int = 0
    """Rows that hold one question of GSM8K test each, in its order."""
    step: int = 0
    """One word in so many of a planted question is another; 0 leaves it as it is."""
    seed: int = 0


def questions() -> list[Record]:
    """GSM8K test: 1,319 questions with the ids that `--against gsm8k` gives them."""
    from decontam.against import read_against

    items = read_against(["gsm8k"], SHARED / "hub")
    return [
        {"benchmark": i.benchmark, "id": i.id, "prompt": i.prompt, "answer": i.answer}
        for i in items
    ]


def corpus_texts(name: str) -> list[str]:
    """The texts of one of `CORPORA`."""
    with gzip.open(SHARED / "corpora" / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
        return [json.loads(line)["text"] for line in lines]


def word_edit(step: int, kind: str = "replace", seed: object = 0) -> Edit:
    """An edit of one word in every `step`: `replace`, `insert` or `delete`."""
    rng = random.Random(f"{seed}/{step}/{kind}")

    def apply(text: str) -> str:
        words = text.split(" ")
        for begin in range(0, len(words), step):
            at = rng.randrange(begin, min(begin + step, len(words)))
            new = rng.choice(FILLER)
            words[at] = {"replace": new, "insert": f"{words[at]} {new}", "delete": ""}[kind]
        return " ".join(w for w in words if w)

    return apply


def pieces(characters: int, rng: random.Random) -> Iterator[str]:
    """Real text without end, in pieces of one length."""
    texts = [text for name in CORPORA for text in corpus_texts(name)]
    held, size = [], 0
    while True:
        rng.shuffle(texts)
        for text in texts:
            held.append(text)
            size += len(text) + 2
            if size >= characters:
                joined = "\n\n".join(held)
                whole = len(joined) // characters * characters
                yield from (joined[k : k + characters] for k in range(0, whole, characters))
                held, size = [joined[whole:]], len(joined) - whole


def row(text: str, shape: str, rng: random.Random) -> Record:
    """A row with this text; in `messages` the turns meet at a place that is drawn."""
    if shape == "text":
        return {"text": text}
    cut = rng.randrange(len(text) // 4, 3 * len(text) // 4)
    return chat_row(text[:cut], text[cut:])


def chat_row(user: str, assistant: str) -> Record:
    """A row of two turns."""
    return {
        "messages": [
            {"role": "user", "content": user},
            {"role": "assistant", "content": assistant},
        ]
    }


def _texts(record: Record) -> list[str]:
    return [record["text"]] if "text" in record else [m["content"] for m in record["messages"]]


def inserted(text: str, what: str, rng: random.Random) -> str:
    """A text with a paragraph more, at a place that is drawn."""
    at = text.find(" ", rng.randrange(max(1, len(text))))
    at = len(text) if at < 0 else at
    return f"{text[:at]}\n\n{what}\n\n{text[at:].lstrip()}"


def records(recipe: Recipe, held: Sequence[Record]) -> Iterator[tuple[Record, str | None]]:
    """Rows without end, and the id of the item that each holds.  Items stand whole in user turns,
    at rows that are drawn."""
    rng = random.Random(f"{recipe.seed}/{recipe.characters}/{recipe.shape}")
    edit = word_edit(recipe.step, seed=recipe.seed) if recipe.step else str
    total = recipe.megabytes * 1e6 / (recipe.characters + 20)
    share, planted = recipe.planted / max(1.0, 0.9 * total), iter(held[: recipe.planted])
    for text in pieces(recipe.characters, rng):
        made = row(text, recipe.shape, rng)
        if not all(said.strip() for said in _texts(made)):
            continue  # a blank turn could not be looked at
        item = next(planted, None) if rng.random() < share else None
        if item:
            place = made if recipe.shape == "text" else made["messages"][0]
            name = "text" if recipe.shape == "text" else "content"
            place[name] = inserted(place[name], edit(item["prompt"]), rng)
        yield made, item["id"] if item else None


def write(recipe: Recipe, path: Path) -> dict[int, str]:
    """Write a file; its suffix says how.

    Returns:
        Row -> the item planted there; beside the file as `NAME.planted.json` as well.
    """
    held = questions() if recipe.planted else []
    planted: dict[int, str] = {}
    written, lines = 0, []
    with _writer(path) as out:
        for number, (record, item) in enumerate(records(recipe, held)):
            if written >= recipe.megabytes * 1e6:
                break
            lines.append(json.dumps(record, ensure_ascii=False).encode() + b"\n")
            written += len(lines[-1])
            if item:
                planted[number] = item
            if len(lines) == GROUP:
                out.write(b"".join(lines))
                lines = []
        out.write(b"".join(lines))
    path.with_name(f"{path.name}.planted.json").write_text(json.dumps(planted))
    return planted


def planted_in(path: Path) -> dict[int, str]:
    """Row -> the item planted in a file that `write` made."""
    told = json.loads(path.with_name(f"{path.name}.planted.json").read_text())
    return {int(number): item for number, item in told.items()}


def corpus_file(path: Path, recipe: Recipe) -> Path:
    """A file by a recipe, made by a process of its own where it is not there yet."""
    told = path.with_name(f"{path.name}.recipe")
    if not told.exists() or told.read_text() != repr(recipe):
        cost(_command(path, recipe), codes=[0])
        told.write_text(repr(recipe))
    return path


def _command(path: Path, recipe: Recipe) -> list[str | Path]:
    import sys

    return [
        sys.executable, "-m", "benchmarks.decontam.corpus", path,
        "--mb", str(recipe.megabytes), "--row", str(recipe.characters), "--shape", recipe.shape,
        "--plant", str(recipe.planted), "--edit", str(recipe.step), "--seed", str(recipe.seed),
    ]  # fmt: skip


class _Parquet(AbstractContextManager["_Parquet"]):
    """Takes JSON lines and writes row groups."""

    def __init__(self, path: Path) -> None:
        self._path, self._writer = path, cast(Any, None)

    def write(self, lines: bytes) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        if not lines:
            return
        table = pa.Table.from_pylist([json.loads(line) for line in lines.splitlines()])
        self._writer = self._writer or pq.ParquetWriter(self._path, table.schema)
        self._writer.write_table(table)

    def __exit__(self, *error: object) -> None:
        self._writer.close()


def _writer(path: Path) -> AbstractContextManager[Any]:
    import pyarrow as pa

    if path.suffix == ".parquet":
        return _Parquet(path)
    if path.suffix == ".gz":
        return gzip.open(path, "wb", compresslevel=6)
    if path.suffix == ".zst":
        return cast(BinaryIO, pa.CompressedOutputStream(str(path), "zstd"))
    return path.open("wb")


def main() -> None:
    """Make one file and say what it holds."""
    arguments = parser(__doc__)
    add = arguments.add_argument
    add("path", type=Path, help=".jsonl, .jsonl.gz, .jsonl.zst or .parquet")
    add("--mb", type=float, default=100, help="millions of bytes as JSON lines (default: 100)")
    add("--row", type=int, default=1000, help="characters of a row (default: 1000)")
    add("--shape", choices=("messages", "text"), default="messages")
    add("--plant", type=int, default=0, metavar="N", help="rows that hold a GSM8K question")
    add("--edit", type=int, default=0, metavar="STEP", help="replace one of so many words in them")
    add("--seed", type=int, default=0)
    given = arguments.parse_args()
    recipe = Recipe(given.mb, given.row, given.shape, given.plant, given.edit, given.seed)
    planted = write(recipe, given.path)
    size = given.path.stat().st_size / 1e6
    print(textwrap.shorten(f"{given.path}: {size:.1f} MB, {len(planted)} rows planted", 200))


if __name__ == "__main__":
    main()
