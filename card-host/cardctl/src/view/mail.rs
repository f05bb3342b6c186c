//! `cardctl mail`.

use card_core::id::{CardId, MeterId};
use card_core::text::Language;
use serde::Serialize;

use super::View;
use super::verdict::Taken;
use crate::words::{Both, said};

/// What was told to a meter.
#[derive(Serialize)]
pub(crate) struct Sent {
    says: String,
    #[serde(skip)]
    said: Both,
    #[serde(serialize_with = "crate::view::as_text")]
    meter: u64,
    /// What is to be started again.
    #[serde(skip_serializing_if = "Option::is_none")]
    restart: Option<&'static str>,
    #[serde(flatten)]
    way: Way,
}

/// How it was told.
#[derive(Serialize)]
#[serde(untagged)]
pub(crate) enum Way {
    /// It waits on the card.
    Card { card: String, slot: u8, version: u32, stored: bool },
    /// The meter has it.
    Network(Taken),
}

impl Way {
    pub(crate) fn card(card: CardId, slot: u8, version: u32, stored: bool) -> Self {
        Self::Card { card: card.to_string(), slot, version, stored }
    }
}

impl Sent {
    pub(crate) fn new(said: Both, meter: MeterId, way: Way, new_master: bool) -> Self {
        let meter = meter.number();
        let says = said.0.clone();
        Self { says, said, meter, restart: new_master.then_some("cardctl serve"), way }
    }
}

impl View for Sent {
    fn text(&self, language: Language) -> String {
        let Self { said, meter, restart, way, .. } = self;
        let says = said.of(language);
        let mut text = match way {
            Way::Card { card, slot, version, .. } => said!(
                language,
                "on card {card}, for meter {meter}: {says} (slot {slot}, version {version}); take it there: {command}",
                "على الكارت {card} للعداد {meter}: {says} (الخانة {slot}، رقم {version})؛ يرجى وضع الكارت في العداد: {command}",
                card,
                meter,
                says,
                slot = format_args!("{slot:02X}"),
                version,
                command = "cardctl meter tap",
            ),
            Way::Network(taken) => said!(
                language,
                "to meter {meter}, {says}: {taken}",
                "إلى العداد {meter}، {says}: {taken}",
                meter,
                says,
                taken = taken.text(language),
            ),
        };
        if let Some(program) = restart {
            text.push_str(&said!(
                language,
                "\nrestart `{program}` where it runs: it knows the former keys only",
                "\nيرجى إعادة تشغيل {program} إن كان يعمل، فهو لا يعرف إلا بيانات التشفير السابقة",
                program,
            ));
        }
        text
    }

    fn is_good(&self) -> bool {
        match &self.way {
            Way::Card { .. } => true,
            Way::Network(taken) => taken.is_good(),
        }
    }
}
