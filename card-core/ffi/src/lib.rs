//! The meter of the prepaid electricity card behind a C header, `meter.h`: one meter, plain arguments of fixed size, and everything
//! that is hardware in a table of functions (docs/meter.md, section 15).
//!
//! The functions are for one thread, the firmware's main loop. One that is called out of another (by an interrupt, or by a function of
//! the board) does nothing and answers [`MeterResult::Busy`]; [`meter_save`] is then done when the other one ends, and [`meter_supply`]
//! answers at any time.
#![cfg_attr(target_os = "none", no_std)]
#![allow(unsafe_code, reason = "names without mangling, and one static: what a C header needs")]

mod aes;
mod board;
mod display;
mod slot;
mod text;
mod types;

pub use board::{
    METER_BOARD_DOUBTFUL, METER_BOARD_FAILED, METER_BOARD_OK, METER_BOARD_OUT_OF_RANGE,
    METER_BOARD_POWER_LOST, MeterBoard,
};
pub use display::{
    METER_UNKNOWN, MeterCharge, MeterDebt, MeterEvent, MeterLocalTime, MeterMonth, MeterNotice, MeterStatus,
    meter_charge, meter_debt, meter_event, meter_local_time, meter_month, meter_notice, meter_status,
};
pub use text::{METER_ARABIC, METER_ENGLISH, MeterText, meter_news, meter_text};
pub use types::{
    METER_COMMAND_SIZE, METER_MAIL_SIZE, METER_MEMORY_PAGES, METER_RECEIPT_SIZE, METER_RESPONSE_SIZE,
    METER_TARIFF_SIZE, METER_VOUCHER_SIZE, MeterCommand, MeterInstallation, MeterKey, MeterMail,
    MeterOutcome, MeterReading, MeterResponse, MeterResult,
};

use core::cell::UnsafeCell;
use core::sync::atomic::{AtomicBool, AtomicU8, Ordering};

use board::Board;
use card_core::id::{Company, Environment, MeterId, Scope};
use card_core::message::{Envelope, MailKeys, Slot as MailSlot, Voucher};
use card_core::meter::{
    CardCommand, Meter, MeterIdentity, MeterKeys, MeterState, Pair, Received, ReportKeys, Tampering,
    VersionedKey, Visit, VisitError,
};
use card_core::role::KeyVersion;
use card_core::tariff::Tariff;
use card_core::units::{CardTime, Energy};
use slot::Slot;

/// All that lies in RAM between calls.
struct Machine {
    meter: Slot<Meter<Board>>,
    visit: Slot<Visit>,
    mail: Slot<Received>,
    /// Why the visit ended early.
    torn: Slot<VisitError>,
}

impl Machine {
    /// Forgets what there was, and begins with a meter on this board, if it starts.
    fn on(
        &mut self,
        board: Board,
        start: impl FnOnce(&mut Meter<Board>) -> Result<(), MeterResult>,
    ) -> Result<(), MeterResult> {
        self.visit.clear();
        self.meter.fill(|| Meter::off(board));
        let started = self.meter.get().ok_or(MeterResult::Off).and_then(start);
        if started.is_err() {
            self.meter.clear();
        }
        started
    }
}

struct Only {
    busy: AtomicBool,
    /// `meter_save` was called while another call was running.
    save: AtomicBool,
    /// Reasons to cut the supply, after the last call, each bit inverted: so all of this is zeros at first, and needs no copy in flash.
    supply: AtomicU8,
    machine: UnsafeCell<Machine>,
}

static ONLY: Only = Only {
    busy: AtomicBool::new(false),
    save: AtomicBool::new(false),
    supply: AtomicU8::new(!METER_NO_SUPPLY),
    machine: UnsafeCell::new(Machine {
        meter: Slot::new(),
        visit: Slot::new(),
        mail: Slot::new(),
        torn: Slot::new(),
    }),
};

/// What `meter_supply` answers without a meter.
const METER_NO_SUPPLY: u8 = 0xFF;

// SAFETY: `with` and `leave` let in one caller at a time. Their flag is not taken in one step, for Cortex-M0 has none: that is enough
// for one thread and interrupts, which end before what they interrupt goes on, and the header asks for no more than one thread.
unsafe impl Sync for Only {}

/// Runs `call` on the meter, unless another call is running.
fn with(call: impl FnOnce(&mut Machine) -> Result<(), MeterResult>) -> MeterResult {
    match enter() {
        Some(machine) => leave(call(machine)),
        None => MeterResult::Busy,
    }
}

/// A call begins, unless another one is running. Whoever gets the machine has no reference to it any more when it [leaves](leave).
#[inline(never)]
fn enter() -> Option<&'static mut Machine> {
    if ONLY.busy.load(Ordering::Acquire) {
        return None;
    }
    ONLY.busy.store(true, Ordering::Release);
    // SAFETY: the flag was not set and is now, so no other reference to the machine exists; this one ends before the flag is cleared.
    Some(unsafe { &mut *ONLY.machine.get() })
}

/// A call ends: what an interrupt has asked for meanwhile is done.
#[inline(never)]
fn leave(result: Result<(), MeterResult>) -> MeterResult {
    let mut result = result.err().unwrap_or(MeterResult::Ok);
    loop {
        // SAFETY: the flag is set, and who has set it has no reference any more; this one ends before the flag is cleared.
        let machine = unsafe { &mut *ONLY.machine.get() };
        // Not cleared where it was not set: an interrupt may set it between the two.
        let asked = ONLY.save.load(Ordering::Acquire);
        if asked {
            ONLY.save.store(false, Ordering::Release);
        }
        let mut supply = METER_NO_SUPPLY;
        if let Some(meter) = machine.meter.get() {
            let saved = if asked { meter.save() } else { Ok(()) };
            if let (MeterResult::Ok, Err(error)) = (result, saved) {
                result = error.into();
            }
            supply = meter.state().supply.cut;
        }
        ONLY.supply.store(!supply, Ordering::Release);
        ONLY.busy.store(false, Ordering::Release);
        if !ONLY.save.load(Ordering::Acquire) {
            return result;
        }
        // An interrupt has asked between the look and the end.
        ONLY.busy.store(true, Ordering::Release);
    }
}

fn with_meter(call: impl FnOnce(&mut Meter<Board>) -> Result<(), MeterResult>) -> MeterResult {
    with(|machine| call(machine.meter.get().ok_or(MeterResult::Off)?))
}

fn given<T>(argument: Option<T>) -> Result<T, MeterResult> {
    argument.ok_or(MeterResult::Argument)
}

/// Installs a meter in memory that has none, and powers it up: a meter maker's work. A state that is there already stays. Where power
/// was cut it is to be repeated. `reading` is of the clock: seconds since 2020-01-01, UTC; 0: not set.
#[unsafe(no_mangle)]
pub extern "C" fn meter_install(
    board: Option<&MeterBoard>,
    installation: Option<&MeterInstallation>,
    reading: u32,
) -> MeterResult {
    with(|machine| {
        let board = given(board::board(given(board)?))?;
        let installation = given(installation)?;
        machine.on(board, |meter| set_up(meter, installation, CardTime(reading)))
    })
}

/// By itself, so that its stack is not there before.
#[inline(never)]
fn set_up(meter: &mut Meter<Board>, from: &MeterInstallation, time: CardTime) -> Result<(), MeterResult> {
    let (identity, keys) = given(keys_of(from))?;
    if !has_tariff(from) {
        return Err(MeterResult::Argument);
    }
    Ok(meter.set_up(identity, keys, &mut |state| fresh(state, from, time))?)
}

#[inline(never)]
fn keys_of(from: &MeterInstallation) -> Option<(MeterIdentity, MeterKeys)> {
    let single =
        |key: &MeterKey| Some(VersionedKey { version: KeyVersion::from_byte(key.version), key: key.key()? });
    let mail = |mac: &MeterKey, enc: &MeterKey| {
        let one = mac.version == enc.version;
        one.then_some(MailKeys {
            version: KeyVersion::from_byte(mac.version),
            mac: mac.key()?,
            enc: enc.key()?,
        })
    };
    if from.report_receipt.version != from.report_mac.version {
        return None;
    }
    let environment = Environment::from_code(from.environment)?;
    let scope = Scope { company: Company(from.company), environment };
    let keys = MeterKeys::new(
        Pair::only(single(&from.base)?),
        Pair::only(single(&from.credit)?),
        Pair::only(mail(&from.parameter_mac, &from.parameter_enc)?),
        ReportKeys { mail: mail(&from.report_mac, &from.report_enc)?, receipt: from.report_receipt.key()? },
        single(&from.transport)?,
    );
    Some((MeterIdentity { id: MeterId(from.id), scope }, keys.ok()?))
}

/// By itself, so that its stack is free again before there is more to do.
#[inline(never)]
fn fresh(state: &mut MeterState, from: &MeterInstallation, time: CardTime) {
    // It was looked at before.
    let Some(tariff) = tariff_of(from) else { return };
    *state = MeterState::new(tariff, Energy(from.energy), time);
    state.firmware = from.firmware;
}

/// A tariff is large: nobody else has it on the stack meanwhile.
#[inline(never)]
fn has_tariff(from: &MeterInstallation) -> bool {
    tariff_of(from).is_some()
}

#[inline(never)]
fn tariff_of(from: &MeterInstallation) -> Option<Tariff> {
    Tariff::parse(from.tariff.get(..from.tariff_length.into())?).ok()
}

/// After every power-up, and after `METER_RESULT_MEMORY`: finds the meter in its memory again.
#[unsafe(no_mangle)]
pub extern "C" fn meter_power_up(board: Option<&MeterBoard>) -> MeterResult {
    with(|machine| {
        let board = given(board::board(given(board)?))?;
        machine.on(board, |meter| Ok(meter.start()?))
    })
}

/// Time passes: at least once a minute. This call and all others that take a reading say what firmware knows of time.
#[unsafe(no_mangle)]
pub extern "C" fn meter_tick(reading: Option<&MeterReading>) -> MeterResult {
    with_meter(|meter| Ok(meter.tick(given(reading)?.reading())?))
}

/// Energy was measured, in 10 Wh.
///
/// `METER_RESULT_OK`: it is counted. `METER_RESULT_MEMORY`: whether it is, the register says: after `meter_power_up`, what `MeterStatus.energy`
/// is behind the firmware's own register is to be told again. Every other result: it is not counted, and is to be told again with the next;
/// after `METER_RESULT_OUT_OF_RANGE`, which comes where the month is full, when the next month has begun.
#[unsafe(no_mangle)]
pub extern "C" fn meter_consume(reading: Option<&MeterReading>, energy: u32) -> MeterResult {
    with_meter(|meter| {
        meter.consume(given(reading)?.reading(), Energy(energy))?;
        Ok(())
    })
}

/// Demand was measured, in W, averaged as the meter maker sees fit.
#[unsafe(no_mangle)]
pub extern "C" fn meter_demand(reading: Option<&MeterReading>, watts: u32) -> MeterResult {
    with_meter(|meter| Ok(meter.demand(given(reading)?.reading(), watts)?))
}

/// Tampering was seen: one bit of docs/meter.md, section 6. To be reported once or again, as is easier.
#[unsafe(no_mangle)]
pub extern "C" fn meter_tamper(reading: Option<&MeterReading>, kind: u8) -> MeterResult {
    with_meter(|meter| {
        let kind = given(Tampering::ALL.into_iter().find(|known| known.bit() == kind))?;
        Ok(meter.tamper(given(reading)?.reading(), kind)?)
    })
}

/// How the battery of clock and memory is: 1 low, 0 good. To be reported when it changes or again, as is easier.
#[unsafe(no_mangle)]
pub extern "C" fn meter_battery(reading: Option<&MeterReading>, low: u8) -> MeterResult {
    with_meter(|meter| Ok(meter.battery(given(reading)?.reading(), low != 0)?))
}

/// The supply is on, and nothing comes through the relay: it does not close.
#[unsafe(no_mangle)]
pub extern "C" fn meter_relay_stuck_off(reading: Option<&MeterReading>) -> MeterResult {
    with_meter(|meter| Ok(meter.relay_stuck_off(given(reading)?.reading())?))
}

/// The button for an emergency loan was pressed. `lent`: 1 where one was given.
#[unsafe(no_mangle)]
pub extern "C" fn meter_ask_loan(reading: Option<&MeterReading>, lent: Option<&mut u8>) -> MeterResult {
    with_meter(|meter| {
        let lent = given(lent)?;
        *lent = meter.ask_loan(given(reading)?.reading())?.into();
        Ok(())
    })
}

/// The button that restores the supply was pressed, where that waits for it (reason 40).
#[unsafe(no_mangle)]
pub extern "C" fn meter_rearm(reading: Option<&MeterReading>) -> MeterResult {
    with_meter(|meter| Ok(meter.rearm(given(reading)?.reading())?))
}

/// Power is failing: writes what is not written yet. For interrupts too: where it comes out of another call it answers
/// `METER_RESULT_BUSY`, and is done when that call ends, before it returns. Where that write fails, the other call says so, if it has
/// nothing worse to say.
#[unsafe(no_mangle)]
pub extern "C" fn meter_save() -> MeterResult {
    let result = with_meter(|meter| Ok(meter.save()?));
    if result == MeterResult::Busy {
        ONLY.save.store(true, Ordering::Release);
    }
    result
}

/// Reasons to cut the supply (docs/meter.md, section 5), as they were after the last call; 0: it is on. For the relay, after every other
/// call, and for interrupts at any time. FF without a meter.
#[unsafe(no_mangle)]
pub extern "C" fn meter_supply() -> u8 {
    !ONLY.supply.load(Ordering::Acquire)
}

/// A card has arrived: gives the first command for it.
#[unsafe(no_mangle)]
pub extern "C" fn meter_card_begin(
    reading: Option<&MeterReading>,
    command: Option<&mut MeterCommand>,
) -> MeterResult {
    with(|machine| {
        let command = given(command)?;
        command.length = 0;
        machine.visit.clear();
        machine.mail.clear();
        machine.torn.clear();
        if machine.meter.get().is_none() {
            return Err(MeterResult::Off);
        }
        let reading = given(reading)?.reading();
        machine.visit.fill(|| Visit::new(reading));
        put(command, &Visit::first()?)
    })
}

/// The card has answered: gives the next command for it, or none, and then the visit is over. Response and command do not overlap.
#[unsafe(no_mangle)]
pub extern "C" fn meter_card_respond(
    response: Option<&MeterResponse>,
    command: Option<&mut MeterCommand>,
) -> MeterResult {
    with(|machine| {
        let command = given(command)?;
        command.length = 0;
        let response = given(response)?;
        let response = given(response.bytes.get(..response.length.into()))?;
        let meter = machine.meter.get().ok_or(MeterResult::Off)?;
        let visit = given(machine.visit.get())?;
        let mut next = CardCommand::new();
        let result = visit.respond_in(meter, response, &mut next);
        if let Some(received) = visit.take_received() {
            machine.mail.fill(|| received);
        }
        if let Err(error) = result {
            machine.torn.fill(|| error);
        }
        result?;
        put(command, &next)
    })
}

fn put(to: &mut MeterCommand, command: &CardCommand) -> Result<(), MeterResult> {
    let bytes = command.as_slice();
    to.bytes.get_mut(..bytes.len()).ok_or(MeterResult::Internal)?.copy_from_slice(bytes);
    to.length = u16::try_from(bytes.len()).map_err(|_| MeterResult::Internal)?;
    Ok(())
}

/// What has come of the visit so far; also after it was torn.
#[unsafe(no_mangle)]
pub extern "C" fn meter_card_outcome(out: Option<&mut MeterOutcome>) -> MeterResult {
    with(|machine| {
        let out = given(out)?;
        let visit = given(machine.visit.get())?;
        let (verdict, settled) = (visit.verdict(), visit.is_settled());
        let meter = machine.meter.get().ok_or(MeterResult::Off)?;
        let mail = machine.mail.get().map(|mail| *mail);
        let torn = machine.torn.get().map(|torn| *torn);
        *out = MeterOutcome::of(meter.state(), verdict, mail).visited(settled, torn);
        Ok(())
    })
}

/// The card has gone: forgets its visit, and the keys of its session.
#[unsafe(no_mangle)]
pub extern "C" fn meter_card_gone() -> MeterResult {
    with(|machine| {
        machine.visit.clear();
        Ok(())
    })
}

/// A voucher has come over the network, in `METER_VOUCHER_SIZE` bytes.
#[unsafe(no_mangle)]
pub extern "C" fn meter_voucher(
    reading: Option<&MeterReading>,
    voucher: Option<&[u8; METER_VOUCHER_SIZE]>,
    out: Option<&mut MeterOutcome>,
) -> MeterResult {
    with_meter(|meter| {
        let voucher = given(Voucher::parse(given(voucher)?).ok())?;
        let out = given(out)?;
        let decision = meter.take_voucher(given(reading)?.reading(), &voucher)?;
        *out = MeterOutcome::of(meter.state(), Some(decision.verdict), None);
        Ok(())
    })
}

/// A mail of the issuer has come over the network.
#[unsafe(no_mangle)]
pub extern "C" fn meter_mail(
    reading: Option<&MeterReading>,
    mail: Option<&MeterMail>,
    out: Option<&mut MeterOutcome>,
) -> MeterResult {
    with_meter(|meter| {
        let mail = given(mail)?;
        let bytes = given(mail.bytes.get(..mail.length.into()))?;
        let envelope = given(Envelope::parse(bytes).ok())?;
        let out = given(out)?;
        let received = meter.receive(given(reading)?.reading(), None, &envelope)?;
        *out = MeterOutcome::of(meter.state(), None, Some(received));
        Ok(())
    })
}

/// The meter's receipt as it stands, for the issuer, in `METER_RECEIPT_SIZE` bytes: what a connected meter answers to a voucher.
#[unsafe(no_mangle)]
pub extern "C" fn meter_receipt(out: Option<&mut [u8; METER_RECEIPT_SIZE]>) -> MeterResult {
    with_meter(|meter| {
        *given(out)? = meter.report().emit();
        Ok(())
    })
}

/// The meter's mail to the issuer in `slot`, sealed: 10 (hexadecimal) final report of the binding before, 11 readings, 13 records of
/// commands. `METER_RESULT_NONE` where its version is not above `version`, which the issuer has. For a connected meter; a card takes them by
/// itself.
#[unsafe(no_mangle)]
pub extern "C" fn meter_mail_to_issuer(slot: u8, version: u32, out: Option<&mut MeterMail>) -> MeterResult {
    with_meter(|meter| {
        let out = given(out)?;
        let mail = match given(MailSlot::new(slot))? {
            MailSlot::FINAL_REPORT => meter.final_report(version)?,
            MailSlot::READINGS => meter.readings(version)?,
            MailSlot::AUDIT => meter.audit(version)?,
            _ => return Err(MeterResult::Argument),
        };
        let mail = mail.ok_or(MeterResult::None)?;
        let bytes = mail.as_bytes();
        out.bytes.get_mut(..bytes.len()).ok_or(MeterResult::Internal)?.copy_from_slice(bytes);
        out.length = u16::try_from(bytes.len()).map_err(|_| MeterResult::Internal)?;
        Ok(())
    })
}

/// Nothing here panics; where the compiler cannot see that, this is what it would come to. A watchdog ends it.
#[cfg(target_os = "none")]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {
        core::hint::spin_loop();
    }
}
