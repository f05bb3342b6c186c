//! What channels hand over, and what they take back.

use card_core::id::Channel;
use card_core::units::Piastres;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::too_large;
use crate::accounts::LedgerAccount;
use crate::entry::{Entry, EntryId, Kind, RequestKey, Step, Transfer};
use crate::error::{LedgerError, Refusal, StoreError};
use crate::names::{PartyCode, RequestId};
use crate::office::{Office, Who, customer, draft};
use crate::powers::Power;
use crate::records::{Customer, Head};
use crate::sale::{SaleState, Steps};
use crate::store::Transaction;

/// What a chargeback takes back, as its entry keeps it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Back {
    chargeback: RequestId,
    party: PartyCode,
}

/// Which request of this channel an entry charges back.
pub(super) fn charged_back(entry: &Entry, by: &PartyCode) -> Option<RequestId> {
    let back: Back = serde_json::from_slice(&entry.payload).ok()?;
    (entry.kind == Kind::Debt && back.party == *by).then_some(back.chargeback)
}

impl Office {
    /// Books what a bank or a wallet has handed over of what it took, and what it has kept of that as its commission. The company does it.
    /// Repeated, it gives the same entry.
    pub fn settle(
        &self,
        who: &Who,
        id: &RequestId,
        party: &PartyCode,
        received: Piastres,
        kept: Piastres,
        reason: &str,
    ) -> Result<EntryId, LedgerError> {
        let request = self.companys(who, id, Power::Correct)?;
        let amount = received.checked_add(kept).filter(|sum| *sum > Piastres::ZERO).ok_or_else(|| {
            LedgerError::from(Refusal::Invalid(
                "a settlement has an amount: what was received, or kept".to_owned(),
            ))
        })?;
        self.step(|t| {
            let (context, mut point, _) = self.context(t, who, &request, None)?;
            let owed = LedgerAccount::Receivable(party.clone());
            let transfer = |debit, amount| Transfer { debit, credit: owed.clone(), amount };
            let transfers = [
                transfer(LedgerAccount::Bank, received),
                transfer(LedgerAccount::Commission(party.clone()), kept),
            ];
            let transfers: Vec<_> = transfers.into_iter().filter(|one| one.amount > Piastres::ZERO).collect();
            if let Some(done) = context.steps.first() {
                let same = t
                    .entry(&done.entry)?
                    .filter(|entry| entry.kind == Kind::Deposit && entry.transfers == transfers);
                return Ok(same.ok_or_else(|| Refusal::OtherRequest(id.clone()))?.id);
            }
            owes(t, party)?;
            let mut entry = draft(who, &request, Step::First, Kind::Deposit, self.now()?);
            reason.clone_into(&mut entry.reason);
            (entry.amount, entry.transfers) = (amount, transfers);
            Ok(self.book(t, &mut point, entry, &[])?.id)
        })
    }

    /// A bank or a wallet has taken back what its customer paid for a sale: the customer owes it, and pays it with the next sales. The company
    /// books it at its own point, once for each sale: repeated, it gives the same entry.
    pub fn charge_back(&self, who: &Who, of: &RequestKey, reason: &str) -> Result<EntryId, LedgerError> {
        let digest: [u8; 32] = Sha256::digest(format!("{}\0{}", of.party, of.id)).into();
        let id: RequestId =
            format!("chargeback-{}", hex::encode(digest.get(..16).unwrap_or_default())).parse()?;
        let (request, who) = (self.companys(who, &id, Power::Correct)?, &who.at_office()?);
        self.step(|t| {
            let (context, mut point, _) = self.context(t, who, &request, None)?;
            if let Some(done) = context.steps.first() {
                return Ok(done.entry.clone());
            }
            owes(t, &of.party)?;
            let done = t.steps(of)?;
            let steps = Steps::read(t, &done)?;
            let sale = steps.sale(of)?;
            let owed = LedgerAccount::Receivable(of.party.clone());
            let taken = [&steps.first, &steps.decision].into_iter().flatten();
            let mut taken = taken.flat_map(|entry| &entry.transfers);
            if sale.state != SaleState::Certified || !taken.any(|transfer| transfer.debit == owed) {
                let text = format!("request {} has no voucher, or was paid in cash: refund it", of.id);
                return Err(Refusal::Invalid(text).into());
            }
            let held = customer(t, sale.account)?;
            let debt = held.debt.checked_add(sale.amount);
            let debt = debt.filter(|debt| *debt <= card_host::issuer::LAST_TOTAL).ok_or_else(too_large)?;
            let mut entry = draft(who, &request, Step::First, Kind::Debt, self.now()?);
            (entry.account, entry.amount) = (sale.account, sale.amount);
            reason.clone_into(&mut entry.reason);
            let back = Back { chargeback: of.id.clone(), party: of.party.clone() };
            entry.payload = serde_json::to_vec(&back)
                .map_err(|error| StoreError::Corrupt(format!("a chargeback: {error}")))?;
            let debit = LedgerAccount::Debt(sale.account);
            entry.transfers = vec![Transfer { debit, credit: owed, amount: sale.amount }];
            let heads = [Head::Customer(Customer { debt, ..held })];
            Ok(self.book(t, &mut point, entry, &heads)?.id)
        })
    }
}

/// Whether what this party takes is owed by it, and is no cash.
fn owes(t: &mut dyn Transaction, party: &PartyCode) -> Result<(), LedgerError> {
    let held = t.party(party)?.ok_or_else(|| Refusal::UnknownParty(party.clone()))?;
    if matches!(held.channel, Channel::Bank | Channel::Wallet) {
        return Ok(());
    }
    let text = format!(
        "{party} takes cash at its vending points: book what they hand over (`cardctl ledger deposit`)"
    );
    Err(Refusal::Invalid(text).into())
}
