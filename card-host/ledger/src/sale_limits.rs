//! What a channel may take for one sale, and a vending point in a day (docs/ledger.md, section 5).

use card_core::units::Piastres;

use super::error::Refusal;
use super::policy::ChannelRules;
use super::records::Point;

pub(super) fn limits(
    rules: &ChannelRules,
    point: &Point,
    sold: Piastres,
    amount: Piastres,
) -> Result<(), Refusal> {
    let (least, most) = (Piastres(rules.least), Piastres(rules.most));
    if amount < least {
        return Err(Refusal::TooLittle { amount, least });
    }
    if amount > most {
        return Err(Refusal::TooMuch { amount, most });
    }
    day_limit(rules, point, sold, amount)
}

pub(super) fn day_limit(
    rules: &ChannelRules,
    point: &Point,
    sold: Piastres,
    amount: Piastres,
) -> Result<(), Refusal> {
    let daily = point.most_daily.or(rules.most_daily.map(Piastres));
    let after = sold.checked_add(amount);
    match daily {
        Some(most) if after.is_none_or(|after| after > most) => {
            Err(Refusal::DailyLimit { point: point.code.clone(), sold, most })
        }
        _ => Ok(()),
    }
}

pub(super) fn approval_above(rules: Option<&ChannelRules>) -> Option<Piastres> {
    rules.and_then(|rules| rules.approval_above).map(Piastres)
}
