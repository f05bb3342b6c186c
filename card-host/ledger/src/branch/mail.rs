//! Mail to meters: sealed with the next version of its slot, written, and only then given out.

use card_core::id::{Binding, CardId};
use card_core::message::{Envelope, Slot};
use card_core::parameters::{Action, Command, KeysInUse};
use card_core::role::{KeyVersion, Role};
use card_core::units::CardTime;
use serde_json::json;

use super::super::entry::{Entry, Kind, Step};
use super::super::error::{LedgerError, Refusal, StoreError};
use super::super::names::RequestId;
use super::super::office::{Office, Who, draft};
use super::super::payload::Payload;
use super::super::powers::Power;
use super::super::records::{BindingRecord, Head, MailRecord, Status};
use super::super::second::{Agreed, agreed, asked, done};
use super::super::sell::totals;
use super::super::sell::{about, unknown};
use super::super::signing::Wanted;
use super::super::store::{Context, Payee, Transaction, read};
use super::{carried_by, held_by};
use card_host::card_work::{self, Mail, Order};
use card_host::issuer::{AccountError, BindingAccount};

/// What is sent.
enum Letter<'a> {
    Plain { slot: Slot, plaintext: &'a [u8] },
    Command(&'a Order),
}

impl Letter<'_> {
    /// What two people agree to, where it takes them: which meter, and which card. The time is that of the ledger when it is done.
    fn asks(&self, record: &BindingRecord) -> Option<Vec<u8>> {
        match self {
            Letter::Command(Order { action: Action::SetClockBack(_), technician, .. }) => {
                Some(asked("clock-back", format!("{:?} {technician:?}", record.binding())))
            }
            _ => None,
        }
    }

    /// A command that sets a clock behind certificates says the time of now.
    fn is_timely(&self, now: CardTime) -> Result<(), Refusal> {
        let Letter::Command(Order { action: Action::SetClockBack(CardTime(value)), expiry, .. }) = self
        else {
            return Ok(());
        };
        let earliest = now.0.saturating_sub(CLOCK_BACK_EARLIEST);
        let latest = now.0.saturating_add(CLOCK_BACK_LATEST);
        if (earliest..=now.0).contains(value) && (value.saturating_add(1)..=latest).contains(&expiry.0) {
            return Ok(());
        }
        Err(Refusal::Invalid(
            "the time of this command is not that of now: leave --value out, and let it expire within a week"
                .to_owned(),
        ))
    }
}

/// How long before now the time may be that a command sets a clock to behind certificates, in seconds.
const CLOCK_BACK_EARLIEST: u32 = 24 * 3600;
/// How long after now such a command may expire, in seconds.
const CLOCK_BACK_LATEST: u32 = 7 * 24 * 3600;

/// Mail as it was entered.
struct Posted {
    command: Option<Command>,
    /// Who carries it.
    held: BindingAccount,
    envelope: Vec<u8>,
    /// Of mail that was entered before: what must give the same bytes, where it is the same.
    again: Option<Wanted>,
}

/// A letter with its place.
struct Placed {
    slot: Slot,
    version: u32,
    /// The command, where it is one.
    command: Option<Command>,
    plaintext: Vec<u8>,
}

impl Office {
    /// Seals mail for the meter of a card's binding, with the next version of its slot. It waits for every card of the binding from then on,
    /// see [`collect`](Self::collect). Repeated, it gives the same envelope.
    pub fn mail(
        &self,
        who: &Who,
        id: &RequestId,
        carrier: CardId,
        slot: Slot,
        plaintext: &[u8],
    ) -> Result<Mail, LedgerError> {
        Ok(self.post(who, id, carrier, &Letter::Plain { slot, plaintext })?.1)
    }

    /// A command for the meter of a card's binding, with the next counter of the binding.
    ///
    /// One that sets the clock behind certificates takes two people: asked for the first time it is entered and refused
    /// ([`Refusal::SecondPerson`]); once another one has agreed, the same again does it, with the time that it is then.
    pub fn command(
        &self,
        who: &Who,
        id: &RequestId,
        carrier: CardId,
        order: &Order,
    ) -> Result<(Command, Mail), LedgerError> {
        let (command, mail) = self.post(who, id, carrier, &Letter::Command(order))?;
        Ok((command.ok_or_else(|| Refusal::OtherRequest(id.clone()))?, mail))
    }

    fn post(
        &self,
        who: &Who,
        id: &RequestId,
        carrier: CardId,
        letter: &Letter<'_>,
    ) -> Result<(Option<Command>, Mail), LedgerError> {
        let request = self.companys(who, id, Power::Settings)?;
        let out = self.signing_step(|t, signing| {
            let (payee, engineer) = carried_by(t, carrier)?;
            let (context, mut point, _) = self.context(t, who, &request, Some(payee))?;
            let record = addressee(t, &context, payee)?;
            let held = held_by(&record, engineer.as_ref());
            let step = match (letter.asks(&record), context.steps.first()) {
                (None, None) => Step::First,
                (None, Some(done)) => return posted(t.entry(&done.entry)?, held, letter, id).map(Some),
                (Some(asked), _) => match agreed(t, &request, &context.steps, &asked)? {
                    Agreed::Done(entry) => return posted(Some(*entry), held, letter, id).map(Some),
                    Agreed::Yes => Step::Settled,
                    Agreed::No => {
                        let mut entry = draft(who, &request, Step::First, Kind::Propose, self.now()?);
                        about(&mut entry, &held);
                        entry.reason = "the meter's clock, also behind certificates".to_owned();
                        return self.ask(t, &mut point, entry, &asked).map(|()| None);
                    }
                },
            };
            let now = self.now()?;
            letter.is_timely(now)?;
            let Placed { slot, version, command, plaintext } = place(&t.mail(record.binding())?, letter)?;
            let envelope = signing.mail(held, slot, version, plaintext)?;
            let mut entry = draft(who, &request, step, Kind::Mail, now);
            about(&mut entry, &held);
            totals(&mut entry, &held);
            entry.payload = match command {
                Some(Command { counter, .. }) => {
                    entry.reason = format!("command {counter}");
                    Payload::Command { counter, envelope: envelope.clone() }.emit()
                }
                None => envelope.clone(),
            };
            let mail = MailRecord { binding: record.binding(), slot, version, envelope: envelope.clone() };
            self.book(t, &mut point, entry, &[Head::Mail(mail)])?;
            Ok(Some(Posted { command, held, envelope, again: None }))
        })?;
        let Posted { command, held, envelope, again } = done(out, &request)?;
        // Sealing is deterministic: the same plaintext gives the same bytes.
        if let Some(again) = again
            && again.sign(self.issuer())? != envelope
        {
            return Err(Refusal::OtherRequest(id.clone()).into());
        }
        let envelope = Envelope::parse(&envelope)
            .map_err(|_| StoreError::Corrupt(format!("the mail of request {id}")))?;
        let delivery = self.issuer().delivery(&held, &envelope)?;
        Ok((command, Mail { envelope, delivery }))
    }

    /// Mail with the next keys of `role` for the meter of a card's binding: credit, parameter or report keys; where the meter has the current
    /// ones, these again. Gives their key version number too. A new master is drawn by the key store, and kept before this is called.
    pub fn change_keys(
        &self,
        who: &Who,
        id: &RequestId,
        carrier: CardId,
        role: Role,
    ) -> Result<(KeyVersion, Mail), LedgerError> {
        let held = self.carrier(carrier)?;
        let transport = self.transport_key(held.binding)?;
        let (version, change) = card_work::next_keys(self.keys(), &held, role, transport)?;
        Ok((version, self.mail(who, id, carrier, Slot::METER_KEYS, change.emit().as_slice())?))
    }

    /// The meter of a binding says in readings that it sealed which keys it has: certificates and mail use them from now on. Gives those that
    /// are news.
    pub(crate) fn keys_in_use(
        &self,
        who: &Who,
        binding: Binding,
        keys: KeysInUse,
    ) -> Result<[Option<KeyVersion>; 2], LedgerError> {
        let mut news =
            [(Role::Credit, keys.credit), (Role::Parameter, keys.parameter)].map(|(role, version)| {
                Some(KeyVersion::new(role, version)).filter(|version| version.is_of(role))
            });
        for news in &mut news {
            if let Some(version) = *news
                && !self.keys_changed(who, binding, version)?
            {
                *news = None;
            }
        }
        Ok(news)
    }

    fn keys_changed(&self, who: &Who, binding: Binding, version: KeyVersion) -> Result<bool, LedgerError> {
        // Nearly always they are known.
        let known = read(self.ledger(), |t| t.binding(Payee::Binding(binding)))?;
        let Some(known) = known else { return Ok(false) };
        if card_work::with_keys(self.keys(), known.held, version)?.is_none() {
            return Ok(false);
        }
        // Whoever hears of it first enters it, and once.
        let id = format!("keys-{:X}-{}-{}", binding.meter, binding.number, version.byte()).parse()?;
        let request = who.request(&id);
        let payee = Payee::Binding(binding);
        self.step(|t| {
            let (context, mut point, _) = self.context(t, who, &request, Some(payee))?;
            let Some(record) = context.binding.clone().filter(|_| context.steps.is_empty()) else {
                return Ok(false);
            };
            let Some(held) = card_work::with_keys(self.keys(), record.held, version)? else {
                return Ok(false);
            };
            let mut entry = draft(who, &request, Step::First, Kind::Settings, self.now()?);
            about(&mut entry, &held);
            totals(&mut entry, &held);
            entry.payload = json!({ "meter_keys": version.to_string() }).to_string().into_bytes();
            let record = BindingRecord { held, ..record };
            self.book(t, &mut point, entry, &[Head::Binding(Box::new(record))])?;
            Ok(true)
        })
    }
}

/// A binding that mail can be sent to, also where its customer's card is blocked: a cut goes over the network.
fn addressee(t: &mut dyn Transaction, context: &Context, payee: Payee) -> Result<BindingRecord, LedgerError> {
    let Some(record) = context.binding.clone() else { return Err(unknown(t, payee)?) };
    if record.status != Status::Open {
        return Err(Refusal::Closed(record.binding()).into());
    }
    if record.epoch != context.epoch {
        return Err(Refusal::EvidenceNeeded(record.binding()).into());
    }
    Ok(record)
}

/// What a request has posted before.
fn posted(
    entry: Option<Entry>,
    held: BindingAccount,
    letter: &Letter<'_>,
    id: &RequestId,
) -> Result<Posted, LedgerError> {
    let other = || Refusal::OtherRequest(id.clone());
    let entry = entry.filter(|entry| entry.kind == Kind::Mail && entry.binding == Some(held.binding));
    let entry = entry.ok_or_else(other)?;
    let parsed = |bytes: &[u8]| Envelope::parse(bytes).map_err(|_| other());
    let (command, sent, slot, plaintext) = match (letter, Payload::parse(&entry.payload)) {
        (Letter::Plain { slot, plaintext }, None) => {
            (None, parsed(&entry.payload)?, *slot, plaintext.to_vec())
        }
        (Letter::Command(order), Some(Payload::Command { counter, envelope })) => {
            let (command, sent) = (numbered(order, counter), parsed(&envelope)?);
            let slot = sent.slot;
            (Some(command), sent, slot, command.emit().to_vec())
        }
        _ => return Err(other().into()),
    };
    let sealer = BindingAccount { parameter_keys: sent.key_version, ..held };
    let again = Some(Wanted::Mail(sealer, slot, sent.version, plaintext));
    Ok(Posted { command, held, envelope: sent.as_bytes().to_vec(), again })
}

/// The slot, version and, for a command, the counter that come next after `sent`.
///
/// Each command takes one version of the slots 05 to 08, in turn; so their sum is how many there were, and the counter is that sum with the new
/// version in it. It grows also where versions are left out, after a restore.
fn place(sent: &[MailRecord], letter: &Letter<'_>) -> Result<Placed, LedgerError> {
    let last = |slot: Slot| sent.iter().find(|mail| mail.slot == slot).map_or(0, |mail| mail.version);
    let next =
        |slot: Slot| Ok::<_, LedgerError>(last(slot).checked_add(1).ok_or(AccountError::SequenceExhausted)?);
    match letter {
        Letter::Plain { slot, plaintext } => {
            Ok(Placed { slot: *slot, version: next(*slot)?, command: None, plaintext: plaintext.to_vec() })
        }
        Letter::Command(order) => {
            let sum = Slot::COMMANDS.into_iter().try_fold(0_u32, |sum, slot| sum.checked_add(last(slot)));
            let sum = sum.ok_or(AccountError::SequenceExhausted)?;
            let turn = usize::try_from(sum).unwrap_or(0) % Slot::COMMANDS.len();
            let slot = *Slot::COMMANDS
                .get(turn)
                .ok_or_else(|| StoreError::Corrupt("slots of commands".to_owned()))?;
            let version = next(slot)?;
            let counter = sum.checked_add(1).ok_or(AccountError::SequenceExhausted)?;
            let command = numbered(order, counter);
            Ok(Placed { slot, version, command: Some(command), plaintext: command.emit().to_vec() })
        }
    }
}

fn numbered(order: &Order, counter: u32) -> Command {
    let Order { action, expiry, technician } = *order;
    Command { counter, expiry, card: technician, action }
}
