//! Which other card it may be, that is not ours.

use crate::atr::Atr;
use crate::transport::{Transport, TransportError};

/// Applications by which cards that people confuse with ours are known.
const KNOWN: [(&str, &[u8]); 6] = [
    ("a bank card", b"1PAY.SYS.DDF01"),
    ("a bank card", b"2PAY.SYS.DDF01"),
    ("a SIM card", &[0xA0, 0x00, 0x00, 0x00, 0x87]),
    ("a passport or identity card", &[0xA0, 0x00, 0x00, 0x02, 0x47, 0x10, 0x01]),
    ("a staff card (PIV)", &[0xA0, 0x00, 0x00, 0x03, 0x08]),
    ("an OpenPGP card", &[0xD2, 0x76, 0x00, 0x01, 0x24, 0x01]),
];

/// PC/SC part 3, table 3.5: what a reader says of a card that stores and does not compute.
const STORES: [u8; 5] = [0xA0, 0x00, 0x00, 0x03, 0x06];

/// What it looks like.
pub(super) fn kind(transport: &mut impl Transport, atr: Option<&Atr>) -> Result<String, TransportError> {
    if let Some(atr) = atr {
        if atr.historical.windows(STORES.len()).any(|part| part == STORES) {
            return Ok("a card that only stores, such as a ticket or a key fob".to_owned());
        }
        if atr.is_ours() {
            return Ok("a chip for our card, without the card application".to_owned());
        }
    }
    for (name, aid) in KNOWN {
        let length = u8::try_from(aid.len()).unwrap_or_default();
        let command = [&[0x00, 0xA4, 0x04, 0x00, length], aid, &[0x00]].concat();
        let answer = transport.transmit(&command)?;
        if matches!(answer.as_slice(), [.., 0x90, 0x00] | [.., 0x62, 0x83]) {
            return Ok(name.to_owned());
        }
    }
    let text: String = atr.map(|atr| readable(&atr.historical)).unwrap_or_default();
    Ok(if text.len() < 3 {
        "a card unknown to us".to_owned()
    } else {
        format!("a card that calls itself {text:?}")
    })
}

fn readable(bytes: &[u8]) -> String {
    bytes.iter().filter(|byte| byte.is_ascii_graphic()).map(|byte| char::from(*byte)).collect()
}
