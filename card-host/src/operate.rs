//! What a desk does with an issued card: reads it, moves it to another binding, blocks it; what a holder reads.

use card_core::access_number::AccessNumber;
use card_core::apdu::Command;
use card_core::id::{CardId, CardRef, State};
use card_core::key::KeyLength;
use card_core::layout::{CardSummary, File, Form, Identity, Instruction, PublicStatus, PurseFile};
use card_core::message::{
    BindingCertificate, Certificate, Envelope, Event, LoadRecord, MeterReceipt, Month, Slot,
};
use card_core::platform::Random;
use card_core::role::{Derivation, HOLDER, Role};
use card_core::scp03::SecurityLevel;
use card_core::soft::SoftEngine;
use card_core::terminal::load::get_mail;
use card_core::terminal::read::{self, MeterFile};
use card_core::terminal::{Request, RequestError};

use crate::card::{self, CardError, command};
use crate::channel::{self, SecureChannel};
use crate::keystore::{CardKey, KeyStore, KeyStoreError};
use crate::transport::Transport;

/// Why an operation on an issued card failed. All of them can be repeated.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OperateError {
    /// Talking to the card.
    #[error(transparent)]
    Card(#[from] CardError),
    /// A request of the card.
    #[error("{0}")]
    Request(#[from] RequestError),
    /// Keys.
    #[error(transparent)]
    Keys(#[from] KeyStoreError),
    /// The card has not been issued.
    #[error("the card has not been issued: issue it first")]
    NotIssued,
    /// The card's memory has failed.
    #[error("the memory of card {0} has failed: replace the card; its credit is in the ledger")]
    MemoryFailed(CardId),
    /// The holder's keys cannot be made.
    #[error("the card did not accept the access number: compare it with the one printed on this card")]
    WrongAccessNumber,
}

/// Everything that a private session can read of a card.
#[derive(Debug)]
pub struct Reading {
    /// Identity, public.
    pub identity: Identity,
    /// State and purse.
    pub purse: PurseFile,
    /// The binding.
    pub binding: BindingCertificate,
    /// What the meter last settled.
    pub meter: Option<MeterFile>,
    /// Accepted loads, newest first.
    pub loads: Vec<LoadRecord>,
    /// Closed months, newest first.
    pub months: Vec<Month>,
    /// Events, newest first.
    pub events: Vec<Event>,
    /// Versions of all mail.
    pub mail: [u32; Slot::COUNT],
}

/// What everybody may see of a card.
#[derive(Debug)]
pub struct Public {
    /// Who the card is.
    pub summary: CardSummary,
    /// Identity file.
    pub identity: Identity,
    /// State and balances.
    pub status: PublicStatus,
}

/// Asks without a session.
pub fn ask<T>(transport: &mut impl Transport, request: &Request<'_, T>) -> Result<T, OperateError> {
    let sent = request.command().emit().map_err(|_| CardError::TooLong("command"))?;
    let response = transport.transmit(sent.as_slice()).map_err(CardError::from)?;
    Ok(request.response(&response)?)
}

/// Asks in a session: only an answer whose R-MAC is right counts.
pub fn ask_in<T, U: Transport>(
    channel: &mut SecureChannel<'_, U>,
    request: &Request<'_, T>,
) -> Result<T, OperateError> {
    let reply = channel.exchange(&request.command())?;
    Ok(request.reply(&reply)?)
}

/// Reads what everybody may see.
pub fn read_public(transport: &mut impl Transport) -> Result<Public, OperateError> {
    let summary = card::select(transport)?.summary;
    let identity = ask(transport, &read::identity())?;
    let status = ask(transport, &read::public_status())?;
    Ok(Public { summary, identity, status })
}

/// Opens a session with an issued card, as admin or vending, at level 33.
pub fn session<'t, T: Transport>(
    transport: &'t mut T,
    keys: &dyn KeyStore,
    role: Role,
    random: &mut impl Random,
) -> Result<SecureChannel<'t, T>, OperateError> {
    let summary = issued(transport)?;
    let mode = card::mode(transport)?;
    let version = card::key_information(transport)?.version(role).ok_or(OperateError::NotIssued)?;
    let key =
        CardKey { scope: summary.scope, version, card: summary.card, meter: None, initial_length: None };
    let challenge = channel::challenge(random)?;
    SecureChannel::open(transport, mode, version, challenge, |challenge| {
        keys.authenticate(&key, challenge, SecurityLevel::Full).map_err(OperateError::from)
    })
}

/// Opens the holder's session, with the number that is printed on the card.
pub fn holder_session<'t, T: Transport>(
    transport: &'t mut T,
    access: &AccessNumber,
    random: &mut impl Random,
) -> Result<SecureChannel<'t, T>, OperateError> {
    let summary = issued(transport)?;
    let mode = card::mode(transport)?;
    let present = card::key_information(transport)?;
    let length = present.keys.iter().find(|key| key.version == HOLDER).map(|key| usize::from(key.length));
    let length = length.and_then(KeyLength::from_bytes).ok_or(OperateError::NotIssued)?;
    let parent = access.key().ok_or(OperateError::WrongAccessNumber)?;
    let keys = Derivation::for_card(summary.scope, HOLDER, summary.card, length)
        .key_set(&mut SoftEngine, &parent)
        .ok_or(OperateError::WrongAccessNumber)?;
    let challenge = channel::challenge(random)?;
    SecureChannel::open(transport, mode, HOLDER, challenge, |challenge| {
        challenge
            .authenticate(&mut SoftEngine, &keys, SecurityLevel::Full)
            .map_err(|_| OperateError::WrongAccessNumber)
    })
}

/// Reads everything that a private session may read.
pub fn read_private<T: Transport>(channel: &mut SecureChannel<'_, T>) -> Result<Reading, OperateError> {
    Ok(Reading {
        identity: ask_in(channel, &read::identity())?,
        purse: ask_in(channel, &read::purse())?,
        binding: ask_in(channel, &read::binding())?,
        meter: ask_in(channel, &read::meter())?,
        loads: records(channel, File::LoadLog, read::load)?,
        months: records(channel, File::Months, read::month)?,
        events: records(channel, File::Events, read::event)?,
        mail: ask_in(channel, &read::mail_directory())?,
    })
}

/// Records from the newest on. Loads end with the first that is absent; months and events may have gaps, but not at the newest.
fn records<T, U: Transport>(
    channel: &mut SecureChannel<'_, U>,
    file: File,
    request: fn(u8) -> Request<'static, T>,
) -> Result<Vec<T>, OperateError> {
    let mut found = Vec::new();
    let Form::Cyclic { count, .. } = file.form() else { return Ok(found) };
    for number in 1..=count {
        match ask_in(channel, &request(number)) {
            Ok(record) => found.push(record),
            Err(OperateError::Request(error))
                if error.is_absent() && (number == 1 || file == File::LoadLog) =>
            {
                break;
            }
            Err(OperateError::Request(error)) if error.is_absent() => {}
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}

/// BIND on an issued card: moves it to another binding, with the binding's newest certificate (specification, section 12). A card
/// that has the binding already is left as it is, so that this can be repeated.
pub fn rebind(
    transport: &mut impl Transport,
    keys: &dyn KeyStore,
    meter_key: u8,
    binding: &BindingCertificate,
    certificate: &Certificate,
    random: &mut impl Random,
) -> Result<(), OperateError> {
    let summary = issued(transport)?;
    let key = CardKey {
        scope: summary.scope,
        version: meter_key,
        card: summary.card,
        meter: Some(binding.binding.meter),
        initial_length: None,
    };
    let mut channel = session(transport, keys, Role::Admin, random)?;
    if ask_in(&mut channel, &read::binding())? == *binding {
        return Ok(());
    }
    let wrapped = keys.wrapped_keys(&key, channel.session())?;
    let data = [&binding.emit()[..], &certificate.emit(), &wrapped.data].concat();
    channel.ask(&Command { data: &data, ..command(Instruction::Bind, 0, 0) })?;
    Ok(())
}

/// SET STATUS: blocks (vending), unblocks or terminates (admin) a card.
pub fn set_status(
    transport: &mut impl Transport,
    keys: &dyn KeyStore,
    state: State,
    random: &mut impl Random,
) -> Result<(), OperateError> {
    let role = if state == State::Blocked { Role::Vending } else { Role::Admin };
    let mut channel = session(transport, keys, role, random)?;
    channel.ask(&command(Instruction::SetStatus, 0, state.code()))?;
    Ok(())
}

/// The final report of a closed binding, where a meter has put one on the card; opened and checked.
pub fn final_report(
    transport: &mut impl Transport,
    keys: &dyn KeyStore,
) -> Result<Option<card_core::message::Verified<MeterReceipt>>, OperateError> {
    let scope = issued(transport)?.scope;
    let envelope: Envelope = match ask(transport, &get_mail(Slot::FINAL_REPORT)) {
        Ok(envelope) => envelope,
        Err(OperateError::Request(error)) if error.is_absent() => return Ok(None),
        Err(error) => return Err(error),
    };
    let opened = keys.open_mail(scope, &envelope)?;
    let receipt = MeterReceipt::parse(opened.as_slice()).map_err(RequestError::from)?;
    Ok(Some(keys.verify_meter_receipt(scope, receipt)?))
}

fn issued(transport: &mut impl Transport) -> Result<CardSummary, OperateError> {
    let summary = card::select(transport)?.summary;
    match summary.state {
        None => Err(OperateError::MemoryFailed(summary.card.id)),
        Some(State::Blank) => Err(OperateError::NotIssued),
        Some(_) => Ok(summary),
    }
}

/// The card behind a transport, by SELECT.
pub fn present(transport: &mut impl Transport) -> Result<CardRef, OperateError> {
    Ok(card::select(transport)?.summary.card)
}
