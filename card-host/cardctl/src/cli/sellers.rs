//! `cardctl ledger`: who sells, and where.

use card_core::id::Channel;
use card_core::units::Piastres;
use card_ledger::{LimitsChange, PartyChange, PartyCode, PointCode, Power};
use clap::{Args, Subcommand, ValueEnum};

use super::values::channel;
use crate::commands::ledger::sellers;

#[derive(Args)]
pub(crate) struct PartyArguments {
    /// Its code; alone, it is shown. Without a code, the parties that have vending points are listed.
    code: Option<PartyCode>,
    /// The channel that its vouchers name: branch, kiosk, bank or wallet; needed where it is new.
    #[arg(long, requires = "code", value_parser = channel)]
    channel: Option<Channel>,
    #[command(flatten)]
    state: State,
}

#[derive(Args)]
pub(crate) struct PointArguments {
    /// Its code; alone, it is shown. Without a code, all are listed.
    code: Option<PointCode>,
    /// Whose it is; needed where it is new.
    #[arg(long, requires = "code")]
    party: Option<PartyCode>,
    #[command(flatten)]
    state: State,
    /// The most cash that it may hold, in EGP.
    #[arg(long, requires = "code", value_name = "EGP", value_parser = Piastres::from_egp)]
    most_cash: Option<Piastres>,
    /// The most cash that it may hold is by the channel's rule again.
    #[arg(long, requires = "code", conflicts_with = "most_cash")]
    no_most_cash: bool,
    /// The most that it may sell in a day, in EGP.
    #[arg(long, requires = "code", value_name = "EGP", value_parser = Piastres::from_egp)]
    most_daily: Option<Piastres>,
    /// The most that it may sell in a day is by the channel's rule again.
    #[arg(long, requires = "code", conflicts_with = "most_daily")]
    no_most_daily: bool,
}

/// Whether it may sell; what is not named stays as it is.
#[derive(Args)]
struct State {
    /// It may sell no more.
    #[arg(long, requires = "code", conflicts_with = "open")]
    closed: bool,
    /// It may sell again.
    #[arg(long, requires = "code")]
    open: bool,
}

impl PartyArguments {
    /// Whether it may be new.
    pub(crate) const fn enters(&self) -> bool {
        self.channel.is_some()
    }

    /// What is changed of which party; nothing where all are listed.
    pub(crate) fn change(self) -> Option<PartyChange> {
        let Self { code, channel, state } = self;
        Some(PartyChange { code: code?, channel, open: state.open() })
    }
}

impl PointArguments {
    /// Whether it may be new.
    pub(crate) const fn enters(&self) -> bool {
        self.party.is_some()
    }

    /// What is changed of which vending point; nothing where all are listed.
    pub(crate) fn change(self) -> Option<sellers::PointChange> {
        let limits = LimitsChange {
            most_cash: limit(self.most_cash, self.no_most_cash),
            most_daily: limit(self.most_daily, self.no_most_daily),
        };
        let Self { code, party, state, .. } = self;
        Some(sellers::PointChange { code: code?, party, open: state.open(), limits })
    }
}

/// The limit that is given, or none any more; nothing where it stays.
const fn limit(given: Option<Piastres>, ended: bool) -> Option<Option<Piastres>> {
    match given {
        None if !ended => None,
        given => Some(given),
    }
}

impl State {
    /// What it is from now on; nothing where it stays.
    const fn open(&self) -> Option<bool> {
        match (self.open, self.closed) {
            (_, true) => Some(false),
            (true, false) => Some(true),
            (false, false) => None,
        }
    }
}

#[derive(Subcommand)]
pub(crate) enum TokenCommand {
    /// Makes a token and prints it. It is kept nowhere.
    Add {
        /// The party.
        party: PartyCode,
        /// Who uses it, as it is written in the ledger.
        name: String,
        /// What it may do.
        #[arg(long, value_enum, default_value_t = May::Sell)]
        may: May,
    },
    /// Lists the tokens of a party: who uses them, what they may do, and whether they are revoked.
    List {
        /// The party.
        party: PartyCode,
    },
    /// Revokes all tokens of a party with this name.
    Revoke {
        /// The party.
        party: PartyCode,
        /// Who uses them.
        name: String,
    },
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum May {
    /// Sell, confirm, cancel, collect, hand in.
    Sell,
    /// That, and agree as second person.
    Approve,
}

impl From<May> for Power {
    fn from(may: May) -> Self {
        match may {
            May::Sell => Self::Sell,
            May::Approve => Self::Approve,
        }
    }
}
