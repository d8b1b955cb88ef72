"""The phrases of each language for `Vocabulary`, separated by bars."""

from __future__ import annotations

# "you", "thank you" and their like are what recognisers of the Whisper family write for noise.
PHRASES: dict[str, dict[str, str]] = {
    "en": {
        "backchannels": (
            "uh-huh|uh huh|mm|mmm|mhm|mm-hmm|mm hmm|hm|hmm|huh|yeah|yes|yep|yup|ya|okay|ok|alright|all right|"
            "right|that's right|sure|oh|ah|aha|wow|really|i see|i know|i understand|got it|good|great|nice|"
            "cool|fine|it's okay|that's okay|it's fine|exactly|absolutely|definitely|indeed|true|of course|"
            "interesting|perfect|excellent|awesome|lovely|totally|for sure|sounds good|makes sense|make sense|"
            "that makes sense|fair enough|good point|understood|gotcha|that's true|that's good|that's great|"
            "that's nice|very good|very nice|oh my god|no way|no worries|no problem|go on|go ahead|continue|"
            "please continue|you|thank you|thanks|thanks for watching|bye"
        ),
        "fillers": "um|uh|er|erm|eh|well|so|and|like|you know|the|a|please",
        "commands": (
            "wait a moment|wait a minute|wait a second|"
            "stop|wait|hold on|hang on|no|nope|pause|listen|enough|quiet|be quiet|shut up|never mind|"
            "one moment|one second|just a moment|just a second|excuse me|sorry|actually|hey|bye bye|goodbye"
        ),
        "answers": (
            "yes|yeah|yep|yup|ya|okay|ok|alright|all right|sure|right|exactly|absolutely|definitely|"
            "of course|uh-huh|uh huh|mhm|mm-hmm|mm hmm|fine|good|great|true|please"
        ),
    },
    "de": {
        "backchannels": (
            "mhm|hm|aha|ah|ach|ach so|oh|ja|jaja|ja ja|jo|jep|okay|ok|genau|stimmt|klar|richtig|gut|super|"
            "toll|verstehe|alles klar|echt|wirklich|schön|danke|in ordnung|alles gut|kein problem|nicht schlecht|"
            "na klar|sehr gut|sehr schön|macht sinn|weiter|mach weiter"
        ),
        "fillers": "bitte|äh|ähm|öhm|also|na|und|tja|naja",
        "commands": (
            "stopp|stop|halt|warte|warten sie|moment|moment mal|einen moment|nein|nee|nicht|ruhe|genug|"
            "entschuldigung|hör auf|hören sie auf"
        ),
        "answers": "ja|jo|jep|okay|ok|genau|stimmt|klar|richtig|gut|gerne|bitte",
    },
    "fr": {
        "backchannels": (
            "hum|hmm|mm|ah|oh|ah oui|oui|oui oui|ouais|d'accord|ok|okay|bien|très bien|bon|super|je vois|"
            "exact|exactement|voilà|bien sûr|vraiment|merci|c'est ça|parfait|entendu|tout à fait|effectivement|"
            "génial|ah bon|ça marche|pas de problème|pas mal|continue|continuez|vas-y|allez-y"
        ),
        "fillers": "s'il vous plaît|s'il te plaît|euh|ben|bah|alors|et|donc|enfin",
        "commands": (
            "stop|arrête|arrêtez|attends|attendez|un instant|une seconde|non|assez|silence|pardon|excusez-moi"
        ),
        "answers": "oui|ouais|d'accord|ok|okay|bien sûr|exactement|bien|volontiers",
    },
    "es": {
        "backchannels": (
            "ajá|aja|mm|hmm|ah|oh|sí|si|sí sí|ya|vale|claro|bueno|bien|muy bien|ok|okay|exacto|entiendo|"
            "de acuerdo|por supuesto|gracias|qué bien|en serio|perfecto|genial|entendido|ya veo|no hay problema|"
            "no pasa nada|sigue|siga|continúa|continúe|adelante"
        ),
        "fillers": "por favor|eh|este|pues|y|o sea|em",
        "commands": (
            "para|pare|alto|espera|espere|un momento|un segundo|no|basta|silencio|perdón|perdona|disculpe|stop"
        ),
        "answers": "sí|si|vale|claro|ok|okay|exacto|de acuerdo|por supuesto|bueno",
    },
    "it": {
        "backchannels": (
            "mm|mhm|hmm|ah|oh|sì|si|sì sì|ok|okay|va bene|bene|certo|esatto|giusto|capito|capisco|davvero|"
            "bello|grazie|d'accordo|ecco|perfetto|ottimo|ho capito|non c'è problema|vai avanti|continua|continui"
        ),
        "fillers": "per favore|per piacere|ehm|eh|allora|e|cioè|beh",
        "commands": ("fermo|ferma|fermati|stop|aspetta|aspetti|un attimo|un momento|no|basta|silenzio|scusa|scusi"),
        "answers": "sì|si|ok|okay|va bene|certo|esatto|giusto|d'accordo",
    },
    "pt": {
        "backchannels": (
            "aham|uhum|hum|hmm|ah|oh|sim|é|tá|tá bom|está bem|ok|okay|certo|claro|exato|entendi|percebo|"
            "legal|bom|isso|obrigado|obrigada|sério|perfeito|ótimo|entendido|sem problema|não tem problema|continua|"
            "continue"
        ),
        "fillers": "por favor|é que|então|e|ahn|hã|bem",
        "commands": ("para|pare|pára|espera|espere|um momento|um segundo|não|chega|silêncio|desculpa|desculpe|stop"),
        "answers": "sim|é|tá|tá bom|está bem|ok|okay|certo|claro|exato|isso",
    },
    "nl": {
        "backchannels": (
            "mm|mhm|hm|ah|oh|ja|ja ja|jawel|oké|ok|okay|precies|klopt|goed|mooi|leuk|echt|juist|snap ik|"
            "ik snap het|dank je|prima|perfect|geen probleem|begrepen|ga door|ga verder"
        ),
        "fillers": "alsjeblieft|alstublieft|eh|uh|uhm|nou|dus|en",
        "commands": "stop|wacht|wacht even|een moment|momentje|nee|genoeg|stil|sorry|hou op",
        "answers": "ja|jawel|oké|ok|okay|precies|klopt|goed|graag",
    },
    "ru": {
        "backchannels": (
            "угу|ага|мм|хм|ах|ой|да|да да|так|ладно|хорошо|окей|ок|понятно|понял|поняла|ясно|точно|верно|"
            "конечно|правда|спасибо|отлично|прекрасно|здорово|нет проблем|не вопрос|продолжай|продолжайте"
        ),
        "fillers": "пожалуйста|э|эм|ну|вот|и|а",
        "commands": "стоп|стой|стойте|подожди|подождите|минутку|секунду|нет|хватит|тихо|погоди|извините",
        "answers": "да|ага|угу|ладно|хорошо|окей|ок|точно|верно|конечно",
    },
    "zh": {
        "backchannels": (
            "嗯|嗯嗯|啊|哦|噢|对|对对|对的|是|是的|好|好的|行|可以|没错|知道了|明白|明白了|真的|谢谢|對|對的|沒錯|謝謝"
        ),
        "fillers": "呃|那个|就是|那個",
        "commands": "停|停下|等等|等一下|等一等|不|不是|不对|不對|别说了|別說了|安静|够了",
        "answers": "对|对的|是|是的|好|好的|行|可以|没错|對|對的|沒錯|嗯",
    },
    "ja": {
        "backchannels": (
            "はい|はいはい|うん|うんうん|ええ|へえ|そう|そうですね|そうですか|そうそう|なるほど|あー|おお|"
            "わかりました|了解|本当|ありがとう"
        ),
        "fillers": "えっと|えーと|あの|その|まあ",
        "commands": "待って|ちょっと待って|止めて|やめて|ストップ|違う|違います|いいえ|いや|静かに|すみません",
        "answers": "はい|うん|ええ|そう|そうです|わかりました|了解",
    },
    "ko": {
        "backchannels": (
            "네|예|응|음|아|오|그래|그래요|그렇군요|맞아|맞아요|알겠어요|알았어|좋아|좋아요|정말|진짜|감사합니다|고마워"
        ),
        "fillers": "어|저|그|저기",
        "commands": "잠깐|잠깐만|잠시만요|멈춰|그만|아니|아니요|아뇨|기다려|기다려요|조용히",
        "answers": "네|예|응|그래|그래요|맞아|맞아요|좋아|좋아요",
    },
}
