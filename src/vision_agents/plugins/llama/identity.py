"""Identity of a small model: a name or a trade that nobody gave it is not said, but what its instructions say."""

from __future__ import annotations

import re
from collections.abc import Sequence

from vision_agents.core.conversation import Message, Role

from .recall import Subjects, subjects

UNNAMED = "I have no name."
UNTOLD = "I am a voice assistant."
"""Who an agent is whose instructions do not say it."""

# Where a sentence of the reply ends; a title's point is none.
_POINT = r"(?<!\b[DM]r)(?<!\bMrs)(?<!\bMs)(?<!\bSt)(?<!\bProf)[.!?…]"
_END = re.compile(rf"{_POINT}+[\"'”)]*(?=\s)|\n+")
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)?")
# The word that is being written may become an opener, and from an opener on there may be a claim.
_UNSURE = re.compile(r"\b(?:m|y|yo|c|ca|cal)$", re.IGNORECASE)
_OPENER = re.compile(r"\b(?:I|my|call|you)\b", re.IGNORECASE)
# What a claim of the agent's own begins behind, if not a sentence: "if I'm a fool" and "they call me Al" are none.
_OPENING = re.compile(
    r"(?:^|[,;!–—-]|\b(?:and|but|so|because|well|yes|no|sure|oh|ok|okay|hi|hey|hello|there|sorry|(?:you )?(?:can|may)"
    r"|just))\s*$",
    re.IGNORECASE,
)
_CLAIM = re.compile(
    r"""\b(?:
        I(?:['’]m|\ am)(?:\ (?:also|just|actually|only|really))?(?P<named>\ (?:called|named|known\ as))?
        | (?P<name>my(?:\ (?:full|first|last|real|own))?\ name(?:['’]s|\ is) | (?P<call>call\ me))
        | (?P<who>you(?:['’]re|\ are)\ (?:speaking|talking)\ (?:to|with))
    )\s+(?=(?P<rest>.+))""",
    re.IGNORECASE | re.VERBOSE | re.DOTALL,
)
_ARTICLE = re.compile(r"(?:an?|the|your|one of the|one of your|(?=human\b))(?:\b|$)", re.IGNORECASE)
_NAME = re.compile(r"[\"'“‘]?(?:the )?[A-Z]")
# Where the words end that say what somebody is.
_BOUND = re.compile(
    rf"{_POINT}|[,;:\n—(]|\b(?:of|at|for|in|on|to|from|with|by|about|who|that|which|whose|and|or|but|so|here|today|now|ready|"
    r"designed|made|created|trained|built|specialized|specializing|dedicated|working|called|named)\b",
    re.IGNORECASE,
)
# What says who an agent is: said by anybody, and in instructions.
_YOURS = r"you(?:['’]re| are)(?: called| named| now)*|your name(?:['’]s| is)?|calls? (?:you|yourself)"
_TOLD = re.compile(rf"\b(?:{_YOURS})\s+(?=(?P<phrase>.+))", re.IGNORECASE)
_INSTRUCTED = re.compile(
    rf"\b(?:{_YOURS}|named|called|as|be|play|playing|role|name|persona)(?: is)?:?\s+(?=(?P<phrase>.+))", re.IGNORECASE
)
# What each of them may be called, and how; and words of no meaning after an article ("a bit tired", "a big fan").
_GENERIC = subjects(
    "helpful friendly kind happy polite voice assistant helper bot chatbot agent program computer machine software "
    "virtual digital artificial intelligence ai language model text chat based"
)
_MANNER = subjects("bit little lot fan big huge great good same only best first last wrong right moment minute hour")
_TITLES = {"dr", "mr", "mrs", "ms", "miss", "sir", "doctor", "professor", "prof"}
_NO_NAMES = {"ok", "okay", "i", "i'm", "i’m", "i'll", "i'd", "i've"}
# What may follow a claim that was not passed on: no tale of who the model said it was.
_OFFER = (
    r"(?:(?:['’]m| am) (?:here|not|glad|happy|sorry|ready|always|afraid)|['’](?:ll|d)"
    r"| (?:can|cannot|could|will|would|do|don['’]t|think|believe|know|hope|see|understand|suggest|recommend))"
)
_TALE = re.compile(rf"\s*(?:(?:and|but|so|yes|no|well),? )?(?:I(?!{_OFFER}\b)|my)\b", re.IGNORECASE)
# Who asks for these gets words of somebody else, though they say "I".
_WORKS = subjects(
    "story tale fable poem song lyrics rhyme haiku letter mail email essay speech joke riddle sentence example "
    "dialogue scene quote translate write say repeat recite read sing imagine pretend act play"
)
_ASKS_AFTER_IT = re.compile(
    r"\b(?:your (?:\w+ )?name|yourself|who (?:are you|you are)|who['’]s (?:this|there))\b", re.IGNORECASE
)
_ASKS_NAME = re.compile(r"\b(?:your name|call you|you (?:called|named)|have a name)\b", re.IGNORECASE)

_SENTENCE = re.compile(rf"{_POINT}+\s+|\n+")
# Who it is, and not how or where ("you are polite", "you are on the phone").
_YOU_ARE = re.compile(r"(?i:You are|You['’]re)\s+(?!NOT\b|NEVER\b|ALWAYS\b)(?=(?i:an?|the|our|one)\b|[\"“']?[A-Z])")
_YOUR_NAME = re.compile(r"(?i:Your name(?: is|['’]s))\s+(?=[\"“']?[A-Z])")
# What it has to do, or must not tell, is nobody else's business.
_DUTY = re.compile(
    r",?\s+(?:who|whose|which|that|and|but)\b.*\b(?:must|never|should|shall|not|don['’]t|always)\b.*", re.DOTALL
)
_YOU_DO = re.compile(
    r"You (?!are\b|must\b|should\b|shall\b|will\b|can\b|cannot\b|can['’]t\b|may\b|might\b|do\b|don['’]t\b|never\b|"
    r"always\b|have\b|need\b|only\b|know\b)(?=[a-z])"
)

# Words of English that languages beside it do not share; and such as those hardly do without, and English has not.
_ENGLISH = re.compile(
    r"\b(?:you|your|the|and|are|with|this|that|who|which|from|about|always|never|must|answer|answers|speak|speaks|talk"
    r"|talks|say|says|tell|tells|keep|reply|replies|respond|responds|helpful|friendly)\b",
    re.IGNORECASE,
)
_FOREIGN = re.compile(
    r"\b(?:du|bist|sei|der|das|die|und|ist|ein|eine|je|bent|het|een|met|er|og|som|med|och|tu|es|eres|est|un|una|une"
    r"|el|la|le|les|des|de|il|di|che|para|por|com|uma|jest|sen|bir|ve|anda|yang)\b",
    re.IGNORECASE,
)


class IdentityGuard:
    """Passes a reply on, piece by piece, without what the model makes up about who it is.

    Asked who it is, and unasked, a model of this size gives itself a name or a trade: a voice assistant says that it is
    Emily, a travel blogger. A sentence that claims a name is passed on if its instructions or its caller call the agent
    so, and one that claims a trade if that stands in them. In the place of the first other one the agent says who it is
    by its instructions, in their words; further ones, and what it tells of itself then, are left out. Not so with words
    of somebody else: in quotation marks, or when the caller asks for a story or a letter. What is held back for that is
    the rest of a sentence, which nobody speaks before it is complete.

    It knows English alone: nothing is held back of a reply in another language, nor of any reply where the instructions
    are in another one, since what they make of the agent cannot be told then.
    """

    def __init__(self, instructions: str, messages: Sequence[Message]) -> None:
        said = [message.text for message in messages if message.role is Role.USER]
        instructed = _words_of(_INSTRUCTED, instructions)
        told = Subjects().union(*(_words_of(_TOLD, text) for text in said))
        # Instructions that say in other words who the agent is, or in another language, may name it anywhere.
        called = {word.lower() for word in (instructed or _WORD.findall(instructions))} | {
            word.lower() for word in told
        }
        # What they write small is no name: a captain may be Captain Ahab.
        small = {word for word in _WORD.findall(instructions) if word.islower()}
        self._names = called | small | _TITLES | _NO_NAMES
        self._told = subjects(instructions) | subjects(" ".join(called))
        self._introduction = introduction(instructions)
        named = any(word[0].isupper() for word in instructed | told)
        last = said[-1] if said else ""
        if not named and _ASKS_NAME.search(last):
            self._introduction = f"{UNNAMED} {self._introduction}"
        is_of_others = bool(subjects(last) & _WORKS) and _ASKS_AFTER_IT.search(last) is None
        self._judges = in_english(instructions) and not is_of_others
        self._introduced = False
        self._made_up = False
        self._spaced = False
        self._text = ""
        self._passed = 0
        self._sentence = 0  # where the sentence begins that is being written

    def feed(self, piece: str) -> str:
        """Take the next piece. Returns what may be said by now."""
        self._text += piece
        said = ""
        while (end := _END.search(self._text, self._sentence)) is not None:
            said += self._judge(end.end())
        opener = _OPENER.search(self._text, self._sentence) or _UNSURE.search(self._text, self._sentence)
        return said + self._pass(opener.start() if opener else len(self._text))

    def end(self) -> str:
        """The model has ended. Returns what was held back, unless it is made up."""
        return self._judge(len(self._text))

    def _judge(self, end: int) -> str:
        """The rest of the sentence that ends there, or what is said in its place."""
        claims = self._claims(end)
        claim = next((claim for claim in claims if not self._is_so(claim)), None)
        begun = bool(self._text[self._sentence : self._passed].strip())
        tale = self._made_up and not begun and _TALE.match(self._text, self._sentence, end)
        self._sentence = end
        if claim is None and not tale:
            self._introduced |= any(self._name(true) for true in claims)
            return self._pass(end)
        self._made_up = True
        said = ""
        if claim is not None and (begun or not self._introduced):
            said = self._instead(claim, begun)
            self._introduced = True
        self._passed = end
        return said

    def _instead(self, claim: re.Match[str], begun: bool) -> str:
        """The sentence up to its claim, and the truth: its name alone where that is so, and the trade is not."""
        name = self._name(claim)
        if name and self._is_named(name):
            return self._pass(claim.start("rest") + len(name)) + "."
        return self._pass(claim.start()) + self._say(_within(self._introduction) if begun else self._introduction)

    def _claims(self, end: int) -> list[re.Match[str]]:
        """Find what the sentence up to there says of the agent itself."""
        if not self._judges:
            return []
        found = _CLAIM.finditer(self._text, self._sentence, end)
        return [claim for claim in found if self._is_its_own(claim.start())]

    def _is_its_own(self, place: int) -> bool:
        before = self._text[:place]
        quoted = before.count('"') % 2 or before.count("“") > before.count("”")
        return not quoted and _OPENING.search(before[self._sentence :]) is not None

    def _pass(self, upto: int) -> str:
        begin, self._passed = self._passed, max(self._passed, upto)
        return self._say(self._text[begin : self._passed])

    def _say(self, text: str) -> str:
        if self._spaced:  # a sentence that was left out leaves its space
            text = text.lstrip(" ")
        self._spaced = text[-1:].isspace() if text else self._spaced
        return text

    def _is_so(self, claim: re.Match[str]) -> bool:
        rest = claim["rest"]
        if _ARTICLE.match(rest):
            return bool(claim["who"] or claim["call"]) or self._is_known(rest)
        name = self._name(claim)
        # "I'm glad", "I am not sure"; "Rosa, a local artist".
        return not name or (self._is_named(name) and self._is_known(rest[len(name) :].lstrip(", ")))

    def _name(self, claim: re.Match[str]) -> str:
        """The name that is claimed, or nothing."""
        rest = claim["rest"]
        claims_one = claim["named"] or claim["name"] or (_NAME.match(rest) and not _ARTICLE.match(rest))
        return _phrase(rest).rstrip() if claims_one else ""

    def _is_named(self, name: str) -> bool:
        return {word.lower() for word in _WORD.findall(name) if word[0].isupper()} <= self._names

    def _is_known(self, text: str) -> bool:
        """True of a text that begins with a trade of the agent's, or with none."""
        article = _ARTICLE.match(text)
        said = _WORD.findall(_phrase(text[article.end() :])) if article else []
        words = [word for word in map(subjects, said) if word]
        trade = Subjects().union(*words)
        # A pirate is one, the most feared of all too; an assistant is a travel assistant only if it was told so.
        is_told = bool(words) and words[-1] <= self._told - _GENERIC
        return is_told or bool(trade & _MANNER) or trade <= self._told | _GENERIC


def in_english(instructions: str) -> bool:
    """Return whether they are in English, or nothing in them tells."""
    if _ENGLISH.search(instructions) is not None:
        return True
    return instructions.isascii() and _FOREIGN.search(instructions) is None


def introduction(instructions: str) -> str:
    """Introduce the agent by its instructions, in its own words."""
    sentences = [sentence.strip() for sentence in _SENTENCE.split(instructions) if sentence.strip()]
    for opening, mine in ((_YOU_ARE, "I am "), (_YOUR_NAME, "My name is ")):
        for sentence in sentences:
            if begin := opening.match(sentence):
                return mine + _of_me(sentence[begin.end() :])
    if sentences and (begin := _YOU_DO.match(sentences[0])):
        return "I " + _of_me(sentences[0][begin.end() :])
    return UNTOLD


def _within(sentence: str) -> str:
    """As it is written in the middle of another."""
    return sentence if sentence.startswith("I ") else sentence[0].lower() + sentence[1:]


def _of_me(text: str) -> str:
    """The rest of a sentence about "you", about "me"."""
    text = re.sub(r"\byour\b", "my", _DUTY.sub("", text), flags=re.IGNORECASE)
    text = re.sub(r"\byou(?: are|['’]re)\b", "I am", text, flags=re.IGNORECASE)
    text = re.sub(r"(?:(?<=, )|(?<=\band )|(?<=\bthat )|(?<=\bwhere ))you\b", "I", text, flags=re.IGNORECASE)
    text = re.sub(r"\byou\b", "me", text, flags=re.IGNORECASE).rstrip(" ,;:")
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _words_of(pattern: re.Pattern[str], text: str) -> Subjects:
    """The words by which a text says who the agent is, or what it is."""
    places = (found.start("phrase") for found in pattern.finditer(text))
    return frozenset(word for place in places for word in _WORD.findall(_phrase(text[place:])))


def _phrase(text: str) -> str:
    """The words up to the first that says something else."""
    bound = _BOUND.search(text)
    return text[: bound.start()] if bound else text
