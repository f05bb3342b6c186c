//! What a desk does with the card in front of it, whatever keeps its books: the list of [`Desk`](super::Desk), or the ledger.

use card_core::access_number::AccessNumber;
use card_core::id::{Scope, State};
use card_core::layout::{CardSummary, PROFILE_SIZE};
use card_core::message::{BindingCertificate, Certificate, Envelope, MeterReceipt, Slot, Voucher};
use card_core::meter::events::Happening;
use card_core::parameters::{AuditRecords, KeyChange, Readings};
use card_core::role::Role;
use card_core::terminal::load::{LoadAnswer, get_mail};
use card_core::units::CardTime;

use super::{CardChoice, Collected, DeskError, Report, answers, load};
use crate::card;
use crate::issuer::BindingAccount;
use crate::keystore::{KeyStore, KeyStoreError};
use crate::operate;
use crate::personalise::{Order, PersonaliseError, Step, Versions, new_access_number, personalise};
use crate::random::OsRandom;
use crate::transport::Transport;

/// What is put on a card at its issue.
pub struct Papers {
    /// Opens the binding.
    pub binding: BindingCertificate,
    /// The totals.
    pub certificate: Certificate,
    /// The account in the customer's profile; 0 where the card is no customer's.
    pub profile: u64,
    /// When it is issued.
    pub issue_time: CardTime,
}

/// A blank card of the right environment.
pub fn blank(scope: Scope, summary: &CardSummary) -> Result<(), DeskError> {
    if summary.scope.environment != scope.environment {
        return Err(PersonaliseError::OtherEnvironment { card: summary.scope, order: scope }.into());
    }
    match summary.state {
        Some(State::Blank) => Ok(()),
        Some(state) => Err(PersonaliseError::NotBlank(state).into()),
        None => Err(PersonaliseError::MemoryFailure.into()),
    }
}

/// A card that an issue which was torn has left behind: not in use yet.
pub fn unused(summary: &CardSummary, held: &BindingAccount) -> Result<(), DeskError> {
    match summary.state {
        Some(State::Blank | State::Personalised) => Ok(()),
        Some(_) => Err(DeskError::AlreadyIssued { card: summary.card.id, meter: held.binding.meter }),
        None => Err(PersonaliseError::MemoryFailure.into()),
    }
}

/// Makes the card behind `transport` the card of `held`, and gives the number that is printed on it.
pub fn make(
    transport: &mut impl Transport,
    keys: &dyn KeyStore,
    held: &BindingAccount,
    papers: Papers,
    choice: CardChoice,
    progress: &mut dyn FnMut(Step),
) -> Result<AccessNumber, DeskError> {
    let access = new_access_number(&mut OsRandom)?;
    let order = Order {
        scope: held.scope,
        card: held.card,
        mode: choice.mode,
        flags: u8::from(choice.private_balance),
        issue_time: papers.issue_time,
        expiry_time: CardTime::UNSET,
        profile: profile(papers.profile),
        binding: papers.binding,
        certificate: papers.certificate,
        access: &access,
        versions: Versions { load: held.load_key, ..Versions::current(keys)? },
    };
    personalise(transport, keys, &order, &mut OsRandom, progress)?;
    Ok(access)
}

fn profile(account: u64) -> [u8; PROFILE_SIZE] {
    let mut profile = [0; PROFILE_SIZE];
    for (to, from) in profile.iter_mut().zip(account.to_be_bytes()) {
        *to = from;
    }
    profile
}

/// Loads a voucher, and checks that the card's receipt is authentic and about it.
pub fn load_checked(
    transport: &mut impl Transport,
    keys: &dyn KeyStore,
    scope: Scope,
    voucher: &Voucher,
) -> Result<LoadAnswer, DeskError> {
    let answer = load(transport, voucher)?;
    keys.verify_receipt(scope, answer.receipt)?;
    if answers(&answer, voucher) { Ok(answer) } else { Err(DeskError::OtherReceipt) }
}

/// What the meters have put on the card that is there, opened and checked. The card must have been selected.
pub fn read_mail(
    transport: &mut impl Transport,
    keys: &dyn KeyStore,
    scope: Scope,
) -> Result<Vec<(Envelope, Collected)>, DeskError> {
    let mut found = Vec::new();
    for slot in [Slot::FINAL_REPORT, Slot::READINGS, Slot::REGRESSION, Slot::AUDIT] {
        let envelope: Envelope = match card::ask(transport, &get_mail(slot)) {
            Ok(envelope) => envelope,
            Err(error) if error.is_absent() => continue,
            Err(error) => return Err(error.into()),
        };
        let opened = keys.open_mail(scope, &envelope)?;
        let bytes = opened.as_slice();
        let receipt = || -> Result<_, DeskError> {
            let receipt = MeterReceipt::parse(bytes).map_err(operate::of_mail)?;
            Ok(keys.verify_meter_receipt(scope, receipt)?)
        };
        let report = match slot {
            Slot::FINAL_REPORT => Report::Final(receipt()?),
            Slot::REGRESSION => Report::Regression(receipt()?),
            Slot::READINGS => Report::Readings(Box::new(Readings::parse(bytes)?)),
            _ => Report::Audit(Box::new(AuditRecords::parse(bytes)?)),
        };
        let collected = Collected { slot, binding: envelope.binding, version: envelope.version, report };
        found.push((envelope, collected));
    }
    Ok(found)
}

/// The next keys of `role` for the meter of a binding, wrapped: where the meter has the current ones, these again.
pub fn next_keys(
    keys: &dyn KeyStore,
    account: &BindingAccount,
    role: Role,
) -> Result<(u8, KeyChange), KeyStoreError> {
    let current = keys.current(role)?;
    let version = match role {
        Role::Credit => account.credit_key.saturating_add(1).min(current),
        Role::Parameter => account.parameter_keys.saturating_add(1).min(current),
        Role::Report => current,
        _ => return Err(KeyStoreError::WrongRole(current)),
    };
    let transport = keys.current(Role::Transport)?;
    Ok((version, keys.wrapped_meter_keys(account.scope, account.binding.meter, version, transport)?))
}

/// The account of a binding once its meter has keys of this key version number; `None` where that is no news.
pub fn with_keys(
    keys: &dyn KeyStore,
    held: BindingAccount,
    version: u8,
) -> Result<Option<BindingAccount>, KeyStoreError> {
    let (role, used) = match Role::of(version) {
        Some(Role::Credit) => (Role::Credit, held.credit_key),
        Some(Role::Parameter) => (Role::Parameter, held.parameter_keys),
        _ => return Ok(None),
    };
    // What a card says is not sealed: no more than what was ever made.
    if version <= used || version > keys.current(role)? {
        return Ok(None);
    }
    Ok(Some(match role {
        Role::Credit => BindingAccount { credit_key: version, ..held },
        _ => BindingAccount { parameter_keys: version, ..held },
    }))
}

/// The key versions that the meter's events on the card tell of, oldest first. The card is read only where there is something to learn.
pub fn heard_keys(
    transport: &mut impl Transport,
    keys: &dyn KeyStore,
    account: &BindingAccount,
) -> Result<Vec<u8>, DeskError> {
    let current = [keys.current(Role::Credit)?, keys.current(Role::Parameter)?];
    if current == [account.credit_key, account.parameter_keys] {
        return Ok(Vec::new());
    }
    let mut session = operate::session(transport, keys, Role::Vending, &mut OsRandom)?;
    let events = operate::read_private(&mut session)?.events;
    // The newest comes first.
    let changes = events.iter().rev().filter_map(|event| match Happening::of(event)? {
        Happening::KeysChanged { version } => Some(version),
        _ => None,
    });
    Ok(changes.collect())
}
