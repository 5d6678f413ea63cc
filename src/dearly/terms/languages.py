"""In which language a letter is written, guessed from its small words; and the stems of words in it.

A guess is enough: stems only add to what is found, every word is found as it stands as well. Where the small words of
two languages are about as many (a letter in two languages, or two that are near each other), both rules are used.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from typing import cast

import Stemmer

from dearly.terms.folding import cut, words

_SMALL = {
    "ar": ("arabic", "في من على الى إلى عن هذا هذه التي الذي أن ان كان كانت لا ما مع كل بعد قبل ثم أو لم لقد أنا نحن"),
    "hy": ("armenian", "և է որ են եմ մի այս այդ այն ինչ հետ համար մեր իր նա ես դու էր էին նրա բայց կամ թե չի ոչ"),
    "eu": ("basque", "eta da ez bat dut du zen izan baina ere hau oso dira gara naiz zure nire egin gaur duzu zuen ni"),
    "ca": ("catalan", "el la els les de i que en amb per no és una un però molt més també ens del al com quan són"),
    "cs": ("czech", "a se v na je že to jsem s z do ale jak tak by mi jsme už jen ještě nebo když co si pro byl byla"),
    "da": ("danish", "og i at det en den til er som på de med han af for ikke der var mig sig men et har jeg vi meget"),
    "de": ("german", "der die das und ich ist nicht ein eine zu in den dem mit sich auf für von es wir auch war aber"),
    "el": ("greek", "και το να του η της με που την από για τα είναι των σε ο οι στο θα τη στην τον δεν μας μου σου"),
    "en": ("english", "the and of to a in is it you that was for on are with as i his they be at have this my from we"),
    "eo": ("esperanto", "la kaj de en ne mi estas vi al kiu por sed tre pri kun li ni ĉi tio oni ĝi kiel pli ankaŭ aŭ"),
    "es": ("spanish", "de la que el en y a los se del las un por con no una su para es al lo como más pero muy yo me"),
    "et": ("estonian", "ja on ei ta et see ma oli kui aga mis ka siis nii oma meie me sa nagu veel või mind kes väga"),
    "fa": ("persian", "و در به از که این را با است برای آن یک خود تا بر من ما شما بود شد هم اما می او باید"),
    "fi": ("finnish", "ja on ei se että hän oli mutta kun niin olen myös kuin me minä sinä joka tämä nyt jos ole mitä"),
    "fr": ("french", "de la le et les des en un une du que est pour qui dans a par plus pas au sur ne se ce il je"),
    "ga": ("irish", "agus an na ar is go ní tá le sé sin bhí mé do ag leis ach mo muid seo bheith raibh aon níl chun"),
    "hi": ("hindi", "है के में की और को से का हैं पर नहीं यह था ने एक हम मैं तुम भी तो वह कर हो थी मुझे"),
    "hu": ("hungarian", "a az és hogy nem is egy van meg de ez csak már volt még mint ha én el majd nagyon kell vagy"),
    "id": ("indonesian", "yang dan di itu dengan untuk tidak ini dari dalam akan pada saya ke karena ada kita kami"),
    "it": ("italian", "di e il la che è un a per in una sono mi non ho si lo ma con ti le del da come ci anche più"),
    "lt": ("lithuanian", "ir kad ne į yra tai su buvo iš aš mes bet kaip labai tik dar jau apie mano jo nuo prie ar"),
    "ne": ("nepali", "छ र को मा हो पनि यो छन् गर्न भएको म तर लाई गरेको थियो हामी मेरो तिमी छैन अनि"),
    "nl": ("dutch", "de en van ik het een dat die in te niet is zijn op aan met als voor er maar om dan zou wat mijn"),
    "no": ("norwegian", "og i det på som er en til å han av for at var de ikke med jeg har vi den men hun fra meg så"),
    "pl": ("polish", "w i na z do się nie to że jest o jak po a co za od ale już tak mnie był przez czy dla jestem są"),
    "pt": ("portuguese", "de a o que e do da em um para é com não uma os no se na por mais as dos como mas ao eu"),
    "ro": ("romanian", "de și în a la cu pe nu că din o un este mai se pentru am să sunt care ce ca dar foarte fi eu"),
    "ru": ("russian", "и в не на я что он с как это по но к у из за то все она так его мы же вы бы был тебе мне"),
    "sr": ("serbian", "i u je da se na su za od sa nije kao koji ne sam ali što bi mi i те је да на су за од са није"),
    "sv": ("swedish", "och i att det som en på är av för med till den har de inte om ett jag men var vi så sig från"),
    "ta": ("tamil", "ஒரு என்று மற்றும் இந்த என அது நான் அவர் இது தான் உள்ள ஆனால் எங்கள் என் நீ வந்து"),
    "tr": ("turkish", "ve bir bu da de için çok ile ne ben gibi daha o mi ama var kadar sonra olan değil biz sen şey"),
    "yi": ("yiddish", "און די דער איז אין איך צו פון דאס ניט נישט מיט אויף האט וואס זיי א מיר אבער געווען"),
}  # fmt: skip
"""Each language: the name of its rules for stems, and small words that are in every letter."""

LANGUAGES = tuple(_SMALL)
"""Two-letter codes (ISO 639-1) of the languages whose stems are known."""

_MOST_KEPT = 12_000
"""Stems that are kept of each language: 2 MB. A person uses a few thousand words, but names and slips never end."""

_FEW = 2
"""Small words, different ones, without which there is no guess."""

_ALSO = 0.6
"""Of the small words of the first language: so many make a second one plausible."""


def _speakers() -> Mapping[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for language, (_rules, small) in _SMALL.items():
        for word in dict.fromkeys(small.split()):
            found[word] = (*found.get(word, ()), language)
    return found


_SPEAKERS = _speakers()


def is_small(word: str) -> bool:
    """Whether this is a word that is in nearly every letter of some language."""
    return word in _SPEAKERS


def guess(plain: Mapping[str, object]) -> tuple[str, ...]:
    """The languages that words (the keys: `folding.plain_words`) are likely of: none, one or two, likelier first."""
    counts = Counter([language for word in plain.keys() & _SPEAKERS.keys() for language in _SPEAKERS[word]])
    best = sorted(counts.items(), key=lambda one: (-one[1], one[0]))[:2]
    if not best or best[0][1] < _FEW:
        return ()
    return tuple(language for language, count in best if count >= max(_FEW, best[0][1] * _ALSO))


class _Rules:
    """Of one language. The stems that were made are kept: a person uses the same few thousand words."""

    def __init__(self, language: str) -> None:
        self._stemmer = Stemmer.Stemmer(_SMALL[language][0], 0)
        self._made: dict[str, str] = {}

    def stems(self, plain: Collection[str]) -> list[str]:
        if len(self._made) > _MOST_KEPT:
            self._made.clear()
        # Most words were met before, and each is looked up only once: that is what costs time here.
        found = list(map(self._made.get, plain))
        if None in found:
            new = [word for word, stem in zip(plain, found, strict=True) if stem is None]
            made = list(map(cut, self._stemmer.stemWords(new)))
            self._made.update(zip(new, made, strict=True))
            rest = iter(made)
            return [next(rest) if stem is None else stem for stem in found]
        return cast("list[str]", found)


class _Ours(threading.local):
    """One of each for a thread: their buffers are not to be shared."""

    def __init__(self) -> None:
        self.rules: dict[str, _Rules] = {}


_ours = _Ours()


def stems(plain: Collection[str], language: str) -> list[str]:
    """The folded stem of each word (`folding.plain_words`); "" where nothing is left of it."""
    rules = _ours.rules.get(language)
    if rules is None:
        rules = _ours.rules[language] = _Rules(language)
    return rules.stems(plain)


def stems_of(word: str, languages: Iterable[str]) -> tuple[str, ...]:
    """What a word that was looked for may be the stem of, or share the stem with, in any of these languages; however
    it was typed, with its accents or without."""
    spellings = dict.fromkeys((word.lower(), *words(word)))
    found = (stem for language in languages for stem in stems(spellings, language))
    return tuple(dict.fromkeys(stem.strip() for stem in found if stem.strip()))
