//! A binding, by its entries.

use card_core::id::CardRef;
use card_core::message::{BindingCertificate, Certificate, Receipt};
use card_core::role::{KeyVersion, Role};
use card_core::units::{CardTime, Piastres};

use super::status;
use crate::entry::{Entry, Kind};
use crate::payload::Payload;
use crate::records::{BindingRecord, NOBODY, Reading};

/// What is known of a binding. Kept small: there is one for each.
#[derive(Debug, Default)]
pub(super) struct Known {
    account: u64,
    opened: CardTime,
    credit_key: u8,
    parameter_keys: u8,
    /// The newest voucher, with the sequence from which on it holds; none after a recovery.
    voucher: (u32, Vec<u8>),
    /// The restores that had been declared when it began.
    began: u32,
    /// What unlocked and locked it, in any order.
    seen: Vec<Seen>,
    applied_credit: Piastres,
    applied_debited: Piastres,
    heard: CardTime,
    pub(super) card: Option<(CardRef, KeyVersion)>,
    pub(super) card_sequence: u32,
    pub(super) blocked: bool,
    pub(super) superseded: bool,
    pub(super) closed: bool,
}

/// Evidence that unlocked a binding after a restore, or locked it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Seen {
    /// Of the binding after it: what unlocks or recovers raises it.
    sequence: u32,
    locks: bool,
    /// Restores that had been declared, by the chain of the entry, and by its time.
    restores: u32,
    by_time: u32,
}

impl Known {
    /// Goes on by an entry after so many restores: by its chain, and by its time.
    pub(super) fn add(&mut self, entry: &Entry, restores: u32, by_time: u32) {
        match entry.kind {
            Kind::Open | Kind::Adopt | Kind::End => {
                self.account = if entry.kind == Kind::End { NOBODY } else { entry.account };
                self.began = restores;
                if let Some(Payload::Opened { credit_key, parameter_keys, time, .. }) =
                    Payload::parse(&entry.payload)
                {
                    self.opened = time;
                    self.keys(credit_key.byte(), parameter_keys.byte());
                }
            }
            Kind::Recover if entry.payload.len() == RECOVERED => {
                self.found(entry);
                self.seen.push(Seen { sequence: entry.sequence, locks: false, restores, by_time });
                self.certified(entry.sequence, Vec::new());
            }
            // Only what raises the totals names them.
            Kind::Evidence | Kind::Recover if entry.sequence > 0 => {
                let locks = shows_more(entry);
                self.seen.push(Seen { sequence: entry.sequence, locks, restores, by_time });
                if !locks {
                    self.certified(entry.sequence, Vec::new());
                }
            }
            Kind::Settings => self.taken(&entry.payload),
            Kind::Refresh => match Payload::parse(&entry.payload) {
                Some(Payload::Technician { waiting, .. }) => self.certified(entry.sequence, waiting),
                _ => self.certified(entry.sequence, entry.payload.clone()),
            },
            Kind::Sale | Kind::Certify | Kind::Debit | Kind::Replace | Kind::Move => {
                self.certified(entry.sequence, entry.payload.clone());
            }
            _ => {}
        }
        if matches!(entry.kind, Kind::Replace) {
            self.card_sequence = 0;
        }
    }

    pub(super) const fn is_nobodys(&self) -> bool {
        self.account == NOBODY
    }

    fn keys(&mut self, credit: u8, parameter: u8) {
        // A meter's keys only go on.
        (self.credit_key, self.parameter_keys) =
            (self.credit_key.max(credit), self.parameter_keys.max(parameter));
    }

    fn certified(&mut self, sequence: u32, voucher: Vec<u8>) {
        if sequence > self.voucher.0 {
            self.voucher = (sequence, voucher);
        }
    }

    /// The restore after which it was seen, by chains and by times, and how often numbers of mail were left out on the way.
    fn checked(&self) -> (u32, u32, u32) {
        let mut seen = self.seen.clone();
        seen.sort_unstable();
        let (mut chain, mut time, mut gaps) = (self.began, self.began, 0_u32);
        for Seen { locks, restores, by_time, .. } in seen {
            if locks {
                (chain, time) = (restores.saturating_sub(1), by_time.saturating_sub(1));
            } else {
                gaps = gaps.saturating_add(u32::from(restores > chain));
                (chain, time) = (chain.max(restores), time.max(by_time));
            }
        }
        (chain, time, gaps)
    }

    /// A card that showed its contract.
    fn found(&mut self, entry: &Entry) {
        let binding = entry
            .payload
            .get(..BindingCertificate::SIZE)
            .and_then(|bytes| BindingCertificate::parse(bytes).ok());
        let certificate = entry.payload.get(BindingCertificate::SIZE..RECOVERED - 2);
        let certificate = certificate.and_then(|bytes| Certificate::parse(bytes).ok());
        let (Some(binding), Some(certificate)) = (binding, certificate) else { return };
        self.card_sequence = certificate.sequence;
        if self.opened == CardTime::UNSET {
            // The account stands in its certificate by reference.
            (self.account, self.opened) = (entry.account, binding.opening_time);
            let parameter = entry.payload.last().copied().unwrap_or(0);
            self.keys(certificate.key_version.byte(), parameter);
        }
    }

    /// Keys that the meter has taken.
    fn taken(&mut self, payload: &[u8]) {
        let document = serde_json::from_slice::<serde_json::Value>(payload).unwrap_or_default();
        let text = document.get("meter_keys").and_then(serde_json::Value::as_str).unwrap_or_default();
        let Ok(byte) = u8::from_str_radix(text, 16) else { return };
        match KeyVersion::from_byte(byte).role() {
            Some(Role::Credit) => self.keys(byte, 0),
            Some(Role::Parameter) => self.keys(0, byte),
            _ => {}
        }
    }

    pub(super) fn heard(&mut self, reading: &Reading, at: CardTime) {
        self.applied_credit = self.applied_credit.max(reading.applied_credit);
        self.applied_debited = self.applied_debited.max(reading.applied_debited);
        self.heard = self.heard.max(reading.time.min(at));
    }

    /// How often numbers of mail were left out.
    pub(super) fn gaps(&self) -> u32 {
        self.checked().2
    }

    /// What the row of a binding differs in.
    pub(super) fn differs(&self, record: &BindingRecord) -> Option<&'static str> {
        let held = &record.held;
        let (chain, time, _) = self.checked();
        [
            (held.account == self.account, "account"),
            (self.card == Some((held.card, held.load_key)), "card, its generation or its load key"),
            (held.credit_key.byte() == self.credit_key, "credit key"),
            (held.parameter_keys.byte() == self.parameter_keys, "parameter keys"),
            (held.opening_time == self.opened, "opening time"),
            (record.status == status(self.closed, self.superseded), "status"),
            (record.blocked == self.blocked, "whether it is blocked"),
            (record.epoch == chain || record.epoch == time, "restore after which it was checked"),
            (record.voucher == self.voucher.1, "voucher"),
            (record.card_sequence == self.card_sequence, "sequence that its card was seen with"),
            (held.applied_credit == self.applied_credit, "credit that its meter has applied"),
            (held.applied_debited == self.applied_debited, "debits that its meter has applied"),
            (record.heard == self.heard, "when its meter was heard of"),
        ]
        .into_iter()
        .find_map(|(same, what)| (!same).then_some(what))
    }
}

/// Whether a card's receipt shows more than its entry says was certified: it locks the binding.
fn shows_more(entry: &Entry) -> bool {
    Receipt::parse(&entry.payload).is_ok_and(|receipt| {
        receipt.total_credit > entry.total_credit || receipt.total_debited > entry.total_debited
    })
}

/// Length of the payload of a card that showed its contract: two certificates, and two key version numbers.
pub(super) const RECOVERED: usize = BindingCertificate::SIZE + Certificate::SIZE + 2;
