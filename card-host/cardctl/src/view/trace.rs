//! `cardctl trace`.

use card_core::text::Language;
use card_host::transport::{Exchange, Recording, instruction_name};
use serde::Serialize;
use std::fmt::Write as _;
use std::time::Duration;

use super::View;
use crate::words::said;

/// What a trace says.
#[derive(Serialize)]
pub(crate) struct Decoded {
    exchanges: Vec<Decode>,
}

#[derive(Serialize)]
struct Decode {
    number: u32,
    /// POSIX microseconds; nothing where it is not known.
    begun_us: Option<u64>,
    elapsed_us: u64,
    name: &'static str,
    about: String,
    /// In hexadecimal digits, as far as it was kept.
    command: String,
    /// Bytes at its end that were not kept.
    hidden: usize,
    /// Nothing where there was none.
    response: Option<String>,
    /// Status word and its meaning, or the error.
    outcome: String,
}

impl Decoded {
    pub(crate) fn new(recording: &Recording) -> Self {
        let decode = |(number, exchange): (u32, &Exchange)| {
            let known = exchange.command.len().saturating_sub(exchange.hidden);
            Decode {
                number,
                begun_us: (exchange.begun != Duration::ZERO).then(|| micros(exchange.begun)),
                elapsed_us: micros(exchange.elapsed),
                name: instruction_name(&exchange.command),
                about: exchange.detail(),
                command: hex::encode_upper(exchange.command.get(..known).unwrap_or_default()),
                hidden: exchange.hidden,
                response: exchange.response.as_ref().ok().map(hex::encode_upper),
                outcome: outcome(exchange),
            }
        };
        Self { exchanges: (1..).zip(recording.exchanges()).map(decode).collect() }
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

fn outcome(exchange: &Exchange) -> String {
    match (&exchange.response, exchange.status()) {
        (Err(error), _) => error.clone(),
        (Ok(_), Some(status)) => status.to_string(),
        (Ok(_), None) => "no response".to_owned(),
    }
}

impl View for Decoded {
    fn text(&self, language: Language) -> String {
        let mut text = String::new();
        for one in &self.exchanges {
            let about = if one.about.is_empty() { String::new() } else { format!(" {}", one.about) };
            let milliseconds = format!("{}.{:03} ms", one.elapsed_us / 1000, one.elapsed_us % 1000);
            // Writing to a string cannot fail.
            let _ = writeln!(
                text,
                "{:>4}  {:>11}  {}{about}: {}",
                one.number, milliseconds, one.name, one.outcome
            );
            let _ = writeln!(text, "      > {}{}", one.command, "..".repeat(one.hidden));
            if let Some(response) = &one.response {
                let _ = writeln!(text, "      < {response}");
            }
        }
        let total: u64 = self.exchanges.iter().map(|one| one.elapsed_us).sum();
        text + &said!(
            language,
            "{exchanges} exchanges, {total} ms",
            "عدد الأوامر {exchanges}، والزمن {total} مللي ثانية",
            exchanges = self.exchanges.len(),
            total = format_args!("{}.{:03}", total / 1000, total % 1000),
        )
    }
}

/// How a card answers today what it was asked then.
#[derive(Default, Serialize)]
pub(crate) struct Replayed {
    same: u32,
    different: Vec<Difference>,
    /// Commands that write, or belong to a session.
    not_sent: u32,
}

#[derive(Serialize)]
struct Difference {
    number: u32,
    name: &'static str,
    about: String,
    then: String,
    now: String,
}

impl Replayed {
    pub(crate) const fn left_out(&mut self) {
        self.not_sent = self.not_sent.saturating_add(1);
    }

    pub(crate) fn compare(&mut self, number: u32, exchange: &Exchange, answer: &[u8]) {
        if exchange.response.as_deref() == Ok(answer) {
            self.same = self.same.saturating_add(1);
            return;
        }
        self.different.push(Difference {
            number,
            name: instruction_name(&exchange.command),
            about: exchange.detail(),
            then: exchange.response.as_ref().map(hex::encode_upper).unwrap_or_default(),
            now: hex::encode_upper(answer),
        });
    }
}

impl View for Replayed {
    fn text(&self, language: Language) -> String {
        let mut text = String::new();
        for Difference { number, name, about, then, now } in &self.different {
            text.push_str(&said!(
                language,
                "exchange {number}: {name} {about}\n  then {then}\n  now  {now}\n",
                "الأمر {number}: {name} {about}\n  سابقًا {then}\n  الآن   {now}\n",
                number,
                name,
                about,
                then,
                now,
            ));
        }
        text + &said!(
            language,
            "{same} answers are the same, {different} are not; {not_sent} commands were not sent: they write, or belong to a session",
            "ردود مطابقة {same}، ومختلفة {different}؛ ولم تُرسل {not_sent} من الأوامر لأنها تكتب أو تتبع جلسة",
            same = self.same,
            different = self.different.len(),
            not_sent = self.not_sent,
        )
    }

    fn is_good(&self) -> bool {
        self.different.is_empty()
    }
}

/// A file for Wireshark.
#[derive(Serialize)]
pub(crate) struct Written {
    pub(crate) file: String,
    pub(crate) exchanges: usize,
}

impl View for Written {
    fn text(&self, language: Language) -> String {
        said!(
            language,
            "{exchanges} exchanges in {file}: open it in {program}",
            "كُتب {exchanges} من الأوامر في {file}: يُفتح في {program}",
            exchanges = self.exchanges,
            file = self.file,
            program = "Wireshark",
        )
    }
}
