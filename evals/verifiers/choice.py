"""Multiple choice: the answer is a letter, or the text of its option."""

from __future__ import annotations

import re
import unicodedata

from evals.verifiers.choice_item import ChoiceItem, choice_item
from evals.verifiers.final_text import final_text
from evals.verifiers.verdict import Verdict

OPEN = (
    r"(?:[\s*_`\"'“‘$(\[{<:]|\\(?:text|textbf|mathrm|mathbf|boxed|rm)\s*\{|\\[(\[]"
    r"|(?:most\slikely|probably|likely|clearly|definitely|therefore|thus|indeed|simply|just"
    r"|option|choice|letter|answer)\b){0,40}"
)
BEFORE_ANSWER = re.compile(OPEN, re.IGNORECASE)
"""What may stand between a cue and the answer."""
LETTER = re.compile(r"([A-Za-z])(?![\w+#-]|['’]\w|\.\w)")
ENDS_LINE = re.compile(r"[*_`\"'”’$)\]}>.,;!]*[ \t]*(?:\n|\Z)")
REACH = 400
"""Characters after a cue in which an option's text is looked for."""
CUE = re.compile(
    r"(?:(?:(?<!if the )(?<!whether the )\b(?:answer|solution|ans)\b\.?[\s*_]*"
    r"(?:choice\s+|option\s+|letter\s+)?"
    r"(?:(?:to|for|of|here|in)\b[^.:\n]{0,80}?\s)?"
    r"(?:[:=]|(?:is|was|(?:would|should|must)\s(?:\w+\s)?be)(?![A-Za-z]))"
    r"|\b(?:correct|right|best|final)\s+(?:option|choice|letter|statement|response)\b[\s*_]*"
    r"(?:[:=]|(?:is|(?:would|must)\sbe)(?![A-Za-z]))"
    r"|^[\s*_#>]*(?:(?:the|my|correct|right|best|final)\s+){0,2}(?:answer|ans)\b"
    r"[*_]*(?:\s[\s*_]*[-–—]|[-–—](?=\s))"
    r"|\bans\.(?=\s)"
    r"|\bI(?:['’]d|['’]ll|['’]m|\s+would|\s+will|\s+am)?\s+"
    r"(?:choose|chose|select|selected|pick|picked|go(?:ing)?\swith)\b"
    r")|\\boxed\s*\{|<answer>|\#\#\#\#)",
    re.IGNORECASE | re.MULTILINE,
)
VERDICT = re.compile(
    r"(?<!if )(?<!whether )(?<![\w'’(-])\(?([A-Z])\)?[*_]*\s+"
    r"(?:is|must\sbe|would\sbe)\s+(?:therefore\s+|clearly\s+)?"
    r"(?:the\s+)?(?:correct|right|best|answer)\b"
)
ALTERNATIVE = re.compile(
    r"[*_`\"'”’)\]}\s]*(?:/|&|\bor\b|\band\b|,\s*(?:or\b|and\b)?)\s*"
    r"(?:option\s+|choice\s+)?[*_`\"'“‘(\[{]*"
    r"([A-Z])(?![\w-]|['’]\w)(?!\s+(?:is|was|think|am|believe|can|has|does|would)\b)[)\]}*_]*"
)
REJECTED_BEFORE = re.compile(
    r"(?:\bnot|n't|\brather than|\binstead of|\bthan|\bunlike|\beliminat\w+|\brul\w+ out"
    r"|\breject\w*|\bexclud\w+)\s+(?:option\s+|choice\s+|answer\s+)?[*_(]*\Z",
    re.IGNORECASE,
)
REJECTED_AFTER = re.compile(
    r"[)\]*_]*(?:\s+[^\s.,;]+){0,2}?\s+(?:not|isn't|wrong|incorrect|false|eliminated|ruled\sout)\b",
    re.IGNORECASE,
)
ALONE = re.compile(r"(?m)^[ \t*_`#>\"'$(\[{]*([A-Za-z])[ \t*_`\"'$)\]}.:!]*$")
BOLD = re.compile(r"(?:\*\*|__)\s*[(\[]?([A-Z])(?:[)\].:][^\n]*?|\s*)(?:\*\*|__)")
ENTRY = re.compile(r"(?m)^[ \t]*[(\[]?([A-Z])(?:[)\].]|(?<!A):)(?=\s)")
PARENTHESES = re.compile(r"(?<!\w)[(\[]([A-Z])[)\]]")
SAID = re.compile(
    r"(?m)\b(?i:is|be|it's|so|thus|hence|therefore|option|choice)[,:]?\s+"
    r"(?i:option\s+|choice\s+)?([A-Z])[.!]?[ \t]*$"
)
TAKEN_BACK = re.compile(
    r"\b(?:wait|actually|correction|on second thought|reconsider|re-?check)\b", re.IGNORECASE
)
SENTENCE_END = re.compile(r"(?<=[.!?])\s+|\n")
CONNECTIVES = frozenset(
    ("because", "since", "as", "which", "and", "or", "with", "for", "is", "due", "given", "by")
)
"""After these the word before was the letter A, not an article."""


def choice(response: str, reference: str) -> Verdict:
    """The option the response settles on is the reference's.

    In order, and the last of each: what follows "answer is", "Answer:", "Ans:", a line's
    "Answer -", "correct option is", "I choose", `\\boxed{`, `<answer>` or `####`, or precedes "is
    correct"; a letter alone on a line; a letter in bold; one at the start of a line; one in
    parentheses; one that ends a line after "is" or "therefore"; the text of an option.  Options
    that the response rejects ("not (B)", "(B) is wrong") do not count, two at once ("(A) or (B)")
    are no answer, and the words "A" and "I" are no letters.

    Args:
        response: The model's text; what stands before `</think>` is not read.
        reference: The letter, or JSON such as `{"answer": "B", "options": ["red", "blue"]}`: only
            with options can one be answered by its text.

    Raises:
        ValueError: the reference names no letter, or one without option.
    """
    item = choice_item(reference)
    text = unicodedata.normalize("NFKC", final_text(response)).strip()
    given = _given(text, item)
    if not given:
        return Verdict(False, None, "no option found")
    if len(given) > 1:
        return Verdict(False, " or ".join(given), "more than one option")
    correct = given[0] == item.answer
    return Verdict(correct, given[0], "equal" if correct else "another option")


def _given(text: str, item: ChoiceItem) -> list[str]:
    """The letter the response settles on; several where it leaves a choice."""
    end, stated = _stated(text, item)
    if stated and not TAKEN_BACK.search(text, end):
        return stated
    return _shown(text[end:], item) or stated


def _stated(text: str, item: ChoiceItem) -> tuple[int, list[str]]:
    """What the last cue announces, and where the cue stands."""
    found = [(cue.end(), given) for cue in CUE.finditer(text) if (given := _after(text, cue, item))]
    found += [
        (verdict.end(), [verdict[1]])
        for verdict in VERDICT.finditer(text)
        if verdict[1] in item.letters and not _rejected(text, verdict.start(), verdict.start())
    ]
    return max(found, key=lambda at: at[0], default=(0, []))


def _after(text: str, cue: re.Match[str], item: ChoiceItem) -> list[str]:
    before = BEFORE_ANSWER.match(text, cue.end())
    start = before.end() if before else cue.end()
    letter = LETTER.match(text, start)
    if letter and letter[1].upper() in item.letters and not _is_word(text, letter):
        return [letter[1].upper(), *_alternatives(text, letter.end(), item)]
    named = item.opening(text[start : start + REACH])
    return [named] if named else []


def _shown(text: str, item: ChoiceItem) -> list[str]:
    """The option that the form of the text shows: a letter set apart, or an option's text."""
    if called := item.called(text):
        return [called]
    for form in (ALONE, BOLD, ENTRY, PARENTHESES, SAID):
        found = [
            shown
            for shown in form.finditer(text)
            if shown[1].upper() in item.letters
            and not _rejected(text, shown.start(1), shown.end(1))
        ]
        is_list = form is ENTRY and len({shown[1] for shown in found}) > 1
        if found and not is_list:
            return [found[-1][1].upper(), *_alternatives(text, found[-1].end(1), item)]
    last = SENTENCE_END.split(text)[-1]
    return [
        letter
        for letter, start in item.mentioned(last).items()
        if not REJECTED_BEFORE.search(last, 0, start)
    ]


def _is_word(text: str, letter: re.Match[str]) -> bool:
    """Whether it is the article or the pronoun; a small letter must end its line or be in ()."""
    if text[letter.start() - 1 : letter.start()] in {"(", "[", "*", "{", '"', "`", "$"}:
        return False
    if letter[1].islower():
        return not ENDS_LINE.match(text, letter.end())
    following = re.compile(r"\s+([a-z]+)").match(text, letter.end())
    return letter[1] in "AI" and following is not None and following[1] not in CONNECTIVES


def _rejected(text: str, start: int, end: int) -> bool:
    before = text[max(0, start - 30) : start]
    return bool(REJECTED_BEFORE.search(before) or REJECTED_AFTER.match(text, end))


def _alternatives(text: str, position: int, item: ChoiceItem) -> list[str]:
    """Further letters named in the same breath."""
    letters: list[str] = []
    while (more := ALTERNATIVE.match(text, position)) and more[1] in item.letters:
        letters.append(more[1])
        position = more.end()
    return letters
