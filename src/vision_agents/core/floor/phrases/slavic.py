"""The phrases of Russian, Ukrainian, Polish and Czech."""

from __future__ import annotations

RUSSIAN = {
    "backchannels": (
        "угу|ага|мм|хм|ах|ой|ох|ух|да|так|так так|ладно|хорошо|окей|ок|понятно|понял|поняла|понимаю|я понял|я поняла|"
        "я понимаю|ясно|всё ясно|точно|именно|верно|правильно|конечно|разумеется|естественно|безусловно|несомненно|"
        "определённо|правда|серьёзно|неужели|вот как|надо же|знаю|я знаю|спасибо|благодарю|отлично|прекрасно|здорово|"
        "замечательно|чудесно|великолепно|супер|класс|круто|потрясающе|невероятно|удивительно|интересно|любопытно|"
        "смешно|жаль|жалко|грустно|ужасно|ужас|кошмар|неплохо|логично|разумно|согласен|согласна|договорились|"
        "договорено|идёт|добро|боже|боже мой|господи|ничего себе|ну да|ну конечно|нет проблем|без проблем|не вопрос|"
        "не за что|я так и думал|думаю да|наверное|продолжай|продолжайте|дальше|слушаю|я слушаю|я вас слушаю|"
        "хорошая идея|отличная идея|хороший вопрос|хорошая новость|вы правы|правы|прав|ты прав|ты права|так и есть"
    ),
    "fillers": "пожалуйста|э|ээ|эм|ну|вот|и|а|значит|короче|типа",
    "commands": (
        "стоп|стой|стойте|подожди|подождите|минутку|минуту|секунду|нет|хватит|тихо|погоди|погодите|извините|простите|"
        "замолчи|замолчите|послушай|послушайте"
    ),
    "answers": (
        "да|ага|угу|ладно|хорошо|окей|ок|точно|именно|верно|правильно|конечно|согласен|согласна|идёт|разумеется|"
        "думаю да|наверное|естественно|безусловно|несомненно|определённо|правда|серьёзно|неужели|понял|поняла|я понял|"
        "я поняла|отлично|прекрасно|здорово|замечательно|чудесно|великолепно|супер|класс|круто|неплохо|логично|"
        "разумно|договорились|договорено|добро|ну да|ну конечно|нет проблем|без проблем|не вопрос|продолжай|"
        "продолжайте|дальше|слушаю|я слушаю|я вас слушаю|хорошая идея|отличная идея|вы правы|правы|прав|ты прав|"
        "ты права|так и есть"
    ),
    "leads": (
        "это|как|очень|так|довольно|просто|весьма|совершенно|абсолютно|всё|звучит|какая|какой|большое|огромное|вы|ты|"
        "я|мне|мне всё|это всё|было|совсем|вполне|вот это|ох|ой|о"
    ),
    "tails": (
        "большое|огромное|вам|тебе|вам большое|тебе большое|же|тогда|так|очень|за помощь|за информацию|за это|друг|"
        "братан|брат|дорогой|и есть"
    ),
}

UKRAINIAN = {
    "backchannels": (
        "угу|ага|мм|хм|ах|ой|ох|так|та|еге|авжеж|аякже|гаразд|добре|окей|ок|зрозуміло|зрозумів|зрозуміла|розумію|"
        "я розумію|ясно|точно|саме так|саме|вірно|правильно|звичайно|звісно|безумовно|певна річ|очевидно|правда|"
        "справді|серйозно|невже|он як|знаю|я знаю|дякую|спасибі|чудово|прекрасно|відмінно|супер|клас|круто|"
        "неймовірно|дивовижно|цікаво|смішно|шкода|сумно|жахливо|непогано|логічно|згоден|згодна|домовились|домовилися|"
        "боже|боже мій|господи|нічого собі|ну так|немає проблем|без проблем|нема за що|мабуть|думаю так|продовжуй|"
        "продовжуйте|далі|слухаю|я слухаю|гарна ідея|чудова ідея|гарне питання|ви праві|ти правий|ти права|"
        "маєте рацію|маєш рацію"
    ),
    "fillers": "будь ласка|е|ем|ну|ось|і|а|значить|отже",
    "commands": (
        "стоп|стій|стійте|зачекай|зачекайте|почекай|почекайте|хвилинку|секунду|ні|досить|годі|тихо|вибачте|пробачте|"
        "замовкни|послухай|послухайте"
    ),
    "answers": (
        "так|ага|угу|гаразд|добре|окей|ок|точно|саме так|вірно|правильно|звичайно|звісно|згоден|згодна|авжеж|мабуть|"
        "та|еге|аякже|саме|безумовно|певна річ|очевидно|правда|справді|серйозно|невже|зрозумів|зрозуміла|чудово|"
        "прекрасно|відмінно|супер|клас|круто|непогано|логічно|домовились|домовилися|ну так|немає проблем|без проблем|"
        "думаю так|продовжуй|продовжуйте|далі|слухаю|я слухаю|гарна ідея|чудова ідея|ви праві|ти правий|ти права|"
        "маєте рацію|маєш рацію"
    ),
    "leads": (
        "це|як|дуже|так|досить|просто|цілком|абсолютно|все|звучить|яка|який|щиро|велике|ви|ти|я|мені|мені все|було|ой|о"
    ),
    "tails": "вам|тобі|велике|щиро|же|тоді|дуже|за допомогу|за інформацію|за це|друже",
}

POLISH = {
    "backchannels": (
        "mhm|aha|hm|mm|ach|och|ojej|oj|tak|no|no tak|jasne|jasna sprawa|dobra|dobrze|okej|ok|okay|rozumiem|"
        "zrozumiałem|zrozumiałam|zrozumiano|kumam|wiem|no wiem|dokładnie|właśnie|no właśnie|racja|słusznie|"
        "zgadza się|zgoda|oczywiście|naturalnie|pewnie|na pewno|z pewnością|zdecydowanie|absolutnie|prawda|to prawda|"
        "naprawdę|serio|poważnie|co ty|nie mów|dziękuję|dzięki|super|świetnie|wspaniale|doskonale|cudownie|ekstra|"
        "fajnie|fajne|ładnie|pięknie|idealnie|niesamowite|niesamowicie|niewiarygodne|ciekawe|interesujące|zabawne|"
        "śmieszne|szkoda|smutne|straszne|okropne|nieźle|niezłe|ma sens|to ma sens|brzmi dobrze|zgadzam się|tak myślę|"
        "chyba tak|boże|mój boże|o rany|rany|nie ma problemu|nie ma sprawy|żaden problem|kontynuuj|"
        "proszę kontynuować|dalej|słucham|dobry pomysł|świetny pomysł|dobre pytanie|dobra robota|masz rację|"
        "ma pan rację|ma pani rację"
    ),
    "fillers": "proszę|eee|yyy|hmm|więc|no więc|znaczy|to znaczy|wiesz",
    "commands": (
        "stop|stój|czekaj|zaczekaj|poczekaj|proszę poczekać|chwila|chwileczkę|moment|momencik|sekundę|nie|dość|"
        "wystarczy|cicho|cisza|przepraszam|przestań|posłuchaj"
    ),
    "answers": (
        "tak|no|jasne|dobra|dobrze|okej|ok|okay|dokładnie|racja|zgadza się|zgoda|oczywiście|pewnie|chętnie|poproszę|"
        "tak myślę|chyba tak|no tak|jasna sprawa|właśnie|no właśnie|słusznie|naturalnie|na pewno|z pewnością|"
        "zdecydowanie|absolutnie|prawda|to prawda|naprawdę|serio|poważnie|zrozumiałem|zrozumiałam|zrozumiano|super|"
        "świetnie|wspaniale|doskonale|cudownie|ekstra|fajnie|fajne|idealnie|nieźle|niezłe|ma sens|to ma sens|"
        "brzmi dobrze|zgadzam się|nie ma problemu|nie ma sprawy|żaden problem|kontynuuj|proszę kontynuować|dalej|"
        "słucham|dobry pomysł|świetny pomysł|masz rację|ma pan rację|ma pani rację"
    ),
    "leads": (
        "to|to jest|to było|jest|ale|jak|jaka|jakie|bardzo|tak|naprawdę|całkiem|dość|po prostu|wszystko|brzmi|"
        "absolutnie|całkowicie|wielkie|serdecznie|pięknie|oj|o"
    ),
    "tails": (
        "bardzo|wielkie|panu|pani|ci|serdecznie|więc|też|w takim razie|za pomoc|za informację|za to|stary|kolego|"
        "przyjacielu|tak"
    ),
}

CZECH = {
    "backchannels": (
        "mhm|aha|hm|mm|ach|jé|jo|jojo|a jo|a tak|ano|jasně|jasný|jasná věc|dobře|dobrá|fajn|okej|ok|okay|rozumím|chápu|"
        "už chápu|pochopil jsem|vím|já vím|přesně|přesně tak|právě|správně|pravda|to je pravda|souhlasím|samozřejmě|"
        "určitě|rozhodně|naprosto|jistě|zajisté|opravdu|vážně|fakt|fakt jo|skutečně|děkuji|děkuju|díky|dík|super|"
        "skvělé|skvěle|výborně|výborné|báječné|nádherné|perfektní|paráda|bezva|hezké|hezky|pěkné|pěkně|krásné|úžasné|"
        "neuvěřitelné|zajímavé|zajímavý|vtipné|škoda|smutné|hrozné|strašné|dává to smysl|to dává smysl|zní to dobře|"
        "to zní dobře|myslím že ano|asi jo|asi ano|panebože|proboha|páni|žádný problém|bez problému|není problém|"
        "není zač|pokračuj|pokračujte|poslouchám|dobrý nápad|skvělý nápad|dobrá otázka|dobrá práce|máte pravdu|"
        "máš pravdu"
    ),
    "fillers": "prosím|ehm|ee|hmm|no|takže|tak|teda|prostě|jako",
    "commands": (
        "stop|stůj|stát|počkej|počkejte|moment|momentík|chvilku|okamžik|vteřinku|ne|nene|dost|stačí|ticho|promiň|"
        "promiňte|přestaň|poslouchej|poslyšte"
    ),
    "answers": (
        "ano|jo|jasně|dobře|dobrá|fajn|okej|ok|okay|přesně|přesně tak|správně|samozřejmě|určitě|jistě|souhlasím|"
        "myslím že ano|asi jo|asi ano|rád|ráda|prosím|jojo|jasný|jasná věc|právě|pravda|to je pravda|rozhodně|"
        "naprosto|zajisté|opravdu|vážně|fakt|fakt jo|skutečně|pochopil jsem|super|skvělé|skvěle|výborně|výborné|"
        "báječné|nádherné|perfektní|paráda|bezva|dává to smysl|to dává smysl|zní to dobře|to zní dobře|žádný problém|"
        "bez problému|není problém|pokračuj|pokračujte|poslouchám|dobrý nápad|skvělý nápad|máte pravdu|máš pravdu"
    ),
    "leads": (
        "to je|to bylo|je to|to|jak|velmi|moc|tak|opravdu|docela|celkem|úplně|naprosto|prostě|všechno|zní to|to zní|"
        "mockrát|moc vám|no|jé"
    ),
    "tails": "moc|mockrát|vám|ti|pěkně|tak|taky|za pomoc|za informaci|za to|kamaráde|pane|paní",
}
