//! Who works here.

use card_core::text::Language;
use card_ledger::{Powers, RequestId, Staff, StaffSecret};
use serde::Serialize;
use std::path::Path;

use super::View;
use super::table::Table;
use crate::words::{comma, said, say};

#[derive(Serialize)]
struct Member {
    name: String,
    may: Powers,
    stopped: bool,
}

impl From<Staff> for Member {
    fn from(Staff { name, may, stopped, .. }: Staff) -> Self {
        Self { name, may, stopped }
    }
}

impl Member {
    fn state(&self, language: Language) -> String {
        let each = self.may.to_string();
        let each: Vec<_> = each.split(',').map(|power| power_in(language, power)).collect();
        let may = each.join(comma(language).trim_end());
        match self.stopped {
            true => said!(language, "stopped", "موقوف"),
            false => said!(language, "may {may}", "الصلاحيات: {may}", may),
        }
    }
}

/// All of them.
#[derive(Serialize)]
pub(crate) struct Members {
    single_user: bool,
    staff: Vec<Member>,
}

impl Members {
    pub(crate) fn new(single_user: bool, staff: Vec<Staff>) -> Self {
        Self { single_user, staff: staff.into_iter().map(Member::from).collect() }
    }
}

/// What somebody may do.
pub(crate) fn power_in(language: Language, code: &str) -> String {
    let arabic = match code {
        "sell" => "البيع",
        "correct" => "التصحيح",
        "approve" => "الموافقة",
        "keys" => "بيانات التشفير",
        "audit" => "المراجعة",
        "settings" => "الإعدادات",
        other => other,
    };
    say(language, code, arabic)
}

/// What a ledger without staff is.
pub(crate) fn single_user(language: Language) -> String {
    said!(
        language,
        "a single user's ledger, for development: whoever uses it is believed to be who they say",
        "دفاتر مستخدم واحد للتطوير: يُصدَّق كل من يستخدمها"
    )
}

impl View for Members {
    fn text(&self, language: Language) -> String {
        if self.single_user {
            return single_user(language);
        }
        let mut table = Table::new(language);
        for member in &self.staff {
            table.line(&member.name, member.state(language));
        }
        table.finish()
    }
}

/// One who was entered or changed.
#[derive(Serialize)]
pub(crate) struct Changed {
    request: RequestId,
    #[serde(flatten)]
    member: Member,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
}

impl Changed {
    /// `secret` is a new one that is to be shown.
    pub(crate) fn new(
        request: RequestId,
        member: Staff,
        secret: Option<&StaffSecret>,
        file: Option<&Path>,
    ) -> Self {
        let secret = secret.map(|secret| secret.as_str().to_owned());
        Self { request, member: member.into(), secret, file: file.map(|file| file.display().to_string()) }
    }
}

impl View for Changed {
    fn text(&self, language: Language) -> String {
        let name = &self.member.name;
        let line =
            said!(language, "{name}  {state}", "{name}  {state}", name, state = self.member.state(language));
        match (&self.secret, &self.file) {
            (Some(secret), _) => format!("{line}\n{}", shown_once(name, secret, language)),
            (None, Some(file)) => said!(
                language,
                "{line}\nthe secret is in {file}: give it to {name}, and keep no copy",
                "{line}\nالكلمة السرية في {file}: يرجى تسليمها إلى {name} وعدم الاحتفاظ بنسخة",
                line,
                file,
                name,
            ),
            (None, None) => line,
        }
    }
}

/// A new secret.
pub(crate) fn shown_once(name: &str, secret: &str, language: Language) -> String {
    said!(
        language,
        "{secret}\n  (the secret of {name}, for nobody else; it is kept nowhere)",
        "{secret}\n  (الكلمة السرية الخاصة بـ {name} وحده، ولا تُحفظ في أي مكان)",
        secret,
        name,
    )
}
