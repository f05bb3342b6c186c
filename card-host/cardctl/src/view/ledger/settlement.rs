//! `cardctl ledger settlement`, `settle`, `charge-back`.

use card_core::text::Language;
use card_core::units::{Balance, Piastres};
use card_ledger::{
    Difference, EntryId, Matched, PartyCode, PointCode, RequestId, RequestKey, Settlement, Stands,
};
use serde::Serialize;
use std::fmt::Write as _;

use crate::view::View;
use crate::view::table::{Table, egp};

/// A day of a party, and how its own file differs.
#[derive(Serialize)]
pub(crate) struct Settled {
    party: PartyCode,
    from: u64,
    until: u64,
    requests: usize,
    taken: u64,
    given_back: u64,
    commission: u64,
    due: i64,
    matched: Option<Matched>,
}

impl Settled {
    pub(crate) fn new(found: Settlement, matched: Option<Matched>) -> Self {
        let requests = found.lines.len();
        let Settlement { party, from, until, taken, given_back, commission, due, .. } = found;
        Self { party, from, until, requests, taken, given_back, commission, due, matched }
    }
}

impl View for Settled {
    fn text(&self, _: Language) -> String {
        let mut table = Table::default();
        table.line("party", &self.party);
        table.line("requests", self.requests);
        table.line("taken", egp(Piastres(self.taken)));
        table.line("given back", egp(Piastres(self.given_back)));
        table.line("kept as commission", egp(Piastres(self.commission)));
        table.line("to be handed over", egp(Balance(self.due)));
        let mut text = table.finish();
        if let Some(matched) = &self.matched {
            let count = matched.differences.len();
            // Writing to a string cannot fail.
            let _ = write!(
                text,
                "\n\nthe party's file: {} the same, {} lines left out, {} by the file, {} by the books, {count} differences",
                matched.same,
                matched.left_out,
                egp(Balance(matched.there)),
                egp(Balance(matched.here))
            );
            for difference in &matched.differences {
                let _ = write!(text, "\n{}", in_words(difference));
            }
        }
        text
    }

    fn is_good(&self) -> bool {
        self.matched.as_ref().is_none_or(|matched| matched.differences.is_empty())
    }
}

fn in_words(difference: &Difference) -> String {
    match difference {
        Difference::OnlyHere { request, here } => format!("only here: {request}, {}", egp(Balance(*here))),
        Difference::OnlyThere { request, there, line, stands } => {
            let stands = match stands {
                Stands::Unknown => "the books do not know it".to_owned(),
                Stands::NotPaid => "in the books it is not paid".to_owned(),
                Stands::OtherDay { time } => format!("the books have it at POSIX second {time}"),
                Stands::GivenBack => "the books have it given back".to_owned(),
            };
            format!("only there: line {line}, {request}, {}; {stands}", egp(Balance(*there)))
        }
        Difference::Different { request, here, there, line } => {
            format!(
                "different: line {line}, {request}, {} there, {} here",
                egp(Balance(*there)),
                egp(Balance(*here))
            )
        }
        Difference::Unreadable { line, why } => format!("line {line}: {why}"),
    }
}

/// What was booked of a party's money.
#[derive(Serialize)]
pub(crate) struct Booked {
    request: RequestId,
    party: PartyCode,
    point: PointCode,
    number: u64,
    #[serde(skip)]
    says: String,
}

impl Booked {
    pub(crate) fn settled(
        request: &RequestId,
        party: &PartyCode,
        entry: &EntryId,
        received: Piastres,
        kept: Piastres,
    ) -> Self {
        let says = format!("{party} has handed over {} and kept {}", egp(received), egp(kept));
        Self::new(request, party, entry, says)
    }

    pub(crate) fn charged_back(of: &RequestKey, entry: &EntryId) -> Self {
        let says = format!("what {} took for request {} is owed by the customer now", of.party, of.id);
        Self::new(&of.id, &of.party, entry, says)
    }

    fn new(request: &RequestId, party: &PartyCode, entry: &EntryId, says: String) -> Self {
        let EntryId { point, number } = entry.clone();
        Self { request: request.clone(), party: party.clone(), point, number, says }
    }
}

impl View for Booked {
    fn text(&self, _: Language) -> String {
        format!("{}: entry {}/{}", self.says, self.point, self.number)
    }
}
