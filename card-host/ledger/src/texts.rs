//! What is said to customers in messages: each fits into one short message, of 70 characters in Arabic and 160 in English.

use card_core::id::MeterId;
use card_core::text::Language;

/// The credit runs out within some days.
pub(super) fn low(language: Language, meter: MeterId, days: u32) -> String {
    match language {
        Language::English => {
            let when = match days {
                0 => "today".to_owned(),
                1 => "within 1 day".to_owned(),
                days => format!("within {days} days"),
            };
            format!(
                "Meter {meter}: the credit is used up {when} at the present use; charge the card and take it to your meter"
            )
        }
        Language::Arabic => {
            format!("رصيد عدادك {} ينفد {}. يرجى شحن الكارت", shown(meter), arabic_days(days))
        }
    }
}

/// Credit was sold and has not reached the meter, whose own credit runs out within some days.
pub(super) fn carry(language: Language, meter: MeterId) -> String {
    match language {
        Language::English => {
            format!(
                "Meter {meter}: the credit in the meter runs low, and a charge waits; take your card to your meter"
            )
        }
        Language::Arabic => format!("يرجى وضع الكارت في العداد {} لإضافة شحنة مدفوعة", shown(meter)),
    }
}

/// The last digits are enough for a customer to know the own meter, and twenty would not fit.
fn shown(meter: MeterId) -> String {
    let digits = meter.to_string();
    let from = digits.len().saturating_sub(10);
    digits.get(from..).unwrap_or_default().to_owned()
}

/// Arabic counts one, two, three to ten, and eleven and more in forms of their own.
fn arabic_days(days: u32) -> String {
    match days {
        0 => "اليوم".to_owned(),
        1 => "خلال يوم".to_owned(),
        2 => "خلال يومين".to_owned(),
        3..=10 => format!("خلال {days} أيام"),
        _ => format!("خلال {days} يومًا"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_message_is_a_single_one() {
        for meter in [1, 17, u64::MAX].map(MeterId::from) {
            for days in [0, 1, 2, 3, 10, 11, 99, 3_650] {
                for text in [low(Language::Arabic, meter, days), carry(Language::Arabic, meter)] {
                    assert!(text.encode_utf16().count() <= 70, "{text}");
                }
                for text in [low(Language::English, meter, days), carry(Language::English, meter)] {
                    assert!(text.is_ascii() && text.len() <= 160, "{text}");
                }
            }
        }
    }

    #[test]
    fn days_are_counted_as_arabic_does() {
        for (days, part) in
            [(0, "اليوم"), (1, "خلال يوم"), (2, "خلال يومين"), (7, "خلال 7 أيام"), (12, "خلال 12 يومًا")]
        {
            assert!(low(Language::Arabic, 17.into(), days).contains(part), "{days}");
        }
    }
}
