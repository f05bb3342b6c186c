//! Files, commands and who may do what in which state: the tables of the specification's sections 6 and 7, which the
//! card enforces and terminals read.

use crate::apdu::StatusWord;
use crate::bytes::Reader;
use crate::id::{Binding, CardId, CardRef, Company, Environment, MeterId, Scope, State};
use crate::message::{Certificate, Event, FormatError, LoadRecord, MeterFlags, MeterReceipt, Month, Slot};
use crate::role::Role;
use crate::scp03::SecurityLevel;
use crate::units::{Balance, CardTime, Piastres};

/// An elementary file, by its short EF identifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum File {
    /// Card id, generation, company, environment; public.
    Identity = 1,
    /// The issuer's data on the customer; no name, no address.
    Profile = 2,
    /// Binding certificate.
    Binding = 3,
    /// Credit certificate and settled totals.
    Purse = 4,
    /// Accepted loads.
    LoadLog = 5,
    /// Last meter receipt and the month that runs.
    Meter = 6,
    /// Closed months.
    Months = 7,
    /// Events of the meter.
    Events = 8,
    /// Versions of all mail.
    MailDirectory = 9,
}

/// How a file is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// READ BINARY, this many bytes.
    Transparent(usize),
    /// READ RECORD, at most `count` records of `size` bytes, number 1 the newest.
    Cyclic {
        /// Bytes in a record.
        size: usize,
        /// Most records.
        count: u8,
    },
}

/// Who may read a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readers {
    /// Everybody, without a session.
    Everybody,
    /// Admin, vending and holder.
    Private,
    /// These, and the meter.
    PrivateAndMeter,
}

impl File {
    /// All files, in the order of their identifiers.
    pub const ALL: [Self; 9] = [
        Self::Identity,
        Self::Profile,
        Self::Binding,
        Self::Purse,
        Self::LoadLog,
        Self::Meter,
        Self::Months,
        Self::Events,
        Self::MailDirectory,
    ];

    /// The file with this short EF identifier.
    pub fn from_sfi(sfi: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|file| file.sfi() == sfi)
    }

    /// Short EF identifier.
    pub const fn sfi(self) -> u8 {
        self as u8
    }

    /// Form and size.
    pub const fn form(self) -> Form {
        match self {
            Self::Identity => Form::Transparent(Identity::SIZE),
            Self::Profile => Form::Transparent(PROFILE_SIZE),
            Self::Binding => Form::Transparent(42),
            Self::Purse => Form::Transparent(PurseFile::SIZE),
            Self::LoadLog => Form::Cyclic { size: LoadRecord::SIZE, count: 32 },
            Self::Meter => Form::Transparent(MeterReceipt::SIZE + Month::SIZE),
            Self::Months => Form::Cyclic { size: Month::SIZE, count: 36 },
            Self::Events => Form::Cyclic { size: Event::SIZE, count: 64 },
            Self::MailDirectory => Form::Transparent(4 * Slot::COUNT),
        }
    }

    /// Who may read it.
    pub const fn readers(self) -> Readers {
        match self {
            Self::Identity => Readers::Everybody,
            Self::Binding | Self::MailDirectory => Readers::PrivateAndMeter,
            _ => Readers::Private,
        }
    }

    /// Whether a command with this authority may read it; `None` is a command without secure messaging.
    pub fn may_be_read_by(self, authority: Option<Authority>) -> bool {
        let private = Grant::any(&[Role::Admin, Role::Vending, Role::Holder], SecurityLevel::Full);
        let meter = Grant::any(&[Role::Meter], SecurityLevel::CMacRMac);
        match self.readers() {
            Readers::Everybody => true,
            Readers::Private => private.admits(authority),
            Readers::PrivateAndMeter => private.admits(authority) || meter.admits(authority),
        }
    }
}

/// Bytes in the customer profile.
pub const PROFILE_SIZE: usize = 96;

/// What a command with secure messaging carries: the role of its session's keys, and the session's level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Authority {
    /// Role of the key set that authenticated.
    pub role: Role,
    /// Level of the session.
    pub level: SecurityLevel,
}

/// Roles that may do something, and the least level for it.
#[derive(Debug, Clone, Copy)]
pub struct Grant {
    roles: &'static [Role],
    least: Option<SecurityLevel>,
}

impl Grant {
    const fn any(roles: &'static [Role], least: SecurityLevel) -> Self {
        Self { roles, least: Some(least) }
    }

    const PUBLIC: Self = Self { roles: &[], least: None };

    /// Whether `authority` is enough.
    pub fn admits(&self, authority: Option<Authority>) -> bool {
        match (self.least, authority) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(least), Some(given)) => self.roles.contains(&given.role) && given.level.includes(least),
        }
    }
}

/// A command of the card, by its instruction byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Instruction {
    /// ISO/IEC 7816-4, 7.1.1.
    Select = 0xA4,
    /// ISO/IEC 7816-4, 7.2.3.
    ReadBinary = 0xB0,
    /// ISO/IEC 7816-4, 7.3.3.
    ReadRecord = 0xB2,
    /// ISO/IEC 7816-4, 7.4.2.
    GetData = 0xCA,
    /// ISO/IEC 7816-4, 7.6.1.
    GetResponse = 0xC0,
    /// SCP03, 7.1.1.
    InitializeUpdate = 0x50,
    /// SCP03, 7.1.2.
    ExternalAuthenticate = 0x82,
    /// Specification, section 9.
    LoadVoucher = 0x40,
    /// Specification, section 10.
    PutMail = 0x42,
    /// Specification, section 10.
    GetMail = 0x44,
    /// Specification, section 11.
    ReadCertificate = 0x46,
    /// Specification, section 11.
    Settle = 0x48,
    /// Specification, section 11.
    PutMonths = 0x4A,
    /// Specification, section 11.
    PutEvents = 0x4C,
    /// Specification, section 10.
    PutMeterMail = 0x4E,
    /// Specification, section 12.
    Bind = 0x52,
    /// Specification, section 12.
    StoreData = 0xE2,
    /// GP 11.8; specification, section 12.
    PutKey = 0xD8,
    /// Specification, 7.6.
    SetStatus = 0xF0,
}

/// Which class bytes a command is known under, without the secure messaging bit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Interindustry,
    Proprietary,
    Both,
}

impl Instruction {
    const ALL: [Self; 19] = [
        Self::Select,
        Self::ReadBinary,
        Self::ReadRecord,
        Self::GetData,
        Self::GetResponse,
        Self::InitializeUpdate,
        Self::ExternalAuthenticate,
        Self::LoadVoucher,
        Self::PutMail,
        Self::GetMail,
        Self::ReadCertificate,
        Self::Settle,
        Self::PutMonths,
        Self::PutEvents,
        Self::PutMeterMail,
        Self::Bind,
        Self::StoreData,
        Self::PutKey,
        Self::SetStatus,
    ];

    const fn class(self) -> Class {
        match self {
            Self::Select | Self::ReadBinary | Self::ReadRecord | Self::GetResponse => Class::Interindustry,
            Self::GetData => Class::Both,
            _ => Class::Proprietary,
        }
    }

    /// The command with this class (00 or 80, without the secure messaging bit) and instruction byte.
    pub fn known(cla: u8, ins: u8) -> Option<Self> {
        let found = Self::ALL.into_iter().find(|instruction| *instruction as u8 == ins)?;
        match (found.class(), cla) {
            (Class::Interindustry | Class::Both, 0x00) | (Class::Proprietary | Class::Both, 0x80) => {
                Some(found)
            }
            _ => None,
        }
    }

    /// The class byte that terminals use, without secure messaging.
    pub const fn cla(self) -> u8 {
        match self.class() {
            Class::Interindustry | Class::Both => 0x00,
            Class::Proprietary => 0x80,
        }
    }

    /// Who may use it, at which level. STORE DATA and SET STATUS are narrower, by P2.
    pub const fn grant(self) -> Grant {
        use SecurityLevel::{CMacCEncRMac, CMacRMac, Full};
        match self {
            Self::ReadCertificate | Self::PutMeterMail => Grant::any(&[Role::Meter], CMacRMac),
            Self::Settle | Self::PutMonths | Self::PutEvents => Grant::any(&[Role::Meter], CMacCEncRMac),
            Self::Bind | Self::PutKey => Grant::any(&[Role::Admin], Full),
            Self::StoreData => Grant::any(&[Role::Admin, Role::Vending], Full),
            Self::SetStatus => Grant::any(&[Role::Admin, Role::Vending], CMacRMac),
            _ => Grant::PUBLIC,
        }
    }

    /// Whether the card accepts it in this state. A session's role is limited by [`session_allowed`].
    pub const fn allowed_in(self, state: State) -> bool {
        use State::{Active, Blank, Personalised, Terminated};
        match self {
            Self::LoadVoucher | Self::PutMail => matches!(state, Personalised | Active),
            Self::GetMail => !matches!(state, Blank),
            Self::ReadCertificate | Self::Settle | Self::PutMonths | Self::PutEvents | Self::PutMeterMail => {
                matches!(state, Active)
            }
            Self::Bind => matches!(state, Blank | Personalised | Active),
            Self::StoreData | Self::PutKey => !matches!(state, Terminated),
            _ => true,
        }
    }
}

/// Whether a session of `role` may be opened in `state`.
pub const fn session_allowed(role: Role, state: State) -> bool {
    match role {
        Role::Admin => true,
        Role::Vending | Role::Holder => !matches!(state, State::Blank | State::Terminated),
        Role::Meter => matches!(state, State::Active),
        _ => false,
    }
}

/// Tags of GET DATA.
pub mod tag {
    /// Card recognition data (GP appendix H).
    pub const CARD_RECOGNITION: u16 = 0x0066;
    /// Key information (GP 11.3.3.1).
    pub const KEY_INFORMATION: u16 = 0x00E0;
    /// Public status.
    pub const PUBLIC_STATUS: u16 = 0xDF21;
    /// Latest card receipt.
    pub const RECEIPT: u16 = 0xDF22;
}

/// Status words of our own (specification, section 15).
pub mod status {
    use crate::apdu::StatusWord;
    /// 6282: the file ends before Ne bytes.
    pub const END_OF_FILE: StatusWord = StatusWord(0x6282);
    /// 6981: the command does not fit the form of the file.
    pub const WRONG_FORM: StatusWord = StatusWord(0x6981);
    /// 9401: for another card.
    pub const OTHER_CARD: StatusWord = StatusWord(0x9401);
    /// 9402: for another company.
    pub const OTHER_COMPANY: StatusWord = StatusWord(0x9402);
    /// 9403: for another environment.
    pub const OTHER_ENVIRONMENT: StatusWord = StatusWord(0x9403);
    /// 9404: for another meter.
    pub const OTHER_METER: StatusWord = StatusWord(0x9404);
    /// 9405: for another binding, or an older one.
    pub const OTHER_BINDING: StatusWord = StatusWord(0x9405);
    /// 9406: for another generation of the card.
    pub const OTHER_GENERATION: StatusWord = StatusWord(0x9406);
    /// 9407: totals fall although the sequence rises.
    pub const TOTALS_FALL: StatusWord = StatusWord(0x9407);
    /// 9408: the authentication code is wrong.
    pub const NOT_AUTHENTIC: StatusWord = StatusWord(0x9408);
    /// 9409: this key version is not on the card.
    pub const OTHER_KEY_VERSION: StatusWord = StatusWord(0x9409);
    /// 940A: older than what the card has.
    pub const STALE: StatusWord = StatusWord(0x940A);
    /// 940B: a counter is at its last value.
    pub const EXHAUSTED: StatusWord = StatusWord(0x940B);
    /// 940C: below what has been settled.
    pub const BELOW_SETTLED: StatusWord = StatusWord(0x940C);
    /// 940D: the first charge must be made at a branch.
    pub const NOT_ACTIVATED: StatusWord = StatusWord(0x940D);
}

/// What a status word of the card means, and what to do about it.
pub fn advice(status: StatusWord) -> (&'static str, &'static str) {
    match status.0 {
        0x6300 => (
            "the card did not accept our keys",
            "check that the keys are this card's: company, environment, version",
        ),
        0x6581 => ("the card's memory has failed", "replace the card; its credit is in the ledger"),
        0x6982 => (
            "this needs a session with other keys or a higher security level",
            "open the session that the command needs",
        ),
        0x6985 => ("the card's state does not allow this", "look at the card's state"),
        0x6988 => ("the secured command arrived altered and the session has ended", "authenticate again"),
        0x6A82 => {
            ("the card application or file is not there", "is this a prepaid electricity card, and issued?")
        }
        0x9401 => ("this is for another card", "use the card that it was issued for"),
        0x9402 => ("this is from another distribution company", "go to the company that issued the card"),
        0x9403 => ("test and production do not mix", "use a card and keys of one environment"),
        0x9404 => ("this is for another meter", "use the meter that the card was issued for"),
        0x9405 => (
            "this is for another binding of the meter, or an older one",
            "fetch the present one from the issuer",
        ),
        0x9406 => ("this is for another generation of the card", "use the newest card"),
        0x9407 => ("totals fall although the sequence rises", "report it to the issuer"),
        0x9408 => (
            "the authentication code is wrong: altered, or made with another key",
            "fetch it again from the issuer",
        ),
        0x9409 => {
            ("the card does not have this version of the key", "issue it with the version that the card has")
        }
        0x940A => ("this is older than what the card has", "fetch the newest from the issuer"),
        0x940B => ("a counter of the card is at its last value", "replace the card"),
        0x940C => (
            "the meter's totals are below those that it settled before",
            "the meter's memory has gone back: open a new binding",
        ),
        0x940D => ("the card is not activated yet", "make the first charge at a branch"),
        _ => ("the card refused the command", "see the status word in ISO/IEC 7816-4"),
    }
}

/// The 15 bytes by which a card introduces itself in SELECT and READ CERTIFICATE.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CardSummary {
    /// The state; `None` where the card's memory has failed.
    pub state: Option<State>,
    /// Company and environment.
    pub scope: Scope,
    /// Card and generation.
    pub card: CardRef,
}

impl CardSummary {
    /// Bytes on the wire.
    pub const SIZE: usize = 15;

    /// From 15 bytes; another layout than ours is refused.
    pub fn parse(bytes: &[u8]) -> Result<Self, FormatError> {
        let mut reader = Reader::new(bytes);
        let layout = reader.u8()?;
        let state = reader.u8()?;
        let environment = Environment::from_code(reader.u8()?);
        let company = Company(reader.u16()?);
        let card = CardRef { id: CardId(reader.array()?), generation: reader.u16()? };
        reader.end()?;
        let environment = environment.ok_or(FormatError::Field)?;
        let state = match state {
            0 => None,
            code => Some(State::from_code(code).ok_or(FormatError::Field)?),
        };
        if layout != crate::id::LAYOUT {
            return Err(FormatError::Field);
        }
        Ok(Self { state, scope: Scope { company, environment }, card })
    }

    /// The bytes on the wire.
    pub fn emit(&self) -> [u8; 15] {
        crate::message::fixed(|out| {
            out.u8(crate::id::LAYOUT)?.u8(self.state.map_or(0, State::code))?;
            out.u8(self.scope.environment.code())?.u16(self.scope.company.0)?;
            out.put(&self.card.emit()).map(|_| ())
        })
    }
}

/// The identity file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    /// Card and generation.
    pub card: CardRef,
    /// Company and environment.
    pub scope: Scope,
    /// Parameter i of SCP03: 60 or 61.
    pub scp_i: u8,
    /// Bit 01: the balance is private.
    pub flags: u8,
    /// When the card was issued.
    pub issue_time: CardTime,
    /// When it expires; not set: never.
    pub expiry_time: CardTime,
}

impl Identity {
    /// Bytes in the file.
    pub const SIZE: usize = 32;
    /// Issuance flag: the balance is private.
    pub const BALANCE_PRIVATE: u8 = 0x01;

    /// From 32 bytes.
    pub fn parse(bytes: &[u8]) -> Result<Self, FormatError> {
        let mut reader = Reader::new(bytes);
        let layout = reader.u8()?;
        let card = CardRef { id: CardId(reader.array()?), generation: reader.u16()? };
        let company = Company(reader.u16()?);
        let environment = Environment::from_code(reader.u8()?);
        let identity = Self {
            card,
            scope: Scope { company, environment: environment.ok_or(FormatError::Field)? },
            scp_i: reader.u8()?,
            flags: reader.u8()?,
            issue_time: CardTime(reader.u32()?),
            expiry_time: CardTime(reader.u32()?),
        };
        reader.take(8)?;
        reader.end()?;
        if layout == crate::id::LAYOUT { Ok(identity) } else { Err(FormatError::Field) }
    }

    /// The bytes of the file.
    pub fn emit(&self) -> [u8; 32] {
        crate::message::fixed(|out| {
            out.u8(crate::id::LAYOUT)?.put(&self.card.emit())?.u16(self.scope.company.0)?;
            out.u8(self.scope.environment.code())?.u8(self.scp_i)?.u8(self.flags)?;
            out.u32(self.issue_time.0)?.u32(self.expiry_time.0)?.u64(0).map(|_| ())
        })
    }
}

/// The purse file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PurseFile {
    /// The newest certificate that the card accepted.
    pub certificate: Certificate,
    /// Credit that the meter had applied when it last settled.
    pub settled_credit: Piastres,
    /// Corrections that the meter had applied when it last settled.
    pub settled_debited: Piastres,
    /// How many loads the card accepted.
    pub loads: u32,
    /// The card's state.
    pub state: State,
    /// Whether a first charge activated the card.
    pub activated: bool,
}

impl PurseFile {
    /// Bytes in the file.
    pub const SIZE: usize = 78;

    /// From 78 bytes.
    pub fn parse(bytes: &[u8]) -> Result<Self, FormatError> {
        let mut reader = Reader::new(bytes);
        let purse = Self {
            certificate: Certificate::parse(reader.take(Certificate::SIZE)?)?,
            settled_credit: Piastres(reader.u64()?),
            settled_debited: Piastres(reader.u64()?),
            loads: reader.u32()?,
            state: State::from_code(reader.u8()?).ok_or(FormatError::Field)?,
            activated: reader.u8()? & 1 != 0,
        };
        reader.end()?;
        Ok(purse)
    }

    /// The bytes of the file.
    pub fn emit(&self) -> [u8; 78] {
        crate::message::fixed(|out| {
            out.put(&self.certificate.emit())?.u64(self.settled_credit.0)?.u64(self.settled_debited.0)?;
            out.u32(self.loads)?.u8(self.state.code())?.u8(u8::from(self.activated)).map(|_| ())
        })
    }
}

/// Public status: what everybody may see of a card.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublicStatus {
    /// The card's state; `None` where its memory has failed.
    pub state: Option<State>,
    /// Balances, where they are public.
    pub balances: Option<PublicBalances>,
}

/// The part of the public status that issuance can make private.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PublicBalances {
    /// Credit on its way to the meter.
    pub pending_credit: Piastres,
    /// Corrections on their way to the meter.
    pub pending_debit: Piastres,
    /// What the meter last said; `None` where no meter has settled yet.
    pub at_meter: Option<AtMeter>,
}

/// What the meter last said of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AtMeter {
    /// Balance in the meter.
    pub balance: Balance,
    /// When.
    pub time: CardTime,
    /// Low-credit flags only.
    pub flags: MeterFlags,
}

impl PublicStatus {
    /// Bytes in the data object.
    pub const SIZE: usize = 32;
    const SHOWN: u8 = 0x01;
    const SETTLED: u8 = 0x02;

    /// From 32 bytes.
    pub fn parse(bytes: &[u8]) -> Result<Self, FormatError> {
        let mut reader = Reader::new(bytes);
        let layout = reader.u8()?;
        let state = State::from_code(reader.u8()?);
        let flags = reader.u8()?;
        let pending_credit = Piastres(reader.u64()?);
        let pending_debit = Piastres(reader.u64()?);
        let balance = Balance(i64::from_be_bytes(reader.array()?));
        let time = CardTime(reader.u32()?);
        let low = MeterFlags(u16::from(reader.u8()?));
        reader.end()?;
        if layout != crate::id::LAYOUT {
            return Err(FormatError::Field);
        }
        let at_meter = (flags & Self::SETTLED != 0).then_some(AtMeter { balance, time, flags: low });
        let balances = PublicBalances { pending_credit, pending_debit, at_meter };
        Ok(Self { state, balances: (flags & Self::SHOWN != 0).then_some(balances) })
    }

    /// The bytes of the data object's value.
    pub fn emit(&self) -> [u8; 32] {
        let zero =
            PublicBalances { pending_credit: Piastres::ZERO, pending_debit: Piastres::ZERO, at_meter: None };
        let shown = self.balances.unwrap_or(zero);
        let unsettled = AtMeter { balance: Balance(0), time: CardTime::UNSET, flags: MeterFlags(0) };
        let at_meter = shown.at_meter.unwrap_or(unsettled);
        let mut flags = if self.balances.is_some() { Self::SHOWN } else { 0 };
        if shown.at_meter.is_some() {
            flags |= Self::SETTLED;
        }
        let [_, low] = at_meter.flags.0.to_be_bytes();
        crate::message::fixed(|out| {
            out.u8(crate::id::LAYOUT)?.u8(self.state.map_or(0, State::code))?.u8(flags)?;
            out.u64(shown.pending_credit.0)?.u64(shown.pending_debit.0)?;
            out.put(&at_meter.balance.0.to_be_bytes())?.u32(at_meter.time.0)?.u8(low & 0x03).map(|_| ())
        })
    }
}

/// The answer to READ CERTIFICATE with P1 = 00.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CertificateAnswer {
    /// Who answers.
    pub summary: CardSummary,
    /// When the card expires; not set: never.
    pub expiry_time: CardTime,
    /// The newest certificate that the card accepted.
    pub certificate: Certificate,
    /// Credit that the meter had applied when it last settled.
    pub settled_credit: Piastres,
    /// Corrections that the meter had applied when it last settled.
    pub settled_debited: Piastres,
    /// Number of the meter receipt that settled last; 0: none.
    pub report_number: u32,
    /// Versions of all mail slots, by [`Slot::index`].
    pub mail: [u32; Slot::COUNT],
    /// Index of the last closed month that the card has; [`Month::NO_INDEX`]: none.
    pub last_month: u16,
    /// Number of the last event that the card has; 0: none.
    pub last_event: u32,
}

impl CertificateAnswer {
    /// Bytes on the wire.
    pub const SIZE: usize = 165;

    /// From 165 bytes.
    pub fn parse(bytes: &[u8]) -> Result<Self, FormatError> {
        let mut reader = Reader::new(bytes);
        let summary = CardSummary::parse(reader.take(CardSummary::SIZE)?)?;
        let expiry_time = CardTime(reader.u32()?);
        let certificate = Certificate::parse(reader.take(Certificate::SIZE)?)?;
        let settled_credit = Piastres(reader.u64()?);
        let settled_debited = Piastres(reader.u64()?);
        let report_number = reader.u32()?;
        let mut mail = [0; Slot::COUNT];
        for version in &mut mail {
            *version = reader.u32()?;
        }
        let last_month = reader.u16()?;
        let last_event = reader.u32()?;
        reader.end()?;
        Ok(Self {
            summary,
            expiry_time,
            certificate,
            settled_credit,
            settled_debited,
            report_number,
            mail,
            last_month,
            last_event,
        })
    }

    /// The bytes on the wire.
    pub fn emit(&self) -> [u8; 165] {
        crate::message::fixed(|out| {
            out.put(&self.summary.emit())?.u32(self.expiry_time.0)?.put(&self.certificate.emit())?;
            out.u64(self.settled_credit.0)?.u64(self.settled_debited.0)?.u32(self.report_number)?;
            for version in self.mail {
                out.u32(version)?;
            }
            out.u16(self.last_month)?.u32(self.last_event).map(|_| ())
        })
    }

    /// The binding that the certificate is for.
    pub const fn binding(&self) -> Binding {
        self.certificate.binding
    }

    /// The meter that the card is for.
    pub const fn meter(&self) -> MeterId {
        self.certificate.binding.meter
    }
}
