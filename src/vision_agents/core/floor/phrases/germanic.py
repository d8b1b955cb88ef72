"""The phrases of English, German, Dutch and Swedish."""

from __future__ import annotations

# "you", "thanks for watching" and their like are what recognisers of the Whisper family write for noise.
ENGLISH = {
    "backchannels": (
        "uh-huh|uh huh|mm|mhm|mm-hmm|mm hmm|hm|huh|yeah|yes|yep|yup|ya|yea|aye|okay|ok|kay|alright|all right|right|"
        "that's right|is that right|sure|oh|ah|aha|ooh|aw|ha|heh|wow|whoa|woah|gosh|jeez|goodness|my goodness|"
        "oh dear|oh man|oh boy|my god|oh my god|oh my|really|seriously|for real|i see|i see that|i know|i know that|"
        "i understand|understand that|get that|get it|i understand that|i get it|i get that|i got it|i hear you|"
        "i bet|i guess|i guess so|i think so|i suppose|i suppose so|i believe so|i imagine|i agree|agree|agreed|"
        "understand|got it|got that|got you|gotcha|understood|noted|copy that|good|great|nice|cool|fine|sweet|neat|"
        "funny|okay then|it's okay|that's okay|exactly|precisely|absolutely|definitely|certainly|totally|indeed|true|"
        "correct|fair|of course|naturally|obviously|interesting|fascinating|impressive|perfect|excellent|awesome|"
        "amazing|brilliant|fantastic|wonderful|beautiful|terrific|incredible|unbelievable|lovely|helpful|crazy|sad|"
        "terrible|awful|horrible|a pity|a shame|too bad|not bad|for sure|sounds good|makes sense|make sense|"
        "that makes sense|makes perfect sense|makes total sense|fair enough|fair point|good point|well done|"
        "good for you|lucky you|congratulations|no way|no kidding|no doubt|no worries|no problem|you don't say|"
        "is that so|go on|go ahead|carry on|keep going|continue|i'm listening|thank you|thanks|cheers|bye|"
        "good question|great question|excellent question|interesting question|great point|excellent point|"
        "interesting point|good one|nice one|sure thing|good idea|great idea|excellent idea|good job|great job|"
        "nice job|good work|great work|nice work|good news|great news|good stuff|great stuff|good choice|"
        "great choice|excellent choice|good thinking|good call|great call|nice try|good shot|great shot|nice shot|"
        "uh-oh|uh oh|glad|good heavens|heavens|good grief|good lord|good gracious|my word|blimey"
    ),
    "fillers": "um|uh|er|erm|eh|well|so|see|and|like|you know|the|a|please|you|thanks for watching",
    "commands": (
        "wait a moment|wait a minute|wait a second|stop|wait|hold on|hang on|no|nope|pause|listen|enough|quiet|"
        "be quiet|shut up|never mind|one moment|one second|just a moment|just a second|excuse me|sorry|actually|hey|"
        "bye bye|goodbye"
    ),
    "answers": (
        "yes|yeah|yep|yup|ya|yea|aye|okay|ok|alright|all right|sure|right|exactly|precisely|absolutely|definitely|"
        "certainly|correct|of course|uh-huh|uh huh|mhm|mm-hmm|mm hmm|fine|good|great|perfect|true|agreed|i agree|"
        "i think so|i guess so|sounds good|please"
    ),
    "leads": (
        "that's|thats|that is|that was|that sounds|that looks|that seems|that all sounds|that|it's|it is|it was|"
        "it sounds|sounds|looks|seems|this is|how|what|very|really|so|pretty|quite|just|all|super|too|you're|you are|"
        "i'm|i am|i|totally|completely|fully|perfectly|truly|many|much|oh|that would be|that'd be|that will be|"
        "that'll be|it would be|would be|there's|they're|hey"
    ),
    "tails": (
        "very much|so much|so very much|a lot|a bunch|a million|indeed|then|too|as well|at all|though|man|dude|mate|"
        "bro|buddy|pal|sir|ma'am|madam|miss|boss|guys|folks|dear|honey|friend|my friend|to know|to hear|to me|"
        "with me|by me|for that|for the help|for your help|for the info|for letting me know|for telling me|of you"
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
        "ja|jo|jep|jawohl|doch|okay|ok|genau|stimmt|klar|richtig|korrekt|gut|gerne|bitte|natürlich|"
        "selbstverständlich|sicher|einverstanden|in ordnung|alles klar"
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
        "ja|jawel|jazeker|zeker|oké|ok|okay|precies|klopt|correct|goed|prima|graag|natuurlijk|uiteraard|akkoord|in orde"
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
        "såklart|bra|gärna|tack|säkert"
    ),
    "leads": (
        "det är|det var|det är ju|det låter|låter|vad|så|väldigt|jätte|mycket|riktigt|verkligen|helt|ganska|ja|"
        "jag är|tack|stort"
    ),
    "tails": "så mycket|ska du ha|då|det|ju|också|för det|för hjälpen|för hjälp|med det|verkligen",
}
