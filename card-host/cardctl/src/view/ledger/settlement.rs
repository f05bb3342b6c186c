//! `cardctl ledger settlement`, `settle`, `charge-back`.

use card_core::text::Language;
use card_core::units::{Balance, Piastres};
use card_ledger::{
    Difference, EntryId, Matched, PartyCode, PointCode, RequestId, RequestKey, Settlement, Stands,
};
use serde::Serialize;

use crate::view::table::Table;
use crate::view::{View, customer};
use crate::words::{Both, both, said};

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
    fn text(&self, language: Language) -> String {
        let mut table = Table::new(language);
        table.line("party", &self.party);
        table.line("requests", self.requests);
        table.egp("taken", Piastres(self.taken));
        table.egp("given back", Piastres(self.given_back));
        table.egp("kept as commission", Piastres(self.commission));
        table.egp("to be handed over", Balance(self.due));
        let mut text = table.finish();
        if let Some(matched) = &self.matched {
            text.push_str(&said!(
                language,
                "\n\nthe party's file: {same} the same, {left_out} lines left out, {there} by the file, {here} by the books, {count} differences",
                "\n\nملف الجهة: متطابق {same}، ومستبعد {left_out} من السطور، والمجموع {there} بالملف و{here} بالدفاتر، والفروق {count}",
                same = matched.same,
                left_out = matched.left_out,
                there = customer::amount(Balance(matched.there), language),
                here = customer::amount(Balance(matched.here), language),
                count = matched.differences.len(),
            ));
            for difference in &matched.differences {
                text.push('\n');
                text.push_str(&in_words(difference, language));
            }
        }
        text
    }

    fn is_good(&self) -> bool {
        self.matched.as_ref().is_none_or(|matched| matched.differences.is_empty())
    }
}

fn in_words(difference: &Difference, language: Language) -> String {
    let egp = |amount: i64| customer::amount(Balance(amount), language);
    match difference {
        Difference::OnlyHere { request, here } => said!(
            language,
            "only here: {request}, {here}",
            "في الدفاتر فقط: {request}، {here}",
            request,
            here = egp(*here),
        ),
        Difference::OnlyThere { request, there, line, stands } => {
            let stands = match stands {
                Stands::Unknown => said!(language, "the books do not know it", "غير مسجل في الدفاتر"),
                Stands::NotPaid => said!(language, "in the books it is not paid", "غير مدفوع في الدفاتر"),
                Stands::OtherDay { time } => said!(
                    language,
                    "the books have it at POSIX second {time}",
                    "مسجل في الدفاتر في يوم آخر، الثانية {time}",
                    time,
                ),
                Stands::GivenBack => {
                    said!(language, "the books have it given back", "رُد مبلغه في الدفاتر")
                }
            };
            said!(
                language,
                "only there: line {line}, {request}, {there}; {stands}",
                "في الملف فقط: السطر {line}، {request}، {there}؛ {stands}",
                line,
                request,
                there = egp(*there),
                stands,
            )
        }
        Difference::Different { request, here, there, line } => said!(
            language,
            "different: line {line}, {request}, {there} there, {here} here",
            "مختلف: السطر {line}، {request}، بالملف {there} وبالدفاتر {here}",
            line,
            request,
            there = egp(*there),
            here = egp(*here),
        ),
        Difference::Unreadable { line, why } => {
            said!(language, "line {line}: {why}", "السطر {line} غير مقروء ({why})", line, why)
        }
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
    says: Both,
}

impl Booked {
    pub(crate) fn settled(
        request: &RequestId,
        party: &PartyCode,
        entry: &EntryId,
        received: Piastres,
        kept: Piastres,
    ) -> Self {
        let says = both!(
            "{party} has handed over {received} EGP and kept {kept} EGP",
            "ورّدت الجهة {party} {received} جنيه واحتفظت بـ {kept} جنيه",
            party,
            received,
            kept,
        );
        Self::new(request, party, entry, says)
    }

    pub(crate) fn charged_back(of: &RequestKey, entry: &EntryId) -> Self {
        let says = both!(
            "what {party} took for request {id} is owed by the customer now",
            "ما حصلته الجهة {party} عن الطلب {id} أصبح مديونية على المشترك",
            party = of.party,
            id = of.id,
        );
        Self::new(&of.id, &of.party, entry, says)
    }

    fn new(request: &RequestId, party: &PartyCode, entry: &EntryId, says: Both) -> Self {
        let EntryId { point, number } = entry.clone();
        Self { request: request.clone(), party: party.clone(), point, number, says }
    }
}

impl View for Booked {
    fn text(&self, language: Language) -> String {
        said!(
            language,
            "{says}: entry {entry}",
            "{says}: القيد {entry}",
            says = self.says.of(language),
            entry = format_args!("{}/{}", self.point, self.number),
        )
    }
}
