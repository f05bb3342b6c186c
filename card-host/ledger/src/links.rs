//! Accounts at a bank that are linked to cards, with consent.

use card_core::id::CardId;
use card_core::units::CardTime;

use super::entry::{Kind, Step};
use super::error::{LedgerError, Refusal};
use super::names::RequestId;
use super::office::{Office, Who, draft};
use super::records::{Head, Link, Status};
use super::sell::{about, unknown};
use super::store::Payee;

impl Office {
    /// Links an account of a bank's customer to a card; the customer has agreed to `consent`, the name of a text.
    pub fn link(
        &self,
        who: &Who,
        id: &RequestId,
        card: CardId,
        customer: &str,
        consent: &str,
    ) -> Result<(), LedgerError> {
        self.set_link(who, id, card, customer, Some(consent))
    }

    /// Ends a link. It is asked for by the holder, through the bank or at a branch.
    pub fn unlink(&self, who: &Who, id: &RequestId, card: CardId, customer: &str) -> Result<(), LedgerError> {
        self.set_link(who, id, card, customer, None)
    }

    fn set_link(
        &self,
        who: &Who,
        id: &RequestId,
        card: CardId,
        customer: &str,
        consent: Option<&str>,
    ) -> Result<(), LedgerError> {
        let short = |text: &str| !text.is_empty() && text.chars().count() <= 64;
        if !short(customer) || !consent.is_none_or(short) {
            return Err(Refusal::Invalid("customer and consent have 1 to 64 characters".to_owned()).into());
        }
        let request = who.request(id);
        let payload =
            serde_json::json!({ "customer": customer, "consent": consent }).to_string().into_bytes();
        let payee = Payee::Card(card);
        self.step(|t| {
            let (context, mut point, party) = self.context(t, who, &request, Some(payee))?;
            if let Some(done) = context.steps.first() {
                let same = t.entry(&done.entry)?.is_some_and(|entry| {
                    entry.kind == Kind::Link && entry.payload == payload && entry.card == Some(card)
                });
                return if same { Ok(()) } else { Err(Refusal::OtherRequest(id.clone()).into()) };
            }
            let Some(record) = &context.binding else { return Err(unknown(t, payee)?) };
            if record.status != Status::Open {
                return Err(Refusal::Closed(record.binding()).into());
            }
            let linked = t.link(&party.code, card)?.filter(|link| link.since != CardTime::UNSET);
            match linked {
                Some(link) if link.customer != customer => return Err(Refusal::LinkedToOther(card).into()),
                None if consent.is_none() => return Err(Refusal::NotLinked(card).into()),
                _ => {}
            }
            let now = self.now()?;
            // The time of its entry.
            let linked = now.max(point.time);
            let mut entry = draft(who, &request, Step::First, Kind::Link, now);
            about(&mut entry, &record.held);
            entry.payload.clone_from(&payload);
            let since = if consent.is_some() { linked } else { CardTime::UNSET };
            let link = Link { party: party.code, card, customer: customer.to_owned(), since };
            self.book(t, &mut point, entry, &[Head::Link(link)])?;
            Ok(())
        })
    }
}
