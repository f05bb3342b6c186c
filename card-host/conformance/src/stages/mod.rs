//! The card's life, stage by stage: each holds the rules of a section or two, and leaves the card where the next begins.

mod blank;
mod channel;
mod exchange;
mod files;
mod form;
mod life;
mod mail;
mod personalise;
mod tears;
mod voucher;

use crate::subject::Subject;
use card_core::id::State;
use card_core::scp03::SecurityLevel;

/// No command may take longer: section 16, in microseconds.
const LONGEST_US: u64 = 1_200_000;

/// The meter's session.
const METER: (u8, SecurityLevel) = (0x31, SecurityLevel::CMacCEncRMac);
/// The issuer's session with a card in the field.
const ADMIN: (u8, SecurityLevel) = (0x11, SecurityLevel::Full);
const VENDING: (u8, SecurityLevel) = (0x21, SecurityLevel::Full);
const HOLDER: (u8, SecurityLevel) = (0x41, SecurityLevel::Full);
/// The session with a blank card.
const INITIAL: (u8, SecurityLevel) = (0x10, SecurityLevel::Full);

/// Brings the card through all of them. One that cannot be brought further ends it.
pub(crate) fn run(subject: &mut Subject<'_>) {
    let met = subject.rule("3", "a blank card of the test environment is in the reader", |subject| {
        let summary = subject.meet()?;
        let state = summary.state.map_or("unknown".into(), |state| format!("{state:?}"));
        crate::subject::equal(&format_args!("{:?}", State::Blank), &state)?;
        crate::subject::equal(&card_core::id::Environment::Test, &summary.scope.environment)
    });
    let stages: [fn(&mut Subject<'_>) -> bool; 10] = [
        form::run,
        blank::run,
        personalise::run,
        voucher::run,
        files::run,
        mail::run,
        exchange::run,
        channel::run,
        tears::run,
        life::run,
    ];
    let mut further = met;
    for stage in stages {
        if !further {
            break;
        }
        further = stage(subject);
    }
    if !further {
        subject.not_examined("3", "the rest of the card's life", "the card could not be brought further");
    }
    subject.in_time(LONGEST_US);
}
