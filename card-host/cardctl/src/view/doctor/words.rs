//! What each case means, and how to mend it, in both languages.

use card_core::text::Language;
use card_host::doctor::{Cause, Check, Verdict};

/// The name of a check.
pub(super) const fn check(check: Check, language: Language) -> &'static str {
    let [english, arabic] = match check {
        Check::Service => ["smart card service", "خدمة قارئات الكروت"],
        Check::Rights => ["rights", "الصلاحيات"],
        Check::Readers => ["readers", "القارئات"],
        Check::Driver => ["driver", "برنامج تشغيل القارئ"],
        Check::Holder => ["other programs", "البرامج الأخرى"],
        Check::Card => ["card", "الكارت"],
        Check::Atr => ["answer to reset", "استجابة الكارت الأولى"],
        Check::Protocol => ["protocol and speed", "البروتوكول والسرعة"],
        Check::Application => ["application", "تطبيق الكارت"],
        Check::State => ["state", "حالة الكارت"],
        Check::Wear => ["memory wear", "استهلاك ذاكرة الكارت"],
        Check::RoundTrip => ["round trip", "زمن الرد"],
        Check::Payload => ["payload", "طول الأوامر"],
        Check::Keys => ["keys", "بيانات التشفير"],
        Check::Ledger => ["ledger", "الدفاتر"],
        Check::Server => ["server", "الخادم"],
        Check::Clock => ["clock", "التاريخ والوقت"],
    };
    in_language(english, arabic, language)
}

/// How it came out, in columns.
pub(super) const fn verdict(verdict: Verdict, language: Language) -> &'static str {
    let [english, arabic] = match verdict {
        Verdict::Ok => ["ok     ", "سليم"],
        Verdict::Skipped => ["-      ", "لم يُفحص"],
        Verdict::Warning => ["WARNING", "تنبيه"],
        Verdict::Failure => ["FAILURE", "عطل"],
    };
    in_language(english, arabic, language)
}

/// What it means, and what to do; both are empty where all is well.
pub(super) const fn of(cause: Cause, language: Language) -> [&'static str; 2] {
    let [[means, to_do], [arabic_means, arabic_to_do]] = match cause {
        Cause::Good => [["", ""], ["", ""]],
        _ => match reaching(cause) {
            Some(words) => words,
            None => beyond(cause),
        },
    };
    match language {
        Language::Arabic => [arabic_means, arabic_to_do],
        Language::English => [means, to_do],
    }
}

const fn in_language(english: &'static str, arabic: &'static str, language: Language) -> &'static str {
    match language {
        Language::Arabic => arabic,
        Language::English => english,
    }
}

type Words = [[&'static str; 2]; 2];

/// Of service, readers and what lies in them.
const fn reaching(cause: Cause) -> Option<Words> {
    Some(match cause {
        Cause::NotNeeded => [["not there, and not needed", ""], ["غير موجود وغير مطلوب الآن", ""]],
        Cause::Before => {
            [["not looked at: something before it is missing", ""], ["لم يُفحص لأن ما قبله غير متاح", ""]]
        }
        Cause::ServiceStopped => [
            [
                "it does not run",
                "start it (Linux: systemctl start pcscd.socket; Windows: attach a reader, or start the service SCardSvr)",
            ],
            ["الخدمة متوقفة", "شغّل الخدمة (لينكس: systemctl start pcscd.socket، ويندوز: الخدمة SCardSvr)"],
        ],
        Cause::AccessDenied => [
            [
                "this user may not use readers",
                "on Linux a polkit rule for org.debian.pcsc-lite.access_pcsc and access_card is missing: docs/readers.md has one",
            ],
            ["هذا المستخدم غير مسموح له باستخدام القارئات", "أضف قاعدة polkit كما في docs/readers.md"],
        ],
        Cause::NoReader => [
            ["no reader is attached", "attach one; on Linux its driver is in the package libccid"],
            ["لا يوجد قارئ كروت متصل", "وصّل القارئ، وبرنامج تشغيله على لينكس في الحزمة libccid"],
        ],
        Cause::DriverMissing => [
            [
                "a reader is attached, and no driver knows it",
                "install its driver (Linux: package libccid, or its maker's), then restart pcscd",
            ],
            ["القارئ متصل ولا يوجد برنامج تشغيل له", "ثبّت برنامج تشغيله ثم أعد تشغيل الخدمة"],
        ],
        Cause::UnknownReader => [
            ["there is no reader of that name", "name one that `cardctl readers` lists, or --reader any"],
            ["لا يوجد قارئ بهذا الاسم", "اختر اسمًا مما يعرضه cardctl readers"],
        ],
        Cause::AmbiguousReader => [
            [
                "several readers have that name, and not exactly one has a card",
                "name one of them with --reader",
            ],
            ["أكثر من قارئ بهذا الاسم", "اختر واحدًا منها بـ --reader"],
        ],
        Cause::Unreachable => [
            ["nothing answers there", "start `applet-sim serve`, and name the address that it prints"],
            ["لا يوجد رد من هذا العنوان", "شغّل applet-sim serve واستخدم العنوان الذي يعرضه"],
        ],
        Cause::ReaderGone => [
            ["the reader is gone", "attach it again; try another cable and port"],
            ["القارئ لم يعد متصلًا", "أعد توصيله، وجرّب كابلًا ومنفذًا آخرين"],
        ],
        Cause::NoCard => [
            ["there is no card in the reader", "insert it, or lay it on the reader; --wait 30 waits for it"],
            ["لا يوجد كارت في القارئ", "أدخل الكارت أو ضعه على القارئ"],
        ],
        Cause::NoSimulatedCard => [
            ["there is no simulated card in the simulated reader", "cardctl sim new, or cardctl issue"],
            ["لا يوجد كارت محاكاة في قارئ المحاكاة", "cardctl sim new"],
        ],
        Cause::Mute => [
            [
                "the card does not answer",
                "chip first and up, and clean; on a contactless reader a single card, flat. Another card answers? Then replace this one",
            ],
            [
                "الكارت لا يستجيب",
                "أدخل الكارت والشريحة الذهبية إلى الأمام وإلى أعلى ونظّفها، فإن استجاب كارت آخر فاستبدل هذا",
            ],
        ],
        Cause::NoPower => [
            [
                "the card gets no power",
                "take it out and insert it again; turn off power saving for the reader",
            ],
            ["الكارت لا تصله طاقة", "أخرج الكارت وأدخله مرة أخرى، وأوقف توفير الطاقة للقارئ"],
        ],
        Cause::InUse => [
            ["another program has the reader for itself", "close it and try again"],
            ["برنامج آخر يستخدم القارئ وحده", "أغلق البرنامج ثم أعد المحاولة"],
        ],
        Cause::OtherProtocol => [
            [
                "another program has set the card to another protocol",
                "close it, take the card out and insert it again",
            ],
            ["برنامج آخر ضبط الكارت على بروتوكول مختلف", "أغلقه ثم أخرج الكارت وأدخله مرة أخرى"],
        ],
        Cause::TimedOut => [
            ["it took too long", "take the card out and the reader off, attach both, try again"],
            ["استغرق وقتًا أطول من اللازم", "أخرج الكارت وافصل القارئ ثم أعد توصيلهما"],
        ],
        Cause::Interrupted => [
            [
                "the card was taken out or reset meanwhile",
                "leave it in until the end; close other card programs",
            ],
            ["أُخرج الكارت أو أعيد تشغيله أثناء الفحص", "اترك الكارت حتى النهاية وأغلق برامج الكروت الأخرى"],
        ],
        _ => return None,
    })
}

/// Of the card itself, and of the office.
const fn beyond(cause: Cause) -> Words {
    match cause {
        Cause::AtrWrong => [
            ["it is not in form", "try another reader; where that shows the same, replace the card"],
            ["غير صحيحة", "جرّب قارئًا آخر، فإن تكرر ذلك فاستبدل الكارت"],
        ],
        Cause::SlowSpeed => [
            [
                "contacts at the slowest speed",
                "a card of ours offers more: is it ours? It works, and takes long",
            ],
            ["أبطأ سرعة ممكنة", "الكارت يعمل ولكن ببطء، فهل هو كارت الشركة؟"],
        ],
        Cause::NotOurs => [
            ["another card than ours", "use the card that the electricity company issued"],
            ["ليس كارت شركة الكهرباء", "استخدم الكارت الصادر من شركة الكهرباء"],
        ],
        Cause::NotUnderstood => [
            [
                "what the card answers is not understood",
                "it is defective, or newer than this program: look for a newer one",
            ],
            ["رد الكارت غير مفهوم", "الكارت تالف أو أحدث من هذا البرنامج: حدّث البرنامج"],
        ],
        Cause::MemoryFailed => [
            ["the card's memory has failed", "replace the card; its credit is on record in the ledger"],
            ["يوجد عطل في ذاكرة الكارت", "استبدل الكارت، ورصيده مسجل في الدفاتر"],
        ],
        Cause::Blank => [
            ["blank", "cardctl issue --meter NUMBER --account NUMBER"],
            ["كارت جديد لم يصدر لعميل", "cardctl issue"],
        ],
        Cause::NotActivated => [
            ["issued, and not charged yet", "the first charge, at a branch: cardctl top-up AMOUNT"],
            ["صدر ولم يُشحن بعد", "الشحنة الأولى في الفرع: cardctl top-up"],
        ],
        Cause::Blocked => [
            ["blocked", "see in the ledger why: cardctl show"],
            ["الكارت موقوف", "راجع السبب في الدفاتر: cardctl show"],
        ],
        Cause::Terminated => {
            [["terminated, for good", "issue another card"], ["الكارت منتهٍ نهائيًا", "أصدر كارتًا آخر"]]
        }
        Cause::WearUnknown => [
            ["a card does not tell; it says when its memory fails", ""],
            ["الكارت لا يعرض ذلك، وينبّه عند عطل ذاكرته", ""],
        ],
        Cause::Worn => [
            ["the card's memory is nearly worn out", "replace the card soon"],
            ["ذاكرة الكارت قاربت على الاستهلاك", "استبدل الكارت قريبًا"],
        ],
        Cause::Slow => [
            ["exchanges take long", "attach the reader directly, not through a hub; try another reader"],
            ["الرد بطيء", "وصّل القارئ مباشرة دون موزع، أو جرّب قارئًا آخر"],
        ],
        Cause::ShortPayload => [
            [
                "long commands do not come through",
                "update the reader's firmware and driver, or use another reader",
            ],
            ["الأوامر الطويلة لا تصل", "حدّث برنامج القارئ أو استخدم قارئًا آخر"],
        ],
        Cause::NoKeys => [
            ["there are none here yet", "the first `cardctl issue` draws some, for development"],
            ["غير موجودة بعد", "أول أمر cardctl issue ينشئها للتطوير"],
        ],
        Cause::KeysUnusable => [
            [
                "they cannot be used",
                "restore the file, or name the right token and directory (--keys, --data)",
            ],
            ["لا يمكن استخدامها", "استرجع الملف أو حدد المكان الصحيح (--keys، --data)"],
        ],
        Cause::DevelopmentKeys => [
            [
                "they are in a file, for development",
                "never issue a real card with them: whoever reads the file can make credit",
            ],
            ["محفوظة في ملف للتطوير فقط", "لا تصدر بها كارتًا حقيقيًا"],
        ],
        Cause::NoLedger => [
            [
                "there is none here yet",
                "the first `cardctl issue` founds one, or name its directory with --data",
            ],
            ["غير موجودة بعد", "أول أمر cardctl issue ينشئها، أو حدد مكانها بـ --data"],
        ],
        Cause::LedgerUnusable => [
            ["it cannot be used", "see to what it says; nothing was changed"],
            ["لا يمكن استخدامها", "عالج ما تذكره الرسالة، ولم يتغير شيء"],
        ],
        Cause::ServerStore => [
            [
                "it answers, and its ledger does not",
                "see to the server's database; nothing is sold until then",
            ],
            ["الخادم يرد ودفاتره لا ترد", "راجع قاعدة بيانات الخادم، فلا بيع حتى ذلك"],
        ],
        Cause::ServerOther => [
            ["something else than our server answers there", "name the right address with --server"],
            ["يرد من هذا العنوان برنامج آخر", "حدد العنوان الصحيح بـ --server"],
        ],
        Cause::ClockWrong => [
            ["this computer's clock is wrong", "set it; nothing is signed until then"],
            ["تاريخ ووقت هذا الجهاز غير صحيحين", "اضبطهما، فلا إصدار حتى ذلك"],
        ],
        Cause::ClockDiffers => [
            ["this computer's clock and the server's differ", "see which one is wrong, and set it"],
            ["وقت هذا الجهاز يختلف عن وقت الخادم", "حدد أيهما الخطأ واضبطه"],
        ],
        Cause::ClockUnsynchronised => [
            [
                "nothing has set this clock since the start",
                "see that a time server can be reached: timedatectl",
            ],
            ["لم يُضبط الوقت تلقائيًا منذ التشغيل", "تأكد من الوصول إلى خادم الوقت: timedatectl"],
        ],
        _ => [["it failed", "see what it says"], ["تعذر الفحص", "راجع ما تذكره الرسالة"]],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_case_has_its_words_in_both_languages() {
        let all = [
            Cause::NotNeeded,
            Cause::NoSimulatedCard,
            Cause::Before,
            Cause::ServiceStopped,
            Cause::AccessDenied,
            Cause::NoReader,
            Cause::DriverMissing,
            Cause::UnknownReader,
            Cause::AmbiguousReader,
            Cause::Unreachable,
            Cause::ReaderGone,
            Cause::NoCard,
            Cause::Mute,
            Cause::NoPower,
            Cause::InUse,
            Cause::OtherProtocol,
            Cause::TimedOut,
            Cause::Interrupted,
            Cause::AtrWrong,
            Cause::SlowSpeed,
            Cause::NotOurs,
            Cause::NotUnderstood,
            Cause::MemoryFailed,
            Cause::Blank,
            Cause::NotActivated,
            Cause::Blocked,
            Cause::Terminated,
            Cause::WearUnknown,
            Cause::Worn,
            Cause::Slow,
            Cause::ShortPayload,
            Cause::NoKeys,
            Cause::KeysUnusable,
            Cause::DevelopmentKeys,
            Cause::NoLedger,
            Cause::LedgerUnusable,
            Cause::ServerStore,
            Cause::ServerOther,
            Cause::ClockWrong,
            Cause::ClockDiffers,
            Cause::ClockUnsynchronised,
            Cause::Other,
        ];
        let mut seen = std::collections::BTreeSet::new();
        for cause in all {
            let [english, arabic] = [Language::English, Language::Arabic].map(|language| of(cause, language));
            assert!(!english[0].is_empty() && !arabic[0].is_empty(), "{cause:?}");
            assert_eq!(english[1].is_empty(), arabic[1].is_empty(), "{cause:?}");
            assert!(cause.verdict() < Verdict::Warning || !english[1].is_empty(), "{cause:?}: what to do");
            assert!(!arabic[0].is_ascii(), "{cause:?}");
            // Two cases that read the same cannot be told apart.
            seen.insert((english, arabic));
        }
        assert_eq!(seen.len(), all.len());
    }
}
