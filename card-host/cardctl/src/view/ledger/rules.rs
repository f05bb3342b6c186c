//! `cardctl ledger rules` and `cardctl ledger customer`.

use card_core::text::Language;
use card_ledger::{Policy, RequestId};
use serde::Serialize;
use serde_json::Value;

use crate::view::View;
use crate::words::said;

/// The rules of selling that hold.
#[derive(Serialize)]
pub(crate) struct Rules {
    version: u32,
    /// As they can be entered again.
    rules: Value,
}

impl Rules {
    pub(crate) fn new(version: u32, policy: &Policy) -> Self {
        Self { version, rules: serde_json::from_str(&policy.to_json()).unwrap_or_default() }
    }
}

impl View for Rules {
    fn text(&self, _: Language) -> String {
        serde_json::to_string_pretty(&self.rules).unwrap_or_default()
    }
}

/// Rules that were entered.
#[derive(Serialize)]
pub(crate) struct Entered {
    pub(crate) request: RequestId,
    pub(crate) version: u32,
}

impl View for Entered {
    fn text(&self, language: Language) -> String {
        said!(
            language,
            "version {version} of the rules holds from now on",
            "بدأ العمل بقواعد البيع رقم {version}",
            version = self.version,
        )
    }
}

/// Where messages to a customer go.
#[derive(Serialize)]
pub(crate) struct CustomerView {
    pub(crate) request: RequestId,
    #[serde(serialize_with = "crate::view::as_text")]
    pub(crate) account: u64,
    pub(crate) phone: String,
    pub(crate) arabic: bool,
}

impl View for CustomerView {
    fn text(&self, language: Language) -> String {
        let Self { account, phone, .. } = self;
        match phone.as_str() {
            "" => {
                said!(
                    language,
                    "account {account} gets no messages",
                    "لا تُرسل رسائل إلى المشترك {account}",
                    account
                )
            }
            phone => said!(
                language,
                "messages to account {account} go to {phone}",
                "تُرسل رسائل المشترك {account} إلى {phone}",
                account,
                phone,
            ),
        }
    }
}
