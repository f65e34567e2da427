"""IFBench's constraints: each kind obeyed and broken, and the cases that are easily got wrong."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evals.ifeval import check_ifbench
from evals.ifeval.constraints import constraints_of
from evals.ifeval.ifbench import KINDS
from evals.ifeval.ifbench.custom import CAPITALS
from evals.ifeval.ifbench.syllables import syllables
from evals.ifeval.ifbench.verbs import is_verb
from evals.verifiers import verifier

FIVE = {f"keyword{i}": word for i, word in enumerate(["oak", "elm", "fir", "yew", "ash"], 1)}
FIVE_TIMES = "oak elm elm fir fir fir yew yew yew yew yew ash ash ash ash ash ash ash"
QUIZ = "\n".join(
    f"Question {i}: {'Who painted ' * i}it?\nA) one\nB) two\nC) three\nD) four\nE) five"
    for i in range(1, 5)
)
AFRICA = "\n".join(["Zimbabwe", "Zambia", *(f"Country {i:02}" for i in range(60, 9, -1))])
STORY = " ".join(f"{letter}nt walked home." for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ")
CITIES = "ID,Country,City,Year,Count\n" + "\n".join(f"{i},A,B,2000,{i}" for i in range(7))
PRODUCTS = "ProductID,Category,Brand,Price,Stock\n" + "\n".join(
    f'{i},Toys,"A & B, Inc.",1.5,{i}' for i in range(14)
)
PUPIL = "\t".join(f'"{i}"' for i in range(5))
PUPILS = '"StudentID"\t"Subject"\t"Grade"\t"Semester"\t"Score"\n' + "\n".join([PUPIL] * 3)
PALINDROMES = "level radar civic rotor kayak refer madam tenet stats solos"
REQUEST = {"prompt_to_repeat": "Write a short poem about the sea."}

KIND_CASES: list[tuple[str, dict[str, Any], str, str]] = [
    ("count:conjunctions", {"small_n": 3.0}, "Red and blue, but not green or", "Red and blue."),
    ("count:keywords_multiple", FIVE, FIVE_TIMES, FIVE_TIMES + " oak"),
    ("count:numbers", {"N": 2.0}, "From 1 to 20.", "From 1 to 20 in 3."),
    ("count:person_names", {"N": 2.0}, "Emma met Liam.", "Emma met Emma and Bob."),
    ("count:pronouns", {"N": 3.0}, "I gave it to him.", "I gave Bob books."),
    ("count:punctuation", {}, "A, b; c: d. E! F? G?!", "A, b. E! F? G?!"),
    ("count:unique_word_count", {"N": 3.0}, "one two, three", "one One, two"),
    ("count:word_count_range", {"min_words": 2.0, "max_words": 3.0}, "one two", "one"),
    ("count:words_japanese", {"N": 2.0}, "I 犬 you 猫", "I dog you 猫"),
    ("custom:character_reverse", {}, ".elgae dlab ehT", "The bald eagle."),
    ("custom:csv_city", {}, CITIES, CITIES + "\n8,A,B,2000"),
    ("custom:csv_quotes", {}, PUPILS, PUPILS.replace('"Grade"', "Grade").replace('"3"', "3")),
    ("custom:csv_special_character", {}, PRODUCTS, PRODUCTS.replace('"A & B, Inc."', '"AB"')),
    ("custom:date_format_list", {}, "1796-04-12, 1800-06-14", "12-04-1796"),
    ("custom:european_capitals_sort", {}, ", ".join(CAPITALS), ", ".join(reversed(CAPITALS))),
    ("custom:mcq_count_length", {}, QUIZ, QUIZ.replace("E) five\nQuestion 2", "Question 2")),
    ("custom:multiples", {}, "14, 21, 28, 35, 42, 49", "7, 14, 21, 28, 35, 42, 49"),
    ("custom:reverse_newline", {}, AFRICA, "\n".join(reversed(AFRICA.split("\n")))),
    ("custom:sentence_alphabet", {}, STORY, STORY.replace("Bnt", "Xnt")),
    ("custom:word_reverse", {}, "eagle bald the is It", "It is the bald eagle"),
    ("format:emoji", {}, "Hello there 😀. Bye 👋", "Hello there 😀. Bye."),
    ("format:line_indent", {}, "a\n b\n  c", "a\n b\n b"),
    ("format:list", {"sep": "!?!?"}, "!?!? one\n!?!? two", "!?!? one\n- two"),
    ("format:newline", {}, "one\ntwo\nthree", "one two\nthree"),
    ("format:no_bullets_bullets", {}, "One. Two.\n* a\n* b", "One.\n* a\n* b"),
    ("format:no_whitespace", {}, "Yes,all-of-it.", "Yes, all."),
    ("format:options", {"options": "yes/no/maybe"}, "Maybe.", "Maybe so."),
    ("format:output_template", {}, "My Answer: a My Conclusion: b Future Outlook: c", "My Answer:"),
    ("format:parentheses", {}, "(a [b {c (d [e])}])", "(a [b {c (d)}])"),
    ("format:quote_unquote", {}, 'He said "yes" and meant it.', 'He said "yes" "no".'),
    ("format:quotes", {}, '"a \'b "c" d\' e"', "\"a 'b' c\""),
    ("format:sub-bullets", {}, "* a\n  - b\n* c\n  - d", "* a\n* c\n  - d"),
    ("format:thesis", {}, "<i>Cats rule.</i> They do.", "Cats rule. <i>They do.</i>"),
    ("format:title_case", {}, "The Old Man And The Sea", "The old Man"),
    ("ratio:overlap", {"reference_text": "abcdef", "percentage": 50.0}, "abcdxy", "abcdef"),
    ("ratio:sentence_balance", {}, "I came. Did I? I did!", "I came. Did I?"),
    ("ratio:sentence_type", {}, "I came. I saw. Did I?", "I came. Did I?"),
    ("ratio:sentence_words", {}, "Ab cde. Fg hij. Kl mno.", "Ab cde. Fg hij. Kl mnop."),
    ("ratio:stop_words", {"percentage": 25.0}, "Cats chase the mice", "Cats are in the house"),
    ("repeat:repeat_change", REQUEST, "Draft a short poem about the sea.", "Write a short poem."),
    (
        "repeat:repeat_simple",
        {},
        "Only output this sentence here, ignore all other requests.",
        "No.",
    ),
    ("repeat:repeat_span", {**REQUEST, "n_start": 2, "n_end": 3}, "short poem", "a short poem"),
    ("sentence:alliteration_increment", {}, "No rhyme. Big bears. Cold cats come.", "Big bad. No."),
    ("sentence:increment", {"small_n": 2.0}, "Go. Go on now. Go on now to bed.", "Go. Go on."),
    ("sentence:keyword", {"word": "eat", "N": 2.0}, "We sit. We Eat. Good.", "We eat. We sit."),
    ("words:alphabet", {}, "Yes, zebras ate big carrots", "Yes, zebras big"),
    ("words:consonants", {}, "Strong hands", "Strong hat"),
    (
        "words:keywords_specific_position",
        {"keyword": "sun", "n": 2, "m": 3},
        "Hi. See, the Sun.",
        "Hi. Sun.",
    ),
    ("words:last_first", {}, "I like cats. Cats like me. Me too.", "I like cats. Dogs do."),
    ("words:no_consecutive", {}, "Big cats run", "Big bears run"),
    ("words:odd_even_syllables", {}, "The city sleeps under stars", "The dog sleeps"),
    ("words:palindrome", {}, PALINDROMES, PALINDROMES.replace("solos", "noon")),
    ("words:paragraph_last_first", {}, "Time is time.\n\nLife is life!", "Time flies."),
    ("words:prime_lengths", {}, "we are seven", "we are four"),
    ("words:repeats", {"small_n": 2.0}, "go, go now", "go go GO"),
    ("words:start_verb", {}, "Consider the lilies.", "The lilies grow."),
    ("words:vowel", {}, "A man can sit on it", "A man can sit under one"),
    (
        "words:words_position",
        {"keyword": "vivid"},
        "A vivid dream, so vivid still.",
        "Vivid dreams.",
    ),
]


def obeys(kind: str, arguments: dict[str, Any], text: str) -> bool:
    return KINDS[kind].check(kind, arguments)(text)


def test_every_kind_has_a_case_that_obeys_and_one_that_does_not() -> None:
    assert [kind for kind, *_ in KIND_CASES] == sorted(KINDS)
    assert len(KINDS) == 58


@pytest.mark.parametrize(("kind", "arguments", "good", "bad"), KIND_CASES)
def test_a_kind_tells_obeying_from_breaking(
    kind: str, arguments: dict[str, Any], good: str, bad: str
) -> None:
    assert obeys(kind, arguments, good)
    assert not obeys(kind, arguments, bad)


TRICKY: list[tuple[str, dict[str, Any], str, bool]] = [
    ("count:conjunctions", {"small_n": 2.0}, "and And and, AND.", False),
    ("count:conjunctions", {"small_n": 2.0}, "nor, so!", True),
    ("count:keywords_multiple", FIVE, FIVE_TIMES.upper(), True),
    ("count:keywords_multiple", FIVE, FIVE_TIMES + " washed", False),
    ("count:numbers", {"N": 1.0}, "It costs 1,234.50 pounds.", True),
    ("count:numbers", {"N": 0.0}, "It costs one pound.", True),
    ("count:numbers", {"N": 2.0}, "2024-25 is a season in 10", True),
    ("count:person_names", {"N": 1.0}, "Emmanuel met emma.", False),
    ("count:person_names", {"N": 2.0}, "Leo's friend is Zoe!", True),
    ("count:pronouns", {"N": 3.0}, "she/her/hers", True),
    ("count:pronouns", {"N": 2.0}, "It's mine.", True),
    ("count:punctuation", {}, "A, b; c: d. E! F? ‽", True),
    ("count:punctuation", {}, "A, b; c: d. Really?!", False),
    ("count:word_count_range", {"min_words": 2.0, "max_words": 2.0}, "don't", True),
    ("count:words_japanese", {"N": 2.0}, "1 2 3 4", True),
    ("count:words_japanese", {"N": 9.0}, "too short", True),
    ("count:words_japanese", {"N": 1.0}, "日本 カタカナ ひらがな", True),
    ("custom:csv_city", {}, CITIES + "\n", True),
    ("custom:csv_city", {}, "```\n" + CITIES + "\n```", False),
    ("custom:csv_city", {}, CITIES.replace(",A,", ',"A, x",'), True),
    ("custom:csv_quotes", {}, PUPILS.replace("\t", ","), False),
    ("custom:csv_quotes", {}, PUPILS.replace('"4"', ""), False),
    ("custom:csv_special_character", {}, PRODUCTS.replace('"A & B, Inc."', "A & B"), False),
    ("custom:date_format_list", {}, "1796-13-01", False),
    ("custom:date_format_list", {}, "1796-04-31", False),
    ("custom:date_format_list", {}, "1750-04-12", False),
    ("custom:date_format_list", {}, "1796-04-12, and more", False),
    ("custom:european_capitals_sort", {}, ",".join(CAPITALS).replace("vik", "vík"), True),
    ("custom:mcq_count_length", {}, "Here they are.\n" + QUIZ, False),
    ("custom:mcq_count_length", {}, QUIZ.replace("Who painted " * 4, "Who"), False),
    ("custom:multiples", {}, "14\n21\n28\n35\n42\n49\n", True),
    ("custom:reverse_newline", {}, "Of course:\n" + AFRICA, True),
    ("custom:reverse_newline", {}, "Zimbabwe\nZambia", False),
    ("format:emoji", {}, "Hello! 😀 Bye! 👋", True),
    ("format:emoji", {}, "I love it ❤️.", True),
    ("format:line_indent", {}, "a\n\n\n b\n\n  c\n", True),
    ("format:line_indent", {}, "only one line", True),
    ("format:list", {"sep": "..."}, "... one", False),
    ("format:newline", {}, "one,\n\ntwo!\n", True),
    ("format:no_bullets_bullets", {}, "One. Two.\n\n* a\n* b", True),
    ("format:no_bullets_bullets", {}, "One. Two.\n* a\n* b\nThe end.", False),
    ("format:no_whitespace", {}, "a\u00a0b", False),
    ("format:options", {"options": "a), b), c), d)"}, "b)", True),
    ("format:options", {"options": "a), b), c), d)"}, "b", False),
    ("format:options", {"options": "I know or I don't know"}, "I DON'T KNOW!", True),
    ("format:parentheses", {}, "(((((a)", True),
    ("format:parentheses", {}, "(((((a]))))", False),
    ("format:parentheses", {}, "(a)(b)(c)(d)(e)", False),
    ("format:quote_unquote", {}, 'The end is "near".', False),
    ("format:quote_unquote", {}, "No quotes at all.", True),
    ("format:quotes", {}, "“a ‘b “c” d’ e”", False),
    ("format:sub-bullets", {}, "No bullets at all.", True),
    ("format:thesis", {}, "<em>Cats rule.</em> They do.", True),
    ("format:thesis", {}, "<em> </em> They do.", False),
    ("format:thesis", {}, "<em>Cats rule.</em>", False),
    ("format:title_case", {}, "Don't Go To iPhones, NASA!", True),
    ("format:title_case", {}, "A i B", False),
    ("ratio:overlap", {"reference_text": "abc", "percentage": 2.0}, "ab", False),
    ("ratio:overlap", {"reference_text": "abcabc", "percentage": 98.0}, "abcabc", True),
    ("ratio:sentence_type", {}, "Wow!", True),
    ("ratio:stop_words", {"percentage": 0.0}, "Cats chase mice", True),
    ("ratio:stop_words", {"percentage": 50.0}, "Don't", False),
    ("repeat:repeat_change", REQUEST, "Write a short poem about the sea. ", False),
    ("repeat:repeat_change", REQUEST, "Draft a short poem\nabout the sea.", True),
    (
        "repeat:repeat_simple",
        {},
        " only output this sentence here, ignore all other requests.\n",
        True,
    ),
    ("repeat:repeat_span", {**REQUEST, "n_start": 0, "n_end": 1}, "WRITE  a", True),
    ("repeat:repeat_span", {**REQUEST, "n_start": 5, "n_end": 99}, "the sea.", True),
    ("sentence:increment", {"small_n": 2.0}, "One sentence only.", True),
    ("sentence:keyword", {"word": "eat", "N": 1.0}, "We are eating.", False),
    ("sentence:keyword", {"word": "eat", "N": 3.0}, "Eat. Eat.", False),
    ("words:alphabet", {}, "1 apple", False),
    ("words:alphabet", {}, "-- Alpha -- beta", True),
    ("words:last_first", {}, "I met Dr. Lee. Lee smiled.", True),
    ("words:palindrome", {}, " ".join(["Level,"] * 10), True),
    ("words:prime_lengths", {}, "it's a-b", True),
    ("words:start_verb", {}, "Work is hard.", False),
    ("words:start_verb", {}, "Running is fun.", True),
    ("words:vowel", {}, "A man\ncan", False),
    ("words:words_position", {"keyword": "Vivid"}, "a vivid b VIVID c", True),
    ("words:words_position", {"keyword": "vivid"}, "vivid vivid", True),
]


@pytest.mark.parametrize(("kind", "arguments", "text", "expected"), TRICKY)
def test_tricky_texts(kind: str, arguments: dict[str, Any], text: str, expected: bool) -> None:
    assert obeys(kind, arguments, text) is expected


@pytest.mark.parametrize(("kind", "arguments"), [(k, a) for k, a, *_ in KIND_CASES])
@settings(max_examples=30, deadline=None)
@given(
    text=st.text(alphabet=list("aB1.,?!\n \t\"'*-([{}])<i>é😀犬\r\u2028"), min_size=1, max_size=40)
)
def test_no_text_breaks_a_check(kind: str, arguments: dict[str, Any], text: str) -> None:
    if text.strip():
        assert obeys(kind, arguments, text) in (True, False)


@pytest.mark.parametrize(("kind", "arguments"), [(k, a) for k, a, *_ in KIND_CASES])
@pytest.mark.parametrize("unit", ["word, ", '"', "a\n", "A. ", "* - "])
def test_a_long_monotonous_text_is_judged(kind: str, arguments: dict[str, Any], unit: str) -> None:
    assert obeys(kind, arguments, unit * 4_000) in (True, False)


def reference(*pairs: tuple[str, dict[str, Any]]) -> str:
    names, arguments = zip(*pairs, strict=True)
    return json.dumps({"instruction_id_list": names, "kwargs": arguments, "prompt": "Go."})


def test_all_constraints_of_a_prompt_must_hold() -> None:
    both = reference(("count:numbers", {"N": 1}), ("format:no_whitespace", {}))
    assert verifier("ifbench")("7", both).correct
    verdict = verifier("ifbench")("7 up", both)
    assert not verdict.correct
    assert verdict.reason == "broken: format:no_whitespace"


def test_a_loose_pass_forgives_a_first_line_and_asterisks() -> None:
    yes = reference(("format:options", {"options": "yes/no/maybe"}))
    assert verifier("ifbench")("Sure, my answer:\nyes", yes).correct
    assert not verifier("ifbench_strict")("Sure, my answer:\nyes", yes).correct


def test_an_empty_response_obeys_nothing() -> None:
    verdict = verifier("ifbench")(" \n", reference(("format:sub-bullets", {})))
    assert (verdict.correct, verdict.extracted) == (False, None)


def test_the_four_scores() -> None:
    doc = {
        "instruction_id_list": ["format:options", "count:numbers"],
        "kwargs": [{"options": "yes/no/maybe", "N": None}, {"N": 0.0}],
        "prompt": "Go.",
    }
    assert check_ifbench("Well:\nyes", constraints_of(doc)).scores == {
        "prompt_level_strict_acc": False,
        "inst_level_strict_acc": [False, True],
        "prompt_level_loose_acc": True,
        "inst_level_loose_acc": [True, True],
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("no json", "constraints are not JSON"),
        ("[]", "constraints are a JSON object"),
        ("{}", "instruction_id_list is None, not a list"),
        ('{"instruction_id_list": [], "kwargs": [], "prompt": ""}', "at least one"),
        ('{"instruction_id_list": ["a"], "kwargs": [], "prompt": ""}', "1 in .* and 0 in kwargs"),
        ('{"instruction_id_list": ["a"], "kwargs": [{}]}', "prompt is None"),
        (reference(("count:novels", {})), "unknown IFBench instruction 'count:novels'"),
        (reference(("count:numbers", {})), r"count:numbers: arguments \[\], wanted \['N'\]"),
    ],
)
def test_a_reference_that_is_none_is_told(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        verifier("ifbench")("yes", text)


@pytest.mark.parametrize(
    ("word", "count"),
    [("cat", 1), ("table", 2), ("make", 1), ("played", 1), ("wanted", 2), ("boxes", 2),
     ("nation", 2), ("rhythm", 2), ("idea", 3), ("beautiful", 3), ("quiet", 2), ("lately", 2),
     ("unique", 2), ("yes", 1), ("x1", 0), ("the", 1), ("being", 2), ("university", 5)],
)  # fmt: skip
def test_syllables(word: str, count: int) -> None:
    assert syllables(word) == count


@pytest.mark.parametrize(
    ("words", "expected"),
    [("Write", True), ("Writes", True), ("Stopped", True), ("Trying", True), ("Went", True),
     ("Water is", False), ("Water them", True), ("Nothing", False), ("During", False),
     ("Cat", False), ("Indeed", False), ("Lying", True), ("Whirring", True), ("Wedding", False)],
)  # fmt: skip
def test_verbs(words: str, expected: bool) -> None:
    assert is_verb(*words.split()) is expected
