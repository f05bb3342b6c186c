//! The card's side of the vsmartcard virtual reader (`vpcd`): a card in software appears in PC/SC as a card in a reader.
//!
//! `vpcd` is a driver of pcscd. It listens on TCP, by default on port 35963 (0x8C7B), and on the next port for its second
//! slot. Each message, either way, is a length of two bytes (big endian) and that many bytes. A message of one byte
//! controls the card: off, on, reset, or "send the ATR". Every other message is a command APDU, and its answer goes back.
//!
//! What a user of the virtual reader needs to know:
//!
//! - **Exposure.** The driver listens on *all* interfaces; docs/readers.md says how other machines are kept out.
//! - **One card a slot.** While one card is connected, a second one waits, unanswered, until the first leaves.
//! - **Insertion** is noticed within two seconds, because pcscd polls.
//! - **Latency.** The driver sends the length and the body apart, so that Nagle's algorithm waits for the card's delayed
//!   acknowledgement, about 40 ms for each command. The card therefore asks for immediate acknowledgement before each
//!   receive (Linux; elsewhere the delay stays).

mod atr;

pub use atr::{atr_contact_t0, atr_contact_t1, atr_contactless_a};

use std::fmt;
use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::string::{String, ToString};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use std::vec::Vec;

/// Where the first slot of a virtual reader listens if nothing else is configured.
pub const DEFAULT_ADDRESS: &str = "127.0.0.1:35963";

const POWER_OFF: u8 = 0x00;
const POWER_ON: u8 = 0x01;
const RESET: u8 = 0x02;
const GET_ATR: u8 = 0x04;

/// `6F00`: the card failed without saying how.
const NO_DIAGNOSIS: [u8; 2] = [0x6F, 0x00];
/// `6700`: wrong length.
const WRONG_LENGTH: [u8; 2] = [0x67, 0x00];

/// How long a receive waits before the stop flag is looked at again.
const STOP_INTERVAL: Duration = Duration::from_millis(100);
/// How long the reader may take to accept an answer.
const WRITE_LIMIT: Duration = Duration::from_secs(5);

/// A card as a reader sees it.
pub trait VirtualCard {
    /// The answer to reset: 2 to 33 bytes.
    fn atr(&self) -> &[u8];
    /// Power is applied.
    fn power_on(&mut self);
    /// Power is removed, on command or because the reader went away. All volatile state is lost.
    fn power_off(&mut self);
    /// A warm reset.
    fn reset(&mut self);
    /// Executes one command APDU and returns data and status word; `None` where the card lost its power meanwhile, which ends
    /// the connection: the reader sees that the card was pulled out.
    fn transmit(&mut self, apdu: &[u8]) -> Option<Vec<u8>>;
}

/// Why serving the reader ended without an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// The stop flag was set.
    Stopped,
    /// The reader closed the connection between two messages: pcscd ended, or dropped the reader.
    ReaderClosed,
    /// The card lost its power in the middle of a command.
    PowerLost,
}

/// What can go wrong between card and virtual reader.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VpcdError {
    /// The address is not of the form host:port, or the host is unknown.
    #[error("{address} is not an address of a virtual reader: give host:port, such as {DEFAULT_ADDRESS}")]
    Address {
        /// The address as given.
        address: String,
        /// What the resolver said.
        source: io::Error,
    },
    /// Nobody listens there.
    #[error(
        "no virtual reader is listening at {address}: is pcscd running with the vpcd driver? (On Debian: install \
         vsmartcard-vpcd, then restart pcscd.)"
    )]
    NoReader {
        /// The address as given.
        address: String,
        /// Why connecting failed.
        source: io::Error,
    },
    /// The connection failed, or ended in the middle of a message.
    #[error(
        "the connection to the virtual reader was lost: see that pcscd is running, then attach the card again"
    )]
    Lost(#[source] io::Error),
    /// The card's answer to reset cannot be one.
    #[error("the card's ATR has {length} bytes, but an ATR has 2 to 33")]
    Atr {
        /// Its length.
        length: usize,
    },
    /// Too many historical bytes.
    #[error("an ATR holds at most 15 historical bytes, not {length}")]
    Historical {
        /// How many were given.
        length: usize,
    },
}

/// A connection to one slot of a virtual reader.
#[derive(Debug)]
pub struct VirtualSlot {
    stream: TcpStream,
}

impl VirtualSlot {
    /// Connects to the virtual reader at `address` (host and port).
    ///
    /// Being connected does not yet mean being noticed: the reader asks for the ATR when it next polls.
    ///
    /// # Errors
    ///
    /// [`VpcdError::Address`] and [`VpcdError::NoReader`].
    pub fn connect(address: impl ToSocketAddrs + fmt::Display) -> Result<Self, VpcdError> {
        let candidates: Vec<_> = address
            .to_socket_addrs()
            .map_err(|source| VpcdError::Address { address: address.to_string(), source })?
            .collect();
        let stream = TcpStream::connect(candidates.as_slice())
            .map_err(|source| VpcdError::NoReader { address: address.to_string(), source })?;
        Self::from_stream(stream)
    }

    /// Uses a connection that is already there.
    ///
    /// # Errors
    ///
    /// [`VpcdError::Lost`] when the connection cannot be configured.
    pub fn from_stream(stream: TcpStream) -> Result<Self, VpcdError> {
        stream.set_nonblocking(false).map_err(VpcdError::Lost)?;
        stream.set_nodelay(true).map_err(VpcdError::Lost)?;
        stream.set_read_timeout(Some(STOP_INTERVAL)).map_err(VpcdError::Lost)?;
        stream.set_write_timeout(Some(WRITE_LIMIT)).map_err(VpcdError::Lost)?;
        Ok(Self { stream })
    }

    /// Lets the reader use the card until `stop` is set or the reader goes away. Afterwards the card is without power.
    ///
    /// The flag is looked at before each message, and every 100 ms while the reader is silent. Dropping the slot removes
    /// the card from the reader.
    ///
    /// # Errors
    ///
    /// [`VpcdError::Lost`] when the connection fails or ends within a message; [`VpcdError::Atr`] when the card's ATR is
    /// not one.
    pub fn serve(&mut self, card: &mut impl VirtualCard, stop: &AtomicBool) -> Result<Ended, VpcdError> {
        let mut powered = false;
        let ended = self.exchange(card, stop, &mut powered);
        if powered {
            card.power_off();
        }
        ended
    }

    fn exchange(
        &mut self,
        card: &mut impl VirtualCard,
        stop: &AtomicBool,
        powered: &mut bool,
    ) -> Result<Ended, VpcdError> {
        let mut message = Vec::new();
        let mut frame = Vec::new();
        let mut off = false;
        loop {
            let mut length = [0; 2];
            match self.receive(&mut length, true, stop)? {
                Received::All => {}
                Received::Stop => return Ok(Ended::Stopped),
                Received::End => return Ok(Ended::ReaderClosed),
            }
            // At most 65535 bytes, whatever the reader says: the length has two bytes.
            message.resize(usize::from(u16::from_be_bytes(length)), 0);
            match self.receive(&mut message, false, stop)? {
                Received::All => {}
                Received::Stop | Received::End => return Ok(Ended::Stopped),
            }
            match message.as_slice() {
                [] => self.send(&WRONG_LENGTH, &mut frame)?,
                [POWER_OFF] => {
                    card.power_off();
                    (*powered, off) = (false, true);
                }
                [POWER_ON] => {
                    card.power_on();
                    (*powered, off) = (true, false);
                }
                [RESET] => {
                    card.reset();
                    (*powered, off) = (true, false);
                }
                [GET_ATR] => {
                    let atr = card.atr();
                    if !(2..=33).contains(&atr.len()) {
                        return Err(VpcdError::Atr { length: atr.len() });
                    }
                    self.send(atr, &mut frame)?;
                }
                // No other control is defined; the reader expects no answer to any of them.
                [_] => {}
                // A card without power is mute, and the reader waits for an answer: it is told that there is none.
                _ if off => self.send(&NO_DIAGNOSIS, &mut frame)?,
                // Of extended APDUs (up to 65544 bytes) the longest do not fit into a message and never arrive.
                apdu => {
                    let Some(answer) = card.transmit(apdu) else { return Ok(Ended::PowerLost) };
                    // An empty answer would block the reader for good.
                    self.send(if answer.len() < 2 { &NO_DIAGNOSIS } else { &answer }, &mut frame)?;
                }
            }
        }
    }

    /// Fills `buffer`. Only at a message's start may the stream end.
    fn receive(
        &mut self,
        buffer: &mut [u8],
        at_start: bool,
        stop: &AtomicBool,
    ) -> Result<Received, VpcdError> {
        let mut filled = 0;
        while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            if stop.load(Ordering::Acquire) {
                return Ok(Received::Stop);
            }
            acknowledge_at_once(&self.stream);
            match self.stream.read(rest) {
                Ok(0) if at_start && filled == 0 => return Ok(Received::End),
                Ok(0) => return Err(VpcdError::Lost(io::ErrorKind::UnexpectedEof.into())),
                Ok(count) => filled = filled.saturating_add(count),
                Err(error) if is_timeout(&error) || error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(VpcdError::Lost(error)),
            }
        }
        Ok(Received::All)
    }

    /// Sends one message as one segment.
    fn send(&mut self, body: &[u8], frame: &mut Vec<u8>) -> Result<(), VpcdError> {
        let (length, body) = match u16::try_from(body.len()) {
            Ok(length) => (length, body),
            // Longer than a message can be.
            Err(_) => (2, NO_DIAGNOSIS.as_slice()),
        };
        frame.clear();
        frame.extend_from_slice(&length.to_be_bytes());
        frame.extend_from_slice(body);
        self.stream.write_all(frame).map_err(VpcdError::Lost)
    }
}

enum Received {
    All,
    Stop,
    End,
}

/// A receive that ran out of time says `WouldBlock` on Unix, `TimedOut` on Windows.
fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

/// Linux forgets this setting by itself, hence before each receive. Without it everything works, but slowly, so a
/// failure is no error.
#[cfg(target_os = "linux")]
fn acknowledge_at_once(stream: &TcpStream) {
    let _ = rustix::net::sockopt::set_tcp_quickack(stream, true);
}

#[cfg(not(target_os = "linux"))]
fn acknowledge_at_once(_: &TcpStream) {}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{SocketAddr, TcpListener};
    use std::sync::Arc;
    use std::thread::{self, JoinHandle};

    /// After so long a test hangs, on any machine.
    const HANG: Duration = Duration::from_secs(600);
    use std::{format, vec};

    /// Notes what happens to it; answers each command with `answer`.
    struct Noting {
        atr: Vec<u8>,
        answer: Vec<u8>,
        seen: Vec<String>,
    }

    impl Noting {
        fn answering(answer: &[u8]) -> Self {
            Self { atr: atr_contact_t1(&[]).unwrap(), answer: answer.to_vec(), seen: Vec::new() }
        }
    }

    impl VirtualCard for Noting {
        fn atr(&self) -> &[u8] {
            &self.atr
        }
        fn power_on(&mut self) {
            self.seen.push("on".to_string());
        }
        fn power_off(&mut self) {
            self.seen.push("off".to_string());
        }
        fn reset(&mut self) {
            self.seen.push("reset".to_string());
        }
        fn transmit(&mut self, apdu: &[u8]) -> Option<Vec<u8>> {
            self.seen.push(format!("apdu of {}", apdu.len()));
            Some(self.answer.clone())
        }
    }

    type Outcome = (Result<Ended, VpcdError>, Noting);

    /// The reader's end of a connection whose card runs in a thread.
    struct Reader {
        stream: TcpStream,
        card: JoinHandle<Outcome>,
        stop: Arc<AtomicBool>,
    }

    impl Reader {
        fn with(mut card: Noting) -> Self {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let address = listener.local_addr().unwrap();
            let stop = Arc::new(AtomicBool::new(false));
            let flag = Arc::clone(&stop);
            let card = thread::spawn(move || {
                let mut slot = VirtualSlot::connect(address).unwrap();
                (slot.serve(&mut card, &flag), card)
            });
            let stream = listener.accept().unwrap().0;
            stream.set_read_timeout(Some(HANG)).unwrap();
            Self { stream, card, stop }
        }

        fn send(&mut self, body: &[u8]) {
            self.stream.write_all(&u16::try_from(body.len()).unwrap().to_be_bytes()).unwrap();
            self.stream.write_all(body).unwrap();
        }

        fn receive(&mut self) -> Vec<u8> {
            let mut length = [0; 2];
            self.stream.read_exact(&mut length).unwrap();
            let mut body = vec![0; usize::from(u16::from_be_bytes(length))];
            self.stream.read_exact(&mut body).unwrap();
            body
        }

        fn hang_up(self) -> Outcome {
            drop(self.stream);
            self.card.join().unwrap()
        }
    }

    #[test]
    fn controls_reach_the_card_and_only_the_atr_is_answered() {
        let mut reader = Reader::with(Noting::answering(&[0x90, 0x00]));
        reader.send(&[POWER_ON]);
        reader.send(&[RESET]);
        reader.send(&[POWER_OFF]);
        reader.send(&[POWER_ON]);
        reader.send(&[GET_ATR]);
        // The first thing that comes back is the ATR: nothing was said to the others.
        assert_eq!(reader.receive(), atr_contact_t1(&[]).unwrap());
        let (ended, card) = reader.hang_up();
        assert_eq!(ended.unwrap(), Ended::ReaderClosed);
        assert_eq!(card.seen, ["on", "reset", "off", "on", "off"], "the reader leaving takes the power away");
    }

    #[test]
    fn one_byte_is_never_a_command() {
        let mut reader = Reader::with(Noting::answering(&[0x90, 0x00]));
        for control in [0x03, 0x05, 0x80, 0xFF] {
            reader.send(&[control]);
        }
        reader.send(&[0x00, 0xA4]);
        assert_eq!(reader.receive(), [0x90, 0x00]);
        assert_eq!(reader.hang_up().1.seen, ["apdu of 2"]);
    }

    #[test]
    fn a_command_to_a_card_without_power_reaches_no_card_and_ends_nothing() {
        for (on, noted) in [(POWER_ON, "on"), (RESET, "reset")] {
            let mut reader = Reader::with(Noting::answering(&[0x90, 0x00]));
            for (control, answer) in [(POWER_OFF, NO_DIAGNOSIS), (on, [0x90, 0x00])] {
                reader.send(&[control]);
                reader.send(&[0x00, 0xA4, 0x04, 0x00]);
                assert_eq!(reader.receive(), answer);
            }
            assert_eq!(reader.hang_up().1.seen, ["off", noted, "apdu of 4", "off"]);
        }
    }

    #[test]
    fn commands_in_pieces_and_in_one_piece() {
        let mut reader = Reader::with(Noting::answering(&[0xAB, 0x90, 0x00]));
        for byte in [0x00, 0x05, 0x00, 0xA4, 0x04, 0x00, 0x00] {
            reader.stream.write_all(&[byte]).unwrap();
            thread::sleep(Duration::from_millis(3));
        }
        assert_eq!(reader.receive(), [0xAB, 0x90, 0x00]);
        // Two messages in one segment.
        reader.stream.write_all(&[0, 1, POWER_ON, 0, 4, 0x80, 0x10, 0x00, 0x00]).unwrap();
        assert_eq!(reader.receive(), [0xAB, 0x90, 0x00]);
        assert_eq!(reader.hang_up().1.seen, ["apdu of 5", "on", "apdu of 4", "off"]);
    }

    #[test]
    fn a_card_that_says_too_little_or_too_much_is_answered_for() {
        for answer in [vec![], vec![0x90], vec![0; 65536]] {
            let mut reader = Reader::with(Noting::answering(&answer));
            reader.send(&[0x00, 0xA4, 0x04, 0x00]);
            assert_eq!(reader.receive(), NO_DIAGNOSIS);
        }
    }

    #[test]
    fn the_longest_messages_pass_and_an_empty_one_is_refused() {
        let mut reader = Reader::with(Noting::answering(&vec![0x55; 65535]));
        reader.send(&vec![0xA5; 65535]);
        assert_eq!(reader.receive(), vec![0x55; 65535]);
        reader.send(&[]);
        assert_eq!(reader.receive(), WRONG_LENGTH);
        assert_eq!(reader.hang_up().1.seen, ["apdu of 65535"]);
    }

    #[test]
    fn stopping_ends_it_even_within_a_message() {
        for started in [&[][..], &[0x00], &[0x00, 0x05, 0x00, 0xA4]] {
            let mut reader = Reader::with(Noting::answering(&[0x90, 0x00]));
            reader.send(&[POWER_ON]);
            reader.stream.write_all(started).unwrap();
            reader.stop.store(true, Ordering::Release);
            let (ended, _) = reader.card.join().unwrap();
            assert_eq!(ended.unwrap(), Ended::Stopped);
        }
    }

    #[test]
    fn a_connection_that_breaks_within_a_message_is_an_error() {
        for started in [&[0x00][..], &[0x00, 0x05, 0x00, 0xA4]] {
            let mut reader = Reader::with(Noting::answering(&[0x90, 0x00]));
            reader.stream.write_all(started).unwrap();
            let (ended, _) = reader.hang_up();
            assert!(matches!(ended, Err(VpcdError::Lost(_))), "{ended:?}");
        }
    }

    #[test]
    fn an_impossible_atr_is_the_cards_fault() {
        for length in [0, 1, 34] {
            let mut reader = Reader::with(Noting { atr: vec![0x3B; length], ..Noting::answering(&[]) });
            reader.send(&[GET_ATR]);
            let (ended, _) = reader.card.join().unwrap();
            assert!(matches!(ended, Err(VpcdError::Atr { length: found }) if found == length), "{ended:?}");
        }
    }

    #[test]
    fn nobody_listening_is_said_so() {
        // Bound, then freed: nobody listens there.
        let free: SocketAddr = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let error = VirtualSlot::connect(free).unwrap_err();
        assert!(matches!(error, VpcdError::NoReader { .. }));
        let text = error.to_string();
        assert!(text.contains(&free.to_string()) && text.contains("is pcscd running"), "{text}");
        assert!(matches!(VirtualSlot::connect("no port").unwrap_err(), VpcdError::Address { .. }));
    }

    #[test]
    fn answers_to_reset_are_well_formed() {
        assert_eq!(atr_contact_t0(&[]).unwrap(), [0x3B, 0x10, 0x18]);
        assert_eq!(atr_contact_t1(&[]).unwrap(), [0x3B, 0x90, 0x18, 0x81, 0x31, 0xFE, 0x45, 0x83]);
        // PC/SC part 3: a card without historical bytes.
        assert_eq!(atr_contactless_a(&[]).unwrap(), [0x3B, 0x80, 0x80, 0x01, 0x01]);
        for historical in [&b""[..], b"E", b"abcdefghijklmno"] {
            for bytes in [atr_contact_t1(historical).unwrap(), atr_contactless_a(historical).unwrap()] {
                assert_eq!(bytes.iter().skip(1).fold(0, |sum, byte| sum ^ byte), 0);
                assert!(bytes.len() <= 33);
            }
        }
        assert!(matches!(atr_contact_t0(&[0; 16]), Err(VpcdError::Historical { length: 16 })));
    }
}
