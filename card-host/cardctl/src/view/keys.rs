//! `cardctl keys`.

mod protocol;

use card_core::id::{Company, Scope};
use card_core::role::KeyVersion;
use card_core::text::Language;
use serde::{Deserialize, Serialize};

pub(crate) use self::protocol::Protocol;
use super::View;
use super::table::Table;
use crate::words::{said, say};

/// A master, without itself.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Master {
    version: String,
    role: String,
    check: String,
    current: bool,
}

impl Master {
    pub(crate) fn new(version: KeyVersion, check: [u8; 8], current: bool) -> Self {
        let role = version.role().map_or_else(String::new, |role| role.to_string());
        Self { version: version.to_string(), role, check: hex::encode(check), current }
    }
}

/// All of them.
#[derive(Serialize, Deserialize)]
pub(crate) struct MasterList {
    company: u16,
    /// `test` or `production`.
    environment: String,
    masters: Vec<Master>,
    /// Whether the ledger knows them.
    compared: bool,
}

impl MasterList {
    pub(crate) fn new(scope: Scope, masters: Vec<Master>, compared: bool) -> Self {
        let (company, environment) = (scope.company.0, scope.environment.to_string());
        Self { company, environment, masters, compared }
    }

    /// Whose they are.
    pub(crate) fn scope(&self) -> Option<Scope> {
        let environment = self.environment.parse().ok()?;
        Some(Scope { company: Company(self.company), environment })
    }
}

impl View for MasterList {
    fn text(&self, language: Language) -> String {
        let mut table = Table::new(language);
        for Master { version, role, check, current } in &self.masters {
            let role = say(language, role, role_in_arabic(role));
            let value = match current {
                true => said!(language, "{check}, current", "{check} (الحالي)", check),
                false => check.clone(),
            };
            table.line(format!("{version} {role}"), value);
        }
        let compared = if self.compared {
            said!(language, "They are the ledger's.", "هي بيانات التشفير المسجلة في الدفاتر.")
        } else {
            said!(
                language,
                "There is no ledger here to compare them with.",
                "لا توجد دفاتر هنا لمقارنتها بها."
            )
        };
        format!("{}\n{compared}", table.finish())
    }
}

/// What the keys of a master are for.
fn role_in_arabic(role: &str) -> &str {
    match role {
        "admin" => "إصدار الكروت",
        "vending" => "قراءة الكروت",
        "load" => "الشحنات إلى الكارت",
        "receipt" => "إيصالات الكارت",
        "credit" => "شهادات الرصيد",
        "parameter" => "الرسائل إلى العداد",
        "report" => "رسائل العداد",
        "meter base" => "جلسات العداد",
        "transport" => "نقل بيانات التشفير",
        other => other,
    }
}

/// The masters beside those that were kept.
#[derive(Serialize)]
pub(crate) struct Checked {
    good: bool,
    masters: Vec<Found>,
}

#[derive(Serialize)]
struct Found {
    version: String,
    /// `same`, `other`, `missing` or `new`: drawn since.
    found: &'static str,
}

impl Checked {
    pub(crate) fn new(kept: &MasterList, now: &[Master]) -> Self {
        let mut masters: Vec<Found> = Vec::new();
        for before in &kept.masters {
            let found = match now.iter().find(|master| master.version == before.version) {
                None => "missing",
                Some(master) if master.check == before.check => "same",
                Some(_) => "other",
            };
            masters.push(Found { version: before.version.clone(), found });
        }
        let known = |master: &&Master| !kept.masters.iter().any(|kept| kept.version == master.version);
        let new = now.iter().filter(known);
        masters.extend(new.map(|master| Found { version: master.version.clone(), found: "new" }));
        let good = !masters.is_empty() && masters.iter().all(|found| matches!(found.found, "same" | "new"));
        Self { good, masters }
    }
}

impl View for Checked {
    fn text(&self, language: Language) -> String {
        let mut table = Table::new(language);
        for Found { version, found } in &self.masters {
            let words = match *found {
                "same" => ["the same", "كما هو"],
                "other" => ["another: not the one of the ceremony", "مختلف عن المحضر"],
                "missing" => ["missing", "غير موجود"],
                _ => ["drawn since", "أُنشئ بعد ذلك"],
            };
            let [english, arabic] = words;
            table.line(version.as_str(), say(language, english, arabic));
        }
        table.finish()
    }

    fn is_good(&self) -> bool {
        self.good
    }
}

/// A master was drawn.
#[derive(Serialize)]
pub(crate) struct Drawn {
    version: String,
    check: String,
}

impl Drawn {
    pub(crate) fn new(version: KeyVersion, check: [u8; 8]) -> Self {
        Self { version: version.to_string(), check: hex::encode(check) }
    }
}

impl View for Drawn {
    fn text(&self, language: Language) -> String {
        said!(
            language,
            "master {version} is drawn, its check value is {check}. Cards and meters get its keys as they come by",
            "أُنشئت بيانات التشفير {version}، وقيمة التحقق منها {check}، وتصل إلى الكروت والعدادات عند حضورها",
            version = self.version,
            check = self.check,
        )
    }
}

/// A recipient was made.
#[derive(Serialize)]
pub(crate) struct MadeRecipient {
    pub(crate) recipient: String,
    pub(crate) file: String,
}

impl View for MadeRecipient {
    fn text(&self, language: Language) -> String {
        let Self { recipient, file } = self;
        let what = say(
            language,
            format_args!(
                "its secret is in {file}: keep it to yourself, and destroy it when the keys are taken"
            ),
            format_args!("كلمته السرية في {file}: يرجى حفظها وإتلافها بعد استلام بيانات التشفير"),
        );
        format!("{recipient}\n{what}")
    }
}

/// Keys of meters were sealed.
#[derive(Serialize)]
pub(crate) struct Delivered {
    pub(crate) meters: u64,
    /// Of the sealed file: the factory compares it.
    pub(crate) sha256: String,
    pub(crate) to: String,
    pub(crate) file: String,
}

impl View for Delivered {
    fn text(&self, language: Language) -> String {
        let Self { meters, sha256, file, .. } = self;
        say(
            language,
            format_args!(
                "the keys of {meters} meters are sealed in {file}; say its SHA-256 to the factory by another way: {sha256}"
            ),
            format_args!(
                "خُتمت بيانات تشفير {meters} عداد في {file}؛ يرجى إبلاغ المصنع ببصمة الملف بطريق آخر: {sha256}"
            ),
        )
    }
}

/// A card maker's key was taken.
#[derive(Serialize)]
pub(crate) struct Taken {
    pub(crate) check: String,
}

impl View for Taken {
    fn text(&self, language: Language) -> String {
        say(
            language,
            format_args!("the master of the maker's blank cards is in its place, check value {}", self.check),
            format_args!("أُدخلت بيانات تشفير الكروت الفارغة، قيمة التحقق {}", self.check),
        )
    }
}
