//! Fetches what a card holds back behind 61xx (ISO/IEC 7816-4, 5.3.4 and 7.6.1).

use super::{Link, TransportError, status_bytes};

/// Answers 61xx with GET RESPONSE until the response is complete, within bounds.
#[derive(Debug)]
pub struct GetResponse<T> {
    inner: T,
}

impl<T> GetResponse<T> {
    /// Most GET RESPONSE commands for one response.
    pub const MAX_ROUNDS: usize = 16;
    /// Most bytes of data in one response; what cards of ours answer fits 256.
    pub const MAX_DATA: usize = 4096;

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

impl<T: Link> Link for GetResponse<T> {
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, TransportError> {
        let mut whole = Vec::new();
        let mut response = self.inner.transmit(command)?;
        for round in 0.. {
            let (data, [sw1, sw2]) = status_bytes(&response)?;
            if whole.len() + data.len() > Self::MAX_DATA {
                return Err(TransportError::TooLarge(Self::MAX_DATA));
            }
            whole.extend_from_slice(data);
            match sw1 {
                0x61 if round == Self::MAX_ROUNDS => break,
                0x61 => response = self.inner.transmit(&[0x00, 0xC0, 0x00, 0x00, sw2])?,
                // Parts of a response that ends in an error are no response.
                0x64..=0x6F if round > 0 => return Ok(vec![sw1, sw2]),
                _ => {
                    whole.extend_from_slice(&[sw1, sw2]);
                    return Ok(whole);
                }
            }
        }
        Err(TransportError::TooManyRounds(Self::MAX_ROUNDS))
    }

    fn description(&self) -> String {
        self.inner.description()
    }
}

#[cfg(test)]
mod tests {
    use super::super::script::Script;
    use super::*;

    const COMMAND: [u8; 5] = [0x80, 0xCA, 0, 0x66, 0];

    #[test]
    fn parts_are_put_together() {
        let mut layer = GetResponse::new(Script::new(&[&[1, 0x61, 2], &[2, 3, 0x61, 1], &[4, 0x90, 0]]));
        assert_eq!(layer.transmit(&COMMAND).unwrap(), [1, 2, 3, 4, 0x90, 0]);
        assert_eq!(layer.inner().sent, [&COMMAND[..], &[0, 0xC0, 0, 0, 2], &[0, 0xC0, 0, 0, 1]]);
    }

    #[test]
    fn everything_else_passes() {
        for answer in [&[7, 0x90, 0][..], &[7, 0x62, 0x82], &[0x69, 0x82], &[0x6C, 5]] {
            let mut layer = GetResponse::new(Script::new(&[answer]));
            assert_eq!(layer.transmit(&COMMAND).unwrap(), answer);
        }
    }

    #[test]
    fn an_error_in_between_leaves_no_data() {
        let mut layer = GetResponse::new(Script::new(&[&[1, 0x61, 2], &[0x6F, 0]]));
        assert_eq!(layer.transmit(&COMMAND).unwrap(), [0x6F, 0]);
    }

    #[test]
    fn a_card_that_never_ends_is_given_up() {
        let mut layer = GetResponse::new(Script::new(&[&[0x61, 1][..]; 17]));
        assert_eq!(layer.transmit(&COMMAND), Err(TransportError::TooManyRounds(16)));
        assert_eq!(layer.inner().sent.len(), 17);
        let part = [&[0; 256][..], &[0x61, 0]].concat();
        let mut layer = GetResponse::new(Script::new(&[part.as_slice(); 17]));
        assert_eq!(layer.transmit(&COMMAND), Err(TransportError::TooLarge(4096)));
    }

    #[test]
    fn an_answer_without_status_is_none() {
        let mut layer = GetResponse::new(Script::new(&[&[0x90]]));
        assert!(matches!(layer.transmit(&COMMAND), Err(TransportError::Response(_))));
    }
}
