//! What comes with a binding from other books, beside its totals.

use card_core::id::Binding;
use card_core::message::Slot;
use serde_json::json;

use super::super::bindings::totals;
use super::super::entry::{Kind, Step};
use super::super::error::{LedgerError, Refusal};
use super::super::names::RequestId;
use super::super::office::{Office, Who, draft};
use super::super::records::{CardRecord, Head, MailRecord};
use super::super::sell::{about, unknown};
use super::super::store::Payee;

impl Office {
    /// Takes the further cards of an adopted binding, replaced ones and technicians', and the last versions of its mail: what is sent from here
    /// must be newer. Repeated, it changes nothing.
    pub fn adopt_cards(
        &self,
        who: &Who,
        id: &RequestId,
        binding: Binding,
        cards: &[CardRecord],
        versions: &[(Slot, u32)],
    ) -> Result<(), LedgerError> {
        let request = self.companys(who, id)?;
        let payee = Payee::Binding(binding);
        let named = |card: &CardRecord| json!({ "card": card.card.id.to_string(), "used": card.used.code() });
        let sent = |(slot, version): &(Slot, u32)| json!({ "slot": slot.number(), "version": version });
        let document = json!({
            "adopted": {
                "cards": cards.iter().map(named).collect::<Vec<_>>(),
                "mail": versions.iter().map(sent).collect::<Vec<_>>(),
            },
        });
        let payload = document.to_string().into_bytes();
        self.step(|t| {
            let (context, mut point, _) = self.context(t, who, &request, Some(payee))?;
            if let Some(done) = context.steps.first() {
                let same = t.entry(&done.entry)?.is_some_and(|entry| entry.payload == payload);
                return if same { Ok(()) } else { Err(Refusal::OtherRequest(id.clone()).into()) };
            }
            let Some(record) = context.binding.clone() else { return Err(unknown(t, payee)?) };
            let mut heads = Vec::new();
            for card in cards {
                if t.card(card.card.id)?.is_some() {
                    return Err(Refusal::CardInUse(card.card.id).into());
                }
                heads.push(Head::Card(*card));
            }
            // The mail itself stayed with the other books.
            heads.extend(versions.iter().map(|(slot, version)| {
                let (slot, version) = (*slot, *version);
                Head::Mail(MailRecord { binding, slot, version, envelope: Vec::new() })
            }));
            let mut entry = draft(who, &request, Step::First, Kind::Settings, self.now()?);
            about(&mut entry, &record.held);
            totals(&mut entry, &record.held);
            entry.payload.clone_from(&payload);
            self.book(t, &mut point, entry, &heads)?;
            Ok(())
        })
    }
}
