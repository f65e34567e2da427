"""English stop words: the closed classes, and the pieces into which contractions fall."""

from __future__ import annotations

_PRONOUNS = """
    i me my myself we our ours ourselves you your yours yourself yourselves he him his himself she
    her hers herself it its itself they them their theirs themselves this that these those what
    which who whom
"""
_VERBS = """
    am is are was were be been being have has had having do does did doing can will just should
"""
_PREPOSITIONS = """
    of at by for with about against between into through during before after above below to from
    up down in out on off over under
"""
_CONJUNCTIONS = "and but if or because as until while nor so than"
_DETERMINERS = "a an the any both each few more most other some such no not only own same all"
_ADVERBS = "again further then once here there when where why how too very now"
_CONTRACTED = """
    s t don d ll m o re ve y ain aren couldn didn doesn hadn hasn haven isn ma mightn mustn needn
    shan shouldn wasn weren won wouldn
"""

STOP_WORDS = frozenset(
    " ".join(
        (_PRONOUNS, _VERBS, _PREPOSITIONS, _CONJUNCTIONS, _DETERMINERS, _ADVERBS, _CONTRACTED)
    ).split()
)
"""In lower case; runs of letters, so `don't` is `don` and `t`."""
