//! What an issuer does to a card, in a session at level 33 (specification, sections 7.6 and 12): an admin's, or a vending one to
//! block. Each can be repeated.

use super::Request;
use crate::bytes::{Buffer, Reader, WrongLength};
use crate::id::{Scope, State};
use crate::layout::{Instruction, PROFILE_SIZE};
use crate::message::{BindingCertificate, Certificate, FormatError, fixed};
use crate::role::{KeyVersion, Role};
use crate::scp03::Mode;
use crate::units::CardTime;

/// Most bytes of a key set in the form of PUT KEY: a version, and three keys of 32 bytes with their check values.
pub const MAX_KEY_SET: usize = 1 + 3 * (3 + 32 + 1 + 3);

/// Most bytes that PUT KEY answers: the version, and three check values.
pub const MAX_CHECK_VALUES: usize = 1 + 3 * 3;

/// What STORE DATA makes of a blank card.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CardData {
    /// Company and environment.
    pub scope: Scope,
    /// The card's generation.
    pub generation: u16,
    /// Mode of SCP03, from the next session on.
    pub mode: Mode,
    /// Issuance flags: 01 = the balance is private.
    pub flags: u8,
    /// When the card is issued.
    pub issue_time: CardTime,
    /// When it expires; not set: never.
    pub expiry_time: CardTime,
    /// Customer profile.
    pub profile: [u8; PROFILE_SIZE],
}

impl CardData {
    /// Bytes on the wire.
    pub const SIZE: usize = 15 + PROFILE_SIZE;

    /// The bytes on the wire.
    pub fn emit(&self) -> [u8; Self::SIZE] {
        let mode = match self.mode {
            Mode::S8 => 0x08,
            Mode::S16 => 0x10,
        };
        fixed(|out| {
            out.u16(self.scope.company.0)?.u8(self.scope.environment.code())?.u16(self.generation)?;
            out.u8(mode)?.u8(self.flags)?.u32(self.issue_time.0)?.u32(self.expiry_time.0)?;
            out.put(&self.profile).map(|_| ())
        })
    }
}

/// STORE DATA with the bytes of [`CardData`].
pub const fn store_data(data: &[u8; CardData::SIZE]) -> Request<'_, ()> {
    Request::new(Instruction::StoreData, [0, 0], data, nothing)
}

/// PUT KEY with the keys of `role`, encrypted in the session. `replaced` is the key version number that the card has for the role;
/// [`KeyVersion::NONE`] where it has none. Answers the key version number and the check values.
pub const fn put_key(replaced: KeyVersion, role: Role, keys: &[u8]) -> Request<'_, Buffer<MAX_CHECK_VALUES>> {
    let p2 = if matches!(role, Role::Load | Role::Receipt) { 0x01 } else { 0x81 };
    Request::new(Instruction::PutKey, [replaced.byte(), p2], keys, |data| {
        let mut answer = Buffer::new();
        answer.put(data)?;
        Ok(answer)
    })
}

/// What BIND tells the card.
#[derive(Debug, Clone)]
pub struct BindData {
    bytes: Buffer<{ BindingCertificate::SIZE + Certificate::SIZE + 1 + 3 * (32 + 3) }>,
}

impl BindData {
    /// With the meter key set, encrypted in the session and given as the data of PUT KEY, whose types and lengths are left out: with
    /// them it would be too long for a session of mode S16.
    pub fn new(
        binding: &BindingCertificate,
        certificate: &Certificate,
        keys: &[u8],
    ) -> Result<Self, WrongLength> {
        let mut bytes = Buffer::new();
        bytes.put(&binding.emit())?.put(&certificate.emit())?;
        let mut keys = Reader::new(keys);
        bytes.u8(keys.u8()?)?;
        while keys.left() != 0 {
            let [_, size, _] = keys.array()?;
            bytes.put(keys.take(usize::from(size).saturating_sub(1))?)?;
            let [_, check @ ..] = keys.array::<4>()?;
            bytes.put(&check)?;
        }
        Ok(Self { bytes })
    }

    /// BIND.
    pub fn request(&self) -> Request<'_, ()> {
        Request::new(Instruction::Bind, [0, 0], self.bytes.as_slice(), nothing)
    }
}

/// SET STATUS: completes, blocks, unblocks or terminates a card.
pub const fn set_status(state: State) -> Request<'static, ()> {
    Request::new(Instruction::SetStatus, [0, state.code()], &[], nothing)
}

fn nothing(data: &[u8]) -> Result<(), FormatError> {
    Ok(Reader::new(data).end()?)
}
