//! The labels of pages, in both languages, each in one place.

use card_core::text::Language;

/// A label in English and in Arabic.
#[derive(Clone, Copy)]
pub(crate) struct Words {
    pub(crate) english: &'static str,
    pub(crate) arabic: &'static str,
}

impl Words {
    pub(crate) const fn of(self, language: Language) -> &'static str {
        match language {
            Language::English => self.english,
            Language::Arabic => self.arabic,
        }
    }
}

macro_rules! words {
    ($($name:ident = $english:literal, $arabic:literal;)*) => {
        $(pub(crate) const $name: Words = Words { english: $english, arabic: $arabic };)*
        /// All of them, for the test that none is left out in a language.
        #[cfg(test)]
        const ALL: &[Words] = &[$($name),*];
    };
}

words! {
    RECEIPT = "Receipt", "إيصال شحن";
    STATEMENT = "Statement of consumption", "كشف حساب الاستهلاك";
    SALE = "Prepaid electricity", "كهرباء مسبقة الدفع";
    NUMBER = "Receipt number", "رقم الإيصال";
    DATE = "Date and time", "التاريخ والوقت";
    CARD = "Card", "رقم الكارت";
    METER = "Meter", "رقم العداد";
    ACCOUNT = "Account", "رقم الحساب";
    SELLER = "Sold by", "منفذ الشحن";
    PAID = "Paid", "المدفوع";
    DEBT = "Instalment of a debt", "قسط المديونية";
    CREDIT = "Credit", "الرصيد المضاف";
    NEXT = "What to do next", "المطلوب";
    PROOF = "Scan to check this receipt", "للتحقق من الإيصال يرجى مسح الرمز";
    BALANCE = "Balance", "الرصيد";
    AS_OF = "as of", "في";
    NEVER = "The card has not been at the meter yet", "لم يوضع الكارت في العداد بعد";
    WAITING = "On the card, not yet at the meter", "على الكارت ولم يصل إلى العداد";
    DAYS_LEFT = "Days remaining", "الأيام المتبقية";
    TO_NEXT = "To the next bracket", "المتبقي حتى الشريحة التالية";
    CROSSING = "What crossing it will take", "فرق الشرائح عند تجاوزها";
    MONTHS = "Consumption by month", "الاستهلاك الشهري";
    MONTH = "Month", "الشهر";
    ENERGY = "kWh", "ك.و.س";
    BRACKET = "Bracket", "الشريحة";
    ENERGY_CHARGE = "Energy", "قيمة الاستهلاك";
    FEES = "Fees", "رسوم الشهر";
    INSTALMENTS = "Instalments", "الأقساط";
    RESTART_TOOK = "of it by restarts", "منها فرق الشرائح";
    DOUBT_TOOK = "of it while the meter's clock was doubtful", "منها بسبب عدم ضبط تاريخ ووقت العداد";
    TOTAL = "Total", "الإجمالي";
    NOW = "so far", "حتى الآن";
    RE_RATED = "rated again at a higher bracket", "أعيد حساب الشهر بشريحة أعلى";
    DOUBTFUL = "the meter's clock was doubtful", "تاريخ ووقت العداد كانا يحتاجان إلى ضبط";
    PARTIAL = "part of a month", "جزء من شهر";
    NO_MONTHS = "No month is known yet", "لا توجد بيانات شهرية بعد";
    CHARGES = "Charges", "الشحنات";
    CHANNEL = "Where", "منفذ الشحن";
    NO_CHARGES = "No charge is known yet", "لا توجد شحنات بعد";
    CHART_OF = "kWh of each month; the lines are the bounds of the brackets",
        "استهلاك كل شهر بالكيلووات ساعة، والخطوط هي حدود الشرائح";
    RESTART = "from here the whole month costs the higher price", "بعدها يعاد حساب الشهر كله بالسعر الأعلى";
    EGP = "EGP", "جنيه";
    SLIP_ISSUED = "A card was issued", "إصدار كارت";
    SLIP_REPLACED = "A card was replaced", "استبدال كارت";
    SLIP_BLOCKED = "A card was blocked", "إيقاف كارت";
    SLIP_UNBLOCKED = "A card was unblocked", "إعادة تفعيل كارت";
    SLIP_ENDED = "A contract has ended", "إنهاء تعاقد";
    SLIP_GIVEN_BACK = "What was left was given back", "رد المتبقي من الرصيد";
    GIVEN_BACK = "Given back", "المردود";
    KEPT = "Paid of a debt", "سدد من المديونية";
    OWED = "Owed from now on", "مستحق على المشترك";
    NEXT_ENDED = "Take the card to the meter once more, and bring it back to the branch for what is left",
        "يرجى وضع الكارت في العداد مرة أخيرة ثم إعادته إلى الفرع لاسترداد المتبقي";
    NEXT_GIVEN_BACK = "Please count the amount, and leave the card at the branch",
        "يرجى مراجعة المبلغ وتسليم الكارت للفرع";
    REASON = "Reason", "السبب";
    KEEP = "Please keep this paper", "يرجى الاحتفاظ بهذه الورقة";
}

/// Names of the months, as Egypt calls them.
const MONTHS_ARABIC: [&str; 12] = [
    "يناير",
    "فبراير",
    "مارس",
    "أبريل",
    "مايو",
    "يونيو",
    "يوليو",
    "أغسطس",
    "سبتمبر",
    "أكتوبر",
    "نوفمبر",
    "ديسمبر",
];
const MONTHS_ENGLISH: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// The name of a month, 0 January to 11 December.
pub(crate) fn month_name(month: u16, language: Language) -> &'static str {
    let names = match language {
        Language::English => MONTHS_ENGLISH,
        Language::Arabic => MONTHS_ARABIC,
    };
    names.get(usize::from(month % 12)).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_label_is_in_both_languages() {
        for words in ALL {
            let arabic = words.arabic.chars().any(|c| ('\u{0600}'..='\u{06FF}').contains(&c));
            assert!(arabic && words.english.is_ascii() && !words.english.is_empty(), "{}", words.english);
        }
        assert_eq!((month_name(0, Language::Arabic), month_name(23, Language::English)), ("يناير", "Dec"));
    }
}
