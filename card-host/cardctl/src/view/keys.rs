//! `cardctl keys`.

use card_core::role::KeyVersion;
use card_core::text::Language;
use serde::Serialize;

use super::View;
use super::table::Table;

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
    fn text(&self, _: Language) -> String {
        let mut table = Table::default();
        for Master { version, role, check, current } in &self.masters {
            let current = if *current { ", current" } else { "" };
            table.line(format!("{version} {role}"), format!("{check}{current}"));
        }
        let compared = if self.compared {
            "They are the ledger's."
        } else {
            "There is no ledger here to compare them with."
        };
        format!("{}\n{compared}", table.finish())
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
    fn text(&self, _: Language) -> String {
        format!(
            "master {} is drawn, its check value is {}. Cards and meters get its keys as they come by",
            self.version, self.check
        )
    }
}
