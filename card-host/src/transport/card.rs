//! Makes any link answer completely.

use super::sealed::Complete;
use super::{Link, TransportError, status_bytes};

/// Most GET RESPONSE commands for one response.
const MAX_ROUNDS: usize = 16;
/// Most bytes of data in one response; what cards of ours answer fits 256.
const MAX_DATA: usize = 4096;

/// A card that answers every command completely.
///
/// - 6Cxx (ISO/IEC 7816-3, 12.2.2; 7816-4, table 6) is answered by the same command with Le = xx, once, and only for commands without a data
///   field: a command that carries data may have changed the card and is never sent again.
/// - 61xx (ISO/IEC 7816-4, 5.3.4 and 7.6.1) is answered with GET RESPONSE until the response is complete, within bounds.
#[derive(Debug)]
pub struct Card<L> {
    link: L,
}

impl<L: Link> Card<L> {
    /// The card behind `link`.
    pub const fn open(link: L) -> Self {
        Self { link }
    }

    /// The link.
    pub const fn link(&self) -> &L {
        &self.link
    }

    /// The link, without which nothing is complete.
    pub fn into_link(self) -> L {
        self.link
    }

    /// With the Le that the card names.
    fn of_right_length(&mut self, command: &[u8]) -> Result<Vec<u8>, TransportError> {
        let response = self.link.transmit(command)?;
        match (status_bytes(&response)?, command) {
            ((_, [0x6C, le]), [cla, ins, p1, p2] | [cla, ins, p1, p2, _]) => {
                self.link.transmit(&[*cla, *ins, *p1, *p2, le])
            }
            _ => Ok(response),
        }
    }
}

impl<L: Link> Link for Card<L> {
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, TransportError> {
        let mut whole = Vec::new();
        let mut response = self.of_right_length(command)?;
        for round in 0.. {
            let (data, [sw1, sw2]) = status_bytes(&response)?;
            if whole.len() + data.len() > MAX_DATA {
                return Err(TransportError::TooLarge(MAX_DATA));
            }
            whole.extend_from_slice(data);
            match sw1 {
                0x61 if round == MAX_ROUNDS => break,
                0x61 => response = self.of_right_length(&[0x00, 0xC0, 0x00, 0x00, sw2])?,
                // Parts of a response that ends in an error are no response.
                0x64..=0x6F if round > 0 => return Ok(vec![sw1, sw2]),
                _ => {
                    whole.extend_from_slice(&[sw1, sw2]);
                    return Ok(whole);
                }
            }
        }
        Err(TransportError::TooManyRounds(MAX_ROUNDS))
    }

    fn description(&self) -> String {
        self.link.description()
    }
}

impl<L> Complete for Card<L> {}

#[cfg(test)]
mod tests {
    use super::super::script::Script;
    use super::*;

    const COMMAND: [u8; 5] = [0x80, 0xCA, 0, 0x66, 0];

    #[test]
    fn parts_are_put_together() {
        let mut card = Card::open(Script::new(&[&[1, 0x61, 2], &[2, 3, 0x61, 1], &[4, 0x90, 0]]));
        assert_eq!(card.transmit(&COMMAND).unwrap(), [1, 2, 3, 4, 0x90, 0]);
        assert_eq!(card.link().sent, [&COMMAND[..], &[0, 0xC0, 0, 0, 2], &[0, 0xC0, 0, 0, 1]]);
    }

    #[test]
    fn everything_else_passes() {
        for answer in [&[7, 0x90, 0][..], &[7, 0x62, 0x82], &[0x69, 0x82]] {
            let mut card = Card::open(Script::new(&[answer]));
            assert_eq!(card.transmit(&COMMAND).unwrap(), answer);
        }
    }

    #[test]
    fn an_error_in_between_leaves_no_data() {
        let mut card = Card::open(Script::new(&[&[1, 0x61, 2], &[0x6F, 0]]));
        assert_eq!(card.transmit(&COMMAND).unwrap(), [0x6F, 0]);
    }

    #[test]
    fn a_card_that_never_ends_is_given_up() {
        let mut card = Card::open(Script::new(&[&[0x61, 1][..]; 17]));
        assert_eq!(card.transmit(&COMMAND), Err(TransportError::TooManyRounds(16)));
        assert_eq!(card.link().sent.len(), 17);
        let part = [&[0; 256][..], &[0x61, 0]].concat();
        let mut card = Card::open(Script::new(&[part.as_slice(); 17]));
        assert_eq!(card.transmit(&COMMAND), Err(TransportError::TooLarge(4096)));
    }

    #[test]
    fn an_answer_without_status_is_none() {
        let mut card = Card::open(Script::new(&[&[0x90]]));
        assert!(matches!(card.transmit(&COMMAND), Err(TransportError::Response(_))));
    }

    #[test]
    fn a_reading_command_is_repeated_once() {
        for command in [&[0, 0xB0, 0x81, 0][..], &[0, 0xB0, 0x81, 0, 0]] {
            let mut card = Card::open(Script::new(&[&[0x6C, 0x20], &[9, 0x90, 0]]));
            assert_eq!(card.transmit(command).unwrap(), [9, 0x90, 0]);
            assert_eq!(card.link().sent, [command, &[0, 0xB0, 0x81, 0, 0x20]]);
        }
        let mut card = Card::open(Script::new(&[&[0x6C, 0x20], &[0x6C, 0x21]]));
        assert_eq!(card.transmit(&[0, 0xB0, 0x81, 0, 0]).unwrap(), [0x6C, 0x21]);
    }

    #[test]
    fn a_command_with_data_is_never_repeated() {
        let commands: [&[u8]; 2] = [&[0x80, 0x40, 0, 0, 1, 7], &[0x80, 0x40, 0, 0, 1, 7, 0]];
        for command in commands {
            let mut card = Card::open(Script::new(&[&[0x6C, 0x20]]));
            assert_eq!(card.transmit(command).unwrap(), [0x6C, 0x20]);
            assert_eq!(card.link().sent.len(), 1);
        }
    }
}
