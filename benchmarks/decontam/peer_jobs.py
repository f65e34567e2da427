"""One check by a peer, as a process of its own: `peer_jobs.py PEER TRAIN ITEMS WORK`.

TRAIN holds `text` rows and ITEMS has `id`, `prompt` and `answer`, both as JSON lines.  WORK/flagged
is given the number of rows that the peer would take out.  Only `peers.py` starts this; it imports
nothing of Assay, because a peer's interpreter need not be Assay's.

decon: the wheel's `detect` with one thread and its own defaults, on the items in its own format.

datatrove: `NGramsDecontFilter` over `JsonlReader`, one task in this process.  `NGramsDecontIndexer`
takes lighteval's task lists from the network at the end of `run`, so the index is what its own
`compute_hashes` says of each item, written as `run` writes it: one file of uint64.
`find_query_ngrams` is on, because by default only the answers would be looked for.  The tokeniser
is datatrove's for English, a blank spaCy pipeline.

plain: what people write first.  A set of all 13-grams of lower-cased words of the prompts; every
line through `json.loads`, `lower` and `split`; a row with any of them is flagged.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

N = 13


def read(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def plain(train: Path, items: Path, work: Path) -> int:  # noqa: ARG001
    """Any shared 13-gram of words."""
    wanted = {gram for item in read(items) for gram in _grams(item["prompt"])}
    return sum(not wanted.isdisjoint(_grams(row["text"])) for row in read(train))


def _grams(text: str) -> Iterator[tuple[str, ...]]:
    words = text.lower().split()
    return zip(*(words[k:] for k in range(N)), strict=False)


def decon(train: Path, items: Path, work: Path) -> int:
    """allenai/decon, as its wheel runs it."""
    import decon as peer

    for name in ("train", "items", "report"):
        (work / name).mkdir(parents=True)
    (work / "train" / train.name).symlink_to(train)
    with (work / "items" / "gsm8k.jsonl").open("w", encoding="utf-8") as out:
        for number, item in enumerate(read(items)):
            out.write(json.dumps(_reference(number, item)) + "\n")
    peer.detect(
        peer.Config(
            training_dir=str(work / "train"),
            evals_dir=str(work / "items"),
            report_output_dir=str(work / "report"),
            content_key="text",
            worker_threads=1,
        )
    )
    found = (line for path in (work / "report").rglob("*.jsonl") for line in read(path))
    return len({line["training_line"] for line in found})


def _reference(number: int, item: dict[str, Any]) -> dict[str, Any]:
    return {
        "eval_key": "gsm8k", "eval_instance_index": number, "doc_id": number, "split": "test",
        "question": item["prompt"], "answer": item["answer"], "passage": None,
        "fingerprint": str(number), "is_correct": True,
    }  # fmt: skip


def datatrove(train: Path, items: Path, work: Path) -> int:
    """datatrove's n-gram filter."""
    import numpy as np
    from datatrove.pipeline.decont import NGramsDecontConfig, NGramsDecontFilter
    from datatrove.pipeline.decont.n_grams import NGramsDecontIndexer
    from datatrove.pipeline.readers import JsonlReader

    NGramsDecontIndexer._requires_dependencies = []  # lighteval, for what is not called here
    config = NGramsDecontConfig(find_query_ngrams=True)
    index = work / "index"
    index.mkdir(parents=True)
    indexer = NGramsDecontIndexer(str(index), config=config)
    hashes = {h for i in read(items) for h in indexer.compute_hashes(i["answer"], i["prompt"])}
    np.array(list(hashes), dtype=config.hash_config.np_descr).tofile(index / "gsm8k.index.hashes")
    reader = JsonlReader(str(train.parent), glob_pattern=train.name)
    read_in = kept = 0

    def counted() -> Iterator[Any]:
        nonlocal read_in
        for document in reader.run():
            read_in += 1
            yield document

    for _ in NGramsDecontFilter(str(index), config=config).run(counted()):
        kept += 1
    return read_in - kept


PEERS: dict[str, Callable[[Path, Path, Path], int]] = {
    "decon": decon,
    "datatrove": datatrove,
    "plain": plain,
}


def main() -> None:
    peer, train, items, work = sys.argv[1], *map(Path, sys.argv[2:])
    work.mkdir(parents=True, exist_ok=True)
    (work / "flagged").write_text(str(PEERS[peer](train, items, work)))


if __name__ == "__main__":
    # A module called `decon` or `datatrove` beside this file would be taken for the peer.
    sys.path.pop(0)
    main()
