//! What a desk does with an issued card: reads it, moves it to another binding, blocks it; what a holder reads.

use card_core::access_number::AccessNumber;
use card_core::id::{CardRef, MeterId, State};
use card_core::key::KeyLength;
use card_core::layout::{CardSummary, File, Form, Identity, PublicStatus, PurseFile};
use card_core::message::{
    BindingCertificate, Certificate, Envelope, Event, FinalReport, FormatError, LoadRecord, MeterReceipt,
    Month, Slot,
};
use card_core::platform::Random;
use card_core::role::{Derivation, HOLDER, KeyVersion, Role};
use card_core::soft::SoftEngine;
use card_core::terminal::load::get_mail;
use card_core::terminal::read::{self, MeterFile};
use card_core::terminal::{Request, issue};

use crate::card::{self, CardError};
use crate::channel::SecureChannel;
use crate::keystore::{CardKey, KeyStore, KeyStoreError, WrappedKeys};
use crate::transport::Transport;

/// Why an operation on an issued card failed. All of them can be repeated.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OperateError {
    /// Talking to the card.
    #[error(transparent)]
    Card(#[from] CardError),
    /// Keys.
    #[error(transparent)]
    Keys(#[from] KeyStoreError),
    /// What the card answers to new keys is not about them.
    #[error(
        "the card's check values of its new {0} keys are not theirs: do it again, and take the card out of use where it says so again"
    )]
    CheckValues(Role),
    /// The card has not been issued.
    #[error("the card has not been issued: issue it first")]
    NotIssued,
    /// The holder's keys cannot be made.
    #[error("the card did not accept the access number: compare it with the one printed on this card")]
    WrongAccessNumber,
}

/// Everything that a private session can read of a card.
#[derive(Debug)]
pub struct Reading {
    /// Who the card is, by its keys.
    pub card: CardRef,
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

/// Reads what everybody may see.
pub fn read_public(transport: &mut impl Transport) -> Result<Public, OperateError> {
    let summary = card::select(transport)?;
    let identity = card::ask(transport, &read::identity())?;
    let status = card::ask(transport, &read::public_status())?;
    Ok(Public { summary, identity, status })
}

/// Opens a session with an issued card, as admin or vending, at level 33.
pub fn session<'t, T: Transport>(
    transport: &'t mut T,
    keys: &dyn KeyStore,
    role: Role,
    random: &mut impl Random,
) -> Result<SecureChannel<'t, T>, OperateError> {
    let CardSummary { scope, card, .. } = issued(transport)?;
    // Whatever version the card has: it says which, and proves by its cryptogram that it has it.
    SecureChannel::open(transport, KeyVersion::new(role, 0), random, |challenge, level| {
        let version = challenge.key_version();
        let key = CardKey { scope, version, card, meter: None, initial_length: None };
        keys.authenticate(&key, challenge, level).map_err(OperateError::from)
    })
}

/// Opens the holder's session, with the number that is printed on the card.
pub fn holder_session<'t, T: Transport>(
    transport: &'t mut T,
    access: &AccessNumber,
    random: &mut impl Random,
) -> Result<SecureChannel<'t, T>, OperateError> {
    let summary = issued(transport)?;
    let present = card::key_information(transport)?;
    let length = present.keys.iter().find(|key| key.version == HOLDER).map(|key| usize::from(key.length));
    let length = length.and_then(KeyLength::from_bytes).ok_or(OperateError::NotIssued)?;
    let parent = access.key().ok_or(OperateError::WrongAccessNumber)?;
    let keys = Derivation::for_card(summary.scope, HOLDER, summary.card, length)
        .key_set(&mut SoftEngine, &parent)
        .ok_or(OperateError::WrongAccessNumber)?;
    SecureChannel::open(transport, HOLDER, random, |challenge, level| {
        challenge.authenticate(&mut SoftEngine, &keys, level).map_err(|_| OperateError::WrongAccessNumber)
    })
}

/// Reads everything that a private session may read.
pub fn read_private<T: Transport>(channel: &mut SecureChannel<'_, T>) -> Result<Reading, OperateError> {
    let account = channel.ask(&read::account())?;
    Ok(Reading {
        card: channel.card(),
        purse: account.purse,
        binding: account.binding,
        meter: channel.ask(&read::meter())?,
        loads: records(channel, File::LoadLog, read::loads, |load| load.number)?,
        months: records(channel, File::Months, read::months, |month| month.index.into())?,
        events: events(channel)?,
        mail: account.mail,
    })
}

/// The events that a card has of its meter, newest first.
pub fn events<T: Transport>(channel: &mut SecureChannel<'_, T>) -> Result<Vec<Event>, OperateError> {
    records(channel, File::Events, read::events, |event| event.number)
}

/// All records of a file, newest first. Numbers may have gaps: the next ones to ask for follow from those of the records themselves.
fn records<T, U: Transport, const N: usize>(
    channel: &mut SecureChannel<'_, U>,
    file: File,
    from: fn(u8) -> Request<'static, [Option<T>; N]>,
    number: fn(&T) -> u32,
) -> Result<Vec<T>, OperateError> {
    let mut found: Vec<T> = Vec::new();
    let Form::Cyclic { count, .. } = file.form() else { return Ok(found) };
    let mut next = Some(1);
    while let Some(first) = next {
        let before = found.len();
        match channel.ask(&from(first)) {
            Ok(records) => found.extend(records.into_iter().flatten()),
            Err(error) if error.is_absent() => break,
            Err(error) => return Err(error.into()),
        }
        // Fewer than fit are the last ones. Numbers that do not fall are no reason to ask for ever.
        let back = found
            .first()
            .zip(found.last())
            .and_then(|(newest, last)| number(newest).checked_sub(number(last))?.checked_add(2));
        let more = found.len() - before == N;
        let back = back.and_then(|back| u8::try_from(back).ok());
        next = back.filter(|back| more && *back > first && *back <= count);
    }
    Ok(found)
}

/// BIND on an issued card: moves it to another binding, with the binding's newest certificate (specification, section 12). A card
/// that has the binding already is left as it is, so that this can be repeated.
pub fn rebind(
    transport: &mut impl Transport,
    keys: &dyn KeyStore,
    meter_key: KeyVersion,
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
    if channel.ask(&read::binding())? == *binding {
        return Ok(());
    }
    let wrapped = keys.wrapped_keys(&key, channel.session())?;
    Ok(bind(&mut channel, binding, certificate, &wrapped)?)
}

/// BIND.
pub(crate) fn bind<T: Transport>(
    channel: &mut SecureChannel<'_, T>,
    binding: &BindingCertificate,
    certificate: &Certificate,
    keys: &WrappedKeys,
) -> Result<(), CardError> {
    let data = issue::BindData::new(binding, certificate, &keys.data);
    channel.ask(&data.map_err(|_| CardError::TooLong("BIND"))?.request())
}

/// PUT KEY for each key of an issued card that is older than the present master's, in an admin session; the meter key set only where `meter_key`
/// says which one the meter has. Gives the new key version numbers. What the card has already is left, so that this can be repeated.
pub fn renew_keys(
    transport: &mut impl Transport,
    keys: &dyn KeyStore,
    meter: MeterId,
    meter_key: Option<KeyVersion>,
    random: &mut impl Random,
) -> Result<Vec<KeyVersion>, OperateError> {
    let summary = issued(transport)?;
    let present = card::key_information(transport)?;
    let mut old = Vec::new();
    // The admin keys, which open this session, come last.
    for role in [Role::Vending, Role::Load, Role::Receipt, Role::Meter, Role::Admin] {
        let version = if role == Role::Meter { meter_key } else { Some(keys.current(role)?) };
        let before = present.version(role);
        old.extend(before.zip(version).filter(|(before, version)| before < version).map(|pair| (role, pair)));
    }
    if old.is_empty() {
        return Ok(Vec::new());
    }
    let mut channel = session(transport, keys, Role::Admin, random)?;
    let mut renewed = Vec::new();
    for (role, (before, version)) in old {
        let (scope, card) = (summary.scope, summary.card);
        let key = CardKey { scope, version, card, meter: Some(meter), initial_length: None };
        let wrapped = keys.wrapped_keys(&key, channel.session())?;
        let answer = channel.ask(&issue::put_key(before, role, &wrapped.data))?;
        if answer.as_slice() != wrapped.answer {
            return Err(OperateError::CheckValues(role));
        }
        renewed.push(version);
    }
    Ok(renewed)
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
    Ok(channel.ask(&issue::set_status(state))?)
}

/// The final report of a closed binding, where a meter has put one on the card; opened and checked.
pub fn final_report(
    transport: &mut impl Transport,
    keys: &dyn KeyStore,
) -> Result<Option<card_core::message::Verified<MeterReceipt>>, OperateError> {
    let scope = issued(transport)?.scope;
    let envelope: Envelope = match card::ask(transport, &get_mail(Slot::FINAL_REPORT)) {
        Ok(envelope) => envelope,
        Err(error) if error.is_absent() => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let opened = keys.open_mail(scope, &envelope)?;
    let report = FinalReport::parse(opened.as_slice()).map_err(of_mail)?;
    Ok(Some(keys.verify_meter_receipt(scope, report.receipt)?))
}

/// What was sealed in an envelope on a card has not its form.
pub(crate) fn of_mail(error: FormatError) -> CardError {
    CardError::of_request("GET MAIL", error.into())
}

fn issued(transport: &mut impl Transport) -> Result<CardSummary, OperateError> {
    let summary = card::select(transport)?;
    match summary.state {
        None | Some(State::Blank) => Err(OperateError::NotIssued),
        Some(_) => Ok(summary),
    }
}

/// The card behind a transport, by SELECT.
pub fn present(transport: &mut impl Transport) -> Result<CardRef, OperateError> {
    Ok(card::select(transport)?.card)
}
