//! The id of what is asked for. Whoever asks sees it before anything is done, so that nothing has to be asked for twice.

use crate::words::said;
use card_ledger::RequestId;
use std::io::Write as _;
use std::sync::OnceLock;

/// The id of what is asked for, once.
pub(crate) struct Request {
    id: RequestId,
    /// Whether it was given: asked for before, perhaps.
    repeats: bool,
    /// Whether programs read what is said.
    json: bool,
    shown: OnceLock<()>,
}

/// An id that nobody has seen, so that nobody could ask again with it.
#[derive(Debug, thiserror::Error)]
#[error(
    "the id of this request could not be shown ({0}), and nothing was done: name one of your own with --request"
)]
pub(crate) struct NotShown(std::io::Error);

impl Request {
    /// `repeats` is whether it was given.
    pub(crate) const fn new(id: RequestId, repeats: bool, json: bool) -> Self {
        Self { id, repeats, json, shown: OnceLock::new() }
    }

    /// The id, which is shown on standard error where it was not given.
    pub(crate) fn id(&self) -> Result<&RequestId, NotShown> {
        if !self.repeats && self.shown.get().is_none() {
            self.show().map_err(NotShown)?;
            let _ = self.shown.set(());
        }
        Ok(&self.id)
    }

    fn show(&self) -> std::io::Result<()> {
        let id = &self.id;
        match self.json {
            true => writeln!(std::io::stderr(), "{}", serde_json::json!({ "request": id })),
            false => writeln!(
                std::io::stderr(),
                "cardctl: {}",
                said!(
                    crate::say::language(),
                    "request {id}: the same again with {option} is done once, and gives the same answer",
                    "الطلب {id}: إعادته مع {option} لا تنفذه مرة ثانية وتعطي الرد نفسه",
                    id,
                    option = format_args!("--request {id}"),
                )
            ),
        }
    }

    /// Whether it was given: asked for before, perhaps.
    pub(crate) const fn repeats(&self) -> bool {
        self.repeats
    }

    /// The id, where whoever asks has seen it.
    pub(crate) fn seen(&self) -> Option<&RequestId> {
        (self.repeats || self.shown.get().is_some()).then_some(&self.id)
    }
}
