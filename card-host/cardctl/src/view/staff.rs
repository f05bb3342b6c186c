//! Who works here.

use card_core::text::Language;
use card_ledger::{Powers, RequestId, Staff, StaffSecret};
use serde::Serialize;
use std::path::Path;

use super::View;
use super::table::Table;

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
    fn state(&self) -> String {
        if self.stopped { "stopped".to_owned() } else { format!("may {}", self.may) }
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

/// What a ledger without staff is.
pub(crate) const SINGLE_USER: &str =
    "a single user's ledger, for development: whoever uses it is believed to be who they say";

impl View for Members {
    fn text(&self, _: Language) -> String {
        if self.single_user {
            return SINGLE_USER.to_owned();
        }
        let mut table = Table::default();
        for member in &self.staff {
            table.line(&member.name, member.state());
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
    fn text(&self, _: Language) -> String {
        let name = &self.member.name;
        let line = format!("{name}  {}", self.member.state());
        match (&self.secret, &self.file) {
            (Some(secret), _) => format!("{line}\n{}", shown_once(name, secret)),
            (None, Some(file)) => {
                format!("{line}\nthe secret is in {file}: give it to {name}, and keep no copy")
            }
            (None, None) => line,
        }
    }
}

/// A new secret.
pub(crate) fn shown_once(name: &str, secret: &str) -> String {
    format!("{secret}\n  (the secret of {name}, for nobody else; it is kept nowhere)")
}
