//! `cardctl alerts`.

use card_core::text::Language;
use card_core::units::CardTime;
use card_ledger::Message;
use serde::Serialize;

use super::View;
use super::table::time;
use crate::words::said;

/// What was queued.
#[derive(Serialize)]
pub(crate) struct Queued {
    pub(crate) looked_at: u64,
    pub(crate) low: u64,
    pub(crate) queued: u64,
    pub(crate) without_phone: u64,
    #[serde(skip)]
    pub(crate) days: u32,
}

impl View for Queued {
    fn text(&self, language: Language) -> String {
        let Self { looked_at, low, queued, without_phone, days } = self;
        said!(
            language,
            "{looked_at} contracts looked at, {low} run out within {days} days: {queued} messages queued, {without_phone} customers have no telephone number",
            "رُوجعت {looked_at} من التعاقدات، وينفد رصيد {low} منها خلال {days} من الأيام: الرسائل المسجلة {queued}، ومشتركون بلا رقم هاتف {without_phone}",
            looked_at,
            low,
            days,
            queued,
            without_phone,
        )
    }
}

/// The messages that wait.
#[derive(Serialize)]
pub(crate) struct Waiting {
    messages: Vec<MessageView>,
}

#[derive(Serialize)]
struct MessageView {
    id: String,
    time: u64,
    phone: String,
    text: String,
    #[serde(skip)]
    at: CardTime,
}

impl From<Vec<Message>> for Waiting {
    fn from(messages: Vec<Message>) -> Self {
        let messages = messages.into_iter().map(|Message { id, time, phone, text, .. }| MessageView {
            id,
            time: time.to_unix(),
            phone,
            text,
            at: time,
        });
        Self { messages: messages.collect() }
    }
}

impl View for Waiting {
    fn text(&self, language: Language) -> String {
        if self.messages.is_empty() {
            return said!(language, "no message waits", "لا توجد رسائل في الانتظار");
        }
        let line = |message: &MessageView| {
            let MessageView { id, phone, text, at, .. } = message;
            format!("{id}  {}  {phone}\n  {text}", time(*at))
        };
        self.messages.iter().map(line).collect::<Vec<_>>().join("\n")
    }
}

/// How many do not wait any more.
#[derive(Serialize)]
pub(crate) struct Taken {
    pub(crate) taken: usize,
}

impl View for Taken {
    fn text(&self, language: Language) -> String {
        said!(
            language,
            "{taken} messages do not wait any more",
            "أُخذت من الانتظار {taken} من الرسائل",
            taken = self.taken
        )
    }
}
