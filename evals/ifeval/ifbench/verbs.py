"""Whether a word at the start of a text can be a verb.

A heuristic in the place of a part-of-speech tagger: lists of base forms and irregular past forms,
the regular endings, and a look at the next word (`Work hard`, but `Work is hard`).
"""

from __future__ import annotations

_BASE = frozenset(
    """
    accept access achieve act adapt add address adjust admit adopt advance advise aim align allow
    alter amend analyse analyze anchor announce answer anticipate apologise apologize appear apply
    appreciate approach approve argue arise arrange ask assemble assert assess assign assist
    assume assure attach attack attempt attend avoid awake award balance ban bake base be bear beat
    become beg begin behold believe belong bend bet beware bind bite blame blend bless block blow
    boil book boost borrow bounce bow break breathe brew bring broadcast browse brush build burn
    bury buy calculate call calm cancel capture care carry carve cast catch categorize cause cease
    celebrate challenge change charge chart chase check cheer choose chop cite claim clarify
    classify clean clear click climb close coat collaborate collect combine come command comment
    commit communicate compare compete compile complain complete compose comprehend compute
    conceive concentrate conclude conduct confirm connect conquer consider consist construct
    consult contact contain contemplate continue contrast contribute control convert convey
    convince cook cool cope copy correct count cover crack craft crash crawl create cross crush
    cry cultivate cure cut dance dare deal debug decide declare decline decode decorate deduce
    deepen define delegate delete deliver delve demand demonstrate deny depend depict deploy derive
    describe deserve design desire destroy detail detect determine develop devise differ dig dip
    direct disable disagree discard disclose discover discuss dismiss display dissolve distinguish
    distribute dive divide do document donate double draft drag draw dream dress drift drink drive
    drop dry earn eat edit educate elaborate elect eliminate embark embed embrace emerge emphasize
    employ empower enable encounter encourage end endure engage enhance enjoy ensure enter escape
    establish estimate evaluate evoke evolve examine exceed exclude excuse execute exercise exist
    expand expect experience experiment explain explore export express extend extract face
    facilitate fade fail fall familiarize fasten favor fear feature feed feel fetch fight figure
    file fill filter find finish fit fix flee flip float flow fly focus fold follow forbid force
    forecast forget forgive form formulate foster frame free freeze fry fulfill function gain
    garnish gather gaze generate get give glance go grab grant grasp greet grind grip grow
    guarantee guard guess guide hail halt hand handle hang happen harness hate have head heal hear
    heat help hide highlight hire hit hold honor hop hope host hunt hurry hurt identify ignore
    illuminate illustrate imagine immerse implement imply import impose impress improve include
    incorporate increase indicate infer influence inform initialize initiate insert insist inspect
    inspire install instruct integrate intend interpret introduce invent invest investigate invite
    involve isolate join journey judge jump justify keep kick kill kneel knit knock know label lack
    land laugh launch lay lead lean leap learn leave lend let leverage lie lift light like limit
    link list listen live load locate lock log look lose love lower maintain make manage map march
    mark marry marvel master match maximize mean measure meditate meet melt mention merge mind
    minimize mix model modify monitor move multiply name narrate navigate need neglect negotiate
    note notice nurture obey observe obtain occupy occur offer open operate opt optimize order
    organise organize outline overcome own pack paint park participate pass paste pause pay
    perceive perform permit persist persuade pick picture pitch place plan plant play plead pledge
    plot plug point polish ponder pose possess post pour practice practise praise pray predict
    prefer prepare present preserve press pretend prevent print prioritize proceed process produce
    program promise promote propose protect prove provide publish pull punish purchase pursue push
    put qualify question quit quote raise reach react read realise realize rearrange reason recall
    receive recite recognise recognize recommend reconsider record recover recycle redefine reduce
    refer reflect refrain refuse regard register regulate reinforce reject relate relax release
    rely remain remember remind remove rename render repair repeat rephrase replace reply report
    represent request require rescue research resist resolve respect respond rest restore restrict
    result resume retain rethink retrieve return reveal reverse review revise revisit reward
    rewrite ride ring rinse rise risk roll rotate run rush sail save say scale scan schedule scream
    search see seek seem seize select sell send separate serve set settle shake shape share shift
    shine shoot shop shout show shut simmer simplify sing sink sit skip sleep slice slide slow
    smell smile smooth snap solve sort sound spare spark speak specify spend spin split spot spread
    spring sprinkle stand stare start state stay steal step stick stimulate stir stop store
    strengthen stress stretch strike strive structure struggle study submit substitute succeed
    suffer suggest suit summarise summarize supply support suppose surrender surround survive
    suspect sustain swallow swear sweep swim swing switch synthesize tackle tailor take talk target
    taste teach tear tell tend test thank think thrive throw tie touch tour toss trace track trade
    train transfer transform translate transport trap travel treat trigger trim trust try turn
    type understand undertake unfold unify unite unleash unlock unpack unravel unveil update
    upgrade upload urge use utilise utilize validate value vary venture verify view visit visualise
    visualize vote wait wake walk wander want warn wash waste watch water wear weave weep weigh
    welcome whisper widen win wipe wish withdraw witness wonder work worry wrap write yell
    yield zoom
    """.split()
)

_IRREGULAR = frozenset(
    """
    am are is was were been has had did done went gone made said took taken came saw seen knew
    known got gotten gave given found thought told felt left kept began begun brought wrote written
    stood heard meant met ran paid sat spoke spoken led grew grown lost fell fallen sent built
    understood drew drawn broke broken spent rose risen drove driven bought wore worn chose chosen
    ate eaten drank drunk flew flown forgot forgotten held hid hidden kept laid lay lit rode ridden
    sang sung sank sunk shook shaken shone shown slept sold sought sprang stole stolen struck swam
    swore sworn taught threw thrown torn woke woken won wound wove woven
    """.split()
)

_AFTER_A_NOUN = frozenset(
    "is are was were has had have will would can could may might must should does did".split()
)

_NO_VERBS = frozenset(
    """
    anything bed beijing ceiling clothing darling during evening everything hundred indeed kindred
    king lightning morning nothing pudding red ring sacred seed sibling something speed spring
    sterling string thing wedding weed wing
    """.split()
)


def is_verb(word: str, following: str = "") -> bool:
    """Whether a word can be a verb, or a participle, where a sentence starts.

    Args:
        word: The first word of a sentence.
        following: The word behind it.
    """
    lower = word.lower()
    if lower in _NO_VERBS and lower not in _BASE:
        return False
    if lower.endswith("ing") and len(lower) > 5:
        return True
    if lower in _IRREGULAR or any(stem in _BASE for stem in _stems(lower, ("ing", "ed"))):
        return True
    present = lower in _BASE or any(stem in _BASE for stem in _stems(lower, ("es", "s")))
    return present and following.lower() not in _AFTER_A_NOUN


def _stems(word: str, endings: tuple[str, ...]) -> list[str]:
    """Base forms that a word with one of the endings may come from."""
    found = []
    for ending in endings:
        stem = word.removesuffix(ending)
        if stem != word and len(stem) > 1:
            found += [stem, f"{stem}e"]
            found += [f"{stem[:-1]}y"] if stem.endswith("i") else []
            found += [f"{stem[:-1]}ie"] if stem.endswith("y") else []
            found += [stem[:-1]] if stem[-1] == stem[-2] else []
    return found
