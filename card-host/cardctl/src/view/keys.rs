//! `cardctl keys`.

use card_core::role::KeyVersion;
use card_core::text::Language;
use serde::Serialize;

use super::View;
use super::table::Table;
use crate::words::{said, say};

/// A master, without itself.
#[derive(Serialize)]
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
#[derive(Serialize)]
pub(crate) struct MasterList {
    pub(crate) masters: Vec<Master>,
    /// Whether the ledger knows them.
    pub(crate) compared: bool,
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
