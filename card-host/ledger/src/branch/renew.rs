//! Masters rotate in the field as cards and meters come by (docs/ledger.md, section 7): a card at a branch gets the keys of the present masters, and takes
//! the next keys of its meter along.

use card_core::id::{Binding, CardId};
use card_core::message::Slot;
use card_core::parameters::{Action, KeysInUse};
use card_core::role::{KeyVersion, Role};
use card_core::units::CardTime;
use serde_json::json;

use super::super::bindings::card_head;
use super::super::entry::{Kind, Step};
use super::super::error::LedgerError;
use super::super::meter_keys::{base_and_transport, keys_of_meter};
use super::super::names::RequestId;
use super::super::office::{Office, Who, draft};
use super::super::powers::Powers;
use super::super::records::{BindingRecord, CardUse, Head, Status};
use super::super::sell::about;
use super::super::sell::totals;
use super::super::store::{Payee, read};
use super::BranchError;
use card_host::card;
use card_host::card_work::{self, Mail, Order};
use card_host::operate;
use card_host::random::OsRandom;
use card_host::transport::Transport;

/// What was brought to the present masters.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Renewed {
    /// Key version numbers of the card's new keys.
    pub card: Vec<KeyVersion>,
    /// That of the keys which the card takes to its meter.
    pub meter: Option<KeyVersion>,
}

impl Office {
    /// Brings the keys of the customer's card behind `transport` to the present masters, and gives it the next keys of its meter, where that does not
    /// have them. Both versions of a master are valid meanwhile. To be repeated where it was torn, and whenever a card comes by.
    ///
    /// What the card carries is to be handed in first: it tells which keys the meter has.
    pub fn renew(&self, who: &Who, transport: &mut impl Transport) -> Result<Renewed, BranchError> {
        let who = Who { may: Powers::ALL, ..who.at_office()? };
        let present = card::select(transport)?.card;
        let found = read(self.ledger(), |t| {
            let record = t.binding(Payee::Card(present.id))?;
            let Some(record) =
                record.filter(|record| record.held.card == present && record.status == Status::Open)
            else {
                return Ok(None);
            };
            let known = keys_of_meter(t, record.binding())?;
            Ok(Some((record, known)))
        })?;
        let Some((record, known)) = found else { return Ok(Renewed::default()) };
        let meter_key = known.map(|known| KeyVersion::new(Role::Meter, known.base));
        let current = self.keys().current(Role::Meter)?;
        let meter_key = meter_key.filter(|version| version.is_of(Role::Meter) && *version <= current);
        let meter = record.binding().meter;
        let card = operate::renew_keys(transport, self.keys(), meter, meter_key, &mut OsRandom)?;
        let load = card::key_information(transport)?.version(Role::Load);
        if let Some(load) = load.filter(|load| *load != record.held.load_key) {
            self.card_has(&who, record.binding(), present.id, load)?;
        }
        let next = match known {
            Some(known) => self.next_of_meter(&who, &record, known)?,
            None => self.ask_meter(&who, &record)?.map(|mail| (None, mail)),
        };
        // Sealed once, it is given to each card that comes until the meter has it.
        if let Some((_, mail)) = &next {
            card_work::deliver(transport, &mail.delivery)?;
        }
        let meter = next.and_then(|(version, _)| version);
        Ok(Renewed { card, meter })
    }

    /// The version of the meter key set that a card of this binding is to have: that of the base key which its meter is known to have, else the present
    /// one.
    pub(super) fn meter_key(&self, binding: Binding) -> Result<KeyVersion, LedgerError> {
        let current = self.keys().current(Role::Meter)?;
        let known = read(self.ledger(), |t| base_and_transport(t, binding))?;
        let known = known.map(|(base, _)| KeyVersion::new(Role::Meter, base));
        Ok(known.filter(|known| known.is_of(Role::Meter) && *known <= current).unwrap_or(current))
    }

    /// The transport key that a meter is known to have, else the present one.
    pub(super) fn transport_key(&self, binding: Binding) -> Result<KeyVersion, LedgerError> {
        let current = self.keys().current(Role::Transport)?;
        let known = read(self.ledger(), |t| base_and_transport(t, binding))?;
        let known = known.map(|(_, transport)| KeyVersion::new(Role::Transport, transport));
        Ok(known.filter(|known| known.is_of(Role::Transport) && *known <= current).unwrap_or(current))
    }

    /// Seals the next keys for a meter that lacks some, one role at a time; the same again until it has them.
    fn next_of_meter(
        &self,
        who: &Who,
        record: &BindingRecord,
        known: KeysInUse,
    ) -> Result<Option<(Option<KeyVersion>, Mail)>, LedgerError> {
        let roles = [
            (Role::Credit, known.credit),
            (Role::Parameter, known.parameter),
            (Role::Report, known.report),
            (Role::MeterBase, known.base),
            // The others come under it.
            (Role::Transport, known.transport),
        ];
        for (role, has) in roles {
            let (has, current) = (KeyVersion::new(role, has), self.keys().current(role)?);
            if !has.is_of(role) || has >= current {
                continue;
            }
            let (next, binding) = (has.next().min(current), record.binding());
            let id = renewal(binding, &next.to_string())?;
            let transport = KeyVersion::new(Role::Transport, known.transport);
            let change = self.keys().wrapped_meter_keys(self.scope(), binding.meter, next, transport)?;
            let mail =
                self.mail(who, &id, record.held.card.id, Slot::METER_KEYS, change.emit().as_slice())?;
            return Ok(Some((Some(next), mail)));
        }
        Ok(None)
    }

    /// A meter that has never said which keys it has is asked for its readings, once some master has rotated.
    fn ask_meter(&self, who: &Who, record: &BindingRecord) -> Result<Option<Mail>, LedgerError> {
        let mut rotated = false;
        for role in [Role::Credit, Role::Parameter, Role::Report, Role::MeterBase, Role::Transport] {
            rotated |= self.keys().current(role)?.master() > 1;
        }
        if !rotated {
            return Ok(None);
        }
        let order = Order { action: Action::ReadOut, expiry: CardTime::UNSET, technician: None };
        let id = renewal(record.binding(), "readings")?;
        Ok(Some(self.command(who, &id, record.held.card.id, &order)?.1))
    }

    /// A card has shown in a session that it has this load key: vouchers for it are signed with that from now on.
    fn card_has(
        &self,
        who: &Who,
        binding: Binding,
        card: CardId,
        load: KeyVersion,
    ) -> Result<(), LedgerError> {
        let id: RequestId = format!("keys-card-{card}-{load}").parse()?;
        let request = who.request(&id);
        self.step(|t| {
            let (context, mut point, _) = self.context(t, who, &request, Some(Payee::Binding(binding)))?;
            let record = context.binding.clone().filter(|record| {
                context.steps.is_empty() && record.held.card.id == card && record.held.load_key < load
            });
            let Some(mut record) = record else { return Ok(()) };
            record.held.load_key = load;
            let mut entry = draft(who, &request, Step::First, Kind::Settings, self.now()?);
            about(&mut entry, &record.held);
            totals(&mut entry, &record.held);
            entry.payload = json!({ "card_keys": load.to_string() }).to_string().into_bytes();
            let heads = [card_head(&record, CardUse::Customer), Head::Binding(Box::new(record))];
            self.book(t, &mut point, entry, &heads)?;
            Ok(())
        })
    }
}

fn renewal(binding: Binding, what: &str) -> Result<RequestId, LedgerError> {
    Ok(format!("renew-{:X}-{}-{what}", binding.meter, binding.number).parse()?)
}
