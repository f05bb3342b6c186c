//! What goes over the edge: plain values of fixed size.

use card_core::apdu::{MAX_COMMAND, MAX_RESPONSE};
use card_core::key::AesKey;
use card_core::message::{MAX_ENVELOPE, MeterReceipt};
use card_core::meter::{MEMORY_PAGES, MeterError, MeterState, Reading, Received, Verdict, VisitError};
use card_core::tariff::Tariff;
use card_core::text::Situation;
use card_core::units::CardTime;

use crate::text::number;

/// Pages of memory that a meter uses.
pub const METER_MEMORY_PAGES: u16 = 280;
/// Bytes of the longest command to a card.
pub const METER_COMMAND_SIZE: usize = 261;
/// Bytes of the longest response of a card.
pub const METER_RESPONSE_SIZE: usize = 258;
/// Bytes of the longest mail.
pub const METER_MAIL_SIZE: usize = 180;
/// Bytes of the longest tariff.
pub const METER_TARIFF_SIZE: usize = 145;
/// Bytes of a voucher.
pub const METER_VOUCHER_SIZE: usize = 110;
/// Bytes of a meter's receipt.
pub const METER_RECEIPT_SIZE: usize = 68;

// Literals above, so that the header has numbers.
const _: () = assert!(METER_MEMORY_PAGES == MEMORY_PAGES);
const _: () = assert!(METER_COMMAND_SIZE == MAX_COMMAND && METER_RESPONSE_SIZE == MAX_RESPONSE);
const _: () = assert!(METER_RECEIPT_SIZE == MeterReceipt::SIZE);
const _: () = assert!(METER_MAIL_SIZE == MAX_ENVELOPE && METER_TARIFF_SIZE == Tariff::MAX_SIZE);

/// What firmware says of time with every call (docs/meter.md, section 2).
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct MeterReading {
    /// What its clock shows: seconds since 2020-01-01, UTC; 0: it has none now.
    pub clock: u32,
    /// Seconds on a counter that runs while power is on. Where it begins does not matter; at power-up it may begin anew.
    pub uptime: u32,
    /// 1: the clock ran all the time while there was no power. What firmware knows at power-up, and says until the next one.
    pub never_stopped: u8,
}

impl MeterReading {
    pub(crate) const fn reading(self) -> Reading {
        Reading { clock: CardTime(self.clock), uptime: self.uptime, never_stopped: self.never_stopped != 0 }
    }
}

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum MeterResult {
    /// Done.
    Ok = 0,
    /// The card did something wrong, or is none of ours. It is to be presented again; what was decided has been stored all the same.
    Card = 1,
    /// The memory failed: power the meter up again.
    Memory = 2,
    /// A write failed before: power the meter up again.
    PowerUpFirst = 3,
    /// There are keys already.
    Installed = 4,
    /// There are no keys.
    NotInstalled = 5,
    /// A number would not fit; nothing was counted.
    OutOfRange = 6,
    /// The memory holds records of another version of this program.
    Format = 7,
    /// An argument is missing, or is not what it should be; nothing was done.
    Argument = 8,
    /// There was no successful `meter_install` or `meter_power_up` before this.
    Off = 9,
    /// Called out of another call, as by an interrupt or a function of the board; nothing was done. Of `meter_save`: it will be.
    Busy = 10,
    /// No random numbers are available.
    Random = 11,
    /// An error of this program.
    Internal = 12,
    /// There is none of what was asked for, or no further one.
    None = 13,
}

impl From<MeterError> for MeterResult {
    fn from(error: MeterError) -> Self {
        match error {
            MeterError::Store(_) => Self::Memory,
            MeterError::Installed => Self::Installed,
            MeterError::NotInstalled => Self::NotInstalled,
            MeterError::PowerUpFirst => Self::PowerUpFirst,
            MeterError::OutOfRange => Self::OutOfRange,
            MeterError::Format(_) => Self::Format,
            MeterError::Internal => Self::Internal,
        }
    }
}

impl From<VisitError> for MeterResult {
    fn from(error: VisitError) -> Self {
        match error {
            VisitError::Meter(error) => error.into(),
            VisitError::Random(_) => Self::Random,
            _ => Self::Card,
        }
    }
}

/// A key with its key version number (specification, section 4.1).
#[derive(Clone, Copy)]
#[repr(C)]
pub struct MeterKey {
    /// Key version number: role and version.
    pub version: u8,
    /// 16, 24 or 32.
    pub length: u8,
    /// The key, in the first `length` of them.
    pub bytes: [u8; 32],
}

impl MeterKey {
    pub(crate) fn key(&self) -> Option<AesKey> {
        AesKey::new(self.bytes.get(..self.length.into())?)
    }
}

/// What a meter maker writes into a meter once. To be wiped after it.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct MeterInstallation {
    /// The meter's identifier.
    pub id: [u8; 8],
    /// The company that it is for.
    pub company: u16,
    /// 54 test, 50 production: the code of the environment.
    pub environment: u8,
    /// Bytes of the tariff.
    pub tariff_length: u8,
    /// The tariff that is in force at first, as its mail says it (docs/tariff.md, section 6).
    pub tariff: [u8; METER_TARIFF_SIZE],
    /// Base key, Av.
    pub base: MeterKey,
    /// Credit key, 7v.
    pub credit: MeterKey,
    /// Parameter keys, 8v: MAC.
    pub parameter_mac: MeterKey,
    /// Parameter keys, the same version: ENC.
    pub parameter_enc: MeterKey,
    /// Report keys, 9v: MAC.
    pub report_mac: MeterKey,
    /// Report keys, the same version: ENC.
    pub report_enc: MeterKey,
    /// Report keys, the same version: code of meter receipts.
    pub report_receipt: MeterKey,
    /// Transport key, Bv.
    pub transport: MeterKey,
    /// The energy register, in 10 Wh.
    pub energy: u32,
    /// Version of the firmware, for the meter's readings.
    pub firmware: u32,
}

/// A command to a card.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct MeterCommand {
    /// Bytes of it; 0: nothing is to be sent, the visit is over.
    pub length: u16,
    /// The command.
    pub bytes: [u8; METER_COMMAND_SIZE],
}

/// A response of a card, with its status word. Where it was fetched in parts (61xx, 6Cxx), the whole of it.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct MeterResponse {
    /// Bytes of it.
    pub length: u16,
    /// The response.
    pub bytes: [u8; METER_RESPONSE_SIZE],
}

/// A mail of the issuer, sealed, that came without a card.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct MeterMail {
    /// Bytes of it.
    pub length: u16,
    /// The mail.
    pub bytes: [u8; METER_MAIL_SIZE],
}

/// What the meter decided on a card, a voucher or a mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(C)]
pub struct MeterOutcome {
    /// Piastres that were added to the balance.
    pub credit: u64,
    /// Piastres that were taken from it: a correction.
    pub debit: u64,
    /// The balance now, in piastres; below 0 it is a debt.
    pub balance: i64,
    /// The text for it; 0: there is nothing to say yet.
    pub text: u16,
    /// The text for the mail; 0: none.
    pub mail_text: u16,
    /// Of credit: 0 nothing decided yet, 1 applied, 2 there was nothing new, 3 refused.
    pub verdict: u8,
    /// Why it was refused (specification, section 11); else 0.
    pub reason: u8,
    /// 1: the card has confirmed the settlement.
    pub settled: u8,
    /// 1: the visit ended early, and the card is to be presented again. What the rest says is done all the same.
    pub torn: u8,
    /// Slot of the mail that was handled last; FF: none.
    pub mail_slot: u8,
    /// 1: it was taken; else why not (docs/meter.md, section 7).
    pub mail_result: u8,
}

impl MeterOutcome {
    pub(crate) fn of(state: &MeterState, verdict: Option<Verdict>, mail: Option<Received>) -> Self {
        let mut outcome = Self {
            credit: 0,
            debit: 0,
            balance: state.balance.0,
            text: verdict.map_or(0, |verdict| number(Situation::of_verdict(verdict))),
            mail_text: 0,
            verdict: 0,
            reason: 0,
            settled: 0,
            torn: 0,
            mail_slot: 0xFF,
            mail_result: 0,
        };
        match verdict {
            None => {}
            Some(Verdict::Apply { credit, debit, .. }) => {
                (outcome.verdict, outcome.credit, outcome.debit) = (1, credit.0, debit.0);
            }
            Some(Verdict::Nothing) => outcome.verdict = 2,
            Some(Verdict::Refuse(reason)) => (outcome.verdict, outcome.reason) = (3, reason.code()),
        }
        if let Some(mail) = mail {
            outcome.mail_slot = mail.slot.number();
            outcome.mail_result = mail.result.map_or_else(|refusal| refusal.code(), |()| 1);
            outcome.mail_text = Situation::of_mail(outcome.mail_result).map_or(0, number);
        }
        outcome
    }

    /// By a card that has confirmed, or has not, and with why it ended early.
    pub(crate) fn visited(self, settled: bool, torn: Option<VisitError>) -> Self {
        let text = match torn {
            Some(error) if self.verdict == 0 => number(Situation::of_visit_error(&error)),
            _ => self.text,
        };
        Self { settled: settled.into(), torn: torn.is_some().into(), text, ..self }
    }
}
