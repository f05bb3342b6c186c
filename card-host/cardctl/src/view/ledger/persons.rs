//! What was taken away of a person, and what stands for it now.

use card_core::text::Language;
use card_ledger::RequestId;
use serde::Serialize;

use crate::view::View;
use crate::words::say;

/// What is left.
#[derive(Serialize)]
pub(crate) struct Erased {
    request: RequestId,
    /// What stands for the person in the entries.
    reference: String,
}

impl Erased {
    pub(crate) fn new(request: &RequestId, reference: String) -> Self {
        Self { request: request.clone(), reference }
    }
}

impl View for Erased {
    fn text(&self, language: Language) -> String {
        let says = say(
            language,
            "taken away; in the entries there is only this now",
            "تم محو البيانات، ولم يبق في القيود إلا هذا الرمز",
        );
        format!("{says}: {}", self.reference)
    }
}
