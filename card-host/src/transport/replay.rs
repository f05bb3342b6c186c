//! A transport without a card: it replays a recording and complains where it is asked anything else.

use std::collections::VecDeque;

use super::{Exchange, Link, Recording, TransportError, instruction_name};

/// A program does not do what was recorded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReplayError {
    /// Another command than the recorded one.
    #[error(
        "exchange {number} of the recording is {} {}, but the program sent {} {}: record it anew, or repeat its random numbers",
        instruction_name(.recorded), hex::encode_upper(.recorded), instruction_name(.sent), hex::encode_upper(.sent)
    )]
    Mismatch {
        /// Number of the exchange, from 1.
        number: usize,
        /// The recorded command.
        recorded: Vec<u8>,
        /// What was sent instead.
        sent: Vec<u8>,
    },
    /// More commands than were recorded.
    #[error("the recording ends after {number} exchanges, but the program goes on: record it anew")]
    Exhausted {
        /// How many were recorded.
        number: usize,
    },
    /// The recorded exchange failed.
    #[error("when this was recorded, it failed: {message}")]
    Recorded {
        /// The error of then.
        message: String,
    },
    /// Fewer commands than were recorded.
    #[error("{left} exchanges of the recording were not asked for")]
    Unused {
        /// How many.
        left: usize,
    },
}

/// Answers as it was recorded.
#[derive(Debug)]
pub struct Replay {
    left: VecDeque<Exchange>,
    done: usize,
}

impl Replay {
    /// From the beginning of a recording.
    pub fn new(recording: &Recording) -> Self {
        Self { left: recording.exchanges().cloned().collect(), done: 0 }
    }

    /// Succeeds where everything recorded has been asked for.
    pub fn finish(self) -> Result<(), ReplayError> {
        match self.left.len() {
            0 => Ok(()),
            left => Err(ReplayError::Unused { left }),
        }
    }
}

impl Link for Replay {
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, TransportError> {
        let next = self.left.front().ok_or(ReplayError::Exhausted { number: self.done })?;
        if !next.is_of(command) {
            let (recorded, sent) = (next.command.clone(), command.to_vec());
            return Err(ReplayError::Mismatch { number: self.done + 1, recorded, sent }.into());
        }
        let response = next.response.clone();
        self.left.pop_front();
        self.done += 1;
        response.map_err(|message| ReplayError::Recorded { message }.into())
    }

    fn description(&self) -> String {
        "recording".into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_recorded_is_answered() {
        let recording = Recording::parse("> 00A40400\n< 9000\n> 00B08100\n! the card was removed\n").unwrap();
        let mut replay = Replay::new(&recording);
        let wrong = replay.transmit(&[0, 0xB0, 0x81, 0]).unwrap_err();
        let text = wrong.to_string();
        assert!(
            text.contains("exchange 1") && text.contains("SELECT") && text.contains("READ BINARY"),
            "{text}"
        );
        assert_eq!(replay.transmit(&[0, 0xA4, 4, 0]).unwrap(), [0x90, 0]);
        assert_eq!(
            replay.transmit(&[0, 0xB0, 0x81, 0]),
            Err(ReplayError::Recorded { message: "the card was removed".into() }.into())
        );
        assert_eq!(replay.transmit(&[0; 4]), Err(ReplayError::Exhausted { number: 2 }.into()));
        assert_eq!(replay.finish(), Ok(()));
        assert_eq!(Replay::new(&recording).finish(), Err(ReplayError::Unused { left: 2 }));
    }
}
