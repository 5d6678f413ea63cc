"""What a friend who looks over one's shoulder would say before a letter is closed: facts, never a reason to stop.

Letters are written in many languages; these look for words of English, German, French, Spanish, Italian, Dutch and
Polish. Where the words leave a doubt, nothing is said.
"""

from __future__ import annotations

import re
import unicodedata

from dearly.desk.pictures import left_out
from dearly.letter.content import Draft
from dearly.letter.words import _, ngettext


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_MENTIONS = re.compile(
    r"\b(?:enclos|attach(?:ed|ment|ing)\b(?! to\b)"
    r"|anbei\b|beigelegt|beigefügt|beiliegend|im anhang|angehängt|lege \w+(?: \w+){0,4} bei\b"
    r"|ci-joint|pi[eè]ces? jointe|je joins\b"
    r"|adjunt|allegat|allego\b"
    r"|bijgevoegd|bijgaand|bijlage|ingesloten"
    r"|załącz|dołącz(?:am|yłem|yłam|ony|one))",
    re.IGNORECASE,
)
_PICTURE = re.compile(r"!\[[^\]\n]*\]\(\s*<?cid:([^)>\s]+)")
_LETTER = r"[^\W\d_]"
_GREETING = (
    r"(?:my |mein[e]?[rn]? |mon |ma |mi |mio |mia |mijn |mój |moja )?"
    r"(?:dear|dearest|hello|hi|liebe[rs]?|liebste[rs]?|hallo|guten tag|ch[eè]re?s?|tr[eè]s ch[eè]re?|bonjour|salut"
    r"|querid[oa]s?|hola|car[oaie]|carissim[oa]|ciao|lieve|beste|dag|hoi|drog[iae]|kochan[yai]|cześć)"
)
_SALUTATION = re.compile(rf"\A[\s*_]*{_GREETING}\s+(.{{1,120}})", re.IGNORECASE)
_WORD = re.compile(rf"{_LETTER}(?:{_LETTER}|['’-](?={_LETTER}))*\.?")
_TITLES = _set(
    "mr mrs ms miss mx dr prof sir madam herr frau fräulein doktor monsieur madame mademoiselle m mme mlle señor señora"
    " sr sra don doña signor signora signorina dott meneer mevrouw dhr mevr pan pani und and et y e en i oder"
)
_KINSHIP = _set(
    "mum mom mama mother dad papa father grandma grandpa granny gran nana sister brother aunt auntie uncle friend"
    " friends all everybody everyone love heart darling sweetheart both you mutter vater mutti vati oma opa tante onkel"
    " schwester bruder freund freundin freunde alle allen familie schatz liebling beide beiden maman père mère ami amie"
    " amis mamie papi tante oncle madre padre mamá papá abuela abuelo tía tío amigo amiga amigos mamma babbo nonna"
    " nonno zia zio amico amica amici moeder vader vriend vriendin vrienden allemaal mamo tato babciu dziadku ciociu"
    " wujku przyjacielu przyjaciółko"
)
_SHORT = (
    frozenset({"robert", "rob", "bob", "bobby", "bert", "robbie"}),
    frozenset({"william", "wilhelm", "will", "bill", "billy", "willi", "willy", "liam"}),
    frozenset({"richard", "rick", "dick", "ricky"}),
    frozenset({"james", "jim", "jimmy", "jamie"}),
    frozenset({"john", "jack", "johannes", "hans", "hannes", "jan", "johnny"}),
    frozenset({"edward", "ed", "ted", "ned", "eduard", "teddy"}),
    frozenset({"henry", "harry", "heinrich", "hank", "heinz", "hal"}),
    frozenset({"joseph", "josef", "joe", "sepp", "pepe", "josé", "beppe", "giuseppe", "józek"}),
    frozenset({"francis", "francisco", "frank", "paco", "franz", "frans"}),
    frozenset({"margaret", "margarete", "peggy", "maggie", "meg", "greta", "grete", "gretel", "rita", "madge"}),
    frozenset({"elizabeth", "elisabeth", "liz", "lisa", "beth", "betty", "bess", "elsa", "else", "lily", "sisi"}),
    frozenset({"mary", "maria", "marie", "molly", "polly", "mitzi", "maryla", "may"}),
    frozenset({"katharina", "catherine", "katherine", "kate", "kathy", "kitty", "käthe", "trina", "kasia", "karin"}),
    frozenset({"alexander", "alexandra", "sascha", "sasha", "sandra", "alex", "xander", "ola", "olek", "sandy"}),
    frozenset({"anna", "ann", "anne", "nancy", "anni", "annie", "ania", "hannah", "hanna", "änne", "anja"}),
    frozenset({"eleanor", "eleonora", "nell", "nelly", "nora", "ella", "ellie", "lore"}),
    frozenset({"theresa", "therese", "tess", "resi", "terry"}),
    frozenset({"ludwig", "louis", "lutz", "lewis", "lou", "lajos"}),
    frozenset({"antonius", "anthony", "anton", "tony", "toni", "antonio", "antoine"}),
    frozenset({"guillermo", "guillaume", "william", "memo"}),
)
_DIMINUTIVES = re.compile(
    r"(?:chen|lein|erl|[iy]|ie|ito|ita|ino|ina|etto|etta|ette|je|tje|ke|ek|ka|eczka|uś|unia|sia)\Z"
)
_MOST_LINES = 12


def notices(draft: Draft, *, addressed: bool = False) -> list[str]:
    """What a friend would say about this page. `addressed`: also say when nobody is named as its reader."""
    said = []
    own = "\n".join(line for line in draft.text.splitlines() if not line.lstrip().startswith(">"))
    if not draft.text.strip():
        said.append(_("The page is empty."))
    if addressed and not draft.to:
        said.append(_("Nobody is named whom it should go to."))
    missing = set(_PICTURE.findall(draft.text)) - {one.cid for one in draft.enclosures}
    if missing:
        said.append(
            ngettext(
                "A picture that the text shows is not here any more.",
                "{n} pictures that the text shows are not here any more.",
                len(missing),
            ).format(n=len(missing))
        )
    unseen = left_out(draft)
    if unseen:
        # Posting leaves them out (`pictures.as_posted`).
        said.append(
            ngettext(
                "A picture lies here that the text does not show any more. It will stay here.",
                "{n} pictures lie here that the text does not show any more. They will stay here.",
                len(unseen),
            ).format(n=len(unseen))
        )
    if not draft.enclosures and not missing and _MENTIONS.search(own):
        said.append(_("The letter speaks of something enclosed, and nothing is."))
    greeted = _greeted(own)
    names = [part for who in draft.to for part in _parts(who.name)]
    if greeted and names and not any(_same(one, name) for one in greeted for name in names):
        said.append(_("It greets {name}, and the envelope names somebody else.").format(name=greeted[0]))
    return said


def _greeted(text: str) -> list[str]:
    """The names in the salutation; none where it names nobody, or not by name."""
    for line in text.splitlines()[:_MOST_LINES]:
        found = _SALUTATION.match(line)
        if not found:
            continue
        # As far as the greeting goes: a name may be followed by the letter itself in the same line.
        words = re.split(r"[,!;:.](?:\s|\Z)|\s[–—-]\s", found[1], maxsplit=1)[0].split()
        names = []
        for word in words[:8]:
            bare = word.strip("*_,.!")
            if bare.casefold().rstrip(".") in _TITLES or bare == "&":
                continue
            if not _WORD.fullmatch(bare) or not bare[0].isupper():
                break
            names.append(bare)
        return [] if any(name.casefold() in _KINSHIP for name in names) else names
    return []


def _parts(name: str) -> list[str]:
    return [part for part in re.split(r"[\s,.&-]+", name) if part and part.casefold() not in _TITLES]


def _plain(name: str) -> str:
    """Without accents and case, so that Zoe is Zoë."""
    apart = unicodedata.normalize("NFKD", name.casefold())
    return "".join(char for char in apart if not unicodedata.combining(char) and char not in "'’")


def _same(greeted: str, name: str) -> bool:
    """Whether one may be called so whose name is this: itself, a part of it, its short or fond form, a vocative."""
    a, b = _plain(greeted), _plain(name)
    if a == b or (min(len(a), len(b)) >= 3 and (a.startswith(b) or b.startswith(a) or a in b)):
        return True
    if any({a, b} <= {_plain(one) for one in names} for names in _SHORT):
        return True
    stem = _DIMINUTIVES.sub("", a)
    if stem != a and len(stem) >= 3 and b.startswith(stem):
        return True
    # Polish and others call by another ending: Ewo, Piotrze.
    agree = next((n for n, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    return a[-1:] in "aeiou" and agree >= 2 and agree >= len(b) - 1
