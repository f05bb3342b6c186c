//! The words of tables in both languages, and sentences with a version for each. The terms are those of the glossary.

use card_core::text::Language;
use std::fmt::Display;

/// English and Arabic.
const WORDS: &[(&str, &str)] = &[
    ("reader", "القارئ"),
    ("card", "الكارت"),
    ("engineering card", "كارت فني"),
    ("state", "الحالة"),
    ("in the ledger", "في الدفاتر"),
    ("generation", "الإصدار"),
    ("company", "الشركة"),
    ("issued", "تاريخ الإصدار"),
    ("expires", "ينتهي في"),
    ("balance", "الرصيد"),
    ("waiting on the card", "في انتظار العداد"),
    ("corrections waiting", "تصحيحات في انتظار العداد"),
    ("in the meter", "في العداد"),
    ("account", "رقم المشترك"),
    ("meter", "العداد"),
    ("certificate", "الشهادة"),
    ("total credit", "إجمالي الرصيد المضاف"),
    ("total debited", "إجمالي المخصوم"),
    ("settled credit", "أضافه العداد"),
    ("settled debited", "خصمه العداد"),
    ("meter's balance", "رصيد العداد"),
    ("meter's register", "قراءة العداد"),
    ("this month", "هذا الشهر"),
    ("loads", "عدد الشحنات"),
    ("replaces", "بدلًا من"),
    ("access number", "رقم الاطلاع"),
    ("next", "الخطوة التالية"),
    ("time", "الوقت"),
    ("report", "رقم التقرير"),
    ("applied credit", "المضاف"),
    ("applied debited", "المخصوم"),
    ("register", "القراءة"),
    ("supply", "التيار"),
    ("tampering", "التلاعب"),
    ("emergency loan until", "خدمة سلفني حتى"),
    ("instalments", "الأقساط"),
    ("tariff", "التعريفة"),
    ("refused cards", "كروت مرفوضة"),
    ("last event", "آخر حدث"),
    ("last command", "آخر أمر"),
    ("offset of the clock", "فرق الساعة"),
    ("firmware", "إصدار البرنامج"),
    ("clock", "الساعة"),
    ("credit", "الرصيد المضاف"),
    ("days remaining", "الأيام المتبقية"),
    ("slab", "الشريحة"),
    ("next bracket", "الشريحة التالية"),
    ("power limit", "حد القدرة"),
    ("buzzer", "الجرس"),
    ("debts", "المديونية"),
    ("from", "من"),
    ("to", "إلى"),
    ("profile", "نمط الاستهلاك"),
    ("energy", "الاستهلاك"),
    ("charged", "قيمة الاستهلاك"),
    ("of that, months rated again", "منها فرق الشرائح"),
    ("fees", "مقابل خدمة العملاء ورسوم الشهر"),
    ("hours without supply", "ساعات انقطاع التيار"),
    ("balance before", "الرصيد قبلها"),
    ("status", "حالة التعاقد"),
    ("seen on the card", "آخر شهادة على الكارت"),
    ("seen in the meter", "أضافه العداد"),
    ("heard of the meter", "آخر خبر عن العداد"),
    ("debt", "المديونية"),
    ("request", "الطلب"),
    ("receipt", "الإيصال"),
    ("sold by", "البائع"),
    ("approved by", "وافق عليه"),
    ("paid", "المدفوع"),
    ("to the debt", "قسط المديونية"),
    ("voucher", "الشحنة"),
    ("vending point", "منفذ الشحن"),
    ("entries", "القيود"),
    ("cash before", "النقد قبل اليوم"),
    ("cash by the books", "النقد بالدفاتر"),
    ("cash as counted", "النقد المعدود"),
    ("difference", "الفرق"),
    ("waiting", "في الانتظار"),
    ("signed", "موقع"),
    ("consumption meanwhile", "الاستهلاك أثناء ذلك"),
    ("power failed", "انقطاع التيار"),
    ("before", "قبله"),
    ("after, with power again", "بعد عودة التيار"),
    ("so", "النتيجة"),
    // Values.
    ("private: see `cardctl show`", "خاص بصاحب الكارت"),
    ("memory failed", "يوجد عطل في ذاكرة الكارت"),
    ("blank", "فارغ"),
    ("personalised", "صدر ولم يُفعل"),
    ("active", "مفعل"),
    ("blocked", "موقوف"),
    ("terminated", "منتهٍ"),
    ("open", "مفتوح"),
    ("closed", "منتهٍ"),
    ("replaced", "مستبدل"),
    ("not set", "غير محدد"),
    ("never", "لا شيء بعد"),
    ("on", "متصل"),
    ("cut", "مقطوع"),
    ("yes", "نعم"),
    ("none yet", "لم تبدأ"),
    ("credit is low", "رصيد العداد أوشك على النفاد"),
    ("a cut is near", "اقترب قطع التيار"),
    ("certified", "تم"),
    ("announced", "مسجل ولم يُدفع"),
    ("cancelled", "ملغى"),
    ("refunded", "رُد مبلغه"),
    ("household", "منزلي"),
    ("shop", "تجاري"),
    ("empty", "بلا سكان"),
    // Kinds of entries.
    ("sale", "بيع"),
    ("reserve", "تسجيل بيع"),
    ("approve", "موافقة"),
    ("confirm", "تأكيد الدفع"),
    ("cancel", "إلغاء"),
    ("certify", "إصدار الشحنة"),
    ("refund", "رد المدفوع"),
    ("propose", "اقتراح"),
    ("debit", "خصم"),
    ("refresh", "تحديث الكارت"),
    ("adopt", "نقل رصيد سابق"),
    ("replace", "استبدال الكارت"),
    ("block", "إيقاف الكارت"),
    ("unblock", "إعادة الكارت"),
    ("move", "نقل المتبقي"),
    ("end", "إنهاء التعاقد"),
    ("give-back", "رد المتبقي"),
    ("ended", "انتهى"),
    ("then", "ثم"),
    ("given back", "المردود"),
    ("paid of a debt", "سدد من المديونية"),
    ("owed from now on", "مستحق على المشترك"),
    ("deposit", "توريد نقد"),
    ("close", "إغلاق اليوم"),
    ("link", "ربط بحساب"),
    ("evidence", "بيانات مستلمة"),
    ("recover", "استعادة رصيد"),
    ("mail", "رسالة للعداد"),
    ("settings", "إعدادات"),
    ("restore", "استعادة نسخة"),
    ("superseded", "حل محله تعاقد أحدث"),
    ("engineering", "كارت فني"),
    // Columns and remarks.
    ("event  local time        what happened", "الحدث  الوقت المحلي     ما حدث"),
    ("the meter has no events in this contract yet", "لا توجد أحداث في هذا التعاقد بعد"),
    ("not yet", "بعد انتهائه"),
    ("runs", "جارٍ"),
    ("partial", "جزئي"),
    ("re-rated", "فرق شرائح"),
    (
        "  load  time                  channel           EGP  reference",
        "  شحنة  الوقت                 القناة           جنيه  المرجع",
    ),
    (
        " event  time                  what happened at the meter",
        "  حدث  الوقت                 ما حدث في العداد",
    ),
    ("branch", "فرع"),
    ("kiosk", "منفذ"),
    ("bank", "بنك"),
    ("wallet", "محفظة"),
];

/// A word in Arabic, where it is one of ours.
pub(crate) fn word(english: &str) -> Option<&'static str> {
    WORDS.iter().find(|(known, _)| *known == english).map(|(_, arabic)| *arabic)
}

/// One of our words in the language.
pub(crate) fn words(language: Language, english: &'static str) -> &'static str {
    match language {
        Language::English => english,
        Language::Arabic => word(english).unwrap_or(english),
    }
}

/// Whether there are Arabic letters in it.
pub(crate) fn is_arabic(text: &str) -> bool {
    text.chars().any(|letter| matches!(letter, 'ء'..='ي'))
}

/// A sentence in the language.
pub(crate) fn say(language: Language, english: impl Display, arabic: impl Display) -> String {
    match language {
        Language::English => english.to_string(),
        Language::Arabic => arabic.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_word_stands_once_and_is_arabic() {
        for (index, (english, arabic)) in WORDS.iter().enumerate() {
            assert!(WORDS.iter().skip(index + 1).all(|(other, _)| other != english), "{english} twice");
            assert!(
                is_arabic(arabic) && !arabic.chars().any(|letter| letter.is_ascii_alphanumeric()),
                "{arabic}"
            );
        }
    }

    /// What the views name in their tables is in the list.
    #[test]
    fn each_name_in_a_table_has_a_word() {
        let sources = [
            include_str!("card.rs"),
            include_str!("collect.rs"),
            include_str!("issue.rs"),
            include_str!("meter/status.rs"),
            include_str!("meter/run.rs"),
            include_str!("meter/power.rs"),
            include_str!("ledger/show.rs"),
            include_str!("ledger/correct.rs"),
            include_str!("ledger/days.rs"),
        ];
        let mut seen = 0;
        for source in sources {
            for call in [".line(", ".egp("] {
                for (_, after) in source.match_indices(call).map(|(at, _)| source.split_at(at + call.len())) {
                    let Some(name) =
                        after.trim_start().strip_prefix('"').and_then(|rest| rest.split_once('"'))
                    else {
                        continue;
                    };
                    seen += 1;
                    assert!(word(name.0).is_some(), "{:?} has no word in Arabic", name.0);
                }
            }
        }
        assert!(seen > 60, "{seen}");
    }
}
