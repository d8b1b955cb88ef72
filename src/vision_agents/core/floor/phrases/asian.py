"""The phrases of Chinese, Japanese, Korean, Indonesian, Vietnamese and Thai."""

from __future__ import annotations

CHINESE = {
    "backchannels": (
        "嗯|嗯哼|啊|哦|噢|喔|哇|哎呀|哎|唉|天哪|天啊|我的天|对|对的|对啊|对呀|没错|是|是的|是啊|是吗|是这样|原来如此|"
        "原来是这样|这样啊|这样|好|好的|好吧|好啊|好呀|好嘞|行|行吧|可以|可以的|当然|当然了|肯定|一定|确实|的确|果然|"
        "真的|真的吗|真是|同意|我同意|知道|知道了|我知道|我知道了|明白|明白了|我明白|我明白了|懂了|我懂|理解|了解|"
        "收到|有道理|说得对|说得好|谢谢|谢谢您|谢谢你|多谢|感谢|不错|不错不错|很好|太好了|太棒了|棒|厉害|精彩|有意思|"
        "有趣|好笑|可惜|遗憾|难过|糟糕|没问题|没事|没关系|不客气|继续|请继续|接着说|继续说|你说|您说|我在听|對|對的|"
        "對啊|沒錯|真的嗎|當然|確實|謝謝|我懂了|說得對|沒問題|沒事|沒關係|請繼續|繼續|厲害|是嗎|這樣|這樣啊|原來如此|"
        "懂|好喔|好主意|好问题|好問題|好想法|你说得对|您说得对|你說得對|我很高兴|我很同意"
    ),
    "fillers": "呃|额|那个|就是|那個|这个|這個|请|請|然后|然後|嘛|呢|吧|呀|啦|了|的",
    "commands": (
        "停|停下|停一下|等等|等一下|等一等|等会|稍等|慢着|不|不是|不对|不對|不要|别|别说了|別說了|安静|安靜|够了|"
        "夠了|闭嘴|打断一下|不好意思|对不起|對不起|听我说|聽我說"
    ),
    "answers": (
        "对|对的|对啊|是|是的|是啊|好|好的|好啊|行|可以|可以的|没错|当然|肯定|一定|嗯|同意|對|對的|沒錯|當然|没问题|"
        "沒問題|对呀|好吧|好呀|好嘞|行吧|当然了|确实|的确|真的|真的吗|我同意|知道了|"
        "明白了|收到|有道理|说得对|不错|很好|太好了|太棒了|棒|没事|没关系|继续|请继续|接着说|继续说|你说|您说|我在听|"
        "對啊|真的嗎|確實|說得對|沒事|沒關係|請繼續|繼續|好喔|好主意|你说得对|您说得对|"
        "你說得對|我很同意"
    ),
    "leads": (
        "这|这个|那|那真|真|真是|真的|很|非常|太|好|挺|特别|特別|这真是|这很|非常的|听起来|聽起來|這|這真是|十分|"
        "完全|都"
    ),
    "tails": "了|啊|呀|吧|呢|的|大家|先生|女士|朋友|哥|姐|极了|極了|得很|说",
}

JAPANESE = {
    "backchannels": (
        "はい|うん|ん|ええ|へえ|へー|ほう|ほお|ふーん|ふむ|ああ|あー|おお|おー|わあ|わー|えっ|えー|まじ|マジ|そう|"
        "そうですね|そうですか|そうか|そっか|そうなんだ|そうなんですか|そうなんですね|その通り|そのとおり|なるほど|"
        "確かに|たしかに|もちろん|勿論|当然|わかりました|分かりました|わかった|分かった|わかります|分かります|わかる|"
        "分かる|了解|承知しました|かしこまりました|知ってます|知っています|知ってる|理解しました|本当|ほんと|"
        "ほんとう|ホント|本当に|いいですね|いいね|いい|良い|よい|良かった|よかった|すごい|凄い|すごーい|すばらしい|"
        "素晴らしい|素敵|すてき|最高|さすが|面白い|おもしろい|楽しい|嬉しい|うれしい|残念|大変|ひどい|悲しい|"
        "かわいい|きれい|びっくり|信じられない|ありがとう|ありがとうございます|有難う|どうも|助かります|オッケー|"
        "オーケー|オーケイ|オッケ|大丈夫|問題ない|問題ありません|賛成|同感|同意|やっぱり|やはり|ですよね|だよね|"
        "でしょうね|続けて|続けてください|どうぞ|聞いてます|聞いています|本当ですか|ほんとですか|マジですか|いい考え|"
        "いい質問|いいアイデア|おっしゃる通り|おっしゃるとおり"
    ),
    "fillers": "えっと|えーと|ええと|あの|あのー|その|まあ|じゃあ|では|お願いします|なんか|で|ね|よ|さ|な",
    "commands": (
        "待って|待ってください|ちょっと待って|ちょっと待ってください|止めて|止まって|やめて|ストップ|違う|違います|"
        "いいえ|いや|静かに|黙って|もういい|すみません|ごめん|ごめんなさい|失礼|聞いて|ちょっと"
    ),
    "answers": (
        "はい|うん|ええ|そう|そうです|その通り|わかりました|分かりました|了解|もちろん|いいですよ|いいです|大丈夫です|"
        "お願いします|オッケー|オーケー|賛成|確かに|そうですね|そのとおり|たしかに|勿論|当然|"
        "わかった|分かった|承知しました|かしこまりました|本当ですか|ほんとですか|マジですか|いいですね|いいね|いい|"
        "良い|よい|すばらしい|素晴らしい|素敵|最高|オッケ|オーケイ|大丈夫|問題ない|問題ありません|"
        "同感|同意|続けて|続けてください|どうぞ|聞いてます|聞いています|いい考え|いいアイデア|おっしゃる通り|"
        "おっしゃるとおり"
    ),
    "leads": (
        "それは|これは|とても|すごく|本当に|ほんとに|めっちゃ|大変|なんて|どうも|誠に|まことに|あ|お|え|私も|僕も|"
        "もう|全く|まったく|実に"
    ),
    "tails": (
        "です|ですね|ですよ|ですよね|でした|でしたね|だ|だね|だよ|だよね|ね|ねえ|よ|よね|な|なあ|かも|わ|ございます|"
        "ございました|しました|いたします|します|あります|ありますね|さん|と思います|思います|の|なの|なんですね|"
        "なんだ|から"
    ),
}

KOREAN = {
    "backchannels": (
        "네|예|넵|넹|응|음|흠|아|아하|오|와|우와|어머|어머나|세상에|헐|대박|그래|그래요|그렇군|그렇군요|그렇구나|"
        "그렇죠|그렇지|그렇네|그렇네요|그러게|그러게요|그러네요|그럼|그럼요|맞아|맞아요|맞습니다|맞네|맞네요|알겠어|"
        "알겠어요|알겠습니다|알았어|알았어요|알아|알아요|이해해|이해해요|이해했어요|이해했습니다|이해합니다|당연하지|"
        "당연하죠|당연히|물론|물론이죠|물론이지|확실히|확실하네요|정말|정말요|정말로|진짜|진짜요|진짜로|좋아|좋아요|"
        "좋네|좋네요|좋습니다|좋은데요|훌륭해요|멋져요|멋지네요|멋있어요|대단해|대단해요|대단하네요|최고|최고예요|"
        "재밌네|재밌네요|재미있네요|재밌어요|흥미롭네요|신기하네요|놀랍네요|아쉽네요|안타깝네요|슬프네요|안됐네요|"
        "괜찮아|괜찮아요|괜찮네요|괜찮습니다|문제없어요|동의해요|동의합니다|저도요|나도|오케이|감사합니다|감사해요|"
        "고마워|고마워요|고맙습니다|다행이다|다행이네요|역시|과연|계속하세요|계속해|계속해요|계속 말씀하세요|"
        "말씀하세요|듣고 있어요|좋은 생각이에요|좋은 생각이네요|좋은 질문이에요|좋은 질문이네요|맞는 말이에요|"
        "맞는 말이네요"
    ),
    "fillers": "어|저|그|저기|뭐|그니까|그러니까|막|제발|부탁해요",
    "commands": (
        "잠깐|잠깐만|잠깐만요|잠시만|잠시만요|멈춰|멈춰요|멈추세요|그만|그만해|그만해요|그만하세요|스톱|정지|아니|"
        "아니요|아뇨|아니에요|아닙니다|기다려|기다려요|기다려주세요|조용히|됐어|됐어요|죄송한데|죄송합니다|미안|"
        "실례합니다|있잖아요|들어봐"
    ),
    "answers": (
        "네|예|넵|응|그래|그래요|맞아|맞아요|맞습니다|좋아|좋아요|좋습니다|물론|물론이죠|그럼|그럼요|당연하죠|"
        "알겠어요|알겠습니다|괜찮아요|오케이|넹|그렇죠|그렇지|맞네|맞네요|알겠어|알았어|알았어요|"
        "당연하지|당연히|물론이지|확실히|정말요|진짜요|좋네|좋네요|훌륭해요|멋져요|최고|최고예요|괜찮아|괜찮네요|"
        "괜찮습니다|문제없어요|동의해요|동의합니다|계속하세요|계속해|계속해요|계속 말씀하세요|"
        "말씀하세요|듣고 있어요|좋은 생각이에요|좋은 생각이네요|맞는 말이에요|맞는 말이네요"
    ),
    "leads": (
        "그거|그건|그게|이거|이건|참|정말|진짜|아주|매우|너무|되게|완전|꽤|정말로|아|오|와|대단히|저도|나도|네|무척"
    ),
    "tails": "요|네요|그렇죠|그래요|정말|진짜|선생님|님|씨|형|누나|친구|말이에요|덕분에",
}

INDONESIAN = {
    "backchannels": (
        "hmm|mm|hm|oh|ah|aha|wah|wow|aduh|astaga|ya ampun|ya|iya|iyaa|yap|yoi|ya ya|oh ya|oh gitu|oh begitu|begitu|"
        "gitu|oke|okey|ok|okay|baik|baiklah|boleh|sip|siap|mantap|mantul|bagus|hebat|keren|luar biasa|sempurna|asyik|"
        "asik|indah|menarik|lucu|sedih|sayang|sayang sekali|kasihan|parah|ngeri|betul|benar|bener|tepat|tepat sekali|"
        "setuju|saya setuju|aku setuju|pasti|tentu|tentu saja|jelas|memang|masa|masa sih|serius|beneran|sungguh|"
        "mengerti|saya mengerti|aku mengerti|paham|saya paham|aku paham|ngerti|tahu|saya tahu|aku tahu|masuk akal|"
        "kedengarannya bagus|kedengarannya menarik|terima kasih|makasih|trims|tidak masalah|tidak apa-apa|"
        "nggak apa-apa|gak apa-apa|gapapa|sama-sama|ya sudah|lanjut|lanjutkan|silakan|teruskan|terus|saya dengar|"
        "saya mendengarkan|ide bagus|ide yang bagus|pertanyaan bagus|pertanyaan yang bagus|kabar baik"
    ),
    "fillers": "tolong|anu|eh|eee|jadi|nah|dan|kan|sih|deh|dong|mohon|lho|loh",
    "commands": (
        "stop|berhenti|tunggu|tunggu sebentar|sebentar|bentar|tidak|nggak|enggak|gak|bukan|jangan|cukup|diam|tenang|"
        "maaf|permisi|dengarkan|dengar dulu"
    ),
    "answers": (
        "ya|iya|yap|oke|ok|okay|baik|baiklah|boleh|siap|sip|betul|benar|bener|tepat|setuju|saya setuju|pasti|tentu|"
        "tentu saja|jelas|mau|yoi|okey|mantap|bagus|hebat|keren|luar biasa|sempurna|asyik|asik|tepat sekali|"
        "aku setuju|memang|masa sih|serius|beneran|sungguh|masuk akal|kedengarannya bagus|kedengarannya menarik|"
        "tidak masalah|tidak apa-apa|nggak apa-apa|gak apa-apa|gapapa|ya sudah|lanjut|lanjutkan|silakan|teruskan|"
        "terus|saya dengar|saya mendengarkan|ide bagus|ide yang bagus"
    ),
    "leads": (
        "itu|ini|itu sangat|sangat|sungguh|benar-benar|bener-bener|cukup|amat|betapa|kamu|anda|saya|aku|wah|oh|ya|"
        "terlalu|lumayan"
    ),
    "tails": (
        "sekali|banget|juga|ya|dong|sih|deh|kok|kan|lah|pak|bu|bapak|ibu|mas|mbak|kak|bang|bos|bro|teman|banyak|"
        "atas bantuannya"
    ),
}

VIETNAMESE = {
    "backchannels": (
        "ừm|ừ|ừa|ờ|hừm|à|ồ|ôi|ôi trời|trời|trời ơi|trời đất|chà|wow|vâng|dạ|dạ vâng|vâng ạ|dạ thưa|vâng thưa|đúng|"
        "đúng rồi|đúng vậy|đúng thế|chính xác|phải|phải rồi|phải đấy|được|được rồi|được thôi|ok|oke|okay|ô kê|tốt|"
        "tốt rồi|tốt lắm|hay|hay quá|hay đấy|hay lắm|giỏi|giỏi quá|tuyệt|tuyệt vời|tuyệt quá|xuất sắc|hoàn hảo|đẹp|"
        "đẹp quá|vui|vui quá|thú vị|buồn cười|buồn|tiếc|tiếc quá|tội nghiệp|khủng khiếp|thật|thật à|thật không|"
        "thật sao|thật vậy|thế à|vậy à|thế hả|vậy hả|thế thì tốt|hiểu|hiểu rồi|tôi hiểu|tôi hiểu rồi|em hiểu rồi|"
        "biết rồi|tôi biết|tôi biết rồi|rõ|rõ rồi|rõ ràng|tất nhiên|dĩ nhiên|đương nhiên|chắc chắn|chắc rồi|hẳn rồi|"
        "đồng ý|tôi đồng ý|có lý|hợp lý|nghe hay đấy|nghe được đấy|cảm ơn|cám ơn|không sao|không sao đâu|"
        "không vấn đề gì|không có gì|tiếp đi|tiếp tục|tiếp tục đi|nói tiếp đi|tôi đang nghe|tôi nghe đây|ý hay|"
        "ý kiến hay|câu hỏi hay|ý tưởng hay|bạn nói đúng|anh nói đúng|chị nói đúng"
    ),
    "fillers": "làm ơn|xin|ờm|thì|là|và|kiểu|nhé|nha|ạ|mà",
    "commands": (
        "dừng|dừng lại|ngừng|khoan|khoan đã|chờ|chờ đã|chờ chút|chờ một chút|đợi|đợi đã|đợi chút|đợi một chút|"
        "một chút|không|không phải|đừng|thôi|đủ rồi|im lặng|im đi|xin lỗi|này|nghe này|stop"
    ),
    "answers": (
        "vâng|dạ|dạ vâng|ừ|ừm|đúng|đúng rồi|đúng vậy|chính xác|phải|phải rồi|được|được rồi|ok|oke|okay|tất nhiên|"
        "dĩ nhiên|chắc chắn|đồng ý|tôi đồng ý|có|có chứ|tốt|ừa|vâng ạ|dạ thưa|đúng thế|phải đấy|được thôi|ô kê|"
        "tốt rồi|tốt lắm|hay đấy|hay lắm|tuyệt|tuyệt vời|tuyệt quá|xuất sắc|hoàn hảo|thật à|thật không|thật sao|"
        "đương nhiên|chắc rồi|hẳn rồi|có lý|hợp lý|nghe hay đấy|nghe được đấy|không sao|không sao đâu|không vấn đề gì|"
        "tiếp đi|tiếp tục|tiếp tục đi|nói tiếp đi|tôi đang nghe|tôi nghe đây|ý hay|ý tưởng hay|bạn nói đúng|"
        "anh nói đúng|chị nói đúng"
    ),
    "leads": (
        "cái này|cái đó|điều đó|thật|thật là|rất|quá|thế thì|vậy thì|vậy|nghe|nghe có vẻ|tôi rất|bạn|anh|chị|em|ồ|à|"
        "dạ|vâng|xin|hoàn toàn|khá"
    ),
    "tails": (
        "lắm|quá|thật|rồi|nhiều|rất nhiều|bạn|anh|chị|em|ông|bà|ạ|nhé|nha|đấy|đó|vậy|thế|à|hả|nhỉ|luôn|mà|thôi nhé"
    ),
}

THAI = {
    "backchannels": (
        "อืม|อือ|อื้อ|อื้ม|อ๋อ|อ้อ|อ่อ|เออ|โอ้|โอ้โห|โห|ว้าว|ตายจริง|ตายแล้ว|ใช่|ใช่แล้ว|ใช่เลย|ครับ|ครับผม|ค่ะ|คะ|"
        "จ้ะ|จ้า|ได้|ได้เลย|โอเค|ตกลง|ดี|ดีแล้ว|ดีมาก|ดีเลย|เยี่ยม|เยี่ยมเลย|สุดยอด|ยอดเยี่ยม|วิเศษ|สวย|เจ๋ง|เก่ง|"
        "สนุก|ตลก|น่าสนใจ|น่าเสียดาย|เสียดาย|น่าสงสาร|เศร้า|แย่|แย่จัง|แย่มาก|ถูก|ถูกต้อง|ถูกแล้ว|จริง|จริงเหรอ|"
        "จริงหรอ|จริงด้วย|จริงๆ|แน่นอน|แน่ๆ|เข้าใจ|เข้าใจแล้ว|เข้าใจละ|รู้|รู้แล้ว|ทราบแล้ว|รับทราบ|เห็นด้วย|"
        "ฉันเห็นด้วย|ผมเห็นด้วย|มีเหตุผล|ฟังดูดี|อย่างนั้นเหรอ|งั้นเหรอ|อย่างงั้นเหรอ|แบบนี้นี่เอง|อย่างนี้นี่เอง|"
        "ขอบคุณ|ขอบใจ|ไม่เป็นไร|ไม่มีปัญหา|ต่อเลย|เชิญ|ว่าต่อ|ฟังอยู่|ความคิดดี|เป็นความคิดที่ดี|คำถามดี|พูดถูก"
    ),
    "fillers": "กรุณา|เอ่อ|แบบ|คือ|ก็|และ|แล้วก็|นะ|น่ะ|อะ",
    "commands": (
        "หยุด|หยุดก่อน|เดี๋ยว|เดี๋ยวก่อน|เดี๋ยวนะ|รอ|รอก่อน|รอสักครู่|สักครู่|แป๊บนึง|แป๊บหนึ่ง|ไม่|ไม่ใช่|ไม่เอา|อย่า|พอ|พอแล้ว|เงียบ|ขอโทษ|ฟังก่อน"
    ),
    "answers": (
        "ใช่|ใช่แล้ว|ครับ|ค่ะ|ได้|ได้เลย|โอเค|ตกลง|ดี|ถูก|ถูกต้อง|แน่นอน|เห็นด้วย|อืม|เอา|จ้ะ|ใช่เลย|ครับผม|จ้า|"
        "ดีแล้ว|ดีมาก|ดีเลย|เยี่ยม|เยี่ยมเลย|สุดยอด|ยอดเยี่ยม|ถูกแล้ว|จริงเหรอ|จริงหรอ|จริงด้วย|แน่ๆ|รับทราบ|"
        "ฉันเห็นด้วย|ผมเห็นด้วย|มีเหตุผล|ฟังดูดี|ไม่เป็นไร|ไม่มีปัญหา|ต่อเลย|เชิญ|ว่าต่อ|ฟังอยู่|ความคิดดี|"
        "เป็นความคิดที่ดี|พูดถูก"
    ),
    "leads": "มัน|นั่น|นี่|ช่าง|ฟังดู|โคตร|โอ้|ผม|ฉัน|คุณ|อันนี้|น่า",
    "tails": ("ครับ|ค่ะ|คะ|นะ|จ้ะ|มาก|มากๆ|มากเลย|เลย|จริง|จริงๆ|จัง|แล้ว|เหมือนกัน|ด้วย|สิ|ซิ|ละ|ล่ะ|นะครับ|นะคะ|คุณ|พี่|น้อง|เพื่อน"),
}
