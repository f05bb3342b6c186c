//! What a command asks for: instruction, P1, P2 and Le read once, so that no handler sees raw bytes of a header.

use card_core::apdu::{Command, Le, StatusWord};
use card_core::id::State;
use card_core::layout::{File, Instruction, tag};
use card_core::message::Slot;
use card_core::role::KeyVersion;
use card_core::scp03::SecurityLevel;

/// A command with its parameters; its data are the handler's. What names nothing that there is (a file, a slot, a data object) is
/// `None`: that is said only after rights and state were checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Request {
    Select { answer: bool },
    ReadBinary(Place, Option<Le>),
    ReadRecord { file: Option<File>, number: u8, how: Records },
    GetData(Option<Object>),
    GetResponse(Option<Le>),
    InitializeUpdate(SessionKeys),
    ExternalAuthenticate,
    LoadVoucher,
    PutMail,
    GetMail(Option<Slot>),
    ReadCertificate(Proof),
    Settle,
    PutHistory,
    PutMeterMail,
    Bind,
    StoreData(Stored),
    PutKey { replaced: KeyVersion, kind: KeyKind },
    SetStatus(State),
}

/// Where READ BINARY begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// In the file of a short identifier, which becomes the current one.
    Of { file: Option<File>, offset: u8 },
    /// In the current file.
    InCurrent { offset: u16 },
}

/// Which records READ RECORD gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Records {
    /// The one with the number in P1.
    One,
    /// All from that one on, as many as fit.
    AllFrom,
}

/// A data object of GET DATA.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Object {
    CardRecognition,
    KeyInformation,
    PublicStatus,
    Receipt,
}

/// The keys that INITIALIZE UPDATE wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SessionKeys {
    /// Key version number 00: the card chooses.
    Any,
    /// A role's, of this version or, as x0, of whatever version the card has.
    Version(KeyVersion),
}

/// What READ CERTIFICATE gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Proof {
    Credit,
    Binding,
}

/// What STORE DATA replaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stored {
    /// Identity and profile of a blank card.
    Identity,
    /// The profile alone.
    Profile,
}

/// What PUT KEY carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyKind {
    Set,
    Single,
}

impl TryFrom<(Instruction, &Command<'_>)> for Request {
    /// The card's answer: 6A86.
    type Error = StatusWord;

    fn try_from((instruction, command): (Instruction, &Command<'_>)) -> Result<Self, StatusWord> {
        let Command { p1, p2, le, .. } = *command;
        Ok(match (instruction, p1, p2) {
            (Instruction::Select, 0x04, 0x00) => Self::Select { answer: true },
            (Instruction::Select, 0x04, 0x0C) => Self::Select { answer: false },
            (Instruction::ReadBinary, 0x80.., offset) => {
                Self::ReadBinary(Place::Of { file: File::from_sfi(p1 & 0x7F), offset }, le)
            }
            (Instruction::ReadBinary, ..) => {
                Self::ReadBinary(Place::InCurrent { offset: u16::from_be_bytes([p1, p2]) }, le)
            }
            (Instruction::ReadRecord, number @ 1.., _) => {
                let how = match p2 & 0x07 {
                    0x04 => Records::One,
                    0x05 => Records::AllFrom,
                    _ => return Err(StatusWord::WRONG_P1_P2),
                };
                Self::ReadRecord { file: File::from_sfi(p2 >> 3), number, how }
            }
            (Instruction::GetData, ..) => Self::GetData(match u16::from_be_bytes([p1, p2]) {
                tag::CARD_RECOGNITION => Some(Object::CardRecognition),
                tag::KEY_INFORMATION => Some(Object::KeyInformation),
                tag::PUBLIC_STATUS => Some(Object::PublicStatus),
                tag::RECEIPT => Some(Object::Receipt),
                _ => None,
            }),
            (Instruction::GetResponse, 0, 0) => Self::GetResponse(le),
            (Instruction::InitializeUpdate, 0, 0) => Self::InitializeUpdate(SessionKeys::Any),
            (Instruction::InitializeUpdate, version, 0) => {
                Self::InitializeUpdate(SessionKeys::Version(KeyVersion::from_byte(version)))
            }
            // The level is read with the handshake, whose MAC covers it.
            (Instruction::ExternalAuthenticate, level, 0) if SecurityLevel::try_from(level).is_ok() => {
                Self::ExternalAuthenticate
            }
            (Instruction::LoadVoucher, 0, 0) => Self::LoadVoucher,
            (Instruction::PutMail, 0, 0) => Self::PutMail,
            (Instruction::GetMail, slot, 0) => Self::GetMail(Slot::new(slot)),
            (Instruction::ReadCertificate, 0, 0) => Self::ReadCertificate(Proof::Credit),
            (Instruction::ReadCertificate, 1, 0) => Self::ReadCertificate(Proof::Binding),
            (Instruction::Settle, 0, 0) => Self::Settle,
            (Instruction::PutHistory, 0, 0) => Self::PutHistory,
            (Instruction::PutMeterMail, 0, 0) => Self::PutMeterMail,
            (Instruction::Bind, 0, 0) => Self::Bind,
            (Instruction::StoreData, 0, 0) => Self::StoreData(Stored::Identity),
            (Instruction::StoreData, 0, 1) => Self::StoreData(Stored::Profile),
            (Instruction::PutKey, replaced, 0x81) => {
                Self::PutKey { replaced: KeyVersion::from_byte(replaced), kind: KeyKind::Set }
            }
            (Instruction::PutKey, replaced, 0x01) => {
                Self::PutKey { replaced: KeyVersion::from_byte(replaced), kind: KeyKind::Single }
            }
            (Instruction::SetStatus, 0, code) => match State::from_code(code) {
                Some(State::Blank) | None => return Err(StatusWord::WRONG_P1_P2),
                Some(state) => Self::SetStatus(state),
            },
            _ => return Err(StatusWord::WRONG_P1_P2),
        })
    }
}
