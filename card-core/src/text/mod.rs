//! What customers are told, in English and in Arabic, at kiosks and branches, on phones and on the meter's display.
//!
//! A [`Situation`] has a [`Text`] in each [`Language`]: a code, which is the same in both and never changes its meaning; what it is;
//! and what to do. The sentences carry no numbers and no names: where there are some, the caller adds them, in an Arabic sentence
//! with [`isolate`] around each. They have neither a capital at the beginning nor a full stop at the end, so that they fit into
//! longer messages; [`Text`]'s `Display` joins the two.
//!
//! For whoever writes them: no sentence promises money back, and none says whose fault something is. Arabic asks with «يرجى» and a
//! noun, which addresses women and men alike, and says الكارت, العداد, الرصيد and الشحنة, as the companies' customers do. All of them
//! stand side by side in `docs/messages.md`.

mod event;
mod sale;
mod table;
#[cfg(test)]
mod tests;

pub use sale::{Paid, PaidInWords};
pub use table::Situation;

use core::fmt;

use crate::apdu::StatusWord;
use crate::id::{Channel, State};
use crate::layout::status;
use crate::message::MeterFlags;
use crate::meter::{Reason, Verdict, VisitError};
use crate::scp03::host::HandshakeError;
use crate::terminal::RequestError;
use crate::terminal::exchange::ExchangeError;
use crate::terminal::load::{LoadOutcome, Misfit};
use crate::terminal::select::SelectError;
use crate::terminal::session::OpenError;

/// A language that customers read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Language {
    /// English.
    #[default]
    English,
    /// Modern standard Arabic, from right to left.
    Arabic,
}

impl Language {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::English, Self::Arabic];

    /// The code of ISO 639-1.
    pub const fn code(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Arabic => "ar",
        }
    }

    /// The language with this code of ISO 639-1.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|language| language.code() == code)
    }

    /// The currency, as it stands behind an amount.
    pub const fn currency(self) -> &'static str {
        match self {
            Self::English => "EGP",
            Self::Arabic => "جنيه",
        }
    }

    /// What stands in front of the meter's balance.
    pub const fn balance_in_the_meter(self) -> &'static str {
        match self {
            Self::English => "balance in the meter",
            Self::Arabic => "الرصيد في العداد",
        }
    }
}

/// What to tell a customer. `Display` says what it is and what to do, without the code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Text {
    /// Short and stable, the same in all languages: for support, and for programs.
    pub code: &'static str,
    /// What it is.
    pub what: &'static str,
    /// What to do.
    pub to_do: &'static str,
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.what, self.to_do)
    }
}

/// FIRST STRONG ISOLATE: what follows has a direction of its own.
pub const ISOLATE: char = '\u{2068}';
/// POP DIRECTIONAL ISOLATE: ends [`ISOLATE`].
pub const END_ISOLATE: char = '\u{2069}';

/// A number, an amount or a name within a sentence of the other direction: kept in one piece, and away from its neighbours.
pub const fn isolate<T: fmt::Display>(value: T) -> Isolated<T> {
    Isolated(value)
}

/// `Display` puts [`ISOLATE`] and [`END_ISOLATE`] around the value; see [`isolate`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Isolated<T>(T);

impl<T: fmt::Display> fmt::Display for Isolated<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{ISOLATE}{}{END_ISOLATE}", self.0)
    }
}

impl Situation {
    /// What a card did with a voucher.
    pub const fn of_outcome(outcome: LoadOutcome) -> Self {
        match outcome {
            LoadOutcome::Loaded => Self::Loaded,
            LoadOutcome::AlreadyLoaded => Self::AlreadyLoaded,
            LoadOutcome::Older => Self::Older,
            LoadOutcome::Refreshed => Self::Refreshed,
        }
    }

    /// What a card answered to SELECT, LOAD VOUCHER, PUT MAIL or SETTLE, where it was not 9000.
    pub const fn of_status(word: StatusWord) -> Self {
        match word {
            status::OTHER_CARD => Self::OtherCard,
            status::OTHER_COMPANY => Self::OtherCompany,
            status::OTHER_ENVIRONMENT => Self::OtherEnvironment,
            status::OTHER_METER => Self::OtherMeter,
            status::OTHER_BINDING => Self::OtherBinding,
            status::OTHER_GENERATION => Self::OtherGeneration,
            status::TOTALS_FALL => Self::TotalsFall,
            status::NOT_AUTHENTIC => Self::WrongCode,
            status::OTHER_KEY_VERSION => Self::OtherKeyVersion,
            status::STALE => Self::Stale,
            status::EXHAUSTED => Self::Exhausted,
            status::BELOW_SETTLED => Self::MeterWentBack,
            status::NOT_ACTIVATED => Self::FirstCharge,
            StatusWord::MEMORY_FAILURE => Self::MemoryFailed,
            StatusWord::CONDITIONS_OF_USE => Self::NotInThisState,
            StatusWord::FILE_NOT_FOUND => Self::NotOurs,
            _ => Self::Refused,
        }
    }

    /// Why a voucher or mail is not for the card that is there.
    pub const fn of_misfit(misfit: &Misfit) -> Self {
        match misfit {
            Misfit::OtherCompany => Self::OtherCompany,
            Misfit::OtherEnvironment => Self::OtherEnvironment,
            Misfit::OtherCard { .. } => Self::OtherCard,
            Misfit::OtherGeneration { .. } => Self::OtherGeneration,
            Misfit::State(Some(state)) => Self::of_state(*state),
            Misfit::State(None) => Self::MemoryFailed,
            Misfit::NotActivated => Self::FirstCharge,
        }
    }

    /// Why a meter refuses a card.
    pub const fn of_reason(reason: Reason) -> Self {
        match reason {
            Reason::WrongCompany => Self::MeterOfOtherCompany,
            Reason::WrongEnvironment => Self::OtherEnvironment,
            Reason::CardFailed => Self::MemoryFailed,
            Reason::CardNotActive(state) => Self::of_state(state),
            Reason::Expired => Self::Expired,
            Reason::UnknownKeyVersion => Self::UnknownKeys,
            Reason::NotAuthentic => Self::NotVerified,
            Reason::WrongMeter => Self::WrongMeter,
            Reason::GenerationMismatch => Self::GenerationMismatch,
            Reason::OldBinding => Self::EarlierContract,
            Reason::BindingNotProven => Self::ContractNotProven,
            Reason::ReplacedCard => Self::Replaced,
            Reason::Regressed => Self::MeterWentBack,
            Reason::Inconsistent => Self::Inconsistent,
            Reason::BalanceOverflow => Self::BalanceTooLarge,
        }
    }

    /// What came of a visit at the meter.
    pub const fn of_verdict(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Apply { credit, balance, .. } if credit.0 != 0 => {
                if balance.0 < 0 {
                    Self::DebtRemains
                } else {
                    Self::Applied
                }
            }
            Verdict::Apply { debit, .. } if debit.0 != 0 => Self::Corrected,
            Verdict::Apply { .. } | Verdict::Nothing => Self::NothingNew,
            Verdict::Refuse(reason) => Self::of_reason(reason),
        }
    }

    /// Why a visit at the meter ended early. A card of the same company that has other keys than this meter knows is one of another
    /// meter: each meter has its own. (A forged one looks the same.)
    pub const fn of_visit_error(error: &VisitError) -> Self {
        match error {
            VisitError::Select(SelectError::NotOurs) => Self::NotOurs,
            VisitError::Select(SelectError::MemoryFailed { .. }) => Self::MemoryFailed,
            VisitError::Select(SelectError::Refused(status))
            | VisitError::Exchange(ExchangeError::Request(RequestError::Refused(status))) => {
                Self::of_status(*status)
            }
            VisitError::Select(SelectError::Malformed) => Self::Unreadable,
            VisitError::Select(SelectError::UnknownLayout(_)) => Self::Refused,
            VisitError::Open(OpenError::Handshake(HandshakeError::WrongCryptogram)) => Self::WrongMeter,
            VisitError::Open(OpenError::NoSuchKeys) => Self::UnknownKeys,
            VisitError::Open(OpenError::NotInThisState) => Self::NotInThisState,
            VisitError::Meter(_) | VisitError::Random(_) => Self::MeterNeedsInspection,
            VisitError::Open(_) | VisitError::Exchange(_) | VisitError::Over => Self::Repeat,
        }
    }

    /// The card's state.
    pub const fn of_state(state: State) -> Self {
        match state {
            State::Blank => Self::Blank,
            State::Personalised => Self::FirstCharge,
            State::Active => Self::Active,
            State::Blocked => Self::Blocked,
            State::Terminated => Self::Terminated,
        }
    }

    /// Where a charge came from.
    pub const fn of_channel(channel: Channel) -> Self {
        match channel {
            Channel::Branch => Self::AtBranch,
            Channel::Kiosk => Self::AtKiosk,
            Channel::Bank => Self::ByBank,
            Channel::Wallet => Self::ByWallet,
            Channel::Network => Self::OverNetwork,
        }
    }

    /// What a meter did with the issuer's mail (meter, section 7): 01 for mail that it took, else the refusal. `None` for a code that
    /// does not exist.
    pub const fn of_mail(code: u8) -> Option<Self> {
        Some(match code {
            0x01 => Self::MailTaken,
            0x02 => Self::MailOtherMeter,
            0x03 => Self::MailOtherBinding,
            0x04 => Self::MailStale,
            0x05 => Self::MailUnknownKeys,
            0x06 => Self::MailNotVerified,
            0x07 => Self::MailMalformed,
            0x08 => Self::MailTariffNotNewer,
            0x09 => Self::CommandRepeated,
            0x0A => Self::CommandExpired,
            0x0B => Self::CommandOtherCard,
            0x0C => Self::CommandUnknown,
            0x0D => Self::KeysUnusable,
            0x0E => Self::CommandSuperseded,
            _ => return None,
        })
    }

    /// Why a meter cuts the supply: one bit of its reasons (meter, section 5), or 00, which is that it does not. `None` for anything
    /// else, several bits among it; [`Self::in_cut`] is for these.
    pub const fn of_cut(reason_bit: u8) -> Option<Self> {
        Some(match reason_bit {
            0x00 => Self::SupplyOn,
            0x01 => Self::CutNoCredit,
            0x02 => Self::CutForInspection,
            0x04 => Self::OverloadPause,
            0x08 => Self::OverloadLocked,
            0x10 => Self::CutByCompany,
            0x20 => Self::CutNoContract,
            0x40 => Self::WaitsForButton,
            _ => return None,
        })
    }

    /// All reasons why a meter cuts the supply, those that a customer cannot end first; without any, that the supply is on.
    pub fn in_cut(reasons: u8) -> impl Iterator<Item = Self> {
        const BY_URGENCY: [u8; 7] = [0x20, 0x02, 0x10, 0x08, 0x04, 0x01, 0x40];
        let on = Self::of_cut(reasons).filter(|situation| *situation == Self::SupplyOn);
        let cut = BY_URGENCY.into_iter().filter(move |bit| reasons & bit != 0).filter_map(Self::of_cut);
        on.into_iter().chain(cut)
    }

    /// A kind of tampering that a meter has noticed: one bit (meter, section 6). `None` for anything else.
    pub const fn of_tampering(bit: u8) -> Option<Self> {
        Some(match bit {
            0x01 => Self::CoverOpened,
            0x02 => Self::TerminalCoverOpened,
            0x04 => Self::MagneticField,
            0x08 => Self::ReverseCurrent,
            0x10 => Self::Bypass,
            _ => return None,
        })
    }

    /// A notice of the company (meter, section 7.4). `None` for a template that this program does not know: show
    /// [`Self::Notice`], which is template 0000.
    pub const fn of_notice(template: u16) -> Option<Self> {
        Some(match template {
            0x0000 => Self::Notice,
            0x0001 => Self::PlannedOutage,
            0x0002 => Self::VisitBranch,
            0x0003 => Self::TariffChanges,
            0x0004 => Self::InspectionPlanned,
            0x0005 => Self::ReplaceCard,
            0x0006 => Self::InstalmentsEnded,
            _ => return None,
        })
    }

    /// A month that was rated again, by its adjustment in piastres (meter, event 0301). `None` where there was none.
    pub const fn of_adjustment(adjustment: i64) -> Option<Self> {
        match adjustment {
            1.. => Some(Self::MonthRatedAgain),
            0 => None,
            _ => Some(Self::MonthRatedLower),
        }
    }

    /// How a meter stands, the most urgent first. Of low and very low credit, only the latter.
    pub fn in_flags(flags: MeterFlags) -> impl Iterator<Item = Self> {
        const BY_URGENCY: [(MeterFlags, Situation); 9] = [
            (MeterFlags::SUPPLY_CUT, Situation::SupplyCut),
            (MeterFlags::REGRESSED, Situation::MeterWentBack),
            (MeterFlags::TAMPER, Situation::MeterNeedsInspection),
            (MeterFlags::VERY_LOW_CREDIT, Situation::VeryLowCredit),
            (MeterFlags::LOW_CREDIT, Situation::LowCredit),
            (MeterFlags::LOAN, Situation::LoanInUse),
            (MeterFlags::CLOCK_DOUBTFUL, Situation::ClockDoubtful),
            (MeterFlags::BATTERY_LOW, Situation::BatteryLow),
            (MeterFlags::CLOSED, Situation::ContractClosed),
        ];
        let said_already =
            move |situation| situation == Self::LowCredit && flags.has(MeterFlags::VERY_LOW_CREDIT);
        BY_URGENCY
            .into_iter()
            .filter(move |(flag, situation)| flags.has(*flag) && !said_already(*situation))
            .map(|(_, situation)| situation)
    }
}

macro_rules! from {
    ($($type:ty, $of:ident;)+) => {
        $(impl From<$type> for Situation {
            fn from(value: $type) -> Self {
                Self::$of(value)
            }
        })+
    };
}

from! {
    LoadOutcome, of_outcome;
    StatusWord, of_status;
    &Misfit, of_misfit;
    Reason, of_reason;
    Verdict, of_verdict;
    &VisitError, of_visit_error;
    State, of_state;
    Channel, of_channel;
}
