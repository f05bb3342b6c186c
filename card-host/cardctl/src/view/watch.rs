//! `cardctl watch`: an event a line.

use card_core::text::Language;
use card_host::atr::Atr;
use card_host::pcsc::Event;
use serde::Serialize;

use super::View;

#[derive(Serialize)]
pub(crate) struct Happened {
    event: &'static str,
    /// Whether it was so when the watch began.
    initial: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    reader: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    atr: Option<String>,
    /// By what it says of itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    ours: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

impl Happened {
    pub(crate) fn new(event: &Event, initial: bool) -> Self {
        let of = |event, reader: Option<&String>| Self {
            event,
            initial,
            reader: reader.cloned(),
            atr: None,
            ours: None,
            error: None,
        };
        match event {
            Event::ServiceRuns => of("service_runs", None),
            Event::ServiceLost(error) => Self { error: Some(error.to_string()), ..of("service_lost", None) },
            Event::ReaderAttached { reader } => of("reader_attached", Some(reader)),
            Event::ReaderDetached { reader } => of("reader_detached", Some(reader)),
            Event::CardInserted { reader, atr } => Self {
                atr: Some(hex::encode_upper(atr)),
                ours: Some(Atr::parse(atr).is_some_and(|atr| atr.is_ours())),
                ..of("card_inserted", Some(reader))
            },
            Event::CardMute { reader } => of("card_mute", Some(reader)),
            Event::CardRemoved { reader } => of("card_removed", Some(reader)),
            Event::Watching => of("watching", None),
            _ => of("other", None),
        }
    }

    /// Whether it is about a reader with this in its name, or about all.
    pub(crate) fn concerns(&self, name: &str) -> bool {
        let meant = name.to_lowercase();
        self.reader.as_ref().is_none_or(|reader| reader.to_lowercase().contains(&meant))
    }
}

impl View for Happened {
    fn text(&self, _: Language) -> String {
        let reader = self.reader.as_deref().unwrap_or_default();
        match (self.event, self.ours) {
            ("service_runs", _) => "the smart card service runs".to_owned(),
            ("service_lost", _) => self.error.clone().unwrap_or_default(),
            ("reader_attached", _) => format!("{reader}: attached"),
            ("reader_detached", _) => format!("{reader}: detached"),
            ("card_inserted", Some(true)) => format!("{reader}: a card of ours"),
            ("card_inserted", _) => {
                format!(
                    "{reader}: a card of others, answer to reset {}",
                    self.atr.as_deref().unwrap_or_default()
                )
            }
            ("card_mute", _) => format!("{reader}: a card that does not answer: turn it, clean it"),
            ("card_removed", _) => format!("{reader}: card taken out"),
            ("watching", _) => {
                "that is how things are; what happens now follows (end with Ctrl-C)".to_owned()
            }
            _ => format!("{reader}: {}", self.event),
        }
    }
}
