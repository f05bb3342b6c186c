//! What waits for a card, and what cards bring back (docs/ledger.md, sections 7 and 8).

use card_core::id::{Binding, CardId, Scope};
use card_core::message::{Certificate, Envelope, MeterReceipt, Receipt, Slot, Voucher};
use card_core::parameters::Readings;
use card_core::units::{CardTime, Piastres};
use sha2::{Digest, Sha256};

use super::accounts::LedgerAccount;
use super::entry::{Kind, Step, Transfer};
use super::error::{LedgerError, Refusal};
use super::gap::{SEQUENCE_GAP, after_a_restore};
use super::names::RequestId;
use super::office::{Office, Who, draft};
use super::payload::Payload;
use super::records::{BindingRecord, CardUse, Head, MailRecord, Reading, Status};
use super::sell::{about, unknown};
use super::store::{Payee, Transaction, read};
use card_host::issuer::{BindingAccount, LAST_TOTAL};
use card_host::keystore::KeyStore;

/// What waits for a card. All of it can be given to the card again and again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Collected {
    /// The card.
    pub card: CardId,
    /// The newest voucher, where the card has not been seen with it: 94 bytes. It contains all that was sold before.
    pub voucher: Option<Vec<u8>>,
    /// Deliveries of mail for the meter.
    pub mail: Vec<Vec<u8>>,
}

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Evidence {
    /// A card's receipt: 81 bytes. A broken card can forge its own, so it tells what the card has, and never makes credit.
    CardReceipt(Vec<u8>),
    /// The credit certificate that a card holds: 56 bytes. It was signed for the meter, and no card can make one.
    Certificate(Vec<u8>),
    /// A meter's receipt: 68 bytes.
    MeterReceipt(Vec<u8>),
    /// An envelope from a meter.
    MeterMail(Vec<u8>),
    /// A voucher that was certified here: 94 bytes. A channel kept it, and a ledger that was restored from a copy may have lost it.
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
}

/// How evidence stands to the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Finding {
    /// Card or meter have what the ledger has certified last.
    Agrees,
    /// They are behind: something waits to be carried.
    Behind,
    /// They were above a ledger that had been restored from a copy: what was lost is entered again.
    Recovered,
    /// They have more than was ever certified. It is listed by reconciliation.
    Above,
}

impl Finding {
    /// Its code word.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Agrees => "agrees",
            Self::Behind => "behind",
            Self::Recovered => "recovered",
            Self::Above => "above",
        }
    }
}

/// What evidence says.
pub(super) struct Says {
    binding: Binding,
    card: Option<CardId>,
    /// Whether it shows totals at all; other mail of meters does not.
    totals: bool,
    /// Whether it shows only what was certified, and not what came to card or meter.
    certified_only: bool,
    /// Whether what it shows beyond the ledger can become credit again.
    recovers: bool,
    /// Sequence of the certificate that a card or a voucher holds.
    sequence: u32,
    credit: Piastres,
    debited: Piastres,
    reading: Option<Reading>,
    /// Mail: what was sealed in it.
    opened: Option<Vec<u8>>,
}

impl Says {
    /// What an entry of it carries: mail with what was in it, so that whoever has no keys can read it again.
    fn payload(&self, bytes: &[u8]) -> Vec<u8> {
        match &self.opened {
            Some(opened) => Payload::Mail { envelope: bytes.to_vec(), opened: opened.clone() }.emit(),
            None => bytes.to_vec(),
        }
    }
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
    /// again; what the evidence shows beyond the ledger is entered again, as an entry of its own.
    pub fn hand_in(&self, who: &Who, evidence: &Evidence) -> Result<HandedIn, LedgerError> {
        let (says, bytes) = self.verified(evidence)?;
        let digest: [u8; 32] = Sha256::digest(bytes).into();
        let id: RequestId =
            format!("evidence-{}", hex::encode(digest.get(..16).unwrap_or_default())).parse()?;
        let request = who.request(&id);
        let payee = Payee::Binding(says.binding);
        self.step(|t| {
            let (context, mut point, _) = self.context(t, who, &request, Some(payee))?;
            let Some(record) = context.binding.clone() else {
                let lost = says.card.filter(|_| context.epoch > 0);
                return Err(match lost {
                    Some(card) => Refusal::LostCard(card).into(),
                    None => unknown(t, payee)?,
                });
            };
            if let Some(card) = says.card {
                of_this_binding(t, card, &record, context.epoch)?;
            }
            let above = is_above(&says, &record);
            // A voucher that the copy had, too, says nothing about what came after it.
            let tells = says.totals && (above || !says.certified_only);
            let lags = record.epoch < context.epoch && tells && (says.recovers || !above);
            // Totals grow with the sequence: more than the ledger has, under a sequence that it has passed, can only be from what was lost.
            let found_later = context.epoch > 0
                && record.epoch == context.epoch
                && above
                && says.recovers
                && (1..record.held.sequence).contains(&says.sequence);
            // A closed binding has been moved whole; what is above it is looked at by people.
            let recovers = (lags || found_later) && record.status != Status::Closed;
            let known = !context.steps.is_empty();
            let finding = if above { Finding::Above } else { finding(&says, &record) };
            if known && !recovers {
                return Ok(HandedIn { known, binding: says.binding, finding });
            }
            let now = self.now()?;
            let mut after = seen(&says, record.clone(), now.max(point.time));
            let mut entry = draft(who, &request, Step::First, Kind::Evidence, now);
            about(&mut entry, &record.held);
            entry.card = says.card.or(entry.card);
            entry.payload = says.payload(bytes);
            let mut heads: Vec<Head> = says.reading.map(Head::Reading).into_iter().collect();
            let mut finding = finding;
            if recovers {
                let held = self.recovered(&says, &record.held, &mut entry.transfers)?;
                if !entry.transfers.is_empty() {
                    finding = Finding::Recovered;
                    entry.kind = Kind::Recover;
                }
                (entry.sequence, entry.total_credit, entry.total_debited) =
                    (held.sequence, held.total_credit, held.total_debited);
                after = BindingRecord { held, epoch: context.epoch, voucher: Vec::new(), ..after };
                if lags {
                    heads.extend(after_a_restore(t, says.binding)?);
                }
            }
            if known {
                // The same evidence, for the first time after a restore: its request is taken, and the entry has one of its own.
                let id = format!("{}-{}", id, context.epoch).parse()?;
                entry.request = who.request(&id);
            }
            heads.push(Head::Binding(Box::new(after)));
            self.book(t, &mut point, entry, &heads)?;
            Ok(HandedIn { known, binding: says.binding, finding })
        })
    }

    /// The binding after a restore: at least what the evidence shows, and certificates that are newer than all that was lost.
    pub(super) fn recovered(
        &self,
        says: &Says,
        held: &BindingAccount,
        transfers: &mut Vec<Transfer>,
    ) -> Result<BindingAccount, LedgerError> {
        if says.credit > LAST_TOTAL || says.debited > LAST_TOTAL {
            return Err(
                Refusal::BadEvidence("its totals are larger than any that are certified".to_owned()).into()
            );
        }
        let credit = LedgerAccount::Credit(says.binding);
        let mut give = |debit: &LedgerAccount, credit: &LedgerAccount, amount: Piastres| {
            if amount > Piastres::ZERO {
                transfers.push(Transfer { debit: debit.clone(), credit: credit.clone(), amount });
            }
        };
        give(&LedgerAccount::Recovered, &credit, says.credit.saturating_sub(held.total_credit));
        give(&credit, &LedgerAccount::Recovered, says.debited.saturating_sub(held.total_debited));
        let sequence = held.sequence.max(says.sequence).checked_add(SEQUENCE_GAP);
        Ok(BindingAccount {
            sequence: sequence.ok_or(card_host::issuer::AccountError::SequenceExhausted)?,
            total_credit: held.total_credit.max(says.credit),
            total_debited: held.total_debited.max(says.debited),
            ..*held
        })
    }

    fn verified<'a>(&self, evidence: &'a Evidence) -> Result<(Says, &'a [u8]), LedgerError> {
        let bad = |error: &dyn std::fmt::Display| Refusal::BadEvidence(error.to_string());
        let scope = self.scope();
        let keys = self.keys();
        match evidence {
            Evidence::CardReceipt(bytes) => {
                let receipt = Receipt::parse(bytes).map_err(|error| bad(&error))?;
                let receipt = keys.verify_receipt(scope, receipt).map_err(|error| bad(&error))?;
                let says = Says {
                    card: Some(receipt.card.id),
                    totals: true,
                    recovers: false,
                    sequence: receipt.sequence,
                    credit: receipt.total_credit,
                    debited: receipt.total_debited,
                    ..nothing_of(receipt.binding)
                };
                Ok((says, bytes))
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
                Ok((of_meter(&receipt), bytes))
            }
            Evidence::MeterMail(bytes) => {
                let envelope = Envelope::parse(bytes).map_err(|error| bad(&error))?;
                let opened = keys.open_mail(scope, &envelope).map_err(|error| bad(&error))?;
                let says = match envelope.slot {
                    Slot::FINAL_REPORT | Slot::REGRESSION => {
                        let receipt = MeterReceipt::parse(opened.as_slice()).map_err(|error| bad(&error))?;
                        let receipt =
                            keys.verify_meter_receipt(scope, receipt).map_err(|error| bad(&error))?;
                        of_meter(&receipt)
                    }
                    Slot::READINGS => {
                        let readings = Readings::parse(opened.as_slice()).map_err(|error| bad(&error))?;
                        of_readings(envelope.binding, &readings)
                    }
                    _ => nothing_of(envelope.binding),
                };
                Ok((Says { opened: Some(opened.as_slice().to_vec()), ..says }, bytes))
            }
        }
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
    let again = keys.sign_certificate(scope, certificate).map_err(|error| bad(&error))?;
    if again.mac != certificate.mac {
        return Err(bad(&"its certificate is not authentic").into());
    }
    Ok(Says {
        totals: true,
        certified_only: true,
        sequence: certificate.sequence,
        credit: certificate.total_credit,
        debited: certificate.total_debited,
        ..nothing_of(certificate.binding)
    })
}

fn of_meter(receipt: &MeterReceipt) -> Says {
    let MeterReceipt {
        binding, number, time, applied_credit, applied_debited, balance, energy, flags, ..
    } = *receipt;
    let reading = Reading {
        binding,
        number,
        time,
        applied_credit,
        applied_debited,
        balance,
        energy,
        flags,
        tampering: 0,
    };
    Says {
        totals: true,
        credit: applied_credit,
        debited: applied_debited,
        reading: Some(reading),
        ..nothing_of(binding)
    }
}

fn of_readings(binding: Binding, readings: &Readings) -> Says {
    let reading = Reading {
        binding,
        number: readings.report_number,
        time: readings.time,
        applied_credit: readings.applied_credit,
        applied_debited: readings.applied_debited,
        balance: readings.balance,
        energy: readings.energy,
        flags: readings.flags,
        tampering: readings.tampering,
    };
    let (credit, debited) = (readings.applied_credit, readings.applied_debited);
    Says { totals: true, credit, debited, reading: Some(reading), ..nothing_of(binding) }
}

fn nothing_of(binding: Binding) -> Says {
    Says {
        binding,
        card: None,
        totals: false,
        certified_only: false,
        recovers: true,
        sequence: 0,
        credit: Piastres::ZERO,
        debited: Piastres::ZERO,
        reading: None,
        opened: None,
    }
}

/// The report of a meter in an entry that carries evidence.
pub(super) fn reported(payload: &[u8]) -> Option<Reading> {
    let says = match Payload::parse(payload) {
        Some(Payload::Mail { envelope, opened }) => match Envelope::parse(&envelope).ok()? {
            Envelope { slot: Slot::READINGS, binding, .. } => {
                of_readings(binding, &Readings::parse(&opened).ok()?)
            }
            Envelope { slot: Slot::FINAL_REPORT | Slot::REGRESSION, .. } => {
                of_meter(&MeterReceipt::parse(&opened).ok()?)
            }
            _ => return None,
        },
        _ => of_meter(&MeterReceipt::parse(payload).ok()?),
    };
    says.reading
}

fn is_above(says: &Says, record: &BindingRecord) -> bool {
    let held = &record.held;
    says.sequence > held.sequence || says.credit > held.total_credit || says.debited > held.total_debited
}

fn finding(says: &Says, record: &BindingRecord) -> Finding {
    let held = &record.held;
    let same = (says.credit, says.debited) == (held.total_credit, held.total_debited);
    if same { Finding::Agrees } else { Finding::Behind }
}

/// What is known of card and meter after this evidence; what was known does not go back.
fn seen(says: &Says, record: BindingRecord, now: CardTime) -> BindingRecord {
    let present = says.card == Some(record.held.card.id);
    let card_sequence = if present { record.card_sequence.max(says.sequence) } else { record.card_sequence };
    let Some(reading) = &says.reading else { return BindingRecord { card_sequence, ..record } };
    BindingRecord {
        card_sequence,
        applied_credit: record.applied_credit.max(reading.applied_credit),
        applied_debited: record.applied_debited.max(reading.applied_debited),
        // A meter with a wrong clock is not heard of tomorrow.
        heard: record.heard.max(reading.time.min(now)),
        ..record
    }
}

/// Reads the binding of a card, for programs that show it.
pub fn binding_of(t: &mut dyn Transaction, payee: Payee) -> Result<BindingRecord, LedgerError> {
    match t.binding(payee)? {
        Some(record) => Ok(record),
        None => Err(unknown(t, payee)?),
    }
}
