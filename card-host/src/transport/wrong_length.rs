//! Repeats a reading command that a card refused for its Le with 6Cxx (ISO/IEC 7816-3, 12.2.2; 7816-4, table 6).

use super::{Link, TransportError, status_bytes};

/// Answers 6Cxx by the same command with Le = xx, once, and only for commands without a data field: a command that carries data may
/// have changed the card and is never sent again.
#[derive(Debug)]
pub struct WrongLength<T> {
    inner: T,
}

impl<T> WrongLength<T> {
    /// A layer around `inner`.
    pub const fn new(inner: T) -> Self {
        Self { inner }
    }

    /// What is inside.
    pub const fn inner(&self) -> &T {
        &self.inner
    }

    /// What was inside.
    pub fn into_inner(self) -> T {
        self.inner
    }
}

impl<T: Link> Link for WrongLength<T> {
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, TransportError> {
        let response = self.inner.transmit(command)?;
        match (status_bytes(&response)?, command) {
            ((_, [0x6C, le]), [cla, ins, p1, p2] | [cla, ins, p1, p2, _]) => {
                self.inner.transmit(&[*cla, *ins, *p1, *p2, le])
            }
            _ => Ok(response),
        }
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
    fn a_reading_command_is_repeated_once() {
        for command in [&[0, 0xB0, 0x81, 0][..], &[0, 0xB0, 0x81, 0, 0]] {
            let mut layer = WrongLength::new(Script::new(&[&[0x6C, 0x20], &[9, 0x90, 0]]));
            assert_eq!(layer.transmit(command).unwrap(), [9, 0x90, 0]);
            assert_eq!(layer.inner().sent, [command, &[0, 0xB0, 0x81, 0, 0x20]]);
        }
        let mut layer = WrongLength::new(Script::new(&[&[0x6C, 0x20], &[0x6C, 0x21]]));
        assert_eq!(layer.transmit(&[0, 0xB0, 0x81, 0, 0]).unwrap(), [0x6C, 0x21]);
    }

    #[test]
    fn a_command_with_data_is_never_repeated() {
        let commands: [&[u8]; 2] = [&[0x80, 0x40, 0, 0, 1, 7], &[0x80, 0x40, 0, 0, 1, 7, 0]];
        for command in commands {
            let mut layer = WrongLength::new(Script::new(&[&[0x6C, 0x20]]));
            assert_eq!(layer.transmit(command).unwrap(), [0x6C, 0x20]);
            assert_eq!(layer.inner().sent.len(), 1);
        }
    }
}
