//! `cardctl config`, `cardctl man`.

use card_core::text::{Language, isolate};
use serde::Serialize;

use super::View;
use super::table::Table;
use super::words::say;

/// Where a setting came from; the first that has it counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Source {
    Argument,
    Environment,
    /// What systemd gives a service.
    Credential,
    File,
    /// The language of the environment's locale.
    Locale,
    BuiltIn,
    Unset,
}

impl Source {
    const fn text(self, language: Language) -> &'static str {
        match (language, self) {
            (Language::English, Self::Argument) => "argument",
            (Language::English, Self::Environment) => "environment",
            (Language::English, Self::Credential) => "credential",
            (Language::English, Self::File) => "file",
            (Language::English, Self::Locale) => "locale",
            (Language::English, Self::BuiltIn) => "built in",
            (Language::English, Self::Unset) => "not set",
            (Language::Arabic, Self::Argument) => "من سطر الأوامر",
            (Language::Arabic, Self::Environment) => "من متغيرات البيئة",
            (Language::Arabic, Self::Credential) => "من بيانات الاعتماد",
            (Language::Arabic, Self::File) => "من ملف الإعدادات",
            (Language::Arabic, Self::Locale) => "من لغة النظام",
            (Language::Arabic, Self::BuiltIn) => "القيمة الأصلية",
            (Language::Arabic, Self::Unset) => "غير محدد",
        }
    }
}

/// An option of every command, or one that the file sets.
#[derive(Serialize)]
pub(crate) struct Setting {
    pub(crate) key: String,
    pub(crate) variable: String,
    pub(crate) value: Option<String>,
    pub(crate) source: Source,
}

/// All of them, and the file that is read.
#[derive(Serialize)]
pub(crate) struct Settings {
    pub(crate) file: Option<String>,
    pub(crate) settings: Vec<Setting>,
}

impl View for Settings {
    fn text(&self, language: Language) -> String {
        let mut table = Table::new(language);
        let (name, none) = match language {
            Language::English => ("settings file", "none"),
            Language::Arabic => ("ملف الإعدادات", "لا يوجد"),
        };
        table.line(name, self.file.as_deref().unwrap_or(none));
        for Setting { key, variable, value, source } in &self.settings {
            let source = source.text(language);
            let value = match value {
                None => source.to_owned(),
                Some(value) => say(
                    language,
                    format_args!("{value}  ({source})"),
                    format_args!("{}  ({source})", isolate(value)),
                ),
            };
            table.line(format!("{key}  {variable}"), value);
        }
        table.finish()
    }
}

/// Manual pages that were written.
#[derive(Serialize)]
pub(crate) struct Pages {
    pub(crate) folder: String,
    pub(crate) pages: usize,
}

impl View for Pages {
    fn text(&self, language: Language) -> String {
        let Self { folder, pages } = self;
        match language {
            Language::English => format!("{pages} manual pages are in {folder}: man -l {folder}/cardctl.1"),
            Language::Arabic => {
                format!("كُتبت صفحات الدليل في {}: {pages}", isolate(folder))
            }
        }
    }
}
