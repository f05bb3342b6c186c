//! Records what goes over a transport, as text that can be read, kept and replayed.
//!
//! A recording holds command data as they are sent. Keys go to a card encrypted only, so that none is in it; access numbers and
//! balances that were read without encryption are.

use core::fmt;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

use card_core::apdu::StatusWord;
use card_core::layout::Instruction;

use super::sealed::Complete;
use super::{Link, TransportError};

/// One command and what came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exchange {
    /// The command's bytes.
    pub command: Vec<u8>,
    /// The response's bytes, or why there is none.
    pub response: Result<Vec<u8>, String>,
    /// Time between the two.
    pub elapsed: Duration,
}

impl fmt::Display for Exchange {
    /// Three lines: a remark with name and time, `>` and the command, `<` and the response (`!` and the error).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let micros = self.elapsed.as_micros();
        write!(f, "# {}, {}.{:03} ms", instruction_name(&self.command), micros / 1000, micros % 1000)?;
        if let Ok([.., sw1, sw2]) = self.response.as_deref() {
            write!(f, ", {}", StatusWord(u16::from_be_bytes([*sw1, *sw2])))?;
        }
        writeln!(f, "\n> {}", hex::encode_upper(&self.command))?;
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
        Some(Instruction::PutMonths) => "PUT MONTHS",
        Some(Instruction::PutEvents) => "PUT EVENTS",
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

    /// Reads what `Display` wrote. Times are remarks and are not read.
    pub fn parse(text: &str) -> Result<Self, RecordingError> {
        let mut recording = Self::default();
        let mut command = None;
        for (line, content) in (1..).zip(text.lines()) {
            let wrong = RecordingError { line };
            let content = content.trim();
            let bytes = |text: &str| hex::decode(text.trim()).map_err(|_| wrong);
            if content.is_empty() || content.starts_with('#') {
                continue;
            }
            let response = match (content.split_at_checked(1), &command) {
                (Some((">", text)), None) => {
                    command = Some(bytes(text)?);
                    continue;
                }
                (Some(("<", text)), Some(_)) => Ok(bytes(text)?),
                (Some(("!", text)), Some(_)) => Err(text.trim().to_owned()),
                _ => return Err(wrong),
            };
            let command = command.take().ok_or(wrong)?;
            recording.push(Exchange { command, response, elapsed: Duration::ZERO });
        }
        if command.is_some() {
            return Err(RecordingError { line: text.lines().count() });
        }
        Ok(recording)
    }
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
        let begun = Instant::now();
        let outcome = self.inner.transmit(command);
        self.recording.push(Exchange {
            command: command.to_vec(),
            response: outcome.clone().map_err(|error| error.to_string()),
            elapsed: begun.elapsed(),
        });
        outcome
    }

    fn description(&self) -> String {
        self.inner.description()
    }
}

impl<T: Complete> Complete for Trace<T> {}

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
        let exchange =
            Exchange { command: vec![0, 0xA4], response: Err("gone".into()), elapsed: Duration::ZERO };
        let back = Recording::parse(&exchange.to_string()).unwrap();
        assert_eq!(back.exchanges().next(), Some(&exchange));
    }

    #[test]
    fn what_is_no_recording_is_refused() {
        for (text, line) in
            [("> 00", 1), ("< 9000", 1), ("# x\n> 00\n> 01", 3), ("> 0", 1), ("hello", 1), ("é", 1)]
        {
            assert_eq!(Recording::parse(text), Err(RecordingError { line }), "{text}");
        }
    }

    #[test]
    fn a_long_recording_forgets_its_beginning() {
        let mut recording = Recording::default();
        for n in 0..=Recording::MAX {
            let command = n.to_be_bytes().to_vec();
            recording.push(Exchange { command, response: Ok(vec![]), elapsed: Duration::ZERO });
        }
        assert_eq!(recording.forgotten(), 1);
        assert_eq!(recording.exchanges().count(), Recording::MAX);
        assert!(recording.to_string().starts_with("# 1 earlier"));
    }
}
