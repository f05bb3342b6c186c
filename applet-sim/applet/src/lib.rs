//! The card application: what runs on the chip (specification, sections 3 to 13). `no_std`, no heap.
//!
//! A command passes one gate ([`layout`](card_core::layout) says who may do what in which state) and then reaches its
//! handler. What survives a reset is in one struct, `Persistent`, what does not in another, `Volatile`; a handler changes the
//! former by one atomic update at the most.
#![no_std]

#[cfg(feature = "apdu-app")]
mod app;
mod exchange;
mod key_records;
mod mail;
mod memory_map;
mod persistent;
mod personalise;
mod read;
mod records;
mod session;
mod voucher;

pub use memory_map::PAGES;

use card_core::apdu::{Command, Le, MAX_RESPONSE, StatusWord};
use card_core::bytes::{Buffer, WrongLength};
use card_core::id::{CardId, Environment, State};
use card_core::key::{AesKey, KeyLength};
use card_core::layout::{Authority, File, Instruction, status};
use card_core::platform::{Engine, Memory, Platform};
use card_core::role::Derivation;
use card_core::scp03::SecurityLevel;
use persistent::{Failed, Persistent};
use session::Channel;
use zeroize::Zeroize;

/// A response: data and status word.
pub type Reply = Buffer<MAX_RESPONSE>;

/// How commands reach the card, where that matters to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// T=1, and ISO/IEC 14443-4.
    Block,
    /// T=0: answers 61xx and 6Cxx (ISO/IEC 7816-3, 12.2).
    T0,
}

/// The card application on its chip.
pub struct CardApplication<P> {
    platform: P,
    protocol: Protocol,
    /// `None` after the memory has failed: then the card answers 6581.
    persistent: Option<Persistent>,
    volatile: Volatile,
}

/// What a reset forgets.
struct Volatile {
    channel: Channel,
    current_file: Option<File>,
    /// What GET RESPONSE will fetch, and how much of it has been.
    pending: Reply,
    sent: usize,
    /// The status word of the whole answer, which comes with its last part.
    pending_status: StatusWord,
    /// Failed authentications since power-up, and for which roles one was counted in memory. Not forgotten by `deselect`.
    failures: u8,
    counted: [bool; 4],
}

impl Volatile {
    const fn new() -> Self {
        Self {
            channel: Channel::Idle,
            current_file: None,
            pending: Buffer::new(),
            sent: 0,
            pending_status: StatusWord::OK,
            failures: 0,
            counted: [false; 4],
        }
    }
}

/// The initial admin key set could not be made, or not be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the memory did not take the data of a blank card")]
pub struct ManufactureError;

/// What a card maker does: puts card id, environment and initial admin key set into erased memory.
pub fn manufacture(
    platform: &mut (impl Engine + Memory),
    card: CardId,
    environment: Environment,
    initial_master: &AesKey,
    length: KeyLength,
) -> Result<(), ManufactureError> {
    let keys = Derivation::initial(environment, card, length)
        .key_set(platform, initial_master)
        .ok_or(ManufactureError)?;
    Persistent::manufacture(platform, card, environment, &keys).map_err(|Failed| ManufactureError)
}

impl<P: Platform> CardApplication<P> {
    /// Power-up: makes doubtful memory safe, then answers.
    pub fn power_up(platform: P, protocol: Protocol) -> Self {
        let mut card = Self { platform, protocol, persistent: None, volatile: Volatile::new() };
        card.reset(protocol);
        card
    }

    /// Power-up of the same chip again, or a reset.
    pub fn reset(&mut self, protocol: Protocol) {
        self.protocol = protocol;
        self.volatile = Volatile::new();
        self.persistent = Persistent::recover(&mut self.platform).ok();
    }

    /// Ends a session and forgets everything volatile, but for the failed authentications since power-up.
    pub fn deselect(&mut self) {
        let (failures, counted) = (self.volatile.failures, self.volatile.counted);
        self.volatile = Volatile { failures, counted, ..Volatile::new() };
    }

    /// The chip below.
    pub const fn platform(&self) -> &P {
        &self.platform
    }

    /// The chip below.
    pub const fn platform_mut(&mut self) -> &mut P {
        &mut self.platform
    }

    /// Takes power away: the chip below remains.
    pub fn into_platform(self) -> P {
        self.platform
    }

    /// Answers one command: data and status word, always at least two bytes.
    pub fn process(&mut self, apdu: &[u8], reply: &mut Reply) {
        reply.clear();
        let command = Command::parse(apdu);
        if !command.is_ok_and(|command| (command.cla, command.ins) == (0x00, Instruction::GetResponse as u8))
        {
            self.volatile.pending.clear();
        }
        let status = match command {
            Ok(command) => self.answer(&command, reply),
            Err(error) => error.status(),
        };
        // Two bytes are always left: answers are at most 256 bytes long.
        reply.truncate(256);
        let _ = reply.put(&status.to_bytes());
    }

    fn answer(&mut self, command: &Command<'_>, reply: &mut Reply) -> StatusWord {
        let result = self.execute(command, reply);
        let status = result.unwrap_or_else(|status| status);
        if result.is_err() {
            reply.clear();
        }
        if command.ins == Instruction::GetResponse as u8 {
            return status;
        }
        self.deliver(command, status, reply)
    }

    /// The checks of the specification's section 7, in their order, then the handler.
    fn execute(&mut self, command: &Command<'_>, reply: &mut Reply) -> Result<StatusWord, StatusWord> {
        let secured = class(command.cla)?;
        let instruction = Instruction::known(command.cla & !0x04, command.ins);
        let own_mac = instruction == Some(Instruction::ExternalAuthenticate);
        if secured
            && matches!(
                instruction,
                Some(Instruction::Select | Instruction::InitializeUpdate | Instruction::GetResponse)
            )
        {
            return Err(StatusWord::CLASS_NOT_SUPPORTED);
        }
        if !secured && own_mac {
            return Err(StatusWord::INSTRUCTION_NOT_SUPPORTED);
        }
        if !secured || own_mac {
            return self.dispatch(instruction, None, command, command.data, reply);
        }
        let mut clear = Buffer::<255>::new();
        clear.put(command.data).map_err(|WrongLength| StatusWord::WRONG_LENGTH)?;
        let (authority, len) = self.unwrap(command, clear.as_mut_slice())?;
        let data = clear.as_slice().get(..len).unwrap_or_default();
        let result = self.dispatch(instruction, Some(authority), command, data, reply);
        clear.as_mut_slice().zeroize();
        let status = result.unwrap_or_else(|status| status);
        if result.is_err() {
            reply.clear();
        }
        self.wrap(reply, status)?;
        result
    }

    /// Steps 4 to 9: instruction, role and level, state; then the handler, which begins with P1 P2 and length.
    fn dispatch(
        &mut self,
        instruction: Option<Instruction>,
        authority: Option<Authority>,
        command: &Command<'_>,
        data: &[u8],
        reply: &mut Reply,
    ) -> Result<StatusWord, StatusWord> {
        let instruction = instruction.ok_or(StatusWord::INSTRUCTION_NOT_SUPPORTED)?;
        let p = (command.p1, command.p2);
        if !parameters_known(instruction, p) {
            return Err(StatusWord::WRONG_P1_P2);
        }
        if !instruction.grant().admits(authority) {
            return Err(StatusWord::SECURITY_STATUS);
        }
        if instruction == Instruction::Select {
            return self.select(p.1, data, reply);
        }
        let state = self.memory()?.purse().state;
        if !instruction.allowed_in(state) {
            return Err(StatusWord::CONDITIONS_OF_USE);
        }
        match instruction {
            Instruction::Select => self.select(p.1, data, reply),
            Instruction::ReadBinary => self.read_binary(authority, p, command.le, data, reply),
            Instruction::ReadRecord => self.read_record(authority, p, data, reply),
            Instruction::GetData => self.get_data(authority, p, data, reply),
            Instruction::GetResponse => self.get_response(command.le, data, reply),
            Instruction::InitializeUpdate => self.initialize_update(p.0, data, reply),
            Instruction::ExternalAuthenticate => self.external_authenticate(command),
            Instruction::LoadVoucher => self.load_voucher(data, reply),
            Instruction::PutMail => self.put_mail(data, reply),
            Instruction::GetMail => self.get_mail(p.0, data, reply),
            Instruction::ReadCertificate => self.read_certificate(p.0, data, reply),
            Instruction::Settle => self.settle(data, reply),
            Instruction::PutMonths => self.put_months(data, reply),
            Instruction::PutEvents => self.put_events(data, reply),
            Instruction::PutMeterMail => self.put_meter_mail(data, reply),
            Instruction::Bind => self.bind(data),
            Instruction::StoreData => self.store_data(authority, p.1, data),
            Instruction::PutKey => self.put_key(p, data, reply),
            Instruction::SetStatus => self.set_status(authority, p.1, data),
        }
    }

    /// Ne, GET RESPONSE and the ways of T=0 (specification, sections 7 and 16).
    fn deliver(&mut self, command: &Command<'_>, status: StatusWord, reply: &mut Reply) -> StatusWord {
        let available = reply.len();
        if available == 0 {
            return status;
        }
        let at_once = match (self.protocol, command.data.is_empty(), command.le) {
            (Protocol::T0, true, le) if le.map(Le::bytes) != Some(available) => {
                reply.clear();
                return StatusWord::wrong_le(remaining(available));
            }
            (Protocol::T0, false, _) => 0,
            (_, _, Some(le)) if command.cla & 0x04 == 0 => available.min(le.bytes()),
            _ => available,
        };
        if at_once == available {
            return status;
        }
        self.volatile.pending = reply.clone();
        self.volatile.sent = at_once;
        self.volatile.pending_status = status;
        reply.truncate(at_once);
        StatusWord::more_data(remaining(available - at_once))
    }

    fn get_response(
        &mut self,
        le: Option<Le>,
        data: &[u8],
        reply: &mut Reply,
    ) -> Result<StatusWord, StatusWord> {
        no_data(data)?;
        let rest = self.volatile.pending.as_slice().get(self.volatile.sent..).unwrap_or_default();
        if rest.is_empty() {
            return Err(StatusWord::CONDITIONS_OF_USE);
        }
        let wanted = le.map_or(rest.len(), Le::bytes);
        if self.protocol == Protocol::T0 && wanted != rest.len() {
            return Err(StatusWord::wrong_le(remaining(rest.len())));
        }
        let now = rest.get(..wanted.min(rest.len())).unwrap_or_default();
        put(reply, now)?;
        let left = rest.len() - now.len();
        self.volatile.sent += now.len();
        if left > 0 {
            return Ok(StatusWord::more_data(remaining(left)));
        }
        self.volatile.pending.clear();
        Ok(self.volatile.pending_status)
    }

    /// Records written to memory since power-up.
    pub fn records_written(&self) -> u32 {
        self.persistent.as_ref().map_or(0, Persistent::written)
    }

    fn memory(&self) -> Result<&Persistent, StatusWord> {
        self.persistent.as_ref().ok_or(StatusWord::MEMORY_FAILURE)
    }

    /// Runs one access to the memory; where it fails, the card answers 6581 from then on, since what its copy in RAM
    /// says may no longer be true.
    fn with_memory<T>(
        &mut self,
        access: impl FnOnce(&mut Persistent, &mut P) -> Result<T, Failed>,
    ) -> Result<T, StatusWord> {
        let persistent = self.persistent.as_mut().ok_or(StatusWord::MEMORY_FAILURE)?;
        access(persistent, &mut self.platform).map_err(|Failed| {
            self.persistent = None;
            StatusWord::MEMORY_FAILURE
        })
    }

    fn state(&self) -> Option<State> {
        self.persistent.as_ref().map(|persistent| persistent.purse().state)
    }
}

/// Step 2: whether the class byte has GlobalPlatform's secure messaging.
fn class(cla: u8) -> Result<bool, StatusWord> {
    ensure(cla != 0xFF, StatusWord::CLASS_NOT_SUPPORTED)?;
    ensure(cla & 0x40 == 0, StatusWord::CHANNEL_NOT_SUPPORTED)?;
    ensure(cla & 0x20 == 0, StatusWord::CLASS_NOT_SUPPORTED)?;
    ensure(cla & 0x03 == 0, StatusWord::CHANNEL_NOT_SUPPORTED)?;
    ensure(cla & 0x08 == 0, StatusWord::SECURE_MESSAGING_NOT_SUPPORTED)?;
    ensure(cla & 0x10 == 0, StatusWord::CHAINING_NOT_SUPPORTED)?;
    Ok(cla & 0x04 != 0)
}

/// Step 5: whether P1 and P2 have values that the command knows, as far as they are fixed.
fn parameters_known(instruction: Instruction, (p1, p2): (u8, u8)) -> bool {
    use Instruction as I;
    match instruction {
        I::Select => p1 == 0x04 && matches!(p2, 0x00 | 0x0C),
        I::ReadRecord => p1 != 0 && p2 & 0x07 == 0x04,
        I::GetData | I::ReadBinary => true,
        I::InitializeUpdate | I::GetMail => p2 == 0,
        I::ExternalAuthenticate => p2 == 0 && SecurityLevel::try_from(p1).is_ok(),
        I::ReadCertificate => p1 <= 1 && p2 == 0,
        I::StoreData => p1 == 0 && p2 <= 1,
        I::PutKey => matches!(p2, 0x81 | 0x01),
        I::SetStatus => p1 == 0 && matches!(State::from_code(p2), Some(state) if state != State::Blank),
        I::GetResponse
        | I::LoadVoucher
        | I::PutMail
        | I::Settle
        | I::PutMonths
        | I::PutEvents
        | I::PutMeterMail
        | I::Bind => (p1, p2) == (0, 0),
    }
}

/// The second byte of 61xx and 6Cxx: 00 stands for 256.
fn remaining(bytes: usize) -> u8 {
    u8::try_from(bytes).unwrap_or(0)
}

fn no_data(data: &[u8]) -> Result<(), StatusWord> {
    if data.is_empty() { Ok(()) } else { Err(StatusWord::WRONG_LENGTH) }
}

/// Appends to the answer; what does not fit would be a mistake of ours.
fn put(reply: &mut Reply, bytes: &[u8]) -> Result<(), StatusWord> {
    reply.put(bytes).map(|_| ()).map_err(|WrongLength| StatusWord::UNKNOWN)
}

/// A check that answers with a status word where it fails.
fn ensure(condition: bool, otherwise: StatusWord) -> Result<(), StatusWord> {
    if condition { Ok(()) } else { Err(otherwise) }
}

/// Checks that voucher and mail share: company, environment, card (specification, sections 9 and 10).
fn addressed_to(
    record: &records::IdentityRecord,
    scope: card_core::id::Scope,
    card: CardId,
) -> Result<(), StatusWord> {
    ensure(scope.company == record.scope.company, status::OTHER_COMPANY)?;
    ensure(scope.environment == record.scope.environment, status::OTHER_ENVIRONMENT)?;
    ensure(card == record.card.id, status::OTHER_CARD)
}

/// Checks that certificate, mail and receipt share: meter and number of the binding.
fn of_binding(given: card_core::id::Binding, own: card_core::id::Binding) -> Result<(), StatusWord> {
    ensure(given.meter == own.meter, status::OTHER_METER)?;
    ensure(given.number == own.number, status::OTHER_BINDING)
}
