"""English abbreviations and the words that betray a new sentence after one of them."""

from __future__ import annotations

TITLES = frozenset(
    """
    adm brig capt cmdr col cpl dr drs fr gen gov hon lt maj messrs mr mrs ms mt mx pres prof pvt
    rabbi rep reps rev rt sen sens sgt supt
    """.split()
)
"""Stand before a name, so they never end a sentence."""

CONNECTIVES = frozenset("approx c.f ca cf e.g i.e incl p.p.s p.s viz vs".split())
"""Stand before what they introduce, so they never end a sentence."""

NUMBERED = frozenset(
    "ch chap eq eqs fig figs no nos p para pg pp sec sect tab ver vol vols".split()
)
"""Abbreviations before a number, words elsewhere: `No. 5`, but `No. I won't`."""

SHORTENED = frozenset(
    """
    a.d a.k.a a.m apt assn assoc ave avg b.a b.c b.c.e b.s bldg blvd bros c.e cie cm co corp cos
    d.c d.d.s dept div ed eds esq est etc feat ft g.i gal govt hr hrs hwy ibid inc intl j.d jr
    kg km lb lbs ltd m.a m.b.a m.d m.p m.s mfg mg mi misc ml mm mos natl op oz p.m ph.d plc
    pt pts pty qt rd sq sr st ste tbsp tel trans tsp u.k u.n u.s u.s.a u.s.s.r univ vs w.r.t wk
    wks yr yrs
    """.split()
)
"""May end a sentence; the next word decides."""

AS_WRITTEN = frozenset(
    """
    al Ala Apr Ariz Ark Aug Calif Colo Conn Dec Del Feb Fla Fri Ga Ill Ind Jan Jul Jun Kan Ky La Mar
    Mass Md Mich Minn Miss Mo Mon Mont Neb Nev Nov Oct Okla Ore Pa Penn Sept Sep Tenn Tex Thu Thur
    Thurs Tue Tues Va Vt Wash Wed Wis Wyo
    """.split()
)
"""Months, days and states, and `et al.`: abbreviations in this case only (`Ill.`, but `ill.`)."""

OPENERS = frozenset(
    """
    a according additionally after afterwards again all also although always an and another any
    anyone anything as at because before besides both but by can conversely could despite did do
    does each either even every everyone everything few finally first firstly for from furthermore
    had has have he hence her here hers him his how however i if in indeed instead is it its just
    lastly later let like many maybe me meanwhile moreover most much my neither never nevertheless
    next no nobody none nonetheless nor not nothing now of often on once one only or other
    otherwise our over overall perhaps please quite rather second secondly she should similarly
    since so some someone something sometimes soon still such suddenly than that the their them
    then there therefore these they third this those though through throughout thus to today
    together too under unfortunately unless until upon very was we well were what when whenever
    where whereas wherever whether which while who whom whose why will with within without would
    yes yet you your
    """.split()
)
"""Words seldom written with a capital inside a sentence: one that is begins a new sentence."""
