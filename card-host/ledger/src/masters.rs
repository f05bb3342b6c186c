//! The masters that belong to a ledger: it knows each by its check value, so another company's keys, or older ones, are found before they sign.

use card_core::role::{KeyVersion, Role};
use card_host::keystore::{KeyStoreError, MASTERS};
use serde_json::{Value, json};
use std::collections::BTreeMap;

use super::answers::number;
use super::error::{LedgerError, MastersError, Refusal};
use super::names::{COMPANY, DRAWN, NameError, RequestId};
use super::office::{Office, Who};
use super::powers::Power;
use super::second::identity;
use super::store::{Transaction, read};

/// The id under which the check value of a drawn master is entered.
pub(super) fn drawn(version: KeyVersion) -> Result<RequestId, NameError> {
    format!("{DRAWN}{version}").parse()
}

impl Office {
    /// Refuses one person alone with masters: where the ledger has staff, two members may `keys`, and both are there. The second one's name.
    pub fn both_hold_keys(&self, who: &Who, second: Option<&Who>) -> Result<Option<String>, LedgerError> {
        who.must(Power::Keys)?;
        if self.is_single_user()? {
            return Ok(None);
        }
        let second = second.ok_or(Refusal::TwoHoldKeys)?;
        second.must(Power::Keys)?;
        if identity(&second.actor) == identity(&who.actor) {
            return Err(Refusal::TwoHoldKeys.into());
        }
        Ok(Some(second.actor.clone()))
    }

    /// Enters that the next master of `role` is to be drawn, before it is, and gives the key version number that it gets. Repeated, it gives
    /// the same number: where the key store has come to it, the master has been drawn.
    pub fn next_master(
        &self,
        who: &Who,
        second: Option<&Who>,
        id: &RequestId,
        role: Role,
    ) -> Result<KeyVersion, LedgerError> {
        let second = self.both_hold_keys(who, second)?;
        let own = id.beside("master")?;
        let asked = asked(json!({ "master": format!("{role:?}").to_lowercase() }), second);
        let answer = self.set_and_answer(who, &own, Power::Keys, &asked, |_, _| {
            let next = self.keys().current(role)?.next();
            if !next.is_of(role) {
                return Err(KeyStoreError::VersionsExhausted(role).into());
            }
            Ok((json!({ "version": next.byte() }), Vec::new()))
        })?;
        number(&answer, "version", &own).map(KeyVersion::from_byte)
    }

    /// Enters the check value of a master that has been drawn. Repeated, nothing.
    pub fn master_drawn(&self, who: &Who, version: KeyVersion) -> Result<(), LedgerError> {
        let check = hex::encode(self.keys().check_value(self.scope(), version)?);
        let document = json!({ "drawn": { "version": version.byte(), "check": check } });
        self.set(who, &drawn(version)?, Power::Keys, &document, |_| Ok(Vec::new()))
    }

    /// Enters that keys were handed over in a sealed file: those of so many meters to their factory, by the file's SHA-256, or the master of a
    /// maker's blank cards to us, by its check value.
    pub fn keys_handed(
        &self,
        who: &Who,
        second: Option<&Who>,
        id: &RequestId,
        handed: &Handed,
    ) -> Result<(), LedgerError> {
        let second = self.both_hold_keys(who, second)?;
        let document = match handed {
            Handed::Meters { count, sha256 } => json!({ "delivered": { "meters": count, "sha256": sha256 } }),
            Handed::Initial { check } => json!({ "taken": { "check": check } }),
        };
        self.set(who, id, Power::Keys, &asked(document, second), |_| Ok(Vec::new()))
    }

    /// The check values of all masters that the key store has now, by key version number.
    pub(super) fn checks_of_masters(&self) -> Result<BTreeMap<String, String>, LedgerError> {
        let mut checks = BTreeMap::new();
        for role in MASTERS {
            for master in 1..=self.keys().current(role)?.master() {
                let version = KeyVersion::new(role, master);
                let check = self.keys().check_value(self.scope(), version)?;
                checks.insert(version.to_string(), hex::encode(check));
            }
        }
        Ok(checks)
    }

    /// That the masters are those of this ledger, and none that it knows is missing. A ledger that was founded before check values were entered
    /// knows only those that were drawn since.
    pub(super) fn know_masters(&self) -> Result<(), LedgerError> {
        let known = read(self.ledger(), |t| {
            let founded = payload(t, "founded".parse()?)?;
            let founded = founded.pointer("/founded/masters").cloned().unwrap_or_default();
            let mut known: BTreeMap<String, String> = serde_json::from_value(founded).unwrap_or_default();
            for role in MASTERS {
                // One more than there is, which an older copy of the keys does not have.
                for master in 2..=self.keys().current(role)?.master().saturating_add(1).min(15) {
                    let version = KeyVersion::new(role, master);
                    if let Some(check) =
                        payload(t, drawn(version)?)?.pointer("/drawn/check").and_then(Value::as_str)
                    {
                        known.insert(version.to_string(), check.to_owned());
                    }
                }
            }
            Ok(known)
        })?;
        for (role, master) in MASTERS.into_iter().flat_map(|role| (1..=15).map(move |master| (role, master)))
        {
            let version = KeyVersion::new(role, master);
            let Some(known) = known.get(&version.to_string()) else { continue };
            if self.keys().current(role)?.master() < master {
                return Err(MastersError::Older(version).into());
            }
            if hex::encode(self.keys().check_value(self.scope(), version)?) != *known {
                return Err(MastersError::Others(version).into());
            }
        }
        Ok(())
    }
}

/// Keys that were handed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Handed {
    /// Of meters, to their factory.
    Meters {
        /// How many.
        count: u64,
        /// Of the sealed file.
        sha256: String,
    },
    /// The master of blank cards, from their maker.
    Initial {
        /// Its check value.
        check: String,
    },
}

fn asked(mut document: Value, second: Option<String>) -> Value {
    if let (Some(document), Some(second)) = (document.as_object_mut(), second) {
        document.insert("second".to_owned(), second.into());
    }
    document
}

/// What the company entered under this id; null where nothing is.
fn payload(t: &mut dyn Transaction, id: RequestId) -> Result<Value, LedgerError> {
    let who = Who::company(COMPANY)?;
    let steps = t.steps(&who.request(&id))?;
    let Some(step) = steps.first() else { return Ok(Value::Null) };
    let entry = t.entry(&step.entry)?;
    Ok(entry.and_then(|entry| serde_json::from_slice(&entry.payload).ok()).unwrap_or_default())
}
