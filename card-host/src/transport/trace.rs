//! Records what goes over a transport, as text that can be read, kept and replayed.
//!
//! Keys go to a card encrypted only, and what a session carries is encrypted too. Yet the blank test card's session keys are derived from
//! published ones: so what a trace keeps ([`Exchange::redacted`]) leaves out the data of the commands that bring keys and personal data to a
//! card. What everybody may read of a card is in it.

use core::fmt;
use std::collections::VecDeque;
use std::time::{Duration, Instant, SystemTime};

use card_core::apdu::StatusWord;
use card_core::layout::{File, Instruction, tag};

use super::sealed::Complete;
use super::{Link, TransportError};

/// One command and what came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exchange {
    /// When it began, since 1970 (UTC); zero where that is not known.
    pub begun: Duration,
    /// The command's bytes; zero where they are hidden.
    pub command: Vec<u8>,
    /// How many bytes at its end are hidden.
    pub hidden: usize,
    /// The response's bytes, or why there is none.
    pub response: Result<Vec<u8>, String>,
    /// Time between the two.
    pub elapsed: Duration,
}

impl Exchange {
    /// At an unknown time.
    pub const fn new(command: Vec<u8>, response: Result<Vec<u8>, String>) -> Self {
        Self { begun: Duration::ZERO, command, hidden: 0, response, elapsed: Duration::ZERO }
    }

    /// Sends a command, and notes what came of it.
    fn of(link: &mut impl Link, command: &[u8]) -> (Self, Result<Vec<u8>, TransportError>) {
        let begun = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let watch = Instant::now();
        let outcome = link.transmit(command);
        let exchange = Self {
            begun,
            command: command.to_vec(),
            hidden: 0,
            response: outcome.clone().map_err(|error| error.to_string()),
            elapsed: watch.elapsed(),
        };
        (exchange, outcome)
    }

    /// Without the data that bring keys or personal data to the card.
    #[must_use]
    pub fn redacted(mut self) -> Self {
        let [cla, ins, ..] = *self.command.as_slice() else { return self };
        if matches!(Instruction::known(cla & !0x04, ins), Some(Instruction::PutKey | Instruction::StoreData))
            && let Some(data) = self.command.get_mut(5..)
        {
            data.fill(0);
            self.hidden = data.len();
        }
        self
    }

    /// Whether `command` is this one, as far as it is known.
    pub(super) fn is_of(&self, command: &[u8]) -> bool {
        let known = self.command.len().saturating_sub(self.hidden);
        self.command.len() == command.len() && self.command.get(..known) == command.get(..known)
    }

    /// The status word of the response.
    pub fn status(&self) -> Option<StatusWord> {
        match self.response.as_deref() {
            Ok([.., sw1, sw2]) => Some(StatusWord(u16::from_be_bytes([*sw1, *sw2]))),
            _ => None,
        }
    }

    /// What the command is about: the file or object that it names, and whether it is secured.
    pub fn detail(&self) -> String {
        let [cla, _, p1, p2, ..] = *self.command.as_slice() else { return String::new() };
        let instruction = self.instruction();
        let about = match instruction {
            Some(Instruction::ReadBinary) if p1 & 0x80 != 0 => file_name(p1 & 0x1F),
            Some(Instruction::ReadRecord) => format!("{}, record {p1}", file_name(p2 >> 3)),
            Some(Instruction::GetData) => match u16::from_be_bytes([p1, p2]) {
                tag::CARD_RECOGNITION => "card recognition".to_owned(),
                tag::KEY_INFORMATION => "key information".to_owned(),
                tag::PUBLIC_STATUS => "public status".to_owned(),
                tag::RECEIPT => "receipt".to_owned(),
                other => format!("object {other:04X}"),
            },
            _ => String::new(),
        };
        let secured = cla & 0x04 != 0 && instruction != Some(Instruction::ExternalAuthenticate);
        match (about.is_empty(), secured) {
            (_, false) => about,
            (true, true) => "secured".to_owned(),
            (false, true) => format!("{about}, secured"),
        }
    }

    /// The instruction, where it is one of ours.
    pub fn instruction(&self) -> Option<Instruction> {
        let [cla, ins, ..] = *self.command.as_slice() else { return None };
        Instruction::known(cla & !0x04, ins)
    }
}

fn file_name(sfi: u8) -> String {
    File::from_sfi(sfi).map_or_else(|| format!("file {sfi}"), |file| format!("{file:?}"))
}

/// Milliseconds with three decimals.
fn milliseconds(duration: Duration) -> String {
    let micros = duration.as_micros();
    format!("{}.{:03}", micros / 1000, micros % 1000)
}

impl fmt::Display for Exchange {
    /// Three lines: a remark with name and times, `>` and the command, `<` and the response (`!` and the error). Hidden bytes are `..`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "# {}, {} ms", instruction_name(&self.command), milliseconds(self.elapsed))?;
        if let Some(status) = self.status() {
            write!(f, ", {status}")?;
        }
        if self.begun != Duration::ZERO {
            write!(f, ", at {}.{:06}", self.begun.as_secs(), self.begun.subsec_micros())?;
        }
        let known = self.command.len().saturating_sub(self.hidden);
        let shown = hex::encode_upper(self.command.get(..known).unwrap_or_default());
        writeln!(f, "\n> {shown}{}", "..".repeat(self.hidden))?;
        match &self.response {
            Ok(response) => writeln!(f, "< {}", hex::encode_upper(response)),
            Err(error) => writeln!(f, "! {}", error.replace(['\n', '\r'], " ")),
        }
    }
}

/// What a command is called, from its header (specification, section 7).
pub fn instruction_name(command: &[u8]) -> &'static str {
    let [cla, ins, ..] = command else { return "no command" };
    // EXTERNAL AUTHENTICATE is known under the class without secure messaging, like all others.
    match Instruction::known(cla & !0x04, *ins) {
        Some(Instruction::Select) => "SELECT",
        Some(Instruction::ReadBinary) => "READ BINARY",
        Some(Instruction::ReadRecord) => "READ RECORD",
        Some(Instruction::GetData) => "GET DATA",
        Some(Instruction::GetResponse) => "GET RESPONSE",
        Some(Instruction::InitializeUpdate) => "INITIALIZE UPDATE",
        Some(Instruction::ExternalAuthenticate) => "EXTERNAL AUTHENTICATE",
        Some(Instruction::LoadVoucher) => "LOAD VOUCHER",
        Some(Instruction::PutMail) => "PUT MAIL",
        Some(Instruction::GetMail) => "GET MAIL",
        Some(Instruction::ReadCertificate) => "READ CERTIFICATE",
        Some(Instruction::Settle) => "SETTLE",
        Some(Instruction::PutHistory) => "PUT HISTORY",
        Some(Instruction::PutMeterMail) => "PUT METER MAIL",
        Some(Instruction::Bind) => "BIND",
        Some(Instruction::StoreData) => "STORE DATA",
        Some(Instruction::PutKey) => "PUT KEY",
        Some(Instruction::SetStatus) => "SET STATUS",
        None => "unknown command",
    }
}

/// The latest exchanges, in order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Recording {
    exchanges: VecDeque<Exchange>,
    forgotten: u64,
}

/// A text is no recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "line {line} is not of a recording: each command is a line '> hexadecimal', followed by its response '< hexadecimal' \
     or its error '! text'; lines with # are remarks"
)]
pub struct RecordingError {
    /// Line number, from 1.
    pub line: usize,
}

impl Recording {
    /// Most exchanges that are kept; the oldest go first.
    pub const MAX: usize = 10_000;

    /// The exchanges, oldest first.
    pub fn exchanges(&self) -> impl Iterator<Item = &Exchange> {
        self.exchanges.iter()
    }

    /// How many were dropped at the front, because there were too many.
    pub const fn forgotten(&self) -> u64 {
        self.forgotten
    }

    /// Appends one.
    pub fn push(&mut self, exchange: Exchange) {
        if self.exchanges.len() == Self::MAX {
            self.exchanges.pop_front();
            self.forgotten = self.forgotten.saturating_add(1);
        }
        self.exchanges.push_back(exchange);
    }

    /// Reads what `Display` wrote. Times are read from remarks that hold them.
    pub fn parse(text: &str) -> Result<Self, RecordingError> {
        let mut recording = Self::default();
        let (mut command, mut times) = (None, Times::default());
        for (line, content) in (1..).zip(text.lines()) {
            let wrong = RecordingError { line };
            let content = content.trim();
            let bytes = |text: &str| hex::decode(text.trim()).map_err(|_| wrong);
            if content.is_empty() {
                continue;
            }
            if let Some(remark) = content.strip_prefix('#') {
                times = Times::of(remark);
                continue;
            }
            let response = match (content.split_at_checked(1), &command) {
                (Some((">", text)), None) => {
                    let text = text.trim();
                    let hidden = text.len() - text.trim_end_matches("..").len();
                    let mut known = bytes(text.trim_end_matches(".."))?;
                    known.resize(known.len() + hidden / 2, 0);
                    command = Some((known, hidden / 2));
                    continue;
                }
                (Some(("<", text)), Some(_)) => Ok(bytes(text)?),
                (Some(("!", text)), Some(_)) => Err(text.trim().to_owned()),
                _ => return Err(wrong),
            };
            let (command, hidden) = command.take().ok_or(wrong)?;
            let Times { begun, elapsed } = std::mem::take(&mut times);
            recording.push(Exchange { begun, command, hidden, response, elapsed });
        }
        if command.is_some() {
            return Err(RecordingError { line: text.lines().count() });
        }
        Ok(recording)
    }
}

/// The times in a remark; zero where there are none.
#[derive(Default)]
struct Times {
    begun: Duration,
    elapsed: Duration,
}

impl Times {
    fn of(remark: &str) -> Self {
        let mut times = Self::default();
        for part in remark.split(',').map(str::trim) {
            if let Some(number) = part.strip_suffix(" ms") {
                times.elapsed = decimal(number, 3).map(Duration::from_micros).unwrap_or_default();
            } else if let Some(number) = part.strip_prefix("at ") {
                times.begun = decimal(number, 6).map(Duration::from_micros).unwrap_or_default();
            }
        }
        times
    }
}

/// A number with exactly so many decimals, without its point.
fn decimal(text: &str, decimals: usize) -> Option<u64> {
    let (whole, part) = text.split_once('.')?;
    if part.len() != decimals { None } else { format!("{whole}{part}").parse().ok() }
}

impl fmt::Display for Recording {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.forgotten > 0 {
            writeln!(f, "# {} earlier exchanges were not kept", self.forgotten)?;
        }
        self.exchanges.iter().try_for_each(|exchange| exchange.fmt(f))
    }
}

/// Records every exchange.
#[derive(Debug)]
pub struct Trace<T> {
    inner: T,
    recording: Recording,
}

impl<T> Trace<T> {
    /// A layer around `inner`, with an empty recording.
    pub fn new(inner: T) -> Self {
        Self { inner, recording: Recording::default() }
    }

    /// What has gone over it so far.
    pub const fn recording(&self) -> &Recording {
        &self.recording
    }

    /// What is inside.
    pub const fn inner(&self) -> &T {
        &self.inner
    }

    /// What was inside, and the recording.
    pub fn into_parts(self) -> (T, Recording) {
        (self.inner, self.recording)
    }
}

impl<T: Link> Link for Trace<T> {
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, TransportError> {
        let (exchange, outcome) = Exchange::of(&mut self.inner, command);
        self.recording.push(exchange);
        outcome
    }

    fn description(&self) -> String {
        self.inner.description()
    }
}

impl<T: Complete> Complete for Trace<T> {}

/// Shows every exchange to somebody at once.
#[derive(Debug)]
pub struct Observed<T, F> {
    inner: T,
    observer: F,
}

impl<T, F: FnMut(Exchange)> Observed<T, F> {
    /// A layer around `inner`.
    pub const fn new(inner: T, observer: F) -> Self {
        Self { inner, observer }
    }
}

impl<T: Link, F: FnMut(Exchange)> Link for Observed<T, F> {
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, TransportError> {
        let (exchange, outcome) = Exchange::of(&mut self.inner, command);
        (self.observer)(exchange);
        outcome
    }

    fn description(&self) -> String {
        self.inner.description()
    }
}

#[cfg(test)]
mod tests {
    use super::super::script::Script;
    use super::*;

    #[test]
    fn a_recording_is_readable_and_reads_back() {
        let mut layer = Trace::new(Script::new(&[&[0x6F, 0, 0x90, 0], &[0x69, 0x82]]));
        layer.transmit(&[0, 0xA4, 4, 0, 0]).unwrap();
        layer.transmit(&[0x84, 0x82, 0x33, 0, 1, 2]).unwrap();
        let text = layer.recording().to_string();
        assert!(text.contains("# SELECT, ") && text.contains("9000: success"), "{text}");
        assert!(text.contains("# EXTERNAL AUTHENTICATE, "), "{text}");
        assert!(text.contains("\n> 848233000102\n< 6982\n"), "{text}");
        let back = Recording::parse(&text).unwrap();
        let bytes = |recording: &Recording| -> Vec<_> {
            recording.exchanges().map(|one| (one.command.clone(), one.response.clone())).collect()
        };
        assert_eq!(bytes(&back), bytes(layer.recording()));
    }

    #[test]
    fn errors_are_recorded_too() {
        let exchange = Exchange::new(vec![0, 0xA4], Err("gone".into()));
        let back = Recording::parse(&exchange.to_string()).unwrap();
        assert_eq!(back.exchanges().next(), Some(&exchange));
    }

    #[test]
    fn keys_are_hidden_and_times_are_kept() {
        let mut shown = Vec::new();
        let mut layer = Observed::new(Script::new(&[&[0x90, 0], &[0x90, 0]]), |exchange: Exchange| {
            shown.push(exchange.redacted());
        });
        let put_key = [0x84, 0xD8, 0, 0x81, 3, 0xC0, 0xFF, 0xEE];
        layer.transmit(&put_key).unwrap();
        layer.transmit(&[0, 0xB0, 0x84, 0, 0]).unwrap();
        let text = shown.iter().map(ToString::to_string).collect::<String>();
        assert!(text.contains("> 84D8008103......\n") && text.contains("> 00B0840000\n"), "{text}");
        let back = Recording::parse(&text).unwrap();
        let exchange = back.exchanges().next().unwrap();
        assert!(exchange.is_of(&put_key) && !exchange.is_of(&put_key[..7]), "{exchange}");
        assert_eq!((exchange.hidden, exchange.detail().as_str()), (3, "secured"));
        assert_eq!(exchange.begun.as_micros(), shown[0].begun.as_micros());
        assert_eq!(exchange.elapsed.as_micros(), shown[0].elapsed.as_micros());
        assert_eq!(back.exchanges().nth(1).unwrap().detail(), "Purse");
    }

    #[test]
    fn what_is_no_recording_is_refused() {
        for (text, line) in [
            ("> 00", 1),
            ("< 9000", 1),
            ("# x\n> 00\n> 01", 3),
            ("> 0", 1),
            ("> 00...", 1),
            ("hello", 1),
            ("é", 1),
        ] {
            assert_eq!(Recording::parse(text), Err(RecordingError { line }), "{text}");
        }
    }

    #[test]
    fn a_long_recording_forgets_its_beginning() {
        let mut recording = Recording::default();
        for n in 0..=Recording::MAX {
            let command = n.to_be_bytes().to_vec();
            recording.push(Exchange::new(command, Ok(vec![])));
        }
        assert_eq!(recording.forgotten(), 1);
        assert_eq!(recording.exchanges().count(), Recording::MAX);
        assert!(recording.to_string().starts_with("# 1 earlier"));
    }
}
