"""The phrases of French, Spanish, Italian and Portuguese."""

from __future__ import annotations

FRENCH = {
    "backchannels": (
        "hum|hmm|mm|ah|aah|oh|ouh|ah oui|oui|ouais|mouais|si|d'accord|dac|d'acc|ok|okay|bien|bon|super|top|cool|"
        "je vois|je comprends|je sais|j'ai compris|compris|je comprends mieux|exact|exactement|précisément|voilà|"
        "tout juste|justement|bien sûr|bien entendu|évidemment|naturellement|certes|certainement|absolument|"
        "carrément|vraiment|sérieux|sérieusement|c'est vrai|vrai|c'est ça|c'est clair|clair|juste|correct|merci|"
        "parfait|entendu|noté|tout à fait|effectivement|en effet|génial|formidable|excellent|magnifique|incroyable|"
        "extraordinaire|intéressant|impressionnant|sympa|chouette|beau|drôle|dommage|triste|terrible|affreux|ah bon|"
        "ça marche|ça roule|ça me va|ça va|ça se tient|pas de problème|pas de souci|pas mal|sans problème|bien joué|"
        "bravo|je suis d'accord|je pense|je crois|oh là là|mon dieu|dis donc|tiens|tiens donc|tu m'étonnes|continue|"
        "continuez|vas-y|allez-y|je vous écoute|je t'écoute|j'écoute|bonne idée|bonne question|bonne nouvelle|"
        "bon point|vous avez raison|tu as raison"
    ),
    "fillers": "s'il vous plaît|s'il te plaît|euh|ben|bah|alors|et|donc|enfin|eh|hein",
    "commands": (
        "stop|arrête|arrêtez|attends|attendez|un instant|une seconde|non|assez|silence|pardon|excusez-moi|écoute|"
        "écoutez"
    ),
    "answers": (
        "oui|ouais|si|d'accord|ok|okay|bien sûr|exact|exactement|bien|volontiers|absolument|tout à fait|c'est ça|"
        "certainement|parfait|je pense|je crois|effectivement|ça marche|ça me va|mouais|dac|d'acc|bon|super|top|cool|"
        "compris|j'ai compris|entendu|noté|précisément|tout juste|justement|bien entendu|évidemment|naturellement|"
        "certes|carrément|c'est vrai|vrai|c'est clair|clair|juste|correct|en effet|génial|formidable|excellent|"
        "magnifique|chouette|sympa|ça roule|ça va|ça se tient|pas de problème|pas de souci|pas mal|sans problème|"
        "je suis d'accord|vraiment|sérieux|sérieusement|continue|continuez|vas-y|allez-y|je vous écoute|je t'écoute|"
        "j'écoute|bonne idée|vous avez raison|tu as raison"
    ),
    "leads": (
        "c'est|c'était|ça c'est|ah c'est|ça semble|ça a l'air|ça paraît|c'est vraiment|comme c'est|quel|quelle|très|"
        "trop|si|tellement|vraiment|assez bien|plutôt|tout|mais|ah|oh|vous êtes|tu es|je suis|mille|un grand|grand"
    ),
    "tails": (
        "beaucoup|bien|infiniment|à vous|à toi|alors|donc|aussi|hein|ça|monsieur|madame|mademoiselle|mon ami|mec|"
        "messieurs dames|pour ça|pour votre aide|pour ton aide|pour l'info|du tout"
    ),
}

SPANISH = {
    "backchannels": (
        "ajá|aja|mm|hmm|ah|oh|uy|sí|si|ya|vale|claro|bueno|bien|ok|okay|okey|dale|órale|exacto|exactamente|"
        "precisamente|correcto|cierto|eso|eso es|así es|es verdad|verdad|tal cual|justo|obvio|obviamente|entiendo|"
        "ya entiendo|te entiendo|lo entiendo|comprendo|lo sé|ya sé|ya lo sé|de acuerdo|estoy de acuerdo|por supuesto|"
        "desde luego|sin duda|naturalmente|seguro|definitivamente|totalmente|absolutamente|gracias|qué bien|en serio|"
        "de verdad|no me digas|perfecto|genial|estupendo|excelente|fantástico|maravilloso|increíble|impresionante|"
        "interesante|guay|chévere|bonito|lindo|gracioso|triste|terrible|horrible|qué pena|qué lástima|qué bueno|"
        "qué mal|entendido|anotado|ya veo|me parece bien|suena bien|tiene sentido|no hay problema|no pasa nada|"
        "sin problema|no está mal|nada mal|creo que sí|supongo|dios mío|madre mía|vaya|anda|hombre|mira tú|sigue|"
        "siga|continúa|continúe|adelante|te escucho|le escucho|buena idea|buena pregunta|buen punto|buen trabajo|"
        "buenas noticias|tienes razón|tiene razón"
    ),
    "fillers": "por favor|eh|este|pues|y|o sea|em|entonces",
    "commands": (
        "para|pare|alto|espera|espere|un momento|un segundo|no|basta|silencio|perdón|perdona|disculpe|stop|escucha|"
        "escuche|oye|oiga"
    ),
    "answers": (
        "sí|si|vale|claro|ok|okay|okey|dale|exacto|exactamente|correcto|cierto|de acuerdo|por supuesto|desde luego|"
        "bueno|perfecto|así es|eso es|creo que sí|me parece bien|ajá|aja|bien|órale|precisamente|es verdad|verdad|"
        "tal cual|justo|obvio|obviamente|estoy de acuerdo|sin duda|naturalmente|seguro|definitivamente|totalmente|"
        "absolutamente|en serio|de verdad|genial|estupendo|excelente|fantástico|maravilloso|guay|chévere|qué bien|"
        "qué bueno|entendido|anotado|suena bien|tiene sentido|no hay problema|no pasa nada|sin problema|no está mal|"
        "nada mal|supongo|sigue|siga|continúa|continúe|adelante|te escucho|le escucho|buena idea|tienes razón|"
        "tiene razón"
    ),
    "leads": (
        "eso es|es|está|suena|parece|eso suena|qué|muy|tan|bien|más|todo|super|súper|muchas|muchísimas|mil|ah|oh|"
        "pero|estoy|esto es|me parece|totalmente|completamente"
    ),
    "tails": (
        "que sí|mucho|muchas|sí|entonces|pues|también|señor|señora|señorita|amigo|amiga|tío|hombre|mujer|a usted|"
        "a ti|por todo|por eso|por la ayuda|por tu ayuda|por su ayuda|por la información"
    ),
}

ITALIAN = {
    "backchannels": (
        "mm|mhm|hmm|ah|aha|oh|uh|sì|si|già|ok|okay|va bene|va benissimo|bene|benissimo|certo|certamente|esatto|"
        "esattamente|precisamente|appunto|giusto|corretto|vero|è vero|infatti|proprio così|capito|capisco|chiaro|"
        "ho capito|lo so|capirai|davvero|sul serio|ma dai|dai|bello|bellissimo|grazie|d'accordo|sono d'accordo|ecco|"
        "perfetto|ottimo|eccellente|fantastico|meraviglioso|stupendo|magnifico|incredibile|interessante|"
        "impressionante|forte|carino|simpatico|divertente|peccato|che peccato|triste|terribile|orribile|naturalmente|"
        "ovviamente|sicuro|sicuramente|assolutamente|senz'altro|senza dubbio|ci sta|ha senso|suona bene|"
        "mi sembra giusto|penso di sì|credo di sì|immagino|mamma mia|dio mio|non c'è problema|nessun problema|"
        "non male|mica male|vai avanti|continua|continui|prosegua|ti ascolto|la ascolto|buona idea|bella idea|"
        "buona domanda|bella domanda|buona notizia|buon lavoro|hai ragione|ha ragione"
    ),
    "fillers": "per favore|per piacere|ehm|eh|allora|e|cioè|beh|mah|dunque",
    "commands": (
        "fermo|ferma|fermati|stop|aspetta|aspetti|un attimo|un momento|no|basta|silenzio|scusa|scusi|ascolta|ascolti|"
        "senti|senta"
    ),
    "answers": (
        "sì|si|ok|okay|va bene|certo|certamente|esatto|esattamente|giusto|corretto|d'accordo|bene|perfetto|volentieri|"
        "penso di sì|credo di sì|senz'altro|già|va benissimo|benissimo|precisamente|appunto|vero|è vero|infatti|"
        "proprio così|capito|ho capito|davvero|sul serio|sono d'accordo|ottimo|eccellente|fantastico|meraviglioso|"
        "stupendo|magnifico|bello|bellissimo|naturalmente|ovviamente|sicuro|sicuramente|assolutamente|senza dubbio|"
        "ci sta|ha senso|suona bene|mi sembra giusto|immagino|non c'è problema|nessun problema|non male|mica male|"
        "vai avanti|continua|continui|prosegua|ti ascolto|la ascolto|buona idea|bella idea|hai ragione|ha ragione"
    ),
    "leads": (
        "è|era|questo è|sembra|suona|che|che bella|che buona|molto|così|davvero|proprio|tanto|troppo|tutto|ma|ah|oh|"
        "sono|mille|tante|molte|assolutamente|completamente"
    ),
    "tails": (
        "mille|tante|molte|infinite|davvero|allora|anche|signore|signora|signorina|amico|amica|mio|a lei|a te|"
        "di tutto|dell'aiuto|per l'aiuto|per tutto|così|certo"
    ),
}

PORTUGUESE = {
    "backchannels": (
        "aham|uhum|hum|hmm|ah|oh|uau|nossa|sim|é|é isso|é mesmo|pois|pois é|pois sim|tá|tá bom|tá certo|está bem|"
        "tudo bem|ok|okay|certo|certamente|claro|claro que sim|exato|exatamente|precisamente|correto|verdade|"
        "é verdade|isso|isso mesmo|isso aí|com certeza|sem dúvida|obviamente|naturalmente|seguro|totalmente|"
        "absolutamente|entendi|entendo|percebi|percebo|compreendo|eu sei|já sei|legal|bacana|giro|fixe|bom|boa|bem|"
        "obrigado|obrigada|valeu|brigado|sério|a sério|jura|mesmo|perfeito|ótimo|excelente|fantástico|maravilhoso|"
        "incrível|impressionante|interessante|bonito|lindo|engraçado|triste|terrível|horrível|pena|que pena|que bom|"
        "entendido|concordo|combinado|beleza|faz sentido|parece bom|acho que sim|imagino|meu deus|caramba|poxa|"
        "sem problema|não tem problema|nada mau|continua|continue|segue|pode falar|estou ouvindo|estou a ouvir|"
        "boa ideia|boa pergunta|boa notícia|bom trabalho|bom ponto|tem razão|tens razão|você tem razão"
    ),
    "fillers": "por favor|é que|então|e|ahn|hã|tipo|pronto",
    "commands": (
        "para|pare|pára|espera|espere|um momento|um segundo|não|chega|silêncio|desculpa|desculpe|stop|escuta|escute|"
        "ouve|olha"
    ),
    "answers": (
        "sim|é|tá|tá bom|está bem|tudo bem|ok|okay|certo|claro|exato|exatamente|correto|isso|isso mesmo|com certeza|"
        "pode ser|beleza|combinado|acho que sim|perfeito|bom|aham|uhum|é isso|é mesmo|pois|pois é|pois sim|tá certo|"
        "certamente|claro que sim|precisamente|verdade|é verdade|isso aí|sem dúvida|obviamente|naturalmente|seguro|"
        "totalmente|absolutamente|entendi|entendido|legal|bacana|giro|fixe|boa|bem|a sério|sério|ótimo|excelente|"
        "fantástico|maravilhoso|que bom|concordo|faz sentido|parece bom|imagino|sem problema|não tem problema|"
        "nada mau|continua|continue|segue|pode falar|estou ouvindo|estou a ouvir|boa ideia|tem razão|tens razão|"
        "você tem razão"
    ),
    "leads": (
        "isso é|é|foi|está|parece|soa|que|muito|tão|bem|mesmo|super|tudo|mas|ah|oh|estou|muitíssimo|totalmente|"
        "completamente"
    ),
    "tails": (
        "mesmo|muito|então|também|senhor|senhora|cara|amigo|amiga|meu|pá|por tudo|por isso|pela ajuda|pela sua ajuda|"
        "demais|sim"
    ),
}
