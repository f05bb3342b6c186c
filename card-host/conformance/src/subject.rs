//! The card under examination: how it is asked, and what is written down of its answers.

use card_core::apdu::Command;
use card_core::id::{CardId, LAYOUT};
use card_core::key::KeyLength;
use card_core::layout::CardSummary;
use card_core::role::KeyVersion;
use card_core::scp03::host::{HandshakeError, HostHandshake, PendingSession, SessionError};
use card_core::scp03::{HostSession, Mode, SecurityLevel};
use card_core::soft::SoftEngine;
use card_core::terminal::select::{select, selected};
use card_host::keystore::KeyStoreError;
use card_host::transport::{Card, Link, TransportError, instruction_name};
use std::collections::BTreeMap;

use crate::issuer::Issuer;
use crate::reader::Reader;
use crate::report::{Finding, Report, Result as Outcome, Time};

/// How often in a row the card may not answer before it is given up.
const MUTE: u32 = 3;

/// Data and status word of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) data: Vec<u8>,
    pub(crate) status: u16,
}

/// Why a rule does not hold.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The card did something else.
    Differs { expected: String, found: String },
    /// It gave no answer, or none that can be read.
    Unanswered(String),
}

pub(crate) type Check<T = ()> = Result<T, Failure>;

pub(crate) struct Subject<'r> {
    reader: &'r mut dyn Reader,
    watch: &'r mut dyn FnMut(&Finding),
    pub(crate) issuer: Issuer,
    card: Option<CardId>,
    findings: Vec<Finding>,
    times: BTreeMap<&'static str, Time>,
    mute: u32,
}

impl<'r> Subject<'r> {
    pub(crate) fn new(reader: &'r mut dyn Reader, watch: &'r mut dyn FnMut(&Finding)) -> Self {
        Self {
            reader,
            watch,
            issuer: Issuer::new(CardId([0; 8]), KeyLength::Aes256),
            card: None,
            findings: Vec::new(),
            times: BTreeMap::new(),
            mute: 0,
        }
    }

    pub(crate) fn into_report(self) -> Report {
        Report {
            version: env!("CARGO_PKG_VERSION"),
            layout: LAYOUT,
            reader: self.reader.description(),
            card: self.card.map(|card| card.to_string()),
            findings: self.findings,
            times: self.times,
        }
    }

    /// Takes up who the card says it is, before anything is derived for it.
    pub(crate) fn meet(&mut self) -> Check<CardSummary> {
        let command = select().emit().map_err(|error| Failure::Unanswered(format!("{error:?}")))?;
        let answer = self.transmit(command.as_slice())?;
        let summary = selected(&answer.whole()).map_err(|error| Failure::Unanswered(error.to_string()))?;
        // GET DATA 00E0: the length of the initial keys is its maker's choice.
        let keys = self.transmit(&[0x00, 0xCA, 0x00, 0xE0, 0x00])?.data;
        let length = keys.get(7).and_then(|bytes| KeyLength::from_bytes((*bytes).into()));
        self.card = Some(summary.card.id);
        self.issuer = Issuer::new(summary.card.id, length.unwrap_or(KeyLength::Aes256));
        Ok(summary)
    }

    // ---- What is written down ----

    /// Examines one rule. Whether it holds.
    pub(crate) fn rule(
        &mut self,
        section: &'static str,
        rule: impl Into<String>,
        examine: impl FnOnce(&mut Self) -> Check,
    ) -> bool {
        let result = if self.mute >= MUTE {
            Outcome::NotExamined { why: "the card does not answer any more".into() }
        } else {
            match examine(self) {
                Ok(()) => Outcome::Passed,
                Err(Failure::Differs { expected, found }) => Outcome::Failed { expected, found },
                Err(Failure::Unanswered(found)) => {
                    let expected = "an answer that can be read".to_owned();
                    Outcome::Failed { expected, found }
                }
            }
        };
        let passed = result == Outcome::Passed;
        self.note(Finding { section, rule: rule.into(), result });
        passed
    }

    /// That no command took longer.
    pub(crate) fn in_time(&mut self, longest_us: u64) {
        let slowest = self.times.iter().max_by_key(|(_, time)| time.longest_us);
        let slowest = slowest.map(|(name, time)| (*name, time.longest_us));
        self.rule("16", "no command takes longer than 1.2 s", |_| match slowest {
            Some((name, us)) if us > longest_us => {
                let expected = format!("at most {longest_us} us");
                Err(Failure::Differs { expected, found: format!("{us} us for {name}") })
            }
            _ => Ok(()),
        });
    }

    pub(crate) fn not_examined(&mut self, section: &'static str, rule: impl Into<String>, why: &str) {
        let result = Outcome::NotExamined { why: why.to_owned() };
        self.note(Finding { section, rule: rule.into(), result });
    }

    fn note(&mut self, finding: Finding) {
        (self.watch)(&finding);
        self.findings.push(finding);
    }

    /// The rule that a command without secure messaging answers this status word.
    pub(crate) fn answers(
        &mut self,
        section: &'static str,
        rule: impl Into<String>,
        status: u16,
        header: [u8; 4],
        data: &[u8],
    ) -> bool {
        self.rule(section, rule, |subject| subject.plain(header, data)?.is(status))
    }

    /// The rule that a command in a session of this key version and level answers this status word.
    pub(crate) fn in_session(
        &mut self,
        section: &'static str,
        rule: impl Into<String>,
        status: u16,
        (version, level): (u8, SecurityLevel),
        header: [u8; 4],
        data: &[u8],
    ) -> bool {
        self.rule(section, rule, |subject| {
            let mut session = subject.open(version, level)?;
            subject.send(&mut session, header, data)?.is(status)
        })
    }

    // ---- How the card is asked ----

    pub(crate) fn is_t0(&self) -> bool {
        self.reader.is_t0()
    }

    pub(crate) fn reset(&mut self) -> Check {
        self.reader.reset().map_err(|error| self.lost(&error))
    }

    /// Lets power fail during this write from now on, or no more; whether the reader can do that.
    pub(crate) fn tear(&mut self, write: Option<u64>) -> bool {
        self.reader.tear(write)
    }

    fn lost(&mut self, error: &TransportError) -> Failure {
        self.mute += 1;
        Failure::Unanswered(error.to_string())
    }

    /// Sends bytes, and puts the answer together where the card gives it in parts.
    pub(crate) fn transmit(&mut self, command: &[u8]) -> Check<Answer> {
        self.timed(command, |reader| Card::open(reader).transmit(command))
    }

    /// Sends bytes, and gives back what the card says at once.
    pub(crate) fn transmit_once(&mut self, command: &[u8]) -> Check<Answer> {
        self.timed(command, |reader| reader.transmit(command))
    }

    fn timed(
        &mut self,
        command: &[u8],
        send: impl FnOnce(&mut dyn Reader) -> Result<Vec<u8>, TransportError>,
    ) -> Check<Answer> {
        let before = self.reader.elapsed();
        let answered = send(self.reader);
        let spent = self.reader.elapsed().saturating_sub(before);
        let spent = u64::try_from(spent.as_micros()).unwrap_or(u64::MAX);
        let name = instruction_name(command);
        let time = self.times.entry(name).or_default();
        time.count = time.count.saturating_add(1);
        time.longest_us = time.longest_us.max(spent);
        time.total_us = time.total_us.saturating_add(spent);
        match answered {
            Ok(response) => {
                self.mute = 0;
                split(&response)
            }
            Err(error) => {
                let failure = self.lost(&error);
                // A card that has lost power, or a connection that has ended, is there again.
                let _ = self.reader.reset();
                Err(failure)
            }
        }
    }

    /// A command without secure messaging.
    pub(crate) fn plain(&mut self, header: [u8; 4], data: &[u8]) -> Check<Answer> {
        self.transmit(&apdu(header, data))
    }

    /// The mode that the card recognition data name.
    pub(crate) fn mode(&mut self) -> Check<Mode> {
        let recognition = self.plain([0x00, 0xCA, 0x00, 0x66], &[])?;
        Ok(if recognition.data.last() == Some(&0x61) { Mode::S16 } else { Mode::S8 })
    }

    /// INITIALIZE UPDATE with this P1, and the EXTERNAL AUTHENTICATE that follows with the keys of `version`.
    pub(crate) fn handshake(
        &mut self,
        p1: u8,
        version: u8,
        level: SecurityLevel,
    ) -> Check<(PendingSession, Vec<u8>)> {
        let mode = self.mode()?;
        let mut challenge = [0; 16];
        getrandom::fill(&mut challenge).map_err(|error| Failure::Unanswered(error.to_string()))?;
        let host = HostHandshake::new(mode, KeyVersion::from_byte(p1), challenge);
        let command = host.command().emit().map_err(|error| Failure::Unanswered(format!("{error:?}")))?;
        let answer = self.transmit(command.as_slice())?;
        let keys = self.issuer.key_set(version)?;
        let (pending, command) =
            host.challenge(&answer.whole())?.authenticate(&mut SoftEngine, &keys, level)?;
        Ok((pending, command.as_slice().to_vec()))
    }

    /// A session with the keys of `version`.
    pub(crate) fn open(&mut self, version: u8, level: SecurityLevel) -> Check<HostSession> {
        let (pending, command) = self.handshake(version, version, level)?;
        let answer = self.transmit(&command)?;
        Ok(pending.finish(&answer.whole())?)
    }

    /// A command in a session.
    pub(crate) fn send(&mut self, session: &mut HostSession, header: [u8; 4], data: &[u8]) -> Check<Answer> {
        let command = wrap(session, header, data)?;
        let answer = self.transmit(&command)?;
        let reply = session.unwrap(&mut SoftEngine, &answer.whole())?;
        Ok(Answer { data: reply.data().to_vec(), status: reply.status().0 })
    }
}

impl Answer {
    /// The bytes that the card answered.
    pub(crate) fn whole(&self) -> Vec<u8> {
        [&self.data[..], &self.status.to_be_bytes()].concat()
    }

    /// That the status word is this.
    pub(crate) fn is(self, status: u16) -> Check {
        self.with(status).map(drop)
    }

    /// The data that come with this status word.
    pub(crate) fn with(self, status: u16) -> Check<Vec<u8>> {
        equal(&format_args!("{status:04X}"), &format_args!("{:04X}", self.status))?;
        Ok(self.data)
    }

    /// That the data are these, and the status word is 9000.
    pub(crate) fn has(self, data: &[u8]) -> Check {
        let found = self.with(0x9000)?;
        equal(&hex::encode_upper(data), &hex::encode_upper(found))
    }
}

/// That both read the same.
pub(crate) fn equal(expected: &dyn std::fmt::Display, found: &dyn std::fmt::Display) -> Check {
    let (expected, found) = (expected.to_string(), found.to_string());
    if expected == found { Ok(()) } else { Err(Failure::Differs { expected, found }) }
}

/// A failure where a condition does not hold.
pub(crate) fn holds(condition: bool, expected: &str, found: &str) -> Check {
    if condition { Ok(()) } else { Err(Failure::Differs { expected: expected.into(), found: found.into() }) }
}

/// A command's bytes, with Le 00.
pub(crate) fn apdu(header: [u8; 4], data: &[u8]) -> Vec<u8> {
    let mut apdu = header.to_vec();
    if !data.is_empty() {
        let [.., lc] = data.len().to_be_bytes();
        apdu.push(lc);
        apdu.extend(data);
    }
    apdu.push(0);
    apdu
}

/// A command as it goes out in a session.
pub(crate) fn wrap(session: &mut HostSession, [cla, ins, p1, p2]: [u8; 4], data: &[u8]) -> Check<Vec<u8>> {
    let command = Command { cla, ins, p1, p2, data, le: None };
    Ok(session.wrap(&mut SoftEngine, &command)?.as_slice().to_vec())
}

fn split(response: &[u8]) -> Check<Answer> {
    let (data, status) =
        response.split_last_chunk().ok_or_else(|| Failure::Unanswered("fewer than two bytes".into()))?;
    Ok(Answer { data: data.to_vec(), status: u16::from_be_bytes(*status) })
}

impl From<HandshakeError> for Failure {
    fn from(error: HandshakeError) -> Self {
        Self::Differs { expected: "a session".into(), found: error.to_string() }
    }
}

impl From<SessionError> for Failure {
    fn from(error: SessionError) -> Self {
        Self::Differs { expected: "an answer with a right code".into(), found: error.to_string() }
    }
}

impl From<KeyStoreError> for Failure {
    fn from(error: KeyStoreError) -> Self {
        Self::Differs { expected: "a message that is authentic".into(), found: error.to_string() }
    }
}
