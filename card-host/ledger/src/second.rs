//! What takes two people: one asks for it, another one agrees, and then it is done under the same id (docs/ledger.md, section 6).

use card_core::units::Piastres;
use serde_json::to_vec;
use unicode_normalization::UnicodeNormalization;

use super::entry::{Entry, Kind, RequestKey, Step};
use super::error::{LedgerError, Refusal};
use super::names::OFFICE;
use super::office::Office;
use super::proposal::Proposal;
use super::records::{Point, StepDone};
use super::sale::Steps;
use super::store::Transaction;

/// How far it is.
pub(super) enum Agreed {
    /// Nobody has asked for it yet.
    No,
    /// Another person has agreed: it can be done.
    Yes,
    /// It has been done, by this entry.
    Done(Box<Entry>),
}

/// What is asked for, as its entry keeps it: what, and all that makes it that and nothing else.
pub(super) fn asked(what: &str, of: String) -> Vec<u8> {
    to_vec(&Proposal::Ask { what: what.to_owned(), of }).unwrap_or_default()
}

/// How far a request for `payload` is, which [`Office::ask`] has entered.
pub(super) fn agreed(
    t: &mut dyn Transaction,
    request: &RequestKey,
    steps: &[StepDone],
    payload: &[u8],
) -> Result<Agreed, LedgerError> {
    let Steps { first, approval, decision, settled } = Steps::read(t, steps)?;
    let Some(first) = first else { return Ok(Agreed::No) };
    if let Some(settled) = settled {
        return Ok(Agreed::Done(Box::new(settled)));
    }
    if first.kind != Kind::Propose || first.payload != payload {
        return Err(Refusal::OtherRequest(request.id.clone()).into());
    }
    match (approval, decision) {
        (_, Some(_)) => Err(Refusal::WrongStep(request.id.clone()).into()),
        (Some(_), None) => Ok(Agreed::Yes),
        (None, None) => Err(Refusal::SecondPerson(request.id.clone()).into()),
    }
}

/// The same for settings that one person may change where less is asked for: then the first entry has done it.
pub(super) fn agreed_or_alone(
    t: &mut dyn Transaction,
    request: &RequestKey,
    steps: &[StepDone],
    payload: &[u8],
) -> Result<Agreed, LedgerError> {
    if let Some(done) = steps.first()
        && let Some(entry) = t.entry(&done.entry)?.filter(|entry| entry.kind == Kind::Settings)
    {
        return Ok(Agreed::Done(Box::new(entry)));
    }
    agreed(t, request, steps, payload)
}

impl Office {
    /// Enters what is asked for; `entry` says about whom, how much, and why.
    pub(super) fn ask(
        &self,
        t: &mut dyn Transaction,
        point: &mut Point,
        entry: Entry,
        payload: &[u8],
    ) -> Result<(), LedgerError> {
        let entry = Entry {
            kind: Kind::Propose,
            step: Step::First,
            payload: payload.to_vec(),
            // What is to be entered is not there yet.
            binding: None,
            card: None,
            sequence: 0,
            total_credit: Piastres::ZERO,
            total_debited: Piastres::ZERO,
            transfers: Vec::new(),
            ..entry
        };
        self.book(t, point, entry, &[]).map(drop)
    }
}

/// Who does what has no row yet that could be locked waits at the company's point for others who do: else of two, neither would see that it
/// closes the other.
pub(super) fn alone(t: &mut dyn Transaction) -> Result<(), LedgerError> {
    t.point(&OFFICE.parse()?)?;
    Ok(())
}

/// What an act of two people came to: where it was asked for just now, the second one is needed.
pub(super) fn done<T>(out: Option<T>, request: &RequestKey) -> Result<T, LedgerError> {
    Ok(out.ok_or_else(|| Refusal::SecondPerson(request.id.clone()))?)
}

/// Whether two names are one person's, however they are spelled: letters and digits alone count, in one case and without accents. Where
/// that leaves nothing of both, they are one.
pub fn same_person(one: &str, other: &str) -> bool {
    identity(one) == identity(other)
}

/// What is the same of all spellings of a name.
pub(super) fn identity(name: &str) -> String {
    let letters = name.nfkd().flat_map(char::to_uppercase).flat_map(char::to_lowercase);
    letters.nfkd().filter(|letter| letter.is_alphanumeric()).collect()
}

#[cfg(test)]
mod tests {
    use super::same_person;

    #[test]
    fn a_spelling_is_no_other_person() {
        for other in [
            "mona",
            " Mona ",
            "MONA",
            "m\u{f3}na",
            "mo\u{301}na",
            "\u{ff4d}ona",
            "mo\u{200b}na",
            "mona.",
            "m ona",
        ] {
            assert!(same_person("mona", other), "{other:?}");
        }
        assert!(same_person("Stra\u{df}e", "STRASSE"));
        for other in ["tarek", "mona 2", "\u{645}\u{646}\u{649}"] {
            assert!(!same_person("mona", other), "{other:?}");
        }
    }
}
