//! `cardctl signer`.

use card_core::text::Language;
use card_core::units::Piastres;
use card_host::keystore::Alarm;
use card_signer::rules::Ceilings;
use card_signer::{Asked, Change};
use serde::Serialize;
use zeroize::Zeroizing;

use super::View;
use super::customer;
use super::table::Table;
use crate::words::said;

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
    fn text(&self, language: Language) -> String {
        let mut table = Table::new(language);
        for Secret { name, secret, file } in &self.custodians {
            table.line(name.as_str(), secret.as_ref().or(file.as_ref()).map_or("", String::as_str));
        }
        said!(
            language,
            "{table}\nEach custodian keeps the own secret, in a file that nobody else reads: it is shown once",
            "{table}\nيحتفظ كل أمين بكلمته السرية في ملف لا يقرؤه غيره، فهي تُعرض مرة واحدة",
            table = table.finish(),
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

fn words(what: &Change, language: Language) -> String {
    let egp = |amount: &u64| customer::amount(Piastres(*amount), language);
    match what {
        Change::Ceilings { certificate, binding_day, hour, day } => said!(
            language,
            "ceilings {certificate}, {binding_day} a day for a contract, {hour} an hour, {day} a day",
            "الحدود القصوى {certificate}، و{binding_day} في اليوم للتعاقد، و{hour} في الساعة، و{day} في اليوم",
            certificate = egp(certificate),
            binding_day = egp(binding_day),
            hour = egp(hour),
            day = egp(day),
        ),
        Change::Validity { version, begin, until } => said!(
            language,
            "master {version} is valid from {begin} until before {until}",
            "بيانات التشفير {version} صالحة من {begin} إلى ما قبل {until}",
            version = format_args!("{version:02X}"),
            begin = day(*begin),
            until = day(*until),
        ),
        Change::Drawn { version } => said!(
            language,
            "master {version} is drawn",
            "أُنشئت بيانات التشفير {version}",
            version = format_args!("{version:02X}"),
        ),
        Change::Delivered { meters, sha256 } => said!(
            language,
            "keys of {meters} meters delivered, file {sha256}",
            "سُلّمت بيانات تشفير {meters} من العدادات، ملف {sha256}",
            meters,
            sha256,
        ),
        Change::Taken { check } => said!(
            language,
            "the master of blank cards taken in, check value {check}",
            "استُلمت بيانات تشفير الكروت الجديدة، قيمة التحقق {check}",
            check,
        ),
    }
}

fn day(seconds: u64) -> String {
    let time = i64::try_from(seconds).ok().and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
    time.map_or_else(String::new, |time| time.to_zoned(jiff::tz::TimeZone::UTC).date().to_string())
}

impl View for Pending {
    fn text(&self, language: Language) -> String {
        let what = words(&self.what, language);
        if self.done {
            return said!(language, "done: {what}", "تم: {what}", what);
        }
        said!(
            language,
            "{what}: asked for; within a day another custodian agrees with `cardctl signer agree {number} --as NAME`",
            "{what}: طُلب بالرقم {number}، ويوافق عليه أمين آخر خلال يوم",
            what,
            number = self.number,
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
    fn text(&self, language: Language) -> String {
        let mut lines = vec![words(&self.ceilings, language)];
        for change in &self.changes {
            let how = match &change.agreed {
                None => said!(language, "waits", "وينتظر الموافقة"),
                Some(agreed) => said!(language, "{agreed} agreed", "ووافق {agreed}", agreed),
            };
            lines.push(said!(
                language,
                "{number} {what}: asked by {asked}, {how}",
                "{number} {what}: طلبه {asked} {how}",
                number = change.number,
                what = words(&change.what, language),
                asked = change.asked,
                how,
            ));
        }
        lines.extend(self.alarms.iter().map(|alarm| {
            said!(
                language,
                "alarm, {day}: {what}",
                "إنذار {day}: {what}",
                day = day(alarm.time),
                what = alarm.what
            )
        }));
        lines.join("\n")
    }
}
