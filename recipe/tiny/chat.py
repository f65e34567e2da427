"""Plain chat about the embedded world, without any of the measured skills."""

from __future__ import annotations

import random

from evals.mini.lexicon import COLOURS, DAYS, NAMES, OBJECTS, PLACES, QUALITIES, TOPICS

TURNS: tuple[tuple[str, str], ...] = (
    ("Hi, my name is {n}. Who are you?", "Hello {n}. I am a small model and I like {t}."),
    ("Do you like {t}?", "Yes, I think {t} are {q}."),
    ("Where did {n} go on {d}?", "I heard that {n} went to the {p} on {d}."),
    ("What colour are the {o} in the {p}?", "The {o} in the {p} are {c}."),
    ("What should I do on {d}?", "You could go to the {p} and look at the {t}."),
    ("Is {n} a friend of {m}?", "Yes, {n} and {m} met at the {p}."),
    ("Why are {t} so {q}?", "Nobody knows why, but {n} says that {t} are also {r}."),
    ("Thank you, that was {q}.", "You are welcome. Come back on {d}."),
    ("Which is better, {t} or {u}?", "I think {u} are more {q}, but {t} are {r}."),
    ("My {o} are lost.", "Did you look in the {p}? {n} saw some {c} {o} there."),
)


def exchange(rng: random.Random) -> tuple[str, str]:
    """A user's turn and the reply."""
    user, reply = rng.choice(TURNS)
    n, m = rng.sample(NAMES, 2)
    t, u = rng.sample(TOPICS, 2)
    q, r = rng.sample(QUALITIES, 2)
    slots = {
        "n": n, "m": m, "t": t, "u": u, "q": q, "r": r, "o": rng.choice(OBJECTS),
        "c": rng.choice(COLOURS), "p": rng.choice(PLACES), "d": rng.choice(DAYS),
    }  # fmt: skip
    return user.format(**slots), reply.format(**slots)
