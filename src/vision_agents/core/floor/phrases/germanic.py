"""The phrases of English, German, Dutch and Swedish."""

from __future__ import annotations

# What assessments say of a thing: after "that's very", alone, and the first of them before a thing.
_GOOD = (
    "good|great|excellent|nice|brilliant|fantastic|wonderful|lovely|amazing|awesome|interesting|fair|terrific|"
    "fascinating|beautiful"
)
_ASSESSMENTS = (
    "cool|fine|sweet|neat|impressive|perfect|incredible|unbelievable|superb|splendid|outstanding|magnificent|"
    "marvelous|marvellous|stunning|gorgeous|delightful|remarkable|extraordinary|spectacular|adorable|hilarious|"
    "ridiculous|insane|wild|exciting|surprising|amusing|strange|weird|odd|scary|reasonable|thoughtful|unfortunate|"
    "tragic|frustrating|annoying|terrible|awful|horrible"
)
# Things that are good only as what was said, and others that somebody may ask for: "a good example, please".
_SAID = "idea|point|question|thinking|call|choice|job|work|try|shot|thought"
_THINGS = "one|news|stuff|story|advice|tip|suggestion|plan|deal|example|explanation|answer|fact"

# An article begins what is asked for, "a joke", unless these say it of what was heard: "that's a joke".
_STATED = (
    "that's|thats|that is|that was|that's such|it's|it is|it was|this is|there's|they're|you're|you are|what|such|"
    "sounds like|that sounds like|looks like|that would be|that'd be|really|quite|rather|just"
)
_NOUNS = "joke|plan|treat|deal|surprise|bargain"
_SAID_OF_IT = tuple(f"{stated} a {noun}" for stated in _STATED.split("|") for noun in _NOUNS.split("|"))

# What people give, and are thanked for.
_GIFTS = "help|time|patience|support|advice|effort|attention|understanding|explanation|information|info"
_GIVEN = [f"{whose} {gift}" for whose in ("your", "the", "all your", "all the") for gift in _GIFTS.split("|")]

# They let the agent do what it has proposed, or go on; and confirm, doubt or wish what it has asked.
_CONSENTS = (
    "works for me|that works|i don't mind|doesn't matter|no problem|no problem at all|not a problem|no worries|"
    "no sweat|no biggie|no trouble|no trouble at all|will do|you bet|sure thing|sounds like fun|sounds about right|"
    "go on|go ahead|carry on|keep going|continue|i'm listening|i'm all ears|i'm with you|roger|roger that|copy that|"
    "got it|understood|noted|duly noted|makes sense|make sense|makes perfect sense|makes total sense|that makes sense|"
    "fair enough|close enough|good enough|okay then|it's okay|that's okay|not bad|not too bad|could be worse|righto|"
    "okey dokey|okie dokie|kay|alright|alrighty|all righty|no doubt|no doubt about it|without a doubt|for sure|truly|"
    "totally|indeed|naturally|obviously|clearly|evidently|apparently|surely|honestly|it sure is|it sure does|"
    "i'm sure it is|i thought so|i figured|i figured as much|i suppose|i suppose so|i believe so|i imagine|"
    "i imagine so|i'd imagine|i would imagine|i reckon|i reckon so|i'd say so|i bet|i'll bet|i'd bet|i guess|"
    "i hope so|i wish|agree|no way|no kidding|you're kidding|you're joking|you must be kidding|are you kidding|"
    "are you serious|is that so|really|seriously|for real"
)

# "you", "thanks for watching" and their like are what recognisers of the Whisper family write for noise.
ENGLISH = {
    "backchannels": "|".join(
        (
            "uh-huh|uh huh|mm|mhm|mm-hmm|mm hmm|hm|huh|yeah|yes|yep|yup|ya|yea|aye|okay|ok|all right|right|right on",
            "that's right|is that right|sure",
            "oh|ah|aha|ooh|aw|aww|ha|heh|wow|whoa|woah|gosh|gee|jeez|goodness|my goodness|goodness me|my my|dear me",
            "oh dear|oh man|oh boy|oh my|my word|my god|oh my god|thank god|thank goodness|good heavens|heavens|blimey",
            "good grief|good lord|good gracious|holy cow|golly|dang|darn|uh-oh|uh oh|oops|whoops|ouch|ugh|phew|yikes",
            "yay|hooray|woohoo|bravo|bingo|hear hear|bless you|poor thing|tsk tsk|such is life|imagine that",
            "fancy that|go figure|you don't say|no wonder|exactly|precisely|absolutely|definitely|certainly|of course",
            "true|correct|i see|i see that|i see what you mean|i see your point|i can see that|i can imagine|i know",
            "i know that|i know right|i know what you mean|i know the feeling|i hear you|i hear what you're saying",
            "i follow|i follow you|i'm following|i feel you|i get you",
            "understand|i understand|understand that|i understand that|get it|get that|i get it|i get that",
            "got that|got you|gotcha|i got it|point taken",
            "say no more|now i see|now i get it|now i understand|i had no idea|i never knew that",
            "i didn't know that|i didn't realize that|i guess so|i think so",
            "i think so too|i agree|agreed|i agree with you|i agree with that|i couldn't agree more",
            "i don't blame you|funny|sad|crazy|helpful|glad|too bad",
            "pity|shame|relief|bummer|mess|a pity|a shame|a relief|a bummer|a mess",
            "sounds good|that explains it|that explains a lot|that helps|there you go|there we go",
            "well done|well put|well said|nicely done|way to go|good for you|lucky you|congratulations",
            "thank you|thanks|cheers|much appreciated",
            "appreciate it|appreciate that|appreciate this|appreciated|you're welcome|my pleasure|don't mention it",
            *(f"appreciate {given}" for given in _GIVEN),
            "sorry to hear that|sorry to hear it|bye",
            _CONSENTS,
            _GOOD,
            _ASSESSMENTS,
            *(f"{good} {thing}" for good in _GOOD.split("|") for thing in f"{_SAID}|{_THINGS}".split("|")),
            *_SAID_OF_IT,
        )
    ),
    "fillers": "um|uh|er|erm|eh|well|so|see|and|like|you know|please|you|thanks for watching",
    "commands": "|".join(
        (
            "wait a moment|wait a minute|wait a second|stop|wait|hold on|hang on|no|nope|pause|listen|enough|quiet",
            "be quiet|shut up|never mind|one moment|one second|just a moment|just a second|excuse me|sorry|actually",
            "hey|bye bye|goodbye",
            *(f"{good} {thing} please" for good in _GOOD.split("|") for thing in _THINGS.split("|")),
        )
    ),
    "answers": "|".join(
        (
            "yes|yeah|yep|yup|ya|yea|aye|okay|ok|all right|sure|right|exactly|precisely|absolutely|definitely",
            "certainly|correct|of course|uh-huh|uh huh|mhm|mm-hmm|mm hmm|true|agreed|i agree|i think so|i guess so",
            "sounds good|please",
            _CONSENTS,
            _GOOD,
            _ASSESSMENTS,
            *_SAID_OF_IT,
        )
    ),
    "leads": "|".join(
        (
            "that's|thats|that is|that was|that sounds|that looks|that seems|that all sounds|that|it's|it is|it was",
            "it sounds|sounds|looks|seems|this is|how|what|very|really|so|pretty|quite|just|all|super|too|you're",
            "you are|i'm|i am|i|totally|completely|fully|perfectly|truly|many|much|oh|that would be|that'd be",
            "that will be|that'll be|it would be|would be|there's|they're|hey|such|sounds like|that sounds like",
            "looks like|rather",
            *(f"{stated} {article}" for stated in _STATED.split("|") for article in ("a", "an", "the")),
        )
    ),
    "tails": (
        "very much|so much|so very much|a lot|a bunch|a million|indeed|then|too|as well|at all|though|man|dude|mate|"
        "bro|buddy|pal|sir|ma'am|madam|miss|boss|guys|folks|dear|honey|friend|my friend|to know|to hear|to hear it|"
        "to hear that|to me|with me|by me|for that|for letting me know|for telling me|of you|"
        + "|".join(f"for {given}" for given in _GIVEN)
    ),
}

GERMAN = {
    "backchannels": (
        "mhm|hm|aha|ah|ach|ach so|achso|oh|ui|ja|jaja|jo|jep|jawohl|doch|okay|ok|genau|eben|stimmt|stimmt genau|klar|"
        "na klar|alles klar|richtig|korrekt|gut|na gut|schon gut|also gut|super|toll|prima|klasse|perfekt|wunderbar|"
        "großartig|fantastisch|spitze|cool|krass|wahnsinn|interessant|spannend|schade|schlimm|furchtbar|traurig|"
        "lustig|verstehe|verstanden|versteh|hab ich verstanden|kapiert|echt|wirklich|ehrlich|tatsächlich|im ernst|"
        "schön|danke|dankeschön|dank|in ordnung|alles gut|kein problem|kein ding|nicht schlecht|macht sinn|"
        "das ergibt sinn|ergibt sinn|natürlich|selbstverständlich|sicher|absolut|definitiv|einverstanden|glaub ich|"
        "glaube ich|ich weiß|weiß ich|sehe ich auch so|das glaube ich|na so was|ach was|mein gott|weiter|mach weiter|"
        "nur zu|ich höre|gute idee|gute frage|guter punkt|gute arbeit|gute sache|gute wahl|du hast recht|"
        "sie haben recht|da hast du recht|da haben sie recht|stimmt so"
    ),
    "fillers": "bitte|äh|ähm|öhm|also|na|und|tja|naja|nun",
    "commands": (
        "stopp|stop|halt|warte|warten sie|moment|moment mal|einen moment|nein|nee|nicht|ruhe|genug|entschuldigung|"
        "hör auf|hören sie auf"
    ),
    "answers": (
        "ja|jo|jep|jawohl|doch|okay|ok|genau|stimmt|klar|richtig|korrekt|gut|gerne|bitte|natürlich|selbstverständlich|"
        "sicher|einverstanden|in ordnung|alles klar|eben|stimmt genau|na klar|na gut|also gut|schon gut|alles gut|"
        "super|toll|prima|klasse|perfekt|wunderbar|großartig|fantastisch|spitze|cool|kein problem|kein ding|"
        "nicht schlecht|macht sinn|ergibt sinn|das ergibt sinn|absolut|definitiv|glaub ich|glaube ich|das glaube ich|"
        "sehe ich auch so|verstanden|hab ich verstanden|kapiert|echt|wirklich|im ernst|tatsächlich|weiter|mach weiter|"
        "nur zu|ich höre|gute idee|gute wahl|du hast recht|sie haben recht|da hast du recht|da haben sie recht|"
        "stimmt so"
    ),
    "leads": (
        "das ist|das war|ist|ist ja|ist das|das ist ja|das klingt|klingt|hört sich|das hört sich|wie|was für ein|"
        "sehr|wirklich|echt|so|ganz|total|richtig|absolut|völlig|vollkommen|ziemlich|recht|ja|ich|ich bin|vielen|"
        "vielen lieben|herzlichen|besten|tausend|lieben|zu|auch"
    ),
    "tails": (
        "sehr|schön|vielmals|ihnen|dir|euch|mal|dann|so|auch|ja|nicht wahr|alter|mann|mein freund|dafür|"
        "für die hilfe|für ihre hilfe|für die info"
    ),
}

DUTCH = {
    "backchannels": (
        "mm|mhm|hm|ah|aha|ach|oh|ja|jaja|jawel|jazeker|zeker|zeker weten|jep|oké|ok|okay|precies|klopt|dat klopt|"
        "inderdaad|correct|goed|mooi|leuk|fijn|lekker|gaaf|tof|super|geweldig|fantastisch|heerlijk|uitstekend|"
        "interessant|grappig|jammer|erg|vreselijk|verdrietig|echt|echt waar|serieus|juist|waar|logisch|duidelijk|"
        "natuurlijk|uiteraard|absoluut|snap ik|ik snap het|ik begrijp het|begrijp ik|begrepen|ik weet het|weet ik|"
        "dank je|dank u|dankjewel|dankuwel|bedankt|dank|prima|perfect|geen probleem|geen dank|niet slecht|niet gek|"
        "akkoord|mee eens|denk ik|in orde|nou nou|goh|tjonge|mijn god|ga door|ga verder|ik luister|goed idee|"
        "goede vraag|goed punt|goed gedaan|je hebt gelijk|u hebt gelijk|u heeft gelijk"
    ),
    "fillers": "alsjeblieft|alstublieft|eh|uh|uhm|nou|dus|en|tja",
    "commands": "stop|wacht|wacht even|een moment|momentje|nee|genoeg|stil|sorry|hou op",
    "answers": (
        "ja|jawel|jazeker|zeker|oké|ok|okay|precies|klopt|correct|goed|prima|graag|natuurlijk|uiteraard|akkoord|"
        "in orde|jaja|zeker weten|jep|dat klopt|inderdaad|mooi|leuk|fijn|lekker|gaaf|tof|super|geweldig|fantastisch|"
        "heerlijk|uitstekend|perfect|juist|logisch|duidelijk|absoluut|begrepen|geen probleem|niet slecht|niet gek|"
        "mee eens|denk ik|echt|echt waar|serieus|ga door|ga verder|ik luister|goed idee|je hebt gelijk|u hebt gelijk|"
        "u heeft gelijk"
    ),
    "leads": (
        "dat is|da's|dat was|dat klinkt|klinkt|het is|is|wat|wat een|hoe|heel|erg|zo|echt|helemaal|hartstikke|zeer|"
        "best|heel erg|ontzettend|ik|ik ben|ik ben het|dat|hartelijk|heel hartelijk"
    ),
    "tails": "wel|hoor|dan|zo|ook|zeg|man|joh|meneer|mevrouw|vriend|wel hoor|u wel|je wel|voor de hulp|daarvoor|zeer",
}

SWEDISH = {
    "backchannels": (
        "mm|mhm|hm|jaha|aha|ah|åh|oj|ja|jaja|jo|jodå|jadå|jepp|japp|okej|ok|okay|precis|exakt|just det|just så|"
        "stämmer|det stämmer|visst|javisst|absolut|självklart|såklart|naturligtvis|säkert|verkligen|jaså|är det sant|"
        "sant|faktiskt|bra|fint|toppen|kanon|perfekt|utmärkt|underbart|fantastiskt|härligt|kul|roligt|trevligt|skönt|"
        "snyggt|coolt|intressant|spännande|synd|tråkigt|hemskt|sorgligt|jag förstår|förstår|förstått|uppfattat|"
        "jag vet|jag fattar|fattar|okej då|då så|tack|tackar|tusen tack|inga problem|ingen fara|inte illa|"
        "det låter bra|låter bra|jag håller med|håller med|jag tror det|klart|det är klart|herregud|nämen|fortsätt|"
        "jag lyssnar|bra idé|bra fråga|bra jobbat|bra sagt|du har rätt"
    ),
    "fillers": "eh|öh|öhm|hmm|alltså|så|och|liksom|asså|tja|nå",
    "commands": "stopp|stanna|vänta|vänta lite|ett ögonblick|nej|nä|det räcker|tyst|ursäkta|förlåt|sluta|lyssna",
    "answers": (
        "ja|jo|jodå|jadå|jepp|japp|okej|ok|okay|precis|exakt|just det|stämmer|visst|javisst|absolut|självklart|"
        "såklart|bra|gärna|tack|säkert|jaja|det stämmer|just så|naturligtvis|verkligen|är det sant|sant|faktiskt|fint|"
        "toppen|kanon|perfekt|utmärkt|underbart|fantastiskt|härligt|kul|roligt|trevligt|skönt|coolt|uppfattat|"
        "förstått|okej då|inga problem|ingen fara|inte illa|det låter bra|låter bra|jag håller med|håller med|"
        "jag tror det|klart|det är klart|fortsätt|jag lyssnar|bra idé|du har rätt"
    ),
    "leads": (
        "det är|det var|det är ju|det låter|låter|vad|så|väldigt|jätte|mycket|riktigt|verkligen|helt|ganska|ja|"
        "jag är|tack|stort"
    ),
    "tails": "så mycket|ska du ha|då|det|ju|också|för det|för hjälpen|för hjälp|med det|verkligen",
}
