"""Unfinished sentences: what the last words of a transcript say about whether more is to come.

A sentence does not end with "and", "of the" or "um", and a comma or an ellipsis of the recogniser says the same. Words
that may also end one are left out: the particles of verbs ("turn it on", "mach das Licht an"), pronouns and numerals
("das", "une"), and what ends sentences in one of the other languages ("want", "door", "no"; "ma" in Polish, "mais" in
Portuguese, "du" in German). Four stay although they do in Polish, French, German and Turkish, since so many sentences
stop short at them: "to", "but", "um" and "de".

Of each language: conjunctions, prepositions, articles and possessives, and fillers that keep the turn (Clark and Fox
Tree 2002: "uh" and "um" announce a delay and not an end). We wrote them down by the closed classes of each language's
grammar; whoever speaks another loses nothing but this one sign.
"""

from __future__ import annotations

from enum import Enum
from functools import lru_cache

from .vocabulary import Vocabulary, tokens, word_count


class Ending(Enum):
    """The sign that the last words give."""

    UNKNOWN = "no words"
    OPEN = "words that go on"
    SPELLED = "a letter or a digit"
    SHORT = "a short answer"
    OPENER = "a word that opens a sentence"
    LONE = "a single word"
    PLAIN = "words without a stop"
    WHOLE = "a whole sentence"


_HANGING: dict[str, str] = {
    "en": (
        "and or but because although unless whether than of to for from with without into as the my your our their its "
        "whose i'm we're you're they're i'll i'd i've um uh erm uhm uhh"
    ),
    "de": (
        "und oder aber weil denn dass wenn ob als obwohl des einen einem mein dein unser für von zwischen wegen äh ähm"
    ),
    "fr": ("ou donc parce que quand comme le des au aux tes notre votre leur ce cette ces pour avec sans chez euh heu"),
    "es": ("pero porque que cuando como aunque el las tus sus nuestro de por con en sin desde eh"),
    "it": "perché che quando il lo gli della dello dei delle di con per tra fra senza ehm",
    "pt": "mas porque que quando como os as um de por em sem sobre ahn",
    "nl": "en of omdat als een de mijn jouw onze naar tussen zonder eh",
    "sv": "och eller eftersom att när som från utan mellan genom öh",
    "pl": "oraz albo lub ponieważ że jeśli kiedy który która dla przez między yyy eee",
    "ru": "и или но потому что если когда который которая в во на с со к от для из без между через э эм",
    "tr": "veya fakat çünkü eğer şey",
}

# Where words are not divided by spaces: what the text ends with.
_HANGING_ENDS = (
    *("和", "跟", "把", "被", "从", "從", "但", "但是", "因为", "因為", "所以", "如果", "还有", "還有", "那个", "那個"),
    *("けど", "から", "ので", "って", "あの", "えっと", "ええと", "を", "と", "が", "に"),
    *("그리고", "그런데", "하지만", "그래서", "음"),
)

_WORDS = frozenset(word for words in _HANGING.values() for word in words.split())

# A yes, a no, or an okay. Not what listeners give for an answer besides: "sounds good" has said why.
_SHORT: dict[str, str] = {
    "en": (
        "yes|yeah|yep|yup|ya|yea|aye|uh-huh|uh huh|okay|ok|all right|alright|sure|of course|right|correct|exactly|"
        "absolutely|definitely|true|no|nope|nah|not really"
    ),
    "de": "ja|jo|jep|jawohl|doch|okay|ok|klar|na klar|genau|stimmt|richtig|natürlich|gut|na gut|nein|nee|nö",
    "fr": "oui|ouais|si|mouais|d'accord|okay|ok|bien sûr|exact|exactement|voilà|bon|non",
    "es": "sí|si|claro|vale|okay|ok|okey|dale|bueno|exacto|exactamente|por supuesto|no",
    "it": "sì|si|certo|esatto|esattamente|va bene|okay|ok|d'accordo|già|no",
    "pt": "sim|é|claro|certo|tá|tá bom|está bem|okay|ok|exato|pois|pois é|não",
    "nl": "ja|jawel|jazeker|jep|oké|okay|ok|zeker|precies|klopt|natuurlijk|goed|nee",
    "sv": "ja|jo|jadå|jodå|javisst|visst|okej|okay|ok|precis|just det|nej|nä",
    "ru": "да|ага|угу|ну да|ладно|хорошо|окей|ок|конечно|точно|верно|нет|не",
    "uk": "так|ага|угу|ну так|гаразд|добре|окей|ок|звичайно|звісно|точно|ні",
    "pl": "tak|no|no tak|jasne|dobra|dobrze|okej|okay|ok|oczywiście|dokładnie|nie",
    "cs": "ano|jo|jojo|jasně|dobře|dobrá|okej|okay|ok|samozřejmě|přesně|ne",
    "el": "ναι|μάλιστα|εντάξει|οκέι|οκ|βέβαια|φυσικά|σωστά|ακριβώς|όχι",
    "tr": "evet|tamam|peki|olur|tabii|tabii ki|tabi|elbette|aynen|doğru|hayır|yok",
    "ar": "نعم|أيوه|أيوا|أجل|بلى|إي|طيب|حسنا|تمام|ماشي|أوكي|أكيد|طبعا|صحيح|لا",
    "he": "כן|נכון|בטח|בסדר|אוקיי|אוקי|סבבה|ברור|כמובן|בדיוק|טוב|לא",
    "hi": "हाँ|हां|जी|जी हाँ|हाँ जी|हाँजी|ठीक है|ठीक|अच्छा|ओके|सही|बिल्कुल|ज़रूर|नहीं|जी नहीं",
    "ur": "ہاں|جی|جی ہاں|ہاں جی|جی جی|ٹھیک ہے|ٹھیک|اچھا|اوکے|صحیح|بالکل|ضرور|نہیں|جی نہیں",
    "bn": "হ্যাঁ|হ্যা|জি|জ্বি|জি হ্যাঁ|ঠিক আছে|ঠিক|আচ্ছা|ওকে|অবশ্যই|না",
    "mr": "हो|होय|ठीक आहे|ठीक|बरं|बरे|ओके|बरोबर|नक्की|नाही",
    "te": "అవును|అవునండి|సరే|సరేనండి|అలాగే|ఓకే|కాదు|లేదు",
    "ta": "ஆமா|ஆமாம்|ஆமாங்க|ஆம்|சரி|சரிங்க|ஓகே|இல்லை|இல்ல",
    "zh": "对|对的|对啊|是|是的|是啊|好|好的|好吧|行|可以|嗯|没错|当然|對|對啊|沒錯|當然|不|不是|没有|沒有|不行",
    "ja": "はい|うん|ええ|そう|そうです|そうですね|オッケー|オーケー|もちろん|いいえ|いや|ううん",
    "ko": "네|예|넵|응|그래|그래요|맞아|맞아요|좋아|좋아요|그럼요|물론이죠|오케이|아니|아니요|아뇨",
    "vi": "vâng|dạ|dạ vâng|vâng ạ|ừ|ừm|đúng|đúng rồi|phải|được|được rồi|ok|oke|okay|không",
    "id": "ya|iya|yap|oke|okay|ok|baik|baiklah|betul|benar|tentu|tidak|nggak|bukan",
    "th": "ใช่|ใช่แล้ว|ครับ|ค่ะ|ได้|โอเค|ตกลง|ถูกต้อง|แน่นอน|ไม่|ไม่ใช่",
}

# What opens a sentence, and alone says nothing yet.
_OPENERS = frozenset(
    map(
        tokens,
        (
            *("so", "well", "now", "hey", "hi", "hello", "listen", "look", "actually", "anyway", "excuse me", "sorry"),
            *(
                "also",
                "tja",
                "naja",
                "nun",
                "hallo",
                "hör mal",
                "entschuldigung",
                "alors",
                "eh bien",
                "salut",
                "bonjour",
            ),
            *(
                "écoute",
                "écoutez",
                "entonces",
                "pues",
                "hola",
                "oye",
                "oiga",
                "mira",
                "perdón",
                "allora",
                "dunque",
                "beh",
            ),
            *(
                "ciao",
                "senti",
                "senta",
                "scusi",
                "scusa",
                "então",
                "olá",
                "oi",
                "olha",
                "desculpe",
                "dus",
                "nou",
                "hoi",
            ),
            *("luister", "så", "alltså", "hej", "hallå", "ursäkta", "więc", "cześć", "halo", "słuchaj", "przepraszam"),
            *("takže", "ahoj", "haló", "promiňte", "ну", "привет", "алло", "слушай", "слушайте", "отже", "привіт"),
            *("слухай", "λοιπόν", "γεια", "άκου", "yani", "merhaba", "alo", "pardon", "مرحبا", "ألو", "السلام عليكم"),
            *("אז", "שלום", "הלו", "סליחה", "तो", "नमस्ते", "हैलो", "सुनिए", "تو", "ہیلو", "তো", "হ্যালো", "तर", "हॅलो"),
            *(
                "హలో",
                "வணக்கம்",
                "ஹலோ",
                "那么",
                "那",
                "喂",
                "你好",
                "请问",
                "請問",
                "もしもし",
                "じゃあ",
                "では",
                "すみません",
            ),
            *(
                "저기",
                "저기요",
                "여보세요",
                "안녕하세요",
                "thế",
                "xin chào",
                "alô",
                "jadi",
                "halo",
                "permisi",
                "สวัสดี",
                "ฮัลโหล",
            ),
        ),
    )
)

# What is put together of these alone: "yes, yes", "okayyy", "jaja", and what is hummed.
_SHORT_ANSWERS = Vocabulary(
    backchannels=frozenset(phrase for phrases in _SHORT.values() for phrase in phrases.split("|")),
    fillers=frozenset(),
    commands=frozenset(),
    answers=frozenset(),
)

_NUMBERS = frozenset(tokens("zero one two three four five six seven eight nine oh double triple dot dash at"))

# What recognisers write at the end of a sentence, and where they hear that it goes on.
_STOPS, _QUESTIONS = ".!?。！？؟।", ("?", "？", "؟")
_COMMAS = (",", "，", "、", "...", "…", "-", "–", "—", ":", ";")


# Asked anew after each event in a pause.
@lru_cache(maxsize=512)
def ending(text: str) -> Ending:
    """Say how a transcript ends.

    `OPEN`: with a word after which a sentence goes on, unless that is a question ("What for?"), or with a comma.
    `SPELLED`: with a letter, a digit or the name of one, as within a spelled name or a number. `SHORT`: it is all a
    "yes", a "no" or an "okay", after which many go on to explain. `OPENER`: it is all a "so" or a "hello". `LONE`: it
    is any other word, which no stop makes more whole. `WHOLE`: with a full stop, a question or an exclamation mark,
    where the recogniser writes such. `PLAIN`: with none of these. `UNKNOWN`: there are no words.
    """
    words = tokens(text)
    if not words:
        return Ending.UNKNOWN
    text, last = text.rstrip(), words[-1]
    bare = text.rstrip(_STOPS + " ")
    if text.endswith(_COMMAS) or ((last in _WORDS or bare.endswith(_HANGING_ENDS)) and not text.endswith(_QUESTIONS)):
        return Ending.OPEN
    if _is_spelled(last):
        return Ending.SPELLED
    if not text.endswith(_QUESTIONS) and not _SHORT_ANSWERS.content(words):
        return Ending.SHORT
    if words in _OPENERS:
        return Ending.OPENER
    if is_one_word(text) and last not in _WORDS:
        return Ending.LONE
    return Ending.WHOLE if text[-1] in _STOPS else Ending.PLAIN


@lru_cache(maxsize=512)
def is_one_word(text: str) -> bool:
    """Return True for one word; of scripts without spaces, for two characters."""
    return 0.0 < word_count(tokens(text)) <= 1.0


def _is_spelled(word: str) -> bool:
    *before, last = word.split("-")
    if last in _NUMBERS or last.isdigit():
        return True
    # Of "I-T-I-L", but not of "vas-y".
    return all(len(part) == 1 and part.isascii() for part in (*before, last))
