//! A meter's life in short, each call measured.

use core::fmt::Write;

use card_core::message::Envelope;
use card_core::parameters::{Debt, DebtKind, DebtPlan, KeyChange, NewKeys, command};
use card_core::role::{KeyVersion, Role};
use card_core::soft::SoftEngine;
use card_core::tariff::{EGYPT_2024_08, Tariff};
use card_core::units::CardTime;
use card_meter::{
    METER_COMMAND_SIZE, METER_MAIL_SIZE, METER_RECEIPT_SIZE, METER_RESPONSE_SIZE, MeterCommand, MeterEvent,
    MeterMail, MeterMonth, MeterOutcome, MeterReading, MeterResponse, MeterResult, MeterStatus,
    meter_ask_loan, meter_battery, meter_card_begin, meter_card_gone, meter_card_outcome, meter_card_respond,
    meter_consume, meter_demand, meter_event, meter_install, meter_mail, meter_mail_to_issuer, meter_month,
    meter_power_up, meter_rearm, meter_receipt, meter_relay_stuck_off, meter_save, meter_status,
    meter_supply, meter_tamper, meter_tick, meter_voucher,
};

use meter_firmware::card::Card;
use meter_firmware::{installation, issuer};

use crate::memory::BOARD;
use crate::semihosting::Out;
use crate::stack::measured;

/// Something is not as it should be: where.
pub(crate) struct Failed;

const NOW: u32 = 0x0C20_0000;
const MONTH: u32 = 31 * 24 * 3600;

/// Calls by name, the deepest of each.
struct Depths {
    out: Out,
    deepest: usize,
}

impl Depths {
    fn note(&mut self, name: &str, bytes: usize) {
        self.deepest = self.deepest.max(bytes);
        let _ = writeln!(self.out, "stack {bytes} {name}");
    }

    fn expect(&mut self, what: &str, holds: bool) -> Result<(), Failed> {
        if holds {
            return Ok(());
        }
        let _ = writeln!(self.out, "failed: {what}");
        Err(Failed)
    }

    fn ok(&mut self, name: &str, call: impl FnOnce() -> MeterResult) -> Result<(), Failed> {
        self.answers(name, MeterResult::Ok, call)
    }

    fn answers(
        &mut self,
        name: &str,
        wanted: MeterResult,
        call: impl FnOnce() -> MeterResult,
    ) -> Result<(), Failed> {
        let (result, bytes) = measured(call);
        self.note(name, bytes);
        self.expect(name, result == Some(wanted))
    }

    fn some<T>(&mut self, what: &str, value: Option<T>) -> Result<T, Failed> {
        self.expect(what, value.is_some())?;
        value.ok_or(Failed)
    }
}

pub(crate) fn run() -> Result<(), Failed> {
    let mut depths = Depths { out: Out::open(), deepest: 0 };
    let result = live(&mut depths);
    let deepest = depths.deepest;
    let _ = writeln!(depths.out, "deepest {deepest}");
    result
}

fn live(depths: &mut Depths) -> Result<(), Failed> {
    let installation = depths.some("keys", installation())?;
    depths.ok("install", || meter_install(Some(&BOARD), Some(&installation), NOW))?;
    let card = Card::new();
    let mut card = depths.some("personalisation", card)?;

    // The first visit opens the binding and applies credit.
    let voucher = depths.some("voucher", issuer::voucher(1, 2, 500_000))?;
    let loaded = card.load(&voucher);
    depths.some("load", loaded)?;
    let outcome = visit(depths, "visit, first", &mut card, NOW)?;
    depths.expect("applied", outcome.verdict == 1 && outcome.settled == 1)?;
    depths.expect("on", meter_supply() == 0)?;

    // Consumption, written and not; half a year goes by.
    depths.ok("tick", || meter_tick(Some(&shows(NOW + 60))))?;
    depths.ok("consume", || meter_consume(Some(&shows(NOW + 60)), 1))?;
    depths.ok("consume, written", || meter_consume(Some(&shows(NOW + 120)), 10_000))?;
    // What does not fit: the state is as before.
    depths.answers("consume, refused", MeterResult::OutOfRange, || {
        meter_consume(Some(&shows(NOW + 120)), u32::MAX)
    })?;
    depths.ok("demand", || meter_demand(Some(&shows(NOW + 180)), 4000))?;
    let mut now = NOW;
    for _ in 0..6 {
        // Half a month of uptime at a time.
        depths.ok("tick, half a month", || meter_tick(Some(&shows(now + MONTH / 2))))?;
        depths.ok("tick, month closed", || meter_tick(Some(&shows(now + MONTH))))?;
        now += MONTH;
    }
    depths.ok("tamper", || meter_tamper(Some(&shows(now)), 0x01))?;
    depths.ok("battery", || meter_battery(Some(&shows(now)), 1))?;
    depths.ok("relay", || meter_relay_stuck_off(Some(&shows(now))))?;
    let mut lent = 0;
    depths.ok("loan", || meter_ask_loan(Some(&shows(now)), Some(&mut lent)))?;
    depths.expect("credit", lent == 0)?;
    depths.ok("rearm", || meter_rearm(Some(&shows(now))))?;
    depths.ok("save", || meter_save())?;
    let mut status = MeterStatus::default();
    depths.ok("status", || meter_status(Some(&mut status)))?;
    depths.expect("consumed", status.balance < 500_000 && status.energy == 11_001)?;
    let (mut month, mut event) = (MeterMonth::default(), MeterEvent::default());
    depths.ok("month", || meter_month(1, Some(&mut month)))?;
    depths.ok("event", || meter_event(0, Some(&mut event)))?;
    depths.expect("histories", month.fees > 0 && event.number == 1)?;
    depths.ok("power up", || meter_power_up(Some(&BOARD)))?;

    // One with mail of every kind, months and events.
    for (slot, bytes) in [(0x00, tariff()), (0x04, debts()), (0x05, read_out()), (0x0A, new_keys())] {
        let mail = bytes.and_then(|bytes| issuer::mail(1, slot, 1, bytes.get()));
        let mail = depths.some("mail", mail)?;
        let put = card.put_mail(&mail);
        depths.some("put mail", put)?;
    }
    let outcome = visit(depths, "visit, mail", &mut card, now)?;
    depths.expect("taken", outcome.settled == 1 && (outcome.mail_slot, outcome.mail_result) == (0x0A, 1))?;
    let outcome = visit(depths, "visit, nothing new", &mut card, now)?;
    depths.expect("nothing", outcome.verdict == 2 && outcome.settled == 1)?;

    // Over the network; the card gets the voucher at its next visit.
    let voucher = depths.some("voucher", issuer::voucher(1, 3, 600_000))?;
    let mut outcome = MeterOutcome::default();
    let bytes = voucher.emit();
    depths.ok("voucher", || meter_voucher(Some(&shows(now)), Some(&bytes), Some(&mut outcome)))?;
    depths.expect("applied", outcome.verdict == 1)?;
    let mut answer = MeterMail { length: 0, bytes: [0; METER_MAIL_SIZE] };
    depths.ok("mail to the issuer", || meter_mail_to_issuer(0x11, 0, Some(&mut answer)))?;
    let mut receipt = [0; METER_RECEIPT_SIZE];
    depths.ok("receipt", || meter_receipt(Some(&mut receipt)))?;
    let limits = card_core::parameters::Limits::DEFAULT.emit();
    let mail = depths.some("mail", issuer::mail(1, 0x02, 1, &limits))?;
    let mail = mail_of(&mail);
    depths.ok("mail", || meter_mail(Some(&shows(now)), Some(&mail), Some(&mut outcome)))?;
    depths.expect("taken", outcome.mail_result == 1)?;
    let outcome = visit(depths, "visit, voucher waiting", &mut card, now)?;
    depths.expect("settled", outcome.settled == 1)?;

    // A new binding closes the old one; the final report goes by the card.
    let bound = card.bind(2);
    depths.some("bind", bound)?;
    let voucher = depths.some("voucher", issuer::voucher(2, 2, 100))?;
    let loaded = card.load(&voucher);
    depths.some("load", loaded)?;
    let outcome = visit(depths, "visit, new binding", &mut card, now)?;
    depths.expect("settled", outcome.verdict == 1 && outcome.settled == 1)?;
    depths.ok("power up", || meter_power_up(Some(&BOARD)))?;
    depths.ok("status", || meter_status(Some(&mut status)))?;
    depths.expect("bound", status.binding == 2 && status.balance == 100)
}

/// A clock that never stopped, and counts the seconds as well, shows this.
const fn shows(clock: u32) -> MeterReading {
    MeterReading { clock, uptime: clock, never_stopped: 1 }
}

/// A card comes, and goes when all is said.
#[inline(never)]
fn visit(depths: &mut Depths, name: &str, card: &mut Card, now: u32) -> Result<MeterOutcome, Failed> {
    let mut command = MeterCommand { length: 0, bytes: [0; METER_COMMAND_SIZE] };
    depths.ok("card begin", || meter_card_begin(Some(&shows(now)), Some(&mut command)))?;
    let mut response = MeterResponse { length: 0, bytes: [0; METER_RESPONSE_SIZE] };
    let mut deepest = 0;
    let mut exchanges = 0;
    while command.length != 0 {
        let reply = card.process(command.bytes.get(..command.length.into()).unwrap_or_default());
        let reply = reply.as_slice();
        response.length = reply.len() as u16;
        for (to, from) in response.bytes.iter_mut().zip(reply) {
            *to = *from;
        }
        let (result, bytes) = measured(|| meter_card_respond(Some(&response), Some(&mut command)));
        depths.expect(name, result == Some(MeterResult::Ok))?;
        deepest = deepest.max(bytes);
        exchanges += 1;
    }
    depths.note(name, deepest);
    let _ = writeln!(depths.out, "exchanges {exchanges} {name}");
    let mut outcome = MeterOutcome::default();
    depths.expect(name, meter_card_outcome(Some(&mut outcome)) == MeterResult::Ok)?;
    depths.expect(name, meter_card_gone() == MeterResult::Ok)?;
    card.leave();
    Ok(outcome)
}

/// Plaintext of a mail.
struct Plaintext([u8; METER_MAIL_SIZE], usize);

impl Plaintext {
    fn of(bytes: &[u8]) -> Option<Self> {
        let mut all = [0; METER_MAIL_SIZE];
        all.get_mut(..bytes.len())?.copy_from_slice(bytes);
        Some(Self(all, bytes.len()))
    }

    fn get(&self) -> &[u8] {
        self.0.get(..self.1).unwrap_or_default()
    }
}

fn mail_of(envelope: &Envelope) -> MeterMail {
    let mut mail = MeterMail { length: envelope.as_bytes().len() as u16, bytes: [0; METER_MAIL_SIZE] };
    for (to, from) in mail.bytes.iter_mut().zip(envelope.as_bytes()) {
        *to = *from;
    }
    mail
}

#[inline(never)]
fn tariff() -> Option<Plaintext> {
    let published = EGYPT_2024_08.as_bytes();
    let mut bytes = [0; Tariff::MAX_SIZE];
    let bytes = bytes.get_mut(..published.len())?;
    bytes.copy_from_slice(published);
    // Version 2, from the middle of the month that runs.
    *bytes.get_mut(1)? = 2;
    let start = (NOW + 6 * MONTH + 3600).to_be_bytes();
    bytes.get_mut(2..6)?.copy_from_slice(&start);
    Tariff::parse(bytes).ok()?;
    Plaintext::of(bytes)
}

#[inline(never)]
fn debts() -> Option<Plaintext> {
    let debt = |id| Debt { id, kind: DebtKind::Arrears, first_month: 0, count: 10, amount: 1000, last: 500 };
    Plaintext::of(DebtPlan::new(&[debt(1), debt(2), debt(3), debt(4)]).ok()?.emit().as_slice())
}

#[inline(never)]
fn read_out() -> Option<Plaintext> {
    let action = command::Action::ReadOut;
    Plaintext::of(&command::Command { counter: 1, expiry: CardTime::UNSET, card: None, action }.emit())
}

#[inline(never)]
fn new_keys() -> Option<Plaintext> {
    // The longest: three report keys.
    let keys = issuer::mail_keys(0x92)?;
    let new = NewKeys::new(
        KeyVersion::new(Role::Report, 2),
        [Some(keys.mac), Some(keys.enc), Some(issuer::receipt_key(0x92)?)],
    )
    .ok()?;
    let transport = issuer::master(0xB1)?;
    let change = KeyChange::seal(
        &mut SoftEngine,
        KeyVersion::new(Role::Transport, 1),
        &transport,
        issuer::SCOPE,
        &new,
    )
    .ok()?;
    Plaintext::of(change.emit().as_slice())
}
