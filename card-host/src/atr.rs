//! Answers to reset, decoded (ISO/IEC 7816-3, 8.2; for contactless cards PC/SC part 3, 3.1.3.2.3).

use core::fmt;

/// Historical bytes of our card (card specification, section 16).
const OURS: [u8; 13] = [0x80, 0x31, 0xC9, 0x73, 0xCE, 0x01, 0x00, 0x55, 0x45, 0x47, 0x45, 0x4C, 0x43];

/// What a card said when it was powered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Atr {
    /// T=0, T=1 and others, in the order in which they are offered; never empty.
    pub protocols: Vec<u8>,
    /// TA1: how fast contacts may be; the default where it is not said.
    pub speed: u8,
    /// Whether the reader made it up for a contactless card.
    pub contactless: bool,
    /// What the card says of itself: 0 to 15 bytes.
    pub historical: Vec<u8>,
}

impl Atr {
    /// Of whole bytes; `None` where they are not one.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        if !(2..=33).contains(&bytes.len()) || !matches!(bytes.first(), Some(0x3B | 0x3F)) {
            return None;
        }
        let mut rest = bytes.get(2..)?;
        let format = *bytes.get(1)?;
        let (mut indicator, mut round) = (format >> 4, 0_u8);
        let (mut protocols, mut speed, mut interface) = (Vec::new(), 0x11, Vec::new());
        while indicator != 0 {
            round = round.checked_add(1)?;
            let mut next = 0;
            for (bit, name) in [(1, 'A'), (2, 'B'), (4, 'C'), (8, 'D')] {
                if indicator & bit == 0 {
                    continue;
                }
                let (value, after) = rest.split_first()?;
                rest = after;
                interface.push(*value);
                match (name, round) {
                    ('A', 1) => speed = *value,
                    ('D', _) => {
                        next = value >> 4;
                        let protocol = value & 0x0F;
                        // T=15 only announces global bytes.
                        if protocol != 15 && !protocols.contains(&protocol) {
                            protocols.push(protocol);
                        }
                    }
                    _ => {}
                }
            }
            indicator = next;
        }
        if protocols.is_empty() {
            protocols.push(0);
        }
        let (historical, check) = rest.split_at_checked(usize::from(format & 0x0F))?;
        // With T=0 alone there is no check byte.
        let right = match check {
            [] => protocols == [0],
            [_] => bytes.iter().skip(1).fold(0, |sum, byte| sum ^ byte) == 0,
            _ => false,
        };
        let contactless = interface == [0x80, 0x01];
        right.then(|| Self { protocols, speed, contactless, historical: historical.to_vec() })
    }

    /// Whether it is a card of ours by what it says of itself.
    pub fn is_ours(&self) -> bool {
        self.historical == OURS
    }

    /// Whether T=0 is all that it speaks.
    pub fn is_only_t0(&self) -> bool {
        self.protocols == [0]
    }

    /// Bits in a second over contacts at the reader's clock of `hertz`; `None` for values that are not used.
    pub fn bits_per_second(&self, hertz: u32) -> Option<u32> {
        let f = match self.speed >> 4 {
            0 | 1 => 372,
            2 => 558,
            3 => 744,
            4 => 1116,
            5 => 1488,
            6 => 1860,
            9 => 512,
            10 => 768,
            11 => 1024,
            12 => 1536,
            13 => 2048,
            _ => return None,
        };
        let d = match self.speed & 0x0F {
            1 => 1,
            2 => 2,
            3 => 4,
            4 => 8,
            5 => 16,
            6 => 32,
            7 => 64,
            8 => 12,
            9 => 20,
            _ => return None,
        };
        hertz.checked_mul(d)?.checked_div(f)
    }
}

impl fmt::Display for Atr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.contactless {
            f.write_str("contactless")?;
        } else {
            let protocols: Vec<String> = self.protocols.iter().map(|number| format!("T={number}")).collect();
            write!(f, "contacts, {}", protocols.join(" and "))?;
            if let Some(bits) = self.bits_per_second(3_571_200) {
                write!(f, ", up to {bits} bit/s at 3.57 MHz")?;
            }
        }
        write!(f, ", historical bytes {}", hex::encode_upper(&self.historical))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_of_our_card_and_of_others() {
        let historical = hex::encode(OURS);
        let checked = |text: &str| {
            let mut bytes = hex::decode(text).unwrap();
            bytes.push(bytes.iter().skip(1).fold(0, |sum, byte| sum ^ byte));
            Atr::parse(&bytes)
        };
        let t1 = checked(&format!("3b9d188131fe45{historical}")).unwrap();
        assert!(t1.is_ours() && !t1.is_only_t0() && !t1.contactless);
        assert_eq!(t1.bits_per_second(3_571_200), Some(115_200));
        assert_eq!(t1.protocols, [1]);
        let t0 = Atr::parse(&hex::decode(format!("3b1d18{historical}")).unwrap()).unwrap();
        assert!(t0.is_ours() && t0.is_only_t0());
        let contactless = checked(&format!("3b8d8001{historical}")).unwrap();
        assert!(contactless.is_ours() && contactless.contactless);
        // A bank card, and a card with both protocols.
        let bank = Atr::parse(&hex::decode("3b6500002063cb6800").unwrap()).unwrap();
        assert!(!bank.is_ours() && bank.is_only_t0());
        assert_eq!(bank.speed, 0x11);
        let other = Atr::parse(&hex::decode("3bd518ff8191fe1fc38073c8211309").unwrap()).unwrap();
        assert_eq!((other.protocols, other.historical.len()), (vec![1], 5));

        let longer = checked(&format!("3b9d188131fe45{historical}00"));
        assert_eq!(longer, None, "bytes behind its end");
    }

    #[test]
    fn nothing_that_is_cut_or_changed_passes_or_panics() {
        let mut whole = hex::decode(format!("3b9d188131fe45{}", hex::encode(OURS))).unwrap();
        whole.push(whole.iter().skip(1).fold(0, |sum, byte| sum ^ byte));
        for length in 0..whole.len() {
            assert_eq!(Atr::parse(&whole[..length]), None, "{length}");
        }
        for at in 0..whole.len() {
            let mut other = whole.clone();
            other[at] ^= 0x40;
            assert_eq!(Atr::parse(&other), None, "{at}");
        }
        for first in 0..=255 {
            for second in 0..=255 {
                let _ = Atr::parse(&[0x3B, first, second, second, first, 0xFF]);
            }
        }
    }
}
