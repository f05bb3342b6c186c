//! `cardctl signer`.

use card_core::text::Language;
use card_core::units::Piastres;
use card_host::keystore::Alarm;
use card_signer::rules::Ceilings;
use card_signer::{Asked, Change};
use serde::Serialize;
use zeroize::Zeroizing;

use super::View;
use super::table::Table;

/// A signer was made.
#[derive(Serialize)]
pub(crate) struct Founded {
    custodians: Vec<Secret>,
}

/// A custodian's secret: it is kept nowhere.
#[derive(Serialize)]
struct Secret {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
    /// The file with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
}

impl Founded {
    pub(crate) fn new(names: &[String], secrets: &[Zeroizing<String>]) -> Self {
        let both = names.iter().zip(secrets);
        let custodians = both.map(|(name, secret)| Secret {
            name: name.clone(),
            secret: Some(secret.as_str().to_owned()),
            file: None,
        });
        Self { custodians: custodians.collect() }
    }

    /// Each secret is in a file.
    pub(crate) fn in_files(names: &[String], files: Vec<String>) -> Self {
        let both = names.iter().zip(files);
        let custodians =
            both.map(|(name, file)| Secret { name: name.clone(), secret: None, file: Some(file) });
        Self { custodians: custodians.collect() }
    }
}

impl View for Founded {
    fn text(&self, _: Language) -> String {
        let mut table = Table::default();
        for Secret { name, secret, file } in &self.custodians {
            table.line(name.as_str(), secret.as_ref().or(file.as_ref()).map_or("", String::as_str));
        }
        format!(
            "{}\nEach custodian keeps the own secret, in a file that nobody else reads: it is shown once",
            table.finish()
        )
    }
}

/// A change that was asked for, or is done.
#[derive(Serialize)]
pub(crate) struct Pending {
    number: u64,
    what: Change,
    done: bool,
}

impl Pending {
    pub(crate) fn asked(number: u64, what: &Change) -> Self {
        Self { number, what: what.clone(), done: false }
    }

    pub(crate) fn done(asked: &Asked) -> Self {
        Self { number: asked.number, what: asked.what.clone(), done: true }
    }
}

fn egp(amount: u64) -> String {
    format!("{} EGP", Piastres(amount))
}

fn words(what: &Change) -> String {
    match what {
        Change::Ceilings { certificate, binding_day, hour, day } => format!(
            "ceilings {}, {} a day for a contract, {} an hour, {} a day",
            egp(*certificate),
            egp(*binding_day),
            egp(*hour),
            egp(*day)
        ),
        Change::Validity { version, begin, until } => {
            format!("master {version:02X} is valid from {} until before {}", day(*begin), day(*until))
        }
        Change::Drawn { version } => format!("master {version:02X} is drawn"),
        Change::Delivered { meters, sha256 } => format!("keys of {meters} meters delivered, file {sha256}"),
        Change::Taken { check } => format!("the master of blank cards taken in, check value {check}"),
    }
}

fn day(seconds: u64) -> String {
    let time = i64::try_from(seconds).ok().and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
    time.map_or_else(String::new, |time| time.to_zoned(jiff::tz::TimeZone::UTC).date().to_string())
}

impl View for Pending {
    fn text(&self, _: Language) -> String {
        let what = words(&self.what);
        if self.done {
            return format!("done: {what}");
        }
        let number = self.number;
        format!(
            "{what}: asked for; within a day another custodian agrees with `cardctl signer agree {number} --as NAME`"
        )
    }
}

/// How a signer stands.
#[derive(Serialize)]
pub(crate) struct Standing {
    ceilings: Change,
    changes: Vec<Asked>,
    alarms: Vec<Said>,
}

#[derive(Serialize)]
struct Said {
    time: u64,
    what: String,
}

impl Standing {
    pub(crate) fn new(ceilings: Ceilings, changes: &[Asked], alarms: &[Alarm]) -> Self {
        let said = |alarm: &Alarm| Said { time: alarm.time.to_unix(), what: alarm.what.clone() };
        Self {
            ceilings: ceilings.into(),
            changes: changes.to_vec(),
            alarms: alarms.iter().map(said).collect(),
        }
    }
}

impl View for Standing {
    fn text(&self, _: Language) -> String {
        let mut lines = vec![words(&self.ceilings)];
        for change in &self.changes {
            let agreed = change.agreed.as_ref();
            let how = agreed.map_or_else(|| "waits".to_owned(), |agreed| format!("{agreed} agreed"));
            lines.push(format!(
                "{} {}: asked by {}, {how}",
                change.number,
                words(&change.what),
                change.asked
            ));
        }
        lines.extend(self.alarms.iter().map(|alarm| format!("alarm, {}: {}", day(alarm.time), alarm.what)));
        lines.join("\n")
    }
}
