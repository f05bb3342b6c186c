//! What stands on the desk's pages, in both languages, each in one place.

use card_core::text::Language;

/// A text in English and in Arabic.
#[derive(Clone, Copy)]
pub(super) struct Words {
    pub(super) english: &'static str,
    pub(super) arabic: &'static str,
}

impl Words {
    pub(super) const fn of(self, language: Language) -> &'static str {
        match language {
            Language::English => self.english,
            Language::Arabic => self.arabic,
        }
    }
}

macro_rules! words {
    ($($name:ident = $english:literal, $arabic:literal;)*) => {
        $(pub(super) const $name: Words = Words { english: $english, arabic: $arabic };)*
        /// All of them, for the test that none is left out in a language.
        #[cfg(test)]
        const ALL: &[Words] = &[$($name),*];
    };
}

words! {
    DESK = "Desk", "مكتب خدمة العملاء";
    HOLDER = "My card", "كارت الكهرباء الخاص بي";
    CARD = "The card in the reader", "الكارت في القارئ";
    EMPTY = "There is no card in the reader: put one in.", "لا يوجد كارت في القارئ: يرجى وضع الكارت.";
    BUSY = "The reader is in use: this goes on by itself.", "القارئ مشغول الآن: تستمر الخدمة تلقائيًا.";
    READY = "A card is in the reader.", "الكارت في القارئ.";
    NUMBER = "Card number", "رقم الكارت";
    METER = "Meter number", "رقم العداد";
    ACCOUNT = "Account number", "رقم الحساب";
    WAITING = "On the card, not yet at the meter", "على الكارت ولم يصل إلى العداد";
    BALANCE = "Balance at the meter", "الرصيد في العداد";
    BLOCKED = "This card is blocked: nothing can be sold to it.", "هذا الكارت موقوف: لا يمكن شحنه.";
    AMOUNT = "Amount in EGP", "المبلغ بالجنيه";
    SELL = "Sell and load", "شحن الكارت";
    REFRESH = "Load what was paid", "تحميل ما تم دفعه";
    REFRESH_WHY = "For a replacement, and for a charge that has not arrived.", "للكارت البديل، ولشحنة لم تصل إلى الكارت.";
    STATEMENT = "Print the statement", "طباعة كشف الحساب";
    RECEIPT = "Print the receipt", "طباعة الإيصال";
    SLIP = "Print the slip", "طباعة إشعار الكارت";
    BLOCK = "Block the card", "إيقاف الكارت";
    UNBLOCK = "Unblock the card", "إعادة تفعيل الكارت";
    REASON = "Reason", "السبب";
    LOST = "A card that is not here", "كارت غير موجود";
    DOCUMENTS = "What the customer shows", "مستندات المشترك";
    ASKED = "The company asks for it here:", "تطلب الشركة هنا:";
    NATIONAL_ID = "National ID, 14 digits (it is not kept)", "الرقم القومي، ١٤ رقمًا (لا يُحفظ)";
    VALID_UNTIL = "Valid until, such as 2030-05-01", "سارية حتى، مثل ٢٠٣٠-٠٥-٠١";
    SHOWN = "Number of the meter, or of a recent receipt", "رقم العداد أو رقم إيصال حديث";
    POLICE_REPORT = "Number of the police report", "رقم محضر الشرطة";
    REPLACE = "Replace the card", "إصدار كارت بديل";
    REPLACE_WHY = "Put a blank card into the reader; the former one is good for nothing then.",
        "يرجى وضع كارت جديد في القارئ؛ لا يصلح الكارت السابق بعد ذلك.";
    REPLACED = "The new card is made. Give its access number to the holder, then load what was paid.",
        "تم إصدار الكارت البديل. يرجى تسليم رقم الدخول لصاحب الكارت، ثم تحميل ما تم دفعه.";
    SECOND = "Name of the second person", "اسم الشخص الثاني";
    SECRET = "Secret of the second person", "الرقم السري للشخص الثاني";
    AGREE = "Agree, and go on", "الموافقة والمتابعة";
    AGAIN = "The same again: nothing is done twice", "إعادة المحاولة: لا يتكرر أي شيء";
    LOAD_NOW = "Load it now: it is paid, and not sold again", "التحميل الآن: تم الدفع ولا يتكرر البيع";
    BACK = "Back to the desk", "العودة إلى المكتب";
    DONE = "Done", "تم";
    NOT_DONE = "Not done", "لم يتم";
    NOT_LOADED = "Paid, and not on the card", "تم الدفع ولم تصل الشحنة إلى الكارت";
    NEEDS_SECOND = "A second person has to agree", "يلزم موافقة شخص ثان";
    REQUEST = "Request", "رقم الطلب";
    ACCESS = "Access number: the 26 digits printed on the card", "رقم الدخول: ٢٦ رقمًا مطبوعًا على الكارت";
    SHOW = "Show my statement", "عرض كشف الحساب";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_is_in_both_languages() {
        for words in ALL {
            let arabic = words.arabic.chars().any(|c| ('\u{0600}'..='\u{06FF}').contains(&c));
            let latin = words.arabic.chars().any(|c| c.is_ascii_alphabetic());
            assert!(
                arabic && !latin && words.english.is_ascii() && !words.english.is_empty(),
                "{}",
                words.english
            );
        }
    }
}
