"""The phrases of each language, by utterances made of them that stand in no list.

The spelling of the phrases was compared with the frequency lists of wordfreq 3.1, for 22 languages: some forty words,
colloquial forms all, are rarer there than one in 2.5 million. Marathi, Telugu and Thai are not in it, and Chinese,
Japanese and Korean were not compared.
"""

from __future__ import annotations

import pytest

from vision_agents.core.floor.vocabulary import ALL, LANGUAGES, LONGEST_DOUBLED, Vocabulary, tokens

# By language: what listeners say without wanting the turn; what somebody says who wants it, not one command in it; and
# orders to stop.
UTTERANCES: dict[str, tuple[str, str, str]] = {
    "en": (
        "Thank you very much|Thanks a lot, man|That's really very good|Oh, that is so true|Yeah, I totally agree|"
        "Okayyy|Mmhm, mm-hm|It's absolutely fine|Oh wow, that's great news|I completely understand that|"
        "Sounds good to me|Hey, that's great|Glad to hear|I'm glad|What a great idea|That's a really good story|"
        "Oh, what a shame|I see what you mean, yeah|No wonder|Sounds like a great plan, thanks|Very interesting advice|"
        "I'm so sorry to hear that|Wow, I had no idea|That's such a beautiful thought|That works for me|"
        "Good example|Oh, that's a joke|What a surprise|That's the great news|It's such a relief|There's a good point|"
        "Okay, thank you so much, I appreciate your time|I really appreciate all the help|"
        "Thanks for your patience, sir",
        "You can buy it|What about Tuesday|I want another one|Okay, one question|And the second one|Is it good|"
        "Tell me more|Yeah, go for it|Okay, question|I have a question|Which plan|A story|A joke|A joke, please|"
        "A good example|A good example, please|An interesting fact, please|A very good story|The good one, please|"
        "A fair deal, please|A treat, please|A surprise|The good news|"
        "I can tell him|Okay, good, next one|I need your help|What about the information|And for your time, how much",
        "No, that's wrong|Wait a second|Okay, stop|Yeah, hold on, please|Hey|Hey, stop|Hey, you",
    ),
    "de": (
        "Vielen Dank|Danke schön, sehr gut|Das ist ja wirklich toll|Ja, genau|Jaja, alles klar|Da hast du recht",
        "Und was kostet das|Ich möchte noch eins|Gut, eine Frage|Am Dienstag um acht",
        "Nein, das ist falsch|Moment mal|Ja, warte",
    ),
    "fr": (
        "Merci beaucoup, madame|C'est vraiment très bien|Ah oui, d'accord|Mais oui, bien sûr|Vous avez raison",
        "Et pour demain soir|Je voudrais deux billets|Oui, une question|Combien ça coûte",
        "Non, pas du tout|Attendez un instant|Oui, stop",
    ),
    "es": (
        "Muchas gracias, señora|Qué bien, muy interesante|Sí, sí, claro que sí|Eso es muy cierto|Está perfecto",
        "Y mañana por la tarde|Quiero dos entradas|Bueno, una pregunta|Cuánto cuesta",
        "No, así no|Espera un momento|Sí, pero basta",
    ),
    "it": (
        "Grazie mille, signora|È davvero molto bello|Ma certo, sì sì|Ho capito, va bene|Hai ragione",
        "E domani sera|Vorrei due biglietti|Sì, una domanda|Quanto costa",
        "No, così no|Aspetta un attimo|Ok, basta",
    ),
    "pt": (
        "Muito obrigado, senhor|É isso mesmo, claro|Que bom, muito interessante|Tá bom, entendi|Está perfeito então",
        "E amanhã à tarde|Quero dois bilhetes|Certo, uma pergunta|Quanto custa",
        "Não, assim não|Espera um momento|Sim, chega",
    ),
    "nl": (
        "Hartelijk dank|Dat is echt heel mooi|Ja hoor, prima|Ik snap het wel|Ja, inderdaad, je hebt gelijk",
        "En morgenavond dan|Ik wil twee kaartjes|Ja, een vraag|Hoeveel kost het",
        "Nee, dat klopt niet|Wacht even|Oké, stop",
    ),
    "sv": (
        "Tack så mycket|Det låter verkligen bra|Ja, precis, just det|Jag förstår, absolut|Okej, det är klart",
        "Och i morgon kväll|Jag vill ha två biljetter|Ja, en fråga|Vad kostar den",
        "Nej, det är fel|Vänta lite|Okej, stopp",
    ),
    "ru": (
        "Большое спасибо|Это очень интересно|Да, да, конечно|Ну да, понятно|Вы совершенно правы|Спасибо вам большое",
        "А завтра вечером|Я хочу два билета|Хорошо, один вопрос|Сколько это стоит",
        "Нет, не так|Подождите минутку|Да, хватит",
    ),
    "uk": (
        "Щиро дякую|Це дуже цікаво|Так, так, звичайно|Ну так, зрозуміло|Дякую вам",
        "А завтра ввечері|Я хочу два квитки|Добре, одне питання|Скільки це коштує",
        "Ні, не так|Зачекайте хвилинку|Так, досить",
    ),
    "pl": (
        "Dziękuję bardzo pani|To naprawdę bardzo ciekawe|Tak, tak, oczywiście|No tak, rozumiem|Masz rację",
        "A jutro wieczorem|Chcę dwa bilety|Dobrze, jedno pytanie|Ile to kosztuje",
        "Nie, to źle|Proszę poczekać|Dobra, stop",
    ),
    "cs": (
        "Děkuju moc|To je opravdu velmi zajímavé|Jo jo, jasně|Ano, rozumím|Máte pravdu",
        "A zítra večer|Chci dva lístky|Dobře, jedna otázka|Kolik to stojí",
        "Ne, to je špatně|Počkejte chvilku|Dobře, dost",
    ),
    "el": (
        "Ευχαριστώ πάρα πολύ|Είναι πραγματικά υπέροχο|Ναι, ναι, βέβαια|Α, κατάλαβα|Έχετε δίκιο",
        "Και αύριο το βράδυ|Θέλω δύο εισιτήρια|Ναι, μια ερώτηση|Πόσο κάνει",
        "Όχι, λάθος|Περίμενε μια στιγμή|Εντάξει, στοπ",
    ),
    "tr": (
        "Çok teşekkür ederim|Gerçekten çok güzel|Evet evet, tabii ki|Hımm, anladım|Haklısınız hocam",
        "Peki yarın akşam|İki bilet istiyorum|Tamam, bir sorum olacak|Fiyatı nedir",
        "Hayır, yanlış|Bir dakika bekle|Tamam, yeter",
    ),
    "ar": (
        "شكرا جزيلا لك|هذا جميل جدا|نعم نعم، طبعا|أها، فهمت|معك حق والله",
        "وماذا عن الغد|أريد تذكرتين|كم السعر",
        "لا، هذا خطأ|انتظر لحظة|طيب، كفاية",
    ),
    "he": (
        "תודה רבה לך|זה ממש יפה|כן כן, ברור|אהה, הבנתי|אתה צודק אחי",
        "ומה עם מחר בערב|אני רוצה שני כרטיסים|כמה זה עולה",
        "לא, זה לא נכון|חכה רגע|טוב, מספיק",
    ),
    "hi": (
        "बहुत बहुत शुक्रिया|बहुत बढ़िया है यार|हाँ हाँ, बिल्कुल|अच्छा, समझ गया|जी हाँ, सही बात है",
        "और कल शाम को|मुझे दो टिकट चाहिए|कितने का होगा",
        "नहीं, ऐसा मत करो|एक मिनट रुकिए|ठीक है, बस करो",
    ),
    "ur": (
        "بہت بہت شکریہ|یہ بہت خوب ہے|ہاں ہاں، بالکل|اچھا، سمجھ گیا|جی ہاں، صحیح بات ہے",
        "اور کل شام کو|مجھے دو ٹکٹ چاہیے|کتنے کا ہے",
        "نہیں، ایسا مت کرو|ایک منٹ رکیے|ٹھیک ہے، بس کرو",
    ),
    "bn": (
        "অনেক ধন্যবাদ|খুব সুন্দর|হ্যাঁ হ্যাঁ, অবশ্যই|আচ্ছা, বুঝেছি|একদম ঠিক",
        "আর কাল সন্ধ্যায়|আমি দুটি টিকিট চাই|দাম কত",
        "না, ওটা ভুল|এক মিনিট দাঁড়ান|ঠিক আছে, যথেষ্ট",
    ),
    "mr": (
        "खूप खूप धन्यवाद|हे खूप छान आहे|हो हो, नक्कीच|अच्छा, समजलं|अगदी बरोबर",
        "आणि उद्या संध्याकाळी|मला दोन तिकिटे हवी|किती पैसे",
        "नाही, ते चूक|एक मिनिट थांबा|ठीक आहे, पुरे",
    ),
    "te": (
        "చాలా ధన్యవాదాలు|ఇది చాలా బాగుంది|అవును, తప్పకుండా|ఓహో, అర్థమైంది|నిజమే సార్",
        "మరి రేపు సాయంత్రం|నాకు రెండు టికెట్లు కావాలి|ధర ఎంత",
        "కాదు, అది తప్పు|ఒక్క నిమిషం ఆగండి|సరే, చాలు",
    ),
    "ta": (
        "ரொம்ப நன்றி|இது மிகவும் அருமை|ஆமா ஆமா, கண்டிப்பா|ஓ, புரிஞ்சது|சரிங்க சார்",
        "நாளைக்கு சாயங்காலம்|எனக்கு ரெண்டு டிக்கெட் வேணும்|விலை என்ன",
        "இல்ல, அது தப்பு|ஒரு நிமிஷம் இருங்க|சரி, போதும்",
    ),
    "zh": (
        "非常感谢|这真的很有意思|对对对，没错|嗯，我明白了|太好了，谢谢您|好的好的|真厉害啊|你说得对",
        "那明天晚上呢|我想要两张票|多少钱|好，还有一个问题",
        "不，这不对|等一下|好的，停",
    ),
    "ja": (
        "どうもありがとうございます|それはすごいですね|はい、はい、もちろんです|なるほどね|そうですね、確かに|本当ですか",
        "明日の夜は|チケットを二枚ください|いくらですか|はい、一つ質問",
        "いいえ、違います|ちょっと待ってください|はい、ストップ",
    ),
    "ko": (
        "네네|정말 감사합니다|그거 진짜 좋네요|아, 그렇군요|네, 맞아요 맞아요|예예, 알겠습니다|네, 물론이죠",
        "내일 저녁에는요|표 두 장 주세요|얼마예요|네, 질문 하나",
        "아니요, 틀렸어요|잠깐만 기다려|네, 그만",
    ),
    "id": (
        "Terima kasih banyak, Pak|Itu sangat menarik|Iya iya, tentu saja|Oh begitu ya|Bagus sekali|Oke deh",
        "Kalau besok malam|Saya mau dua tiket|Oke, satu pertanyaan|Berapa harganya",
        "Tidak, itu salah|Tunggu sebentar|Oke, cukup",
    ),
    "vi": (
        "Cảm ơn bạn rất nhiều|Thật tuyệt vời|Vâng vâng, tất nhiên rồi|À, tôi hiểu rồi|Hay quá nhỉ|Dạ vâng ạ",
        "Còn tối mai|Tôi muốn hai vé|Giá bao nhiêu",
        "Không, sai rồi|Chờ một chút|Được rồi, dừng lại",
    ),
    "th": (
        "ขอบคุณมากครับ|ดีมากเลย|ใช่ ใช่ แน่นอน|อ๋อ เข้าใจแล้วค่ะ|จริงเหรอ|น่าสนใจมาก",
        "แล้วพรุ่งนี้เย็นล่ะ|อยากได้ตั๋วสองใบ|ราคาเท่าไหร่",
        "ไม่ ผิดแล้ว|รอสักครู่|โอเค พอแล้ว",
    ),
}


def test_every_language_is_here() -> None:
    assert set(UTTERANCES) == set(CONSENTS) == set(LANGUAGES)
    assert len(LANGUAGES) >= 25


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("which", ["its own words", "those of all"])
class TestUtterances:
    @pytest.fixture
    def vocabulary(self, language: str, which: str) -> Vocabulary:
        return ALL if which == "those of all" else Vocabulary.of(language)

    def test_a_listener_does_not_want_the_turn(self, vocabulary: Vocabulary, language: str) -> None:
        for text in UTTERANCES[language][0].split("|"):
            assert vocabulary.content(tokens(text)) == (), text
            assert vocabulary.is_idle(tokens(text)), text

    def test_who_wants_the_turn_says_something(self, vocabulary: Vocabulary, language: str) -> None:
        for text in UTTERANCES[language][1].split("|"):
            assert vocabulary.content(tokens(text)), text
            assert not vocabulary.is_idle(tokens(text)), text

    def test_an_order_to_stop_is_one(self, vocabulary: Vocabulary, language: str) -> None:
        for text in UTTERANCES[language][2].split("|"):
            assert vocabulary.has_command(tokens(text)), text


# By language: what confirms, allows, doubts or praises what the agent has asked or proposed, which is a listener's word
# over a statement, and the answer to a question; and what remains a listener's even then.
CONSENTS: dict[str, tuple[str, str]] = {
    "en": (
        "Works for me|That works|I don't mind|Doesn't matter|You bet|Will do|No problem|Not a problem|No sweat|"
        "Sounds like a plan|It's a deal|I hope so|I wish|Go ahead|Oh, go on then|Please continue|No way|Surely|Clearly|"
        "Roger that|Got it, thanks|That makes sense|I'm listening|Not bad|Wonderful|That would be lovely|"
        "What a great idea|Are you serious|Are you kidding|You're kidding|Oh, really|For real",
        "Oh|Oh wow|Thank you very much|I see|Oh my god|I know what you mean|Sorry to hear that|Oh dear",
    ),
    "de": ("Kein Problem|Nur zu|Na klar|Super|Gute Idee|Mach weiter|Im Ernst|Nicht schlecht", "Ach so|Vielen Dank|Oh"),
    "fr": (
        "Pas de problème|Allez-y|Ça roule|Bonne idée|Je vous écoute|Sérieusement|Pas mal",
        "Ah|Merci beaucoup|Oh là là",
    ),
    "es": ("No hay problema|Adelante|Genial|Buena idea|Suena bien|En serio|Nada mal", "Ah|Muchas gracias|Qué pena"),
    "it": ("Nessun problema|Vai avanti|Ottimo|Buona idea|Ci sta|Sul serio|Non male", "Ah|Grazie mille|Che peccato"),
    "pt": ("Sem problema|Pode falar|Ótimo|Boa ideia|Faz sentido|Concordo|Nada mau", "Ah|Muito obrigado|Que pena"),
    "nl": ("Geen probleem|Ga door|Prima|Goed idee|Mee eens|Serieus|Niet slecht", "Ach|Hartelijk dank|Jammer"),
    "sv": ("Inga problem|Fortsätt|Toppen|Bra idé|Låter bra|Är det sant|Inte illa", "Oj|Jaha|Synd"),
    "ru": ("Нет проблем|Продолжайте|Отлично|Хорошая идея|Договорились|Серьёзно|Неплохо", "Ой|Спасибо|Жаль"),
    "uk": ("Без проблем|Продовжуйте|Чудово|Гарна ідея|Домовились|Серйозно|Непогано", "Ой|Дякую|Шкода"),
    "pl": ("Nie ma problemu|Proszę kontynuować|Świetnie|Dobry pomysł|Brzmi dobrze|Serio|Nieźle", "Oj|Dziękuję|Szkoda"),
    "cs": ("Žádný problém|Pokračujte|Skvělé|Dobrý nápad|Zní to dobře|Vážně|Není problém", "Ach|Děkuju moc|Škoda"),
    "el": ("Κανένα πρόβλημα|Συνεχίστε|Τέλεια|Καλή ιδέα|Σοβαρά|Όχι κι άσχημα", "Αχ|Ευχαριστώ πολύ|Κρίμα"),
    "tr": ("Sorun değil|Devam edin|Harika|İyi fikir|Ciddi misin|Fena değil", "Vay be|Teşekkür ederim|Yazık"),
    "ar": ("لا مشكلة|تفضل|ممتاز|فكرة جيدة|بجد|ليس سيئا", "آه|شكرا|للأسف"),
    "he": ("אין בעיה|תמשיך|מעולה|רעיון טוב|ברצינות|לא רע", "אוי|תודה רבה|חבל"),
    "hi": ("कोई दिक्कत नहीं|बोलिए|बढ़िया|अच्छा विचार है|सच में", "ओह|धन्यवाद|अफ़सोस"),
    "ur": ("کوئی مسئلہ نہیں|بولیے|زبردست|میں متفق ہوں|واقعی", "اوہ|شکریہ|افسوس"),
    "bn": ("কোনো সমস্যা নেই|বলুন|দারুণ|ভালো বুদ্ধি|সত্যি", "ওহ|ধন্যবাদ|বাহ"),
    "mr": ("काही हरकत नाही|पुढे बोला|छान|चांगली कल्पना|खरंच", "ओह|धन्यवाद|अरेरे"),
    "te": ("పర్వాలేదు|చెప్పండి|బాగుంది|మంచి ఆలోచన|నిజంగా", "ఓహో|ధన్యవాదాలు|అయ్యో"),
    "ta": ("பரவாயில்லை|சொல்லுங்க|அருமை|நல்ல யோசனை|உண்மையா", "ஓ|நன்றி|ஐயோ"),
    "zh": ("没关系|请继续|太棒了|明白了|有道理|真的吗|不错", "哦|谢谢|可惜"),
    "ja": ("問題ありません|どうぞ|いいですね|いいアイデア|本当ですか|大丈夫", "へえ|ありがとうございます|残念"),
    "ko": ("문제없어요|계속하세요|좋네요|좋은 생각이에요|정말요|괜찮습니다", "아|감사합니다|아쉽네요"),
    "id": ("Tidak masalah|Silakan|Bagus|Ide bagus|Masuk akal|Serius", "Oh|Terima kasih|Kasihan"),
    "vi": ("Không sao|Tiếp tục đi|Tuyệt vời|Ý hay|Hợp lý|Thật không", "Ồ|Cảm ơn|Tiếc quá"),
    "th": ("ไม่มีปัญหา|เชิญ|เยี่ยมเลย|เป็นความคิดที่ดี|จริงเหรอ|ไม่เป็นไร", "โอ้โห|ขอบคุณ|น่าเสียดาย"),
}


@pytest.mark.parametrize("language", LANGUAGES)
class TestConsents:
    @pytest.mark.parametrize("which", ["its own words", "those of all"])
    def test_a_consent_is_a_listeners_and_answers_a_question(self, language: str, which: str) -> None:
        vocabulary = ALL if which == "those of all" else Vocabulary.of(language)
        for text in CONSENTS[language][0].split("|"):
            assert vocabulary.is_idle(tokens(text)), text
            assert vocabulary.has_answer(tokens(text)), text

    def test_surprise_and_thanks_answer_nothing(self, language: str) -> None:
        vocabulary = Vocabulary.of(language)
        for text in CONSENTS[language][1].split("|"):
            assert vocabulary.is_idle(tokens(text)), text
            assert not vocabulary.has_answer(tokens(text)), text


class TestFamilies:
    @pytest.mark.parametrize(
        "text", ["Good news, please", "Good example, please", "Just one thing, a good story please"]
    )
    def test_a_thing_with_please_is_asked_for(self, text: str) -> None:
        assert ALL.has_command(tokens(text))

    @pytest.mark.parametrize("text", ["very", "that's", "very much", "sir", "that's very", "you're very"])
    def test_leads_and_tails_are_nothing_alone(self, text: str) -> None:
        assert Vocabulary.of("en").content(tokens(text)) == tokens(text)

    @pytest.mark.parametrize("text", ["okayyyy", "sooo", "yeeeah", "mmmmm", "hmhm", "mm-mm-hm", "yesyes", "yeah-yeah"])
    def test_a_word_may_be_drawn_out_or_doubled(self, text: str) -> None:
        assert Vocabulary.of("en").content(tokens(text)) == ()

    def test_a_word_of_any_length_is_looked_at_in_no_time(self) -> None:
        word = "ab" * 50_000
        assert Vocabulary.of("en").content((word,)) == (word,)
        assert len("yes" * 8) == LONGEST_DOUBLED
        assert not Vocabulary.of("en").content(("yes" * 8,))

    def test_words_before_a_backchannel_without_end_are_no_part_of_it(self) -> None:
        words = (*["very"] * 1000, "good")
        assert Vocabulary.of("en").content(words) == words[:994]

    def test_a_command_ends_what_stands_before_it(self) -> None:
        swedish = Vocabulary.of("sv")
        assert swedish.has_command(tokens("fortsätt det räcker"))
        assert not swedish.has_command(tokens("okej det"))
