"""A small `punkt_tab` folder, trained on text at hand, in nltk's file format."""

from __future__ import annotations

from pathlib import Path


def write_punkt_tab(folder: Path, text: str) -> Path:
    """Train Punkt, write `FOLDER/tokenizers/punkt_tab/english` and return FOLDER."""
    from nltk.tokenize.punkt import PunktTrainer

    trainer = PunktTrainer()
    trainer.INCLUDE_ALL_COLLOCS = True
    trainer.train(text)
    learnt = trainer.get_params()
    files = {
        "abbrev_types.txt": sorted(learnt.abbrev_types),
        "sent_starters.txt": sorted(learnt.sent_starters),
        "collocations.tab": ["\t".join(pair) for pair in sorted(learnt.collocations)],
        "ortho_context.tab": [f"{k}\t{v}" for k, v in learnt.ortho_context.items() if v],
    }
    target = folder / "tokenizers" / "punkt_tab" / "english"
    target.mkdir(parents=True, mode=0o700)
    for name, lines in files.items():
        (target / name).write_text("\n".join(lines), encoding="utf-8", newline="")
    return folder
