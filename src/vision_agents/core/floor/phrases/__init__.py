"""The phrases of each language for `Vocabulary`, separated by bars.

Of each language six kinds. A phrase stands alone, after leads and before tails, so that an agreement is one entry and
not forty: the leads of English ("that's", "very"), its backchannels ("good", "thank you") and its tails ("then", "very
much", "sir") make "that's very good then" and "thank you very much, sir".

The kinds follow the tags of Switchboard (SWBD-DAMSL, Jurafsky, Shriberg and Biasca 1997): backchannels are its
acknowledgements, agreements and assessments (b, bk, ba, bh, aa), thanks among them; fillers are its holds before an
utterance. The words themselves were written down by us; `tests/core/floor/test_phrases.py` says how they were checked.
"""

from __future__ import annotations

from .asian import CHINESE, INDONESIAN, JAPANESE, KOREAN, THAI, VIETNAMESE
from .germanic import DUTCH, ENGLISH, GERMAN, SWEDISH
from .indian import BENGALI, HINDI, MARATHI, TAMIL, TELUGU, URDU
from .mediterranean import ARABIC, GREEK, HEBREW, TURKISH
from .romance import FRENCH, ITALIAN, PORTUGUESE, SPANISH
from .slavic import CZECH, POLISH, RUSSIAN, UKRAINIAN

PHRASES: dict[str, dict[str, str]] = {
    "en": ENGLISH,
    "de": GERMAN,
    "fr": FRENCH,
    "es": SPANISH,
    "it": ITALIAN,
    "pt": PORTUGUESE,
    "nl": DUTCH,
    "sv": SWEDISH,
    "ru": RUSSIAN,
    "uk": UKRAINIAN,
    "pl": POLISH,
    "cs": CZECH,
    "el": GREEK,
    "tr": TURKISH,
    "ar": ARABIC,
    "he": HEBREW,
    "hi": HINDI,
    "ur": URDU,
    "bn": BENGALI,
    "mr": MARATHI,
    "te": TELUGU,
    "ta": TAMIL,
    "zh": CHINESE,
    "ja": JAPANESE,
    "ko": KOREAN,
    "id": INDONESIAN,
    "vi": VIETNAMESE,
    "th": THAI,
}
