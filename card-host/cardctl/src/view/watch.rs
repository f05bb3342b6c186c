//! `cardctl watch`: an event a line.

use card_core::text::Language;
use card_host::atr::Atr;
use card_host::pcsc::Event;
use serde::Serialize;

use super::View;
use crate::words::said;

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
    fn text(&self, language: Language) -> String {
        let reader = self.reader.as_deref().unwrap_or_default();
        match (self.event, self.ours) {
            ("service_runs", _) => said!(language, "the smart card service runs", "خدمة قارئات الكروت تعمل"),
            ("service_lost", _) => {
                let error = self.error.as_deref().unwrap_or_default();
                said!(language, "{error}", "انقطعت خدمة قارئات الكروت: {error}", error)
            }
            ("reader_attached", _) => said!(language, "{reader}: attached", "{reader}: تم توصيله", reader),
            ("reader_detached", _) => said!(language, "{reader}: detached", "{reader}: تم فصله", reader),
            ("card_inserted", Some(true)) => {
                said!(language, "{reader}: a card of ours", "{reader}: كارت من كروت الشركة", reader)
            }
            ("card_inserted", _) => said!(
                language,
                "{reader}: a card of others, answer to reset {atr}",
                "{reader}: كارت آخر، استجابته {atr}",
                reader,
                atr = self.atr.as_deref().unwrap_or_default(),
            ),
            ("card_mute", _) => said!(
                language,
                "{reader}: a card that does not answer: turn it, clean it",
                "{reader}: كارت لا يستجيب: يرجى عكس اتجاهه وتنظيفه",
                reader,
            ),
            ("card_removed", _) => {
                said!(language, "{reader}: card taken out", "{reader}: أُخرج الكارت", reader)
            }
            ("watching", _) => said!(
                language,
                "that is how things are; what happens now follows (end with {keys})",
                "هذه هي الحال الآن، ويلي ما يحدث (الإنهاء: {keys})",
                keys = "Ctrl-C",
            ),
            _ => said!(language, "{reader}: {event}", "{reader}: {event}", reader, event = self.event),
        }
    }
}
