//! What happened: the code of each event with its data (docs/meter.md, section 13).

use crate::message::Event;
use crate::role::KeyVersion;
use crate::units::CardTime;

/// Codes of events, as they stand on the wire; [`Happening`] has them with their data.
pub mod code {
    /// A binding was opened. Data: its number u32, 00 00.
    pub const BINDING_OPENED: u16 = 0x0101;
    /// A card was refused. Data: [`Reason::code`](crate::meter::Reason::code), 00, generation u16 of the card, 00 00.
    pub const CARD_REFUSED: u16 = 0x0102;
    /// The clock is doubtful. Data: its reading u32, the [`doubt`](crate::meter::doubt) that begins u8, 00.
    pub const CLOCK_DOUBTFUL: u16 = 0x0103;
    /// The clock was set by a command. Data: time before u32, 00 00.
    pub const CLOCK_SET: u16 = 0x0104;
    /// Mail was refused. Data: slot u8, refusal u8, version u32.
    pub const MAIL_REFUSED: u16 = 0x0105;
    /// A command. Data: counter u32, kind u8, outcome u8.
    pub const COMMAND: u16 = 0x0106;
    /// Keys were changed. Data: key version number u8, zeros.
    pub const KEYS_CHANGED: u16 = 0x0107;
    /// A certificate's issue time was not believed. Data: issue time u32, 00 00.
    pub const NOT_BELIEVED: u16 = 0x0108;
    /// A certificate has moved time. Data: time before u32, 00 00.
    pub const TIME_MOVED: u16 = 0x0109;
    /// The supply was cut. Data: reasons u8, zeros.
    pub const SUPPLY_CUT: u16 = 0x0201;
    /// The supply was restored.
    pub const SUPPLY_RESTORED: u16 = 0x0202;
    /// A loan was given. Data: its end u32, 00 00.
    pub const LOAN_GIVEN: u16 = 0x0203;
    /// Overload. Data: demand u32 in W, count u8, 00.
    pub const OVERLOAD: u16 = 0x0204;
    /// Tampering. Data: bit u8, zeros.
    pub const TAMPERING: u16 = 0x0205;
    /// The relay does not obey. Data: 01 does not open, 02 does not close, 00, demand u32 in W.
    pub const RELAY: u16 = 0x0206;
    /// The battery is low.
    pub const BATTERY_LOW: u16 = 0x0207;
    /// A loan is over. Data: what is owed for it i40, [`loan_end`](super::loan_end) u8.
    pub const LOAN_OVER: u16 = 0x0208;
    /// Power went. Data: zeros.
    pub const POWER_OFF: u16 = 0x0209;
    /// Power is back. Data: seconds without it u32, FFFFFFFF where that is not known, 00 00.
    pub const POWER_ON: u16 = 0x020A;
    /// The month was rated again. Data: adjustment i32, slab u8, 00.
    pub const RE_RATED: u16 = 0x0301;
    /// An instalment was taken. Data: amount u32, low half of the debt's id u16.
    pub const INSTALMENT: u16 = 0x0302;
    /// A tariff came into force. Data: version u32, 00 00.
    pub const TARIFF: u16 = 0x0303;
    /// Credit was applied. Data: amount i40, 00.
    pub const CREDIT: u16 = 0x0304;
    /// A correction was applied. Data: amount i40, 00.
    pub const CORRECTION: u16 = 0x0305;
    /// Fees of a month were taken. Data: amount i40, 00 the service fee or the code of the charge u8.
    pub const FEES: u16 = 0x0306;
    /// The month so far came from another contract. Data: amount taken i40, 00.
    pub const MONTH_BROUGHT: u16 = 0x0307;
    /// A restart is near. Data: what crossing it takes i32, energy to it u16 in 10 Wh.
    pub const RESTART_NEAR: u16 = 0x0310;
    /// A tariff that waited was replaced by a newer one, and never was in force. Data: its version u32, 00 00.
    pub const TARIFF_REPLACED: u16 = 0x0311;
}

/// What of the meter's own parts does not work, as it stands in the event of the relay (docs/meter.md, section 5.4).
pub mod fault {
    /// The battery is low.
    pub const BATTERY: u8 = 0;
    /// The relay does not open.
    pub const RELAY_ON: u8 = 1;
    /// The relay does not close.
    pub const RELAY_OFF: u8 = 2;
    /// Power was away, and for how long is not known.
    pub const POWER: u8 = 3;
}

/// Why a loan is over (docs/meter.md, section 5.2).
pub mod loan_end {
    /// It was repaid.
    pub const REPAID: u8 = 1;
    /// Its hours are over.
    pub const HOURS: u8 = 2;
    /// Its amount is used up.
    pub const AMOUNT: u8 = 3;
}

/// What an event is about. Each class has places of its own in the meter's memory (docs/meter.md, section 13).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Class {
    /// The balance and what decides on it.
    Money = 0,
    /// The supply.
    Supply = 1,
    /// Tampering.
    Tampering = 2,
    /// How the meter stands.
    State = 3,
}

impl Class {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Money, Self::Supply, Self::Tampering, Self::State];

    /// That of an event with this code.
    pub const fn of(code: u16) -> Self {
        match code {
            code::TAMPERING => Self::Tampering,
            0x0200..=0x02FF => Self::Supply,
            0x0300..=0x03FF => Self::Money,
            _ => Self::State,
        }
    }

    /// How many of its events a meter keeps.
    pub const fn kept(self) -> u16 {
        match self {
            Self::Money => 32,
            Self::Supply | Self::State => 16,
            Self::Tampering => 8,
        }
    }
}

/// What happened: code and data of an event (docs/meter.md, section 13).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Happening {
    /// A binding was opened.
    BindingOpened {
        /// Its number.
        number: u32,
    },
    /// A card was refused.
    CardRefused {
        /// [`Reason::code`](crate::meter::Reason::code).
        reason: u8,
        /// The card's generation.
        generation: u16,
    },
    /// The clock is doubtful.
    ClockDoubtful {
        /// What it showed.
        reading: CardTime,
        /// The doubt that begins.
        doubt: u8,
    },
    /// The clock was set by a command.
    ClockSet {
        /// The time before that.
        before: CardTime,
    },
    /// A certificate's issue time was not believed.
    NotBelieved {
        /// The issue time.
        issued: CardTime,
    },
    /// A certificate has moved time by more than clocks may be apart.
    TimeMoved {
        /// The time before that.
        before: CardTime,
    },
    /// Mail was refused.
    MailRefused {
        /// Number of its slot.
        slot: u8,
        /// [`MailRefusal::code`](super::MailRefusal::code).
        refusal: u8,
        /// Its version.
        version: u32,
    },
    /// A command was executed, or not.
    Command {
        /// Its counter.
        counter: u32,
        /// Its kind, see [`kind`](crate::parameters::command::kind).
        kind: u8,
        /// 01, or why it was not.
        outcome: u8,
    },
    /// Keys were changed.
    KeysChanged {
        /// Key version number of the new ones.
        version: KeyVersion,
    },
    /// The supply was cut.
    SupplyCut {
        /// Bits of [`reason`](super::reason).
        reasons: u8,
    },
    /// The supply was restored.
    SupplyRestored,
    /// A loan was given.
    LoanGiven {
        /// Its end.
        until: CardTime,
    },
    /// A loan is over.
    LoanOver {
        /// Piastres that are owed for it.
        owed: i64,
        /// Why, see [`loan_end`].
        how: u8,
    },
    /// Power went: the event's own time is the last before that which the meter knows.
    PowerOff,
    /// Power is back.
    PowerOn {
        /// Seconds without it; `None`: that is not known.
        away: Option<u32>,
    },
    /// Overload.
    Overload {
        /// The demand.
        watts: u32,
        /// How many there were.
        count: u8,
    },
    /// Tampering.
    Tampering {
        /// [`Tampering::bit`](super::Tampering::bit).
        kind: u8,
    },
    /// The relay does not obey.
    Relay {
        /// 01 it does not open, 02 it does not close.
        fault: u8,
        /// The demand of the cut supply, in W.
        watts: u32,
    },
    /// The battery is low.
    BatteryLow,
    /// The month was rated again.
    ReRated {
        /// Piastres taken; below 0 given back.
        adjustment: i32,
        /// Number of the slab that was reached.
        slab: u8,
    },
    /// An instalment was taken.
    Instalment {
        /// Piastres.
        amount: u32,
        /// Low half of the debt's id.
        debt: u16,
    },
    /// A tariff came into force.
    Tariff {
        /// Its version.
        version: u32,
    },
    /// A tariff that waited was replaced by a newer one.
    TariffReplaced {
        /// The version of the one that waited.
        version: u32,
    },
    /// A restart is near.
    RestartNear {
        /// Piastres that crossing it takes.
        crossing: i32,
        /// Energy to it, in 10 Wh.
        energy: u16,
    },
    /// Credit was applied.
    Credit {
        /// Piastres. On the wire they have five bytes, and saturate.
        amount: i64,
    },
    /// A correction was applied.
    Correction {
        /// Piastres taken. On the wire they have five bytes, and saturate.
        amount: i64,
    },
    /// Fees of a month were taken.
    Fees {
        /// Piastres taken; below 0 given. On the wire they have five bytes, and saturate.
        amount: i64,
        /// What for: a charge of the tariff, or (0) the service fee.
        kind: u8,
    },
    /// The month so far came from another contract.
    MonthBrought {
        /// Piastres taken; below 0 given back. On the wire it has five bytes, and saturates.
        taken: i64,
    },
}

impl Happening {
    /// Code and data on the wire.
    pub const fn emit(self) -> (u16, [u8; 6]) {
        match self {
            Self::BindingOpened { number } => (code::BINDING_OPENED, data(number, [0, 0])),
            Self::CardRefused { reason, generation } => {
                let [high, low] = generation.to_be_bytes();
                (code::CARD_REFUSED, [reason, 0, high, low, 0, 0])
            }
            Self::ClockDoubtful { reading, doubt } => (code::CLOCK_DOUBTFUL, data(reading.0, [doubt, 0])),
            Self::NotBelieved { issued } => (code::NOT_BELIEVED, data(issued.0, [0, 0])),
            Self::TimeMoved { before } => (code::TIME_MOVED, data(before.0, [0, 0])),
            Self::ClockSet { before } => (code::CLOCK_SET, data(before.0, [0, 0])),
            Self::MailRefused { slot, refusal, version } => {
                let [a, b, c, d] = version.to_be_bytes();
                (code::MAIL_REFUSED, [slot, refusal, a, b, c, d])
            }
            Self::Command { counter, kind, outcome } => (code::COMMAND, data(counter, [kind, outcome])),
            Self::KeysChanged { version } => (code::KEYS_CHANGED, [version.byte(), 0, 0, 0, 0, 0]),
            Self::SupplyCut { reasons } => (code::SUPPLY_CUT, [reasons, 0, 0, 0, 0, 0]),
            Self::SupplyRestored => (code::SUPPLY_RESTORED, [0; 6]),
            Self::LoanGiven { until } => (code::LOAN_GIVEN, data(until.0, [0, 0])),
            Self::Overload { watts, count } => (code::OVERLOAD, data(watts, [count, 0])),
            Self::Tampering { kind } => (code::TAMPERING, [kind, 0, 0, 0, 0, 0]),
            Self::Relay { fault, watts } => {
                let [a, b, c, d] = watts.to_be_bytes();
                (code::RELAY, [fault, 0, a, b, c, d])
            }
            Self::BatteryLow => (code::BATTERY_LOW, [0; 6]),
            Self::ReRated { adjustment, slab } => (code::RE_RATED, data(adjustment as u32, [slab, 0])),
            Self::Instalment { amount, debt } => (code::INSTALMENT, data(amount, debt.to_be_bytes())),
            Self::Tariff { version } => (code::TARIFF, data(version, [0, 0])),
            Self::TariffReplaced { version } => (code::TARIFF_REPLACED, data(version, [0, 0])),
            Self::RestartNear { crossing, energy } => {
                (code::RESTART_NEAR, data(crossing as u32, energy.to_be_bytes()))
            }
            Self::LoanOver { owed, how } => (code::LOAN_OVER, wide(owed, how)),
            Self::PowerOff => (code::POWER_OFF, [0; 6]),
            Self::PowerOn { away } => {
                let away = match away {
                    Some(away) => away,
                    None => u32::MAX,
                };
                (code::POWER_ON, data(away, [0, 0]))
            }
            Self::Credit { amount } => (code::CREDIT, wide(amount, 0)),
            Self::Correction { amount } => (code::CORRECTION, wide(amount, 0)),
            Self::Fees { amount, kind } => (code::FEES, wide(amount, kind)),
            Self::MonthBrought { taken } => (code::MONTH_BROUGHT, wide(taken, 0)),
        }
    }

    /// What it has done to the balance, in piastres, as far as the event can hold it; 0 where it did nothing.
    pub const fn moved(self) -> i64 {
        match self {
            Self::Credit { amount } => amount,
            Self::ReRated { adjustment, .. } => -(adjustment as i64),
            Self::Instalment { amount, .. } => -(amount as i64),
            Self::Correction { amount } | Self::Fees { amount, .. } => amount.saturating_neg(),
            Self::MonthBrought { taken } => taken.saturating_neg(),
            _ => 0,
        }
    }

    /// What an event says; `None` for a code that this program does not know.
    pub fn of(event: &Event) -> Option<Self> {
        let [a, b, c, d, e, f] = event.data;
        let number = u32::from_be_bytes([a, b, c, d]);
        let time = CardTime(number);
        let amount = i64::from_be_bytes([a, b, c, d, e, 0, 0, 0]) >> 24;
        Some(match event.code {
            code::BINDING_OPENED => Self::BindingOpened { number },
            code::CARD_REFUSED => Self::CardRefused { reason: a, generation: u16::from_be_bytes([c, d]) },
            code::CLOCK_DOUBTFUL => Self::ClockDoubtful { reading: time, doubt: e },
            code::NOT_BELIEVED => Self::NotBelieved { issued: time },
            code::TIME_MOVED => Self::TimeMoved { before: time },
            code::CLOCK_SET => Self::ClockSet { before: time },
            code::MAIL_REFUSED => {
                Self::MailRefused { slot: a, refusal: b, version: u32::from_be_bytes([c, d, e, f]) }
            }
            code::COMMAND => Self::Command { counter: number, kind: e, outcome: f },
            code::KEYS_CHANGED => Self::KeysChanged { version: KeyVersion::from_byte(a) },
            code::SUPPLY_CUT => Self::SupplyCut { reasons: a },
            code::SUPPLY_RESTORED => Self::SupplyRestored,
            code::LOAN_GIVEN => Self::LoanGiven { until: time },
            code::OVERLOAD => Self::Overload { watts: number, count: e },
            code::TAMPERING => Self::Tampering { kind: a },
            code::RE_RATED => Self::ReRated { adjustment: i32::from_be_bytes([a, b, c, d]), slab: e },
            code::INSTALMENT => Self::Instalment { amount: number, debt: u16::from_be_bytes([e, f]) },
            code::TARIFF => Self::Tariff { version: number },
            code::TARIFF_REPLACED => Self::TariffReplaced { version: number },
            code::RELAY => Self::Relay { fault: a, watts: u32::from_be_bytes([c, d, e, f]) },
            code::BATTERY_LOW => Self::BatteryLow,
            code::RESTART_NEAR => Self::RestartNear {
                crossing: i32::from_be_bytes([a, b, c, d]),
                energy: u16::from_be_bytes([e, f]),
            },
            code::LOAN_OVER => Self::LoanOver { owed: amount, how: f },
            code::POWER_OFF => Self::PowerOff,
            code::POWER_ON => Self::PowerOn { away: (number != u32::MAX).then_some(number) },
            code::CREDIT => Self::Credit { amount },
            code::CORRECTION => Self::Correction { amount },
            code::FEES => Self::Fees { amount, kind: f },
            code::MONTH_BROUGHT => Self::MonthBrought { taken: amount },
            _ => return None,
        })
    }
}

/// An amount in five bytes, saturating, and what it is for.
const fn wide(amount: i64, what: u8) -> [u8; 6] {
    const MOST: i64 = (1 << 39) - 1;
    let amount = if amount > MOST {
        MOST
    } else if amount < -MOST - 1 {
        -MOST - 1
    } else {
        amount
    };
    let [_, _, _, a, b, c, d, e] = amount.to_be_bytes();
    [a, b, c, d, e, what]
}

const fn data(number: u32, [e, f]: [u8; 2]) -> [u8; 6] {
    let [a, b, c, d] = number.to_be_bytes();
    [a, b, c, d, e, f]
}
