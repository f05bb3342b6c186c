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

/// What a status word of the card means, and what to do about it: what a customer is told, but where a word concerns whoever
/// issues cards or writes programs.
pub const fn advice(status: StatusWord) -> (&'static str, &'static str) {
    const REPLACE: &str = "replace the card at a branch; its credit is on record at the company";
    match status {
        StatusWord::AUTHENTICATION_FAILED => (
            "the card did not accept our keys",
            "check that the keys are this card's: company, environment, version",
        ),
        StatusWord::SECURITY_STATUS => (
            "this needs a session with other keys or a higher security level",
            "open the session that the command needs",
        ),
        StatusWord::SECURE_MESSAGING_DATA => {
            ("the secured command arrived altered and the session has ended", "authenticate again")
        }
        StatusWord::FILE_NOT_FOUND => {
            ("the card application or file is not there", "is this a prepaid electricity card, and issued?")
        }
        StatusWord::MEMORY_FAILURE => ("the card's memory has failed", REPLACE),
        StatusWord::CONDITIONS_OF_USE => {
            ("the card's state does not allow this", "have the card looked at in a branch")
        }
        OTHER_CARD => ("this is for another card", "use the card that it was issued for"),
        OTHER_COMPANY => {
            ("this is from another electricity company", "go to the company that issued the card")
        }
        OTHER_ENVIRONMENT => (
            "test and production do not mix, and one of the two is for tests only",
            "use a card of the same kind, or ask your electricity company",
        ),
        OTHER_METER => ("this is for another meter", "have it issued for the meter of this card"),
        OTHER_BINDING => (
            "this is for another contract of the meter, or for an earlier one",
            "fetch the present one from where you bought it, or go to a branch",
        ),
        OTHER_GENERATION => (
            "this is for another issue of the card",
            "use the newest card, and fetch the charge again from where you bought it",
        ),
        TOTALS_FALL => ("totals fall although the sequence rises", "report it to the issuer"),
        NOT_AUTHENTIC => (
            "this cannot be accepted, because its authentication code is wrong",
            "fetch it again from where you bought it",
        ),
        OTHER_KEY_VERSION => {
            ("the card does not have this version of the key", "issue it with the version that the card has")
        }
        STALE => (
            "this is older than what the card has; nothing has changed",
            "fetch the newest from where you got it",
        ),
        EXHAUSTED => ("the card cannot take any more charges", REPLACE),
        BELOW_SETTLED => (
            "the meter's totals are below those that it settled before",
            "the meter's memory has gone back: open a new binding",
        ),
        NOT_ACTIVATED => ("the card is not activated yet", "make the first charge at a branch"),
        _ => ("the card refused the command", "see the status word in ISO/IEC 7816-4"),
    }
}
