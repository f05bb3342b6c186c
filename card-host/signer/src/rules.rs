//! What is signed, decided by what was signed before. No clock, no store, no key.

use card_core::units::Piastres;
use card_host::issuer::LAST_TOTAL;
use card_host::keystore::{Ceiling, Forbidden, Totals};

/// What may be certified. An amount is what a binding's total credit rises above the most that was ever signed for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ceilings {
    /// By one certificate.
    pub certificate: Piastres,
    /// To one binding in a day (UTC).
    pub binding_day: Piastres,
    /// By the company in an hour.
    pub hour: Piastres,
    /// By the company in a day (UTC).
    pub day: Piastres,
}

impl Ceilings {
    /// For a directory of development: more than anybody sells there.
    pub const DEVELOPMENT: Self = Self {
        certificate: Piastres(100_000_000),
        binding_day: Piastres(200_000_000),
        hour: Piastres(10_000_000_000),
        day: Piastres(100_000_000_000),
    };
    /// From how many hundredths of a ceiling on it is an alarm.
    pub const NEAR: u64 = 80;

    /// Whether so much is an alarm.
    pub fn near(most: Piastres, amount: Piastres) -> bool {
        u128::from(amount.0) * 100 >= u128::from(most.0) * u128::from(Self::NEAR)
    }
}

/// What is known of a binding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// What was signed last.
    pub last: Totals,
    /// The most credit that was ever signed.
    pub high_credit: Piastres,
    /// The most debits that were ever signed.
    pub high_debited: Piastres,
    /// What the books are known to hold of that. It may lag behind.
    pub held: Option<Totals>,
    /// The day, since 1970, of `spent`.
    pub day: u64,
    /// By how much it rose on that day.
    pub spent: Piastres,
}

impl Known {
    /// Of a binding whose books are taken as they are.
    pub const fn adopted(held: Totals) -> Self {
        Self {
            last: held,
            high_credit: held.credit,
            high_debited: held.debited,
            held: Some(held),
            day: 0,
            spent: Piastres::ZERO,
        }
    }

    /// The binding as books hold it, where that can be.
    #[must_use]
    pub fn held_by(self, held: Totals) -> Self {
        let newer = self.held.is_none_or(|before| held.sequence > before.sequence);
        // What was never signed is not believed.
        let possible = held.sequence <= self.last.sequence
            && held.credit <= self.high_credit
            && held.debited <= self.high_debited;
        if newer && possible { Self { held: Some(held), ..self } } else { self }
    }
}

/// What the company has certified by now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Spent {
    /// In this hour.
    pub hour: Piastres,
    /// On this day.
    pub day: Piastres,
}

/// What is signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// What was signed before, or says no more than that.
    Again,
    /// Something new, which is remembered before the signature leaves.
    New {
        /// The binding then.
        known: Known,
        /// What the company has certified then.
        spent: Spent,
        /// By how much that rose.
        rise: Piastres,
        /// Ceilings that are near since now, with what is certified below them.
        near: Vec<(Ceiling, Piastres, Piastres)>,
    },
}

/// Decides about a certificate.
pub fn decide(
    known: Option<&Known>,
    asked: Totals,
    spent: Spent,
    ceilings: &Ceilings,
    day: u64,
) -> Result<Verdict, Forbidden> {
    if asked.credit > LAST_TOTAL || asked.debited > LAST_TOTAL {
        return Err(Forbidden::TooHigh);
    }
    let (high_credit, high_debited) =
        known.map_or((Piastres::ZERO, Piastres::ZERO), |known| (known.high_credit, known.high_debited));
    let before = known.filter(|known| known.day == day).map_or(Piastres::ZERO, |known| known.spent);
    if let Some(known) = known {
        if let Some(again) = repeated(known, asked)? {
            return Ok(again);
        }
        if let Some(held) = known.held {
            let falls = asked.credit < held.credit
                || asked.debited < held.debited
                || asked.generation < held.generation;
            if falls {
                return Err(Forbidden::Falls(held));
            }
        }
    }
    let rise = asked.credit.saturating_sub(high_credit);
    let mut near = Vec::new();
    let mut below = |ceiling, most: Piastres, before: Piastres| {
        let would = before.checked_add(rise).ok_or(Forbidden::TooHigh)?;
        if rise > Piastres::ZERO && would > most {
            return Err(Forbidden::Ceiling { ceiling, most, would });
        }
        if rise > Piastres::ZERO && Ceilings::near(most, would) && !Ceilings::near(most, before) {
            near.push((ceiling, most, would));
        }
        Ok(would)
    };
    below(Ceiling::Certificate, ceilings.certificate, Piastres::ZERO)?;
    let of_binding = below(Ceiling::BindingDay, ceilings.binding_day, before)?;
    let spent = Spent {
        hour: below(Ceiling::Hour, ceilings.hour, spent.hour)?,
        day: below(Ceiling::Day, ceilings.day, spent.day)?,
    };
    let known = Known {
        last: asked,
        high_credit: high_credit.max(asked.credit),
        high_debited: high_debited.max(asked.debited),
        held: known.and_then(|known| known.held),
        day,
        spent: of_binding,
    };
    Ok(Verdict::New { known, spent, rise, near })
}

/// A sequence that is not above the last: only what says the same as that, or as what the books hold.
fn repeated(known: &Known, asked: Totals) -> Result<Option<Verdict>, Forbidden> {
    let last = known.last;
    if asked.sequence > last.sequence {
        return Ok(None);
    }
    let says = |of: Totals| (of.generation, of.credit, of.debited);
    // Under an older sequence the same totals tell a card, or a meter, nothing.
    if says(asked) == says(last) || Some(asked) == known.held {
        return Ok(Some(Verdict::Again));
    }
    let next = last.sequence.checked_add(1).ok_or(Forbidden::TooHigh)?;
    let (binding, sequence) = (asked.binding, asked.sequence);
    Err(match known.held {
        Some(held) if sequence <= held.sequence => {
            Forbidden::Behind { binding, sequence, last: last.sequence }
        }
        _ => Forbidden::Taken { binding, sequence, next },
    })
}

#[cfg(test)]
mod tests;
