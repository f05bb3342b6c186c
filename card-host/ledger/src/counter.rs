//! What waits for a card, and what cards bring back (docs/ledger.md, sections 7 and 8).

use card_core::id::{Binding, CardId, Scope};
use card_core::message::{Certificate, Envelope, FinalReport, MeterReceipt, Receipt, Slot, Voucher};
use card_core::parameters::Readings;
use card_core::role::KeyVersion;
use card_core::units::{CardTime, Piastres};
use sha2::{Digest, Sha256};

use super::accounts::LedgerAccount;
use super::entry::{Entry, Kind, Step, Transfer};
use super::error::{LedgerError, Refusal};
use super::gap::{after_a_restore, gone_on, recovered_by};
use super::names::RequestId;
use super::office::{Office, Who, draft};
use super::payload::Payload;
use super::powers::Power;
use super::proof::{Anew, EVIDENCE, Finding, Proof, Says};
use super::records::{BindingRecord, CardUse, Head, Link, MailRecord, Status};
use super::sell::{about, unknown};
use super::store::{Payee, Transaction, read};
use card_host::issuer::{BindingAccount, LAST_TOTAL};
use card_host::keystore::{KeyStore, KeyStoreError};

/// What waits for a card. All of it can be given to the card again and again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Collected {
    /// The card.
    pub card: CardId,
    /// The newest voucher, where the card has not been seen with it: 110 bytes. It contains all that was sold before.
    pub voucher: Option<Vec<u8>>,
    /// Deliveries of mail for the meter.
    pub mail: Vec<Vec<u8>>,
}

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Evidence {
    /// A card's receipt: 81 bytes. A broken card can forge its own, so it tells what the card has, and never makes credit.
    CardReceipt(Vec<u8>),
    /// The credit certificate that a card holds: 72 bytes. It was signed for the meter, and no card can make one.
    Certificate(Vec<u8>),
    /// A meter's receipt: 68 bytes.
    MeterReceipt(Vec<u8>),
    /// An envelope from a meter.
    MeterMail(Vec<u8>),
    /// A voucher that was certified here: 110 bytes. A channel kept it, and a ledger that was restored from a copy may have lost it.
    Voucher(Vec<u8>),
}

/// What the ledger made of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HandedIn {
    /// Whether it had been handed in before.
    pub known: bool,
    /// The binding that it is about.
    pub binding: Binding,
    /// How it stands to the ledger.
    pub finding: Finding,
    /// Whether the meter began anew with the number of its report, or with its energy register.
    pub anew: Option<Anew>,
    /// The meter's credit and parameter keys, where it says in it that it has newer ones than was known.
    pub keys: [Option<KeyVersion>; 2],
}

impl Office {
    /// What waits for a card: through any channel, whoever sold it.
    pub fn collect(&self, card: CardId) -> Result<Collected, LedgerError> {
        let payee = Payee::Card(card);
        let (record, mail) = read(self.ledger(), |t| {
            let Some(record) = t.binding(payee)? else {
                // A technician's card carries mail for its meter, and nothing else.
                let engineering = t.card(card)?.filter(|held| held.used == CardUse::Engineering);
                let Some(held) = engineering else { return Err(unknown(t, payee)?) };
                let Some(record) = t.binding(Payee::Binding(held.binding))? else {
                    return Err(unknown(t, payee)?);
                };
                let carrier = BindingAccount { card: held.card, load_key: held.load_key, ..record.held };
                let mail = t.mail(record.binding())?;
                return Ok((BindingRecord { held: carrier, voucher: Vec::new(), ..record }, mail));
            };
            let mail = t.mail(record.binding())?;
            Ok((record, mail))
        })?;
        if record.status != Status::Open {
            return Err(Refusal::Closed(record.binding()).into());
        }
        if record.blocked {
            return Err(Refusal::Blocked(card).into());
        }
        let waits = record.card_sequence < record.held.sequence && !record.voucher.is_empty();
        let voucher = waits.then(|| record.voucher.clone());
        let mut deliveries = Vec::with_capacity(mail.len());
        // Where only the version is known, there is nothing to deliver.
        for MailRecord { envelope, slot, .. } in mail.iter().filter(|mail| !mail.envelope.is_empty()) {
            let envelope = Envelope::parse(envelope).map_err(|_| {
                super::StoreError::Corrupt(format!(
                    "mail in slot {} of {:?}",
                    slot.number(),
                    record.binding()
                ))
            })?;
            deliveries.push(self.issuer().delivery(&record.held, &envelope)?.as_slice().to_vec());
        }
        Ok(Collected { card, voucher, mail: deliveries })
    }

    /// Checks and stores what came back. The same again is known already, and changes nothing. After a restore, this is what lets a binding sell
    /// again, where it shows something that the copy did not know; what the issuer has signed beyond the ledger is entered again, as an entry of
    /// its own.
    pub fn hand_in(&self, who: &Who, evidence: &Evidence) -> Result<HandedIn, LedgerError> {
        who.must(Power::Sell)?;
        self.hand_in_of(who, evidence, false)
    }

    /// The same of a card that is `here`, in a session: what its receipt shows is so now, also where it was known before.
    pub(super) fn hand_in_of(
        &self,
        who: &Who,
        evidence: &Evidence,
        here: bool,
    ) -> Result<HandedIn, LedgerError> {
        let (says, bytes) = self.verified(evidence)?;
        let digest: [u8; 32] = Sha256::digest(bytes).into();
        let id: RequestId =
            format!("{EVIDENCE}{}", hex::encode(digest.get(..16).unwrap_or_default())).parse()?;
        // Mail is kept with what was in it, so that whoever has no keys can read it again.
        let stored = match evidence {
            Evidence::MeterMail(_) => {
                let bad = |error: &dyn std::fmt::Display| Refusal::BadEvidence(error.to_string());
                let sealed = Envelope::parse(bytes).map_err(|error| bad(&error))?;
                let opened = self.keys().open_mail(self.scope(), &sealed).map_err(|error| bad(&error))?;
                Payload::Mail { envelope: bytes.to_vec(), opened: opened.as_slice().to_vec() }.emit()
            }
            _ => bytes.to_vec(),
        };
        let request = who.request(&id);
        let payee = Payee::Binding(says.binding);
        let handed = self.step(|t| {
            let (context, mut point, _) = self.context(t, who, &request, Some(payee))?;
            let Some(record) = context.binding.clone() else {
                let lost = says.card().filter(|_| context.epoch > 0);
                return Err(match lost {
                    Some(card) => Refusal::LostCard(card.id).into(),
                    None => unknown(t, payee)?,
                });
            };
            if let Some(card) = says.card() {
                of_this_binding(t, card.id, &record, context.epoch)?;
            }
            let known = match context.steps.first() {
                Some(done) => is_stored(t.entry(&done.entry)?, &stored, &id)?,
                None => false,
            };
            let newest = t.readings(&[says.binding], 1)?.pop();
            let latest = t.latest(&[says.binding])?.pop();
            let anew = says.reading().and_then(|reading| Anew::of(&reading, [newest, latest]));
            let Proof { above, unlocks, raises, locks } =
                Proof::of(&says, &record, newest.as_ref(), context.epoch, here);
            let mut finding = if above { Finding::Above } else { says.finding(&record) };
            if known && !unlocks && !raises && !locks {
                return Ok(HandedIn { known, binding: says.binding, finding, anew, keys: [None; 2] });
            }
            let now = self.now()?;
            let mut after = says.seen(record.clone(), now.max(point.time));
            let mut entry = draft(who, &request, Step::First, Kind::Evidence, now);
            about(&mut entry, &record.held);
            entry.card = says.card().map(|card| card.id).or(entry.card);
            entry.payload.clone_from(&stored);
            let mut heads: Vec<Head> = says.reading().map(Head::Reading).into_iter().collect();
            if unlocks || raises {
                // Only what the issuer has signed raises a total: all else is worth what the ledger has.
                let held = if raises {
                    self.recovered(t, &says, &after.held, now, &mut entry.transfers)?
                } else {
                    gone_on(after.held, record.held.sequence)?
                };
                if !entry.transfers.is_empty() {
                    finding = Finding::Recovered;
                    entry.kind = Kind::Recover;
                }
                (entry.sequence, entry.total_credit, entry.total_debited) =
                    (held.sequence, held.total_credit, held.total_debited);
                after = BindingRecord { held, voucher: Vec::new(), ..after };
            }
            if unlocks {
                after.epoch = context.epoch;
                heads.extend(after_a_restore(t, says.binding)?);
            }
            if locks {
                // It names the totals that it shows more than.
                (entry.sequence, entry.total_credit, entry.total_debited) =
                    (record.held.sequence, record.held.total_credit, record.held.total_debited);
                after.epoch = context.epoch.saturating_sub(1);
            }
            if known {
                // The same evidence, and something follows from it now: its request is taken, and the entry has one of its own.
                let id = format!("{}-{}-{}", id, context.epoch, record.held.sequence).parse()?;
                entry.request = who.request(&id);
            }
            heads.push(Head::Binding(Box::new(after)));
            self.book(t, &mut point, entry, &heads)?;
            Ok(HandedIn { known, binding: says.binding, finding, anew, keys: [None; 2] })
        })?;
        let keys = match says.keys {
            Some(keys) => self.keys_in_use(who, says.binding, keys)?,
            None => [None; 2],
        };
        Ok(HandedIn { keys, ..handed })
    }

    /// The binding after a restore: at least what the issuer has signed, and certificates that are newer than all that was lost. A meter has
    /// the key that checks its certificates, so a broken one can make them: of all that a binding recovers the rules allow so much.
    pub(super) fn recovered(
        &self,
        t: &mut dyn Transaction,
        says: &Says,
        held: &BindingAccount,
        now: CardTime,
        transfers: &mut Vec<Transfer>,
    ) -> Result<BindingAccount, LedgerError> {
        if says.credit > LAST_TOTAL || says.debited > LAST_TOTAL {
            return Err(
                Refusal::BadEvidence("its totals are larger than any that are certified".to_owned()).into()
            );
        }
        let more = says.credit.saturating_sub(held.total_credit);
        if more > Piastres::ZERO {
            let amount = Piastres(more.0.saturating_add(recovered_by(t, says.binding)?.0));
            let most = self.policy_at(now, |_, policy| Piastres(policy.without_payment.recover_most));
            if amount > most {
                return Err(Refusal::MoreThanAllowed { amount, most }.into());
            }
        }
        let credit = LedgerAccount::Credit(says.binding);
        let mut give = |debit: &LedgerAccount, credit: &LedgerAccount, amount: Piastres| {
            if amount > Piastres::ZERO {
                transfers.push(Transfer { debit: debit.clone(), credit: credit.clone(), amount });
            }
        };
        give(&LedgerAccount::Recovered, &credit, more);
        give(&credit, &LedgerAccount::Recovered, says.debited.saturating_sub(held.total_debited));
        let held = BindingAccount {
            total_credit: held.total_credit.max(says.credit),
            total_debited: held.total_debited.max(says.debited),
            ..*held
        };
        Ok(gone_on(held, held.sequence.max(says.sequence))?)
    }

    fn verified<'a>(&self, evidence: &'a Evidence) -> Result<(Says, &'a [u8]), LedgerError> {
        let bad = |error: &dyn std::fmt::Display| Refusal::BadEvidence(error.to_string());
        let scope = self.scope();
        let keys = self.keys();
        match evidence {
            Evidence::CardReceipt(bytes) => {
                let receipt = Receipt::parse(bytes).map_err(|error| bad(&error))?;
                let receipt = keys.verify_receipt(scope, receipt).map_err(|error| bad(&error))?;
                Ok((Says::of_card(&receipt), bytes))
            }
            Evidence::Voucher(bytes) => {
                let voucher = Voucher::parse(bytes).map_err(|error| bad(&error))?;
                if voucher.scope != scope {
                    return Err(bad(&"it is of another company or environment").into());
                }
                let voucher = keys.verify_voucher(voucher).map_err(|error| bad(&error))?;
                // The load key is one chip's. What becomes credit again must have been certified for the meter, too.
                Ok((certified(keys, scope, voucher.certificate)?, bytes))
            }
            Evidence::Certificate(bytes) => {
                let certificate = Certificate::parse(bytes).map_err(|error| bad(&error))?;
                Ok((certified(keys, scope, certificate)?, bytes))
            }
            Evidence::MeterReceipt(bytes) => {
                let receipt = MeterReceipt::parse(bytes).map_err(|error| bad(&error))?;
                let receipt = keys.verify_meter_receipt(scope, receipt).map_err(|error| bad(&error))?;
                Ok((Says::of_meter(&receipt), bytes))
            }
            Evidence::MeterMail(bytes) => {
                let envelope = Envelope::parse(bytes).map_err(|error| bad(&error))?;
                let opened = keys.open_mail(scope, &envelope).map_err(|error| bad(&error))?;
                match envelope.slot {
                    Slot::FINAL_REPORT | Slot::REGRESSION => {
                        let bytes_of = opened.as_slice();
                        let receipt = if envelope.slot == Slot::FINAL_REPORT {
                            FinalReport::parse(bytes_of).map(|report| report.receipt)
                        } else {
                            MeterReceipt::parse(bytes_of)
                        };
                        let receipt = receipt.map_err(|error| bad(&error))?;
                        let receipt =
                            keys.verify_meter_receipt(scope, receipt).map_err(|error| bad(&error))?;
                        Ok((Says::of_meter(&receipt), bytes))
                    }
                    Slot::READINGS => {
                        let readings = Readings::parse(opened.as_slice()).map_err(|error| bad(&error))?;
                        Ok((Says::of_readings(envelope.binding, &readings), bytes))
                    }
                    _ => Ok((Says::nothing_of(envelope.binding), bytes)),
                }
            }
        }
    }

    /// Links an account of a bank's customer to a card; the customer has agreed to `consent`, the name of a text.
    pub fn link(
        &self,
        who: &Who,
        id: &RequestId,
        card: CardId,
        customer: &str,
        consent: &str,
    ) -> Result<(), LedgerError> {
        who.must(Power::Sell)?;
        self.set_link(who, id, card, customer, Some(consent))
    }

    /// Ends a link. It is asked for by the holder, through the bank or at a branch.
    pub fn unlink(&self, who: &Who, id: &RequestId, card: CardId, customer: &str) -> Result<(), LedgerError> {
        who.must(Power::Sell)?;
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
        // The bank knows whom it means.
        let customer = self.secret().customer(customer);
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
            let link = Link { party: party.code, card, customer: customer.clone(), since };
            self.book(t, &mut point, entry, &[Head::Link(link)])?;
            Ok(())
        })
    }
}

/// A receipt counts for the bindings that its card has served, as far as the ledger knows.
fn of_this_binding(
    t: &mut dyn Transaction,
    card: CardId,
    record: &BindingRecord,
    epoch: u32,
) -> Result<(), LedgerError> {
    if record.held.card.id == card {
        return Ok(());
    }
    match t.card(card)? {
        Some(held) if held.binding == record.binding() => return Ok(()),
        None if epoch > 0 => return Err(Refusal::LostCard(card).into()),
        _ => {}
    }
    let why =
        format!("card {card} was never issued for this contract; hand in the certificate that it holds");
    Err(Refusal::BadEvidence(why).into())
}

/// What a credit certificate says, where it is authentic.
pub(super) fn certified(
    keys: &dyn KeyStore,
    scope: Scope,
    certificate: Certificate,
) -> Result<Says, LedgerError> {
    let bad = |error: &dyn std::fmt::Display| Refusal::BadEvidence(error.to_string());
    keys.verify_certificate(scope, &certificate).map_err(|error| match error {
        KeyStoreError::NotAuthentic(_) => bad(&"its certificate is not authentic"),
        error => bad(&error),
    })?;
    Ok(Says::of_issuer(&certificate))
}

/// Whether this is the evidence that was stored under its id.
fn is_stored(entry: Option<Entry>, bytes: &[u8], id: &RequestId) -> Result<bool, LedgerError> {
    let same = entry
        .is_some_and(|entry| matches!(entry.kind, Kind::Evidence | Kind::Recover) && entry.payload == bytes);
    if same { Ok(true) } else { Err(Refusal::OtherRequest(id.clone()).into()) }
}

/// Reads the binding of a card, for programs that show it.
pub fn binding_of(t: &mut dyn Transaction, payee: Payee) -> Result<BindingRecord, LedgerError> {
    match t.binding(payee)? {
        Some(record) => Ok(record),
        None => Err(unknown(t, payee)?),
    }
}
