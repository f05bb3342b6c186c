//! The masters that belong to a ledger: it knows each by its check value, so another company's keys, or older ones, are found before they sign.

use card_core::role::KeyVersion;
use card_host::keystore::MASTERS;
use serde_json::Value;
use std::collections::BTreeMap;

use super::error::{LedgerError, MastersError};
use super::names::{COMPANY, NameError, RequestId};
use super::office::{Office, Who};
use super::store::{Transaction, read};

/// The id under which the check value of a drawn master is entered.
pub(super) fn drawn(version: KeyVersion) -> Result<RequestId, NameError> {
    format!("{DRAWN}{version}").parse()
}

/// What those ids begin with.
pub(super) const DRAWN: &str = "master-";

impl Office {
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

/// What the company entered under this id; null where nothing is.
fn payload(t: &mut dyn Transaction, id: RequestId) -> Result<Value, LedgerError> {
    let who = Who::company(COMPANY)?;
    let steps = t.steps(&who.request(&id))?;
    let Some(step) = steps.first() else { return Ok(Value::Null) };
    let entry = t.entry(&step.entry)?;
    Ok(entry.and_then(|entry| serde_json::from_slice(&entry.payload).ok()).unwrap_or_default())
}
