//! Answers to reset of cards that speak one protocol (ISO/IEC 7816-3, 8.2; PC/SC part 3).

use super::VpcdError;

/// The ATR of a contact card that speaks T=0, 115200 bit/s at 3.57 MHz (TA1 = 18).
///
/// # Errors
///
/// [`VpcdError::Historical`] with more than 15 historical bytes.
pub fn atr_contact_t0(historical: &[u8]) -> Result<Vec<u8>, VpcdError> {
    // ISO/IEC 7816-3, 8.2.5: with T=0 alone there is no check byte.
    atr(0x10, &[0x18], historical, false)
}

/// The ATR of a contact card that speaks T=1, 115200 bit/s at 3.57 MHz (TA1 = 18), with 254-byte blocks.
///
/// # Errors
///
/// [`VpcdError::Historical`] with more than 15 historical bytes.
pub fn atr_contact_t1(historical: &[u8]) -> Result<Vec<u8>, VpcdError> {
    // TA1; TD1: T=1, TD2 follows; TD2: T=1, TA3 and TB3 follow; TA3: block size 254; TB3: waiting times.
    atr(0x90, &[0x18, 0x81, 0x31, 0xFE, 0x45], historical, true)
}

/// The ATR that a PC/SC reader makes up for a contactless card of ISO/IEC 14443-4 type A, from the historical bytes of its
/// answer to select (PC/SC part 3, 3.1.3.2.3.1).
///
/// # Errors
///
/// [`VpcdError::Historical`] with more than 15 historical bytes.
pub fn atr_contactless_a(historical: &[u8]) -> Result<Vec<u8>, VpcdError> {
    atr(0x80, &[0x80, 0x01], historical, true)
}

fn atr(indicator: u8, interface: &[u8], historical: &[u8], check: bool) -> Result<Vec<u8>, VpcdError> {
    let count = u8::try_from(historical.len()).ok().filter(|count| *count <= 15);
    let count = count.ok_or(VpcdError::Historical { length: historical.len() })?;
    let mut bytes = Vec::from([0x3B, indicator | count]);
    bytes.extend_from_slice(interface);
    bytes.extend_from_slice(historical);
    if check {
        // TCK: the exclusive or from T0 to TCK is zero.
        bytes.push(bytes.iter().skip(1).fold(0, |sum, byte| sum ^ byte));
    }
    Ok(bytes)
}
