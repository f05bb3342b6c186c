//! `cardctl mail`.

use card_core::id::{Binding, MeterId};
use card_core::parameters::command::kind;
use card_core::role::Role;
use clap::{Subcommand, ValueEnum};
use std::path::PathBuf;

use super::contents;
use super::values::{binding, meter_number};
use crate::commands::mail::{Content, ContentError, Options};

#[derive(clap::Args)]
pub(crate) struct MailArguments {
    /// Sends it over the network to this simulated meter, at once, instead of putting it on the card in the reader.
    #[arg(long, global = true, value_name = "METER", value_parser = meter_number)]
    network: Option<MeterId>,
    #[command(subcommand)]
    command: MailCommand,
}

#[derive(Subcommand)]
enum MailCommand {
    /// A tariff: it comes into force at its start, or at once where that is past.
    Tariff {
        /// A tariff file, with a version above that of the tariff in force; `cardctl tariff check FILE` explains it.
        file: PathBuf,
    },
    /// Limits: thresholds, contracted power, loan. What is not named gets the value that it has before the first such mail.
    Limits(contents::LimitsArguments),
    /// The calendar: friendly times, rest days and holidays, in Cairo's local time. What is not named gets the value that it has before the
    /// first such mail; holidays that are not named are none.
    Calendar(contents::CalendarArguments),
    /// The debts that are paid by instalments: repeat all options for each of up to four. They replace the plan that the meter has; a debt
    /// with the same id goes on where it was.
    Debt(contents::DebtArguments),
    /// Notices on the display: up to eight, which replace those that are there; none takes them away.
    Notice(contents::NoticeArguments),
    /// New keys, wrapped under the meter's transport key. The desk uses them when it has heard that the meter has them: at once over the
    /// network, else by `cardctl collect` after the meter. Until then it sends these again, and no newer ones.
    Keys {
        /// Whose keys.
        #[arg(value_enum)]
        role: Keys,
        /// Draws a new master first; repeated with the same --request, not another one. All meters get keys of it by and by, each by such a
        /// mail. Restart `cardctl serve` after it.
        #[arg(long)]
        new_master: bool,
    },
    /// What the month has had in another contract of the same customer, by what its meter has reported: the month goes on in the card's
    /// contract, with the slabs that it has reached, and pays its fees once.
    Month {
        /// The other contract: number of its meter, and of its binding, such as 17/1.
        #[arg(long, value_name = "METER/BINDING", value_parser = binding)]
        from: Binding,
    },
    /// A command. It is executed once.
    Command {
        /// What to do.
        #[arg(value_enum)]
        kind: Kind,
        /// The only card that may bring it: its 16 digits, or "this" for the card in the reader. clear-tamper, clock and clock-back need one.
        #[arg(long, value_name = "CARD")]
        technician: Option<String>,
        /// After so many hours it is not executed any more; for clock, 72 where not given: it believes no clock beyond that. The time of the simulated meter counts, where there is one and it lives ahead.
        #[arg(long, value_name = "HOURS")]
        expires: Option<u32>,
        /// For clock, the POSIX time that it is at least (default: now); for lowest-generation, the generation.
        #[arg(long, value_name = "N")]
        value: Option<u64>,
    },
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Keys {
    /// Those that certify totals.
    Credit,
    /// Those that seal mail to the meter.
    Parameter,
    /// Those that seal the meter's mail.
    Report,
    /// The one that the meter's sessions with cards come from.
    Base,
    /// The one that wraps new keys.
    Transport,
}

impl Keys {
    const fn role(self) -> Role {
        match self {
            Self::Credit => Role::Credit,
            Self::Parameter => Role::Parameter,
            Self::Report => Role::Report,
            Self::Base => Role::MeterBase,
            Self::Transport => Role::Transport,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// Cuts the supply.
    Cut,
    /// Ends that.
    EndCut,
    /// Clears all tampering; needs --technician.
    ClearTamper,
    /// Sets the clock; needs --technician.
    Clock,
    /// As clock, also behind the time of certificates: two people, and --technician.
    ClockBack,
    /// Has readings sent.
    ReadOut,
    /// Ends an overload and forgets those that were counted.
    EndOverload,
    /// Lets cards of a lower generation than --value be refused.
    LowestGeneration,
}

impl Kind {
    const fn code(self) -> u8 {
        match self {
            Self::Cut => kind::CUT,
            Self::EndCut => kind::END_CUT,
            Self::ClearTamper => kind::CLEAR_TAMPER,
            Self::Clock => kind::CLOCK,
            Self::ClockBack => kind::CLOCK_BACK,
            Self::ReadOut => kind::READ_OUT,
            Self::EndOverload => kind::END_OVERLOAD,
            Self::LowestGeneration => kind::LOWEST_GENERATION,
        }
    }
}

impl MailArguments {
    pub(crate) fn options(self) -> Result<Options, ContentError> {
        let content = match self.command {
            MailCommand::Tariff { file } => Content::Tariff(file),
            MailCommand::Limits(limits) => Content::Limits(limits.limits()?),
            MailCommand::Calendar(calendar) => Content::Calendar(calendar.calendar()?),
            MailCommand::Debt(debts) => Content::Debts(debts.plan()?),
            MailCommand::Notice(notices) => Content::Notices(notices.notices()?),
            MailCommand::Keys { role, new_master } => Content::Keys { role: role.role(), new_master },
            MailCommand::Month { from } => Content::Month(from),
            MailCommand::Command { kind, technician, expires, value } => {
                Content::Command { kind: kind.code(), technician, expires, value }
            }
        };
        Ok(Options { network: self.network, content })
    }
}
