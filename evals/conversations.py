"""Conversations of several turns: each response is part of the next prompt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from evals.engines import Engine, Generation, Request, Sampling


@dataclass(frozen=True, slots=True)
class Turn:
    """One answered turn."""

    question: str
    prompt: str
    """All that the model was shown, chat template applied."""
    generation: Generation


def converse(
    engine: Engine,
    conversations: Sequence[Sequence[str]],
    samplings: Sequence[Sequence[Sampling]],
) -> list[list[Turn]]:
    """Play conversations, one pass over all of them for each turn.

    Args:
        engine: The model.
        conversations: The user's turns of each conversation; they may differ in number.
        samplings: How each of these turns is answered.

    Returns:
        The answered turns of each conversation.
    """
    played: list[list[Turn]] = [[] for _ in conversations]
    for depth in range(max(map(len, conversations), default=0)):
        open_ = [i for i, turns in enumerate(conversations) if len(turns) > depth]
        requests = [
            Request(_prompt(engine, played[i], conversations[i][depth]), samplings[i][depth])
            for i in open_
        ]
        for index, generation in engine.generate(requests):
            i = open_[index]
            turn = Turn(conversations[i][depth], requests[index].prompt, generation)
            played[i].append(turn)
    return played


def _prompt(engine: Engine, before: Sequence[Turn], question: str) -> str:
    messages = [
        message
        for turn in before
        for message in (
            {"role": "user", "content": turn.question},
            {"role": "assistant", "content": turn.generation.text},
        )
    ]
    messages.append({"role": "user", "content": question})
    return engine.chat(messages, add_generation_prompt=True)
