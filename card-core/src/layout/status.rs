//! Status words of our own (specification, section 15).

use crate::apdu::StatusWord;
/// 6282: the file ends before Ne bytes.
pub const END_OF_FILE: StatusWord = StatusWord(0x6282);
/// 6981: the command does not fit the form of the file.
pub const WRONG_FORM: StatusWord = StatusWord(0x6981);
/// 9401: for another card.
pub const OTHER_CARD: StatusWord = StatusWord(0x9401);
/// 9402: for another company.
pub const OTHER_COMPANY: StatusWord = StatusWord(0x9402);
/// 9403: for another environment.
pub const OTHER_ENVIRONMENT: StatusWord = StatusWord(0x9403);
/// 9404: for another meter.
pub const OTHER_METER: StatusWord = StatusWord(0x9404);
/// 9405: for another binding, or an older one.
pub const OTHER_BINDING: StatusWord = StatusWord(0x9405);
/// 9406: for another generation of the card.
pub const OTHER_GENERATION: StatusWord = StatusWord(0x9406);
/// 9407: totals fall although the sequence rises.
pub const TOTALS_FALL: StatusWord = StatusWord(0x9407);
/// 9408: the authentication code is wrong.
pub const NOT_AUTHENTIC: StatusWord = StatusWord(0x9408);
/// 9409: this key version is not on the card.
pub const OTHER_KEY_VERSION: StatusWord = StatusWord(0x9409);
/// 940A: older than what the card has.
pub const STALE: StatusWord = StatusWord(0x940A);
/// 940B: a counter is at its last value.
pub const EXHAUSTED: StatusWord = StatusWord(0x940B);
/// 940C: below what has been settled.
pub const BELOW_SETTLED: StatusWord = StatusWord(0x940C);
/// 940D: the first charge must be made at a branch.
pub const NOT_ACTIVATED: StatusWord = StatusWord(0x940D);
