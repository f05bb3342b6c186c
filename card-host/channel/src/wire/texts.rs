//! What customers are told by channels: short, plain, in English and Arabic, with Western digits. No text promises money back, and none
//! says whose fault something is. Show a change to a customer before it goes out.

use card_core::text::{Language, Paid, isolate};
use card_core::units::Piastres;

use super::{Code, Sale, SaleState, Words};

impl Code {
    /// What the customer is told; nothing where it is between programs.
    pub fn message(self) -> Option<Words> {
        words_of(self).map(|(en, ar)| Words { en: en.to_owned(), ar: ar.to_owned() })
    }
}

const ELSEWHERE: (&str, &str) = (
    "This cannot be sold here now. Please try another place of sale, or a branch.",
    "تعذر البيع من منفذ الشحن هذا الآن. يرجى التوجه إلى منفذ شحن آخر أو إلى أقرب فرع.",
);
const WAIT: (&str, &str) = (
    "The answer is not here yet. Please wait; nothing is sold twice.",
    "لم يصل الرد بعد. يرجى الانتظار، ولن يتم البيع مرتين.",
);
const BRANCH: (&str, &str) = ("Please take the card to a branch.", "يرجى التوجه بالكارت إلى أقرب فرع.");

const fn words_of(code: Code) -> Option<(&'static str, &'static str)> {
    Some(match code {
        Code::UnknownCard => (
            "This card is not known. Please look at its number, or ask at a branch.",
            "هذا الكارت غير مسجل. يرجى التأكد من رقمه أو التوجه إلى أقرب فرع.",
        ),
        Code::UnknownMeter | Code::UnknownBinding => (
            "This meter is not known. Please look at its number, or ask at a branch.",
            "هذا العداد غير مسجل. يرجى التأكد من رقمه أو التوجه إلى أقرب فرع.",
        ),
        Code::Replaced => (
            "This card has been replaced by a newer one. Please use the newest card.",
            "تم استبدال هذا الكارت بكارت أحدث. يرجى استخدام أحدث كارت.",
        ),
        Code::Engineering => (
            "This is a technician's card. Please use the customer's card.",
            "هذا كارت فني. يرجى استخدام كارت المشترك.",
        ),
        Code::Blocked => {
            ("This card is blocked. Please ask at a branch.", "هذا الكارت موقوف. يرجى التوجه إلى أقرب فرع.")
        }
        Code::Closed => (
            "This contract has ended. Please use the card of the present contract.",
            "انتهى هذا التعاقد. يرجى استخدام كارت التعاقد الحالي.",
        ),
        Code::EvidenceNeeded => (
            "The card must be read before it can be charged. Please put it into the reader here, or go to a branch.",
            "يجب قراءة الكارت قبل الشحن. يرجى وضعه في القارئ أو التوجه إلى أقرب فرع.",
        ),
        Code::BooksBehind => (
            "This card cannot be charged now. Please go to a branch.",
            "لا يمكن شحن هذا الكارت الآن. يرجى التوجه إلى أقرب فرع.",
        ),
        Code::TooLittle => (
            "This amount is too small. Please choose a larger one.",
            "هذا المبلغ أقل من الحد الأدنى. يرجى اختيار مبلغ أكبر.",
        ),
        Code::TooMuch => (
            "This amount is too large here. Please choose a smaller one, or go to a branch.",
            "هذا المبلغ أكبر من الحد الأقصى. يرجى اختيار مبلغ أقل أو التوجه إلى أقرب فرع.",
        ),
        Code::NothingLeft => (
            "After fees nothing would be left. Please choose a larger amount.",
            "لا يتبقى رصيد بعد الرسوم. يرجى اختيار مبلغ أكبر.",
        ),
        Code::NotLinked => (
            "This card is not linked to your account. Please link it in your bank's application first.",
            "هذا الكارت غير مرتبط بحسابك. يرجى ربطه من تطبيق البنك أولًا.",
        ),
        Code::ApprovalNeeded => (
            "This amount must be approved by a second person. Please wait.",
            "هذا المبلغ يحتاج إلى موافقة موظف آخر. يرجى الانتظار.",
        ),
        Code::Cancelled => {
            ("This sale was cancelled. Nothing was sold.", "تم إلغاء هذه العملية، ولم يتم البيع.")
        }
        Code::AlreadyConfirmed => (
            "This sale is paid already. Please load the charge onto the card.",
            "تم دفع هذه العملية بالفعل. يرجى تحميل الشحنة على الكارت.",
        ),
        Code::Refunded => {
            ("What was paid for this sale has been given back.", "تم رد المبلغ المدفوع لهذه العملية.")
        }
        Code::PointClosed
        | Code::UnknownPoint
        | Code::UnknownParty
        | Code::DailyLimit
        | Code::CashLimit
        | Code::NoRules
        | Code::NotAllowed
        | Code::NoToken => ELSEWHERE,
        Code::Exhausted
        | Code::BadEvidence
        | Code::MoreThanCertified
        | Code::CardInUse
        | Code::MeterInUse => BRANCH,
        Code::TooMany | Code::Busy | Code::Unavailable | Code::Unknown | Code::CannotSign => WAIT,
        // Between programs: there is nothing that a customer could do.
        Code::Malformed
        | Code::NoPath
        | Code::NoMethod
        | Code::NoRequest
        | Code::TooSlow
        | Code::TooLarge
        | Code::MediaType
        | Code::OtherRequest
        | Code::WrongStep
        | Code::NotSecondPerson
        | Code::Invalid
        | Code::Internal
        | Code::Damaged => return None,
    })
}

/// What is printed on the receipt of a sale, or shown: what the amount became, for which meter and card, and what to do now.
pub fn of_sale(sale: &Sale) -> Option<Words> {
    let words = |en: &str, ar: &str| Some(Words { en: en.to_owned(), ar: ar.to_owned() });
    match (sale.state, &sale.certified) {
        (SaleState::Reserved, _) => None,
        (SaleState::Cancelled, _) => Code::Cancelled.message(),
        (SaleState::Refunded, _) => Code::Refunded.message(),
        (SaleState::Certified, Some(_)) => Some(receipt(sale)),
        (SaleState::Paid | SaleState::Certified, _) => words(
            "The payment is recorded, and the charge is not ready yet. Please keep this receipt and ask again soon.",
            "تم تسجيل الدفع، والشحنة غير جاهزة بعد. يرجى الاحتفاظ بالإيصال والسؤال مرة أخرى قريبًا.",
        ),
    }
}

fn receipt(sale: &Sale) -> Words {
    let fees = sale.charges.iter().map(|charge| charge.amount_piastres).fold(0, u64::saturating_add);
    let paid = Paid {
        paid: Piastres(sale.amount_piastres),
        fees: Piastres(fees),
        debt: Piastres(sale.debt_piastres),
        credit: Piastres(sale.credit_piastres),
    };
    let mut en = paid.in_words(Language::English).to_string();
    let mut ar = paid.in_words(Language::Arabic).to_string();
    let Sale { meter, card, point, number, .. } = sale;
    let place = format!("{point}/{number}");
    match card {
        Some(card) => {
            en.push_str(&format!(
                " Meter {meter}, card {card}, receipt {place}. Load the charge onto the card, and take the card to the meter."
            ));
            ar.push_str(&format!(
                " العداد {}، الكارت {}، الإيصال {}. يرجى تحميل الشحنة على الكارت ثم وضعه في العداد.",
                isolate(meter),
                isolate(card),
                isolate(place)
            ));
        }
        None => {
            en.push_str(&format!(
                " Meter {meter}, receipt {place}. Load the charge onto the card at any charging point or with a phone, and take the card to the meter."
            ));
            ar.push_str(&format!(
                " العداد {}، الإيصال {}. يرجى تحميل الشحنة على الكارت من أي منفذ شحن أو بالهاتف، ثم وضع الكارت في العداد.",
                isolate(meter),
                isolate(place)
            ));
        }
    }
    Words { en, ar }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what is wrong by failing")]

    use super::*;
    use crate::wire::{Certified, Charge, ChargeKind};

    #[test]
    fn all_words_are_in_both_languages_with_western_digits() {
        for code in Code::ALL {
            let Some(words) = code.message() else { continue };
            assert!(words.en.is_ascii() && words.en.ends_with('.'), "{words:?}");
            assert!(words.ar.ends_with('.') && words.ar.contains('ي'), "{words:?}");
            assert!(!words.ar.chars().any(|c| ('٠'..='٩').contains(&c)), "{words:?}");
        }
    }

    #[test]
    fn a_receipt_says_what_the_amount_became() {
        let certified = Certified { time: 1_790_000_000, voucher: None, kept: None };
        let charge = Charge { code: "cleaning".to_owned(), kind: ChargeKind::Levy, amount_piastres: 150 };
        let mut sale = Sale {
            id: "a".to_owned(),
            party: "fawry".to_owned(),
            point: "kiosk-1".to_owned(),
            number: 7,
            state: SaleState::Certified,
            time: 1_790_000_000,
            actor: "till".to_owned(),
            meter: "17".to_owned(),
            card: Some("00C0FFEE00C0FFEE".to_owned()),
            amount_piastres: 5000,
            credit_piastres: 4750,
            debt_piastres: 100,
            charges: vec![charge],
            approved_by: None,
            certified: Some(certified),
            waits_for: None,
            message: None,
        };
        let words = of_sale(&sale).unwrap();
        assert_eq!(
            words.en,
            "Paid: 50.00 EGP. Fees: 1.50 EGP. Instalment of a debt: 1.00 EGP. Credit: 47.50 EGP. Meter 17, card 00C0FFEE00C0FFEE, \
             receipt kiosk-1/7. Load the charge onto the card, and take the card to the meter."
        );
        for part in ["\u{2068}50.00\u{2069}", "\u{2068}47.50\u{2069}", "\u{2068}kiosk-1/7\u{2069}"] {
            assert!(words.ar.contains(part), "{part}: {}", words.ar);
        }
        sale.card = None;
        let words = of_sale(&sale).unwrap();
        assert!(words.en.contains("Meter 17, receipt kiosk-1/7. Load") && !words.en.contains("C0FFEE"));
        assert!(words.ar.contains("من أي منفذ شحن") && !words.ar.contains("C0FFEE"));
        (sale.state, sale.certified) = (SaleState::Paid, None);
        assert!(of_sale(&sale).unwrap().en.contains("not ready yet"));
        sale.state = SaleState::Reserved;
        assert_eq!(of_sale(&sale), None);
    }
}
