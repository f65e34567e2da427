"""How many planted items are found, by what was done to them.

Tables, each by preset: the 1,319 questions of GSM8K test in chat rows with other answers, edited
word by word, laid out otherwise, by length, and inside long documents; HumanEval translated into
other programming languages, where the row is the translated prompt; and MGSM against the English
questions.  An item is found if the row that holds it is flagged for that very item; the number
after a plus sign counts flagged pairs of a row and an item that was not planted there.  The rule of
decon cannot flag a question of GSM8K without its answer: that is what its zeros say.
"""

from __future__ import annotations

import itertools
import json
import random
import re
import statistics
import textwrap
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.decontam.corpus import Edit, Record, chat_row, pieces, questions, word_edit
from benchmarks.decontam.measure import SHARED, parser, table

STEPS = (30, 20, 15, 10, 8, 5)
KINDS = ("replace", "insert", "delete")
LENGTHS = (200, 2_000, 20_000)
PLACES = ("begin", "middle", "end")
CHARACTERS_PER_WORD = 6
ZERO_WIDTH = "\u200b"


@dataclass(frozen=True, slots=True)
class Found:
    """How many planted items a check found."""

    planted: int
    found: int
    others: int
    """Flagged pairs of a row and an item that was not planted there."""
    labels: Mapping[str, int]

    def __str__(self) -> str:
        share = self.found / self.planted
        return f"{100 * share:.1f} %" + (f" +{self.others}" if self.others else "")


def check(
    rows: Sequence[Record], holds: Sequence[str], items: Iterable[Record], preset: str
) -> Found:
    """Check rows of which each holds the item of one id."""
    import decontam

    matches = list(decontam.check(rows, items, preset).evidence())
    flagged = {(m.row, m.item) for m in matches if m.flagged}
    wanted = set(enumerate(holds))
    labels: dict[str, int] = {}
    for match in matches:
        if (match.row, match.item) in wanted:
            labels[match.label] = labels.get(match.label, 0) + 1
    return Found(len(wanted), len(wanted & flagged), len(flagged - wanted), labels)


def planted(held: Sequence[Record], edit: Edit) -> list[Record]:
    """Each question in a row of its own, between two sentences."""
    return [
        chat_row(f"Please solve this.\n{edit(q['prompt'])}\nThanks!", f"It is {number}.")
        for number, q in enumerate(held)
    ]


def found(held: Sequence[Record], edit: Edit, preset: str) -> Found:
    """Questions found after an edit."""
    return check(planted(held, edit), [q["id"] for q in held], held, preset)


def full_width(text: str) -> str:
    """Every printable character of ASCII in its full-width form."""
    return "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text)


def bold(step: int) -> Edit:
    """One word in `step` between pairs of asterisks."""
    return lambda text: " ".join(
        f"**{w}**" if k % step == 0 else w for k, w in enumerate(text.split(" "))
    )


def linked(text: str) -> str:
    """The word in the middle made a link."""
    words = text.split(" ")
    middle = len(words) // 2
    words[middle] = f"[{words[middle]}](https://example.org/{words[middle]})"
    return " ".join(words)


LAYOUTS: Mapping[str, Edit] = {
    "as it is": str,
    "wrapped at 30": lambda text: textwrap.fill(text, 30),
    "upper case": str.upper,
    "no-break spaces": lambda text: text.replace(" ", "\u00a0"),
    "curly quotes": lambda text: text.replace("'", "\u2019").replace('"', "\u201c"),
    "bold, quoted": lambda text: f"> **{text}**",
    "bold, 1 word in 20": bold(20),
    "bold, 1 word in 10": bold(10),
    "bold, 1 word in 5": bold(5),
    "one link": linked,
    "HTML": lambda text: f"<p>{text.replace('. ', '.</p><p>')}</p>",
    "zero-width in words": lambda text: ZERO_WIDTH.join(text),
    "full width": full_width,
    "NFD": lambda text: unicodedata.normalize("NFD", text),
}


def by_edit(held: Sequence[Record], presets: Sequence[str]) -> None:
    """One word in so many edited."""
    table(
        ("edit", *presets),
        [
            (f"{kind} 1 word in {step}", *(found(held, word_edit(step, kind), p) for p in presets))
            for step in STEPS
            for kind in KINDS
        ],
    )


def by_layout(held: Sequence[Record], presets: Sequence[str]) -> None:
    """Every word kept, the characters around them changed."""
    table(
        ("layout", *presets),
        [(name, *(found(held, edit, p) for p in presets)) for name, edit in LAYOUTS.items()],
    )


def by_length(held: Sequence[Record], presets: Sequence[str]) -> None:
    """Quarters of the questions by their number of words, one word in ten replaced."""
    ordered = sorted(held, key=lambda q: len(q["prompt"].split()))
    cuts = [round(len(ordered) * k / 4) for k in range(5)]
    lines = []
    for begin, end in itertools.pairwise(cuts):
        part = ordered[begin:end]
        words = [len(q["prompt"].split()) for q in part]
        rows, ids = planted(part, word_edit(10)), [q["id"] for q in part]
        lines.append(
            (f"{words[0]} to {words[-1]} words", *(check(rows, ids, held, p) for p in presets))
        )
    table(("question's length, 1 word in 10 replaced", *presets), lines)


def by_place(held: Sequence[Record], presets: Sequence[str], step: int) -> None:
    """The question within a long document of real text, one word in `step` replaced or none."""
    ids = [q["id"] for q in held]
    lines = []
    for words in LENGTHS:
        texts = pieces(words * CHARACTERS_PER_WORD, random.Random(words))
        around = [next(texts) for _ in held]
        for place in PLACES:
            edit = word_edit(step) if step else str
            rows = [
                chat_row(_within(text, edit(q["prompt"]), place), f"It is {number}.")
                for number, (q, text) in enumerate(zip(held, around, strict=True))
            ]
            lines.append(
                (f"{words:,} words, {place}", *(check(rows, ids, held, p) for p in presets))
            )
    done = f"1 word in {step} replaced" if step else "as it is"
    table((f"document, question {done}", *presets), lines)


def _within(text: str, what: str, place: str) -> str:
    cut = {"begin": 0, "middle": len(text) // 2, "end": len(text)}[place]
    return f"{text[:cut]}\n\n{what}\n\n{text[cut:]}"


def by_programming_language(presets: Sequence[str]) -> None:
    """HumanEval's prompts translated by MultiPL-E, which keeps most of the English docstrings."""
    from decontam.against import read_against

    items = [_record(i) for i in read_against(["humaneval"], SHARED / "hub")]
    known = {_number(i["id"]): i["id"] for i in items}
    lines = []
    for path in sorted((SHARED / "labelled" / "humaneval_multipl_e").glob("*.jsonl")):
        held = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        rows = [{"text": row["prompt"]} for row in held]
        ids = [known[_number(row["task_id"])] for row in held]
        results = [check(rows, ids, items, p) for p in presets]
        lines.append((path.stem.removeprefix("humaneval-"), *_parted(results)))
    table(("HumanEval in", *(h for p in presets for h in (p, "labels"))), lines)


def by_language(presets: Sequence[str]) -> None:
    """MGSM's questions looked for in rows with GSM8K's: English is the same, others are not."""
    from decontam.against import read_against

    rows = planted(questions(), str)
    mgsm = [_record(i) for i in read_against(["mgsm"], SHARED / "hub")]
    languages = sorted({_language(i["id"]) for i in mgsm})
    lines = []
    for language in languages:
        items = [i for i in mgsm if _language(i["id"]) == language]
        lines.append((language, *(f"{_matched(rows, items, p)} / {len(items)}" for p in presets)))
    table(("MGSM in rows with GSM8K test", *presets), lines)


def _matched(rows: Sequence[Record], items: Sequence[Record], preset: str) -> int:
    import decontam

    return int(decontam.check(rows, items, preset).summary()["items_matched"])


def _parted(results: Sequence[Found]) -> list[str]:
    parts = []
    for result in results:
        labels = ", ".join(f"{count} {label}" for label, count in sorted(result.labels.items()))
        parts += [f"{result.found} / {result.planted}", labels]
    return parts


def _record(item: object) -> Record:
    return {name: getattr(item, name) for name in ("benchmark", "id", "prompt", "answer")}


def _number(key: str) -> int:
    """The k of `HumanEval/k`, `HumanEval_k_name` and `Python/k`."""
    return int(re.split("[/_]", key)[1])


def _language(key: str) -> str:
    return key.split("/")[-2]


def main() -> None:
    """Print the tables asked for."""
    tables: dict[str, Callable[[Sequence[Record], Sequence[str]], None]] = {
        "edit": by_edit,
        "layout": by_layout,
        "length": by_length,
        "place": lambda held, presets: [by_place(held, presets, s) for s in (0, 20)][-1],
        "code": lambda _, presets: by_programming_language(presets),
        "mgsm": lambda _, presets: by_language(presets),
    }
    arguments = parser(__doc__)
    add = arguments.add_argument
    add("--presets", nargs="+", default=["default", "tulu3", "gpt3", "decon"])
    add("--tables", nargs="+", choices=tables, default=list(tables))
    add("--questions", type=int, default=1319, metavar="N", help="only the first N, for a look")
    given = arguments.parse_args()
    held = questions()[: given.questions]
    words = statistics.median(len(q["prompt"].split()) for q in held)
    print(f"{len(held):,} questions, {words:.0f} words in the median", flush=True)
    for name in given.tables:
        tables[name](held, given.presets)


if __name__ == "__main__":
    main()
