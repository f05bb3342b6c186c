//! `cardctl keys`.

use card_core::role::Role;
use clap::{Subcommand, ValueEnum};

#[derive(Subcommand)]
pub(crate) enum KeysCommand {
    /// Lists the masters by role and version, with their check values; where there is a ledger, they are compared with those that it knows.
    List,
    /// Draws the next master of a role. Cards and meters get its keys as they come by (`collect`); both versions are valid meanwhile, and programs that
    /// run take it without being started again. In a signer's directory it is drawn there.
    Rotate {
        /// Which.
        #[arg(value_enum)]
        role: MasterRole,
    },
}

/// A role that has masters.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum MasterRole {
    /// Personalisation of cards.
    Admin,
    /// Reading of cards at desks.
    Vending,
    /// Vouchers and mail to a card.
    Load,
    /// Receipts of a card.
    Receipt,
    /// What certifies totals.
    Credit,
    /// Mail to a meter.
    Parameter,
    /// Mail of a meter.
    Report,
    /// Sessions of a meter with cards.
    Base,
    /// What wraps new keys of a meter.
    Transport,
}

impl From<MasterRole> for Role {
    fn from(role: MasterRole) -> Self {
        match role {
            MasterRole::Admin => Self::Admin,
            MasterRole::Vending => Self::Vending,
            MasterRole::Load => Self::Load,
            MasterRole::Receipt => Self::Receipt,
            MasterRole::Credit => Self::Credit,
            MasterRole::Parameter => Self::Parameter,
            MasterRole::Report => Self::Report,
            MasterRole::Base => Self::MeterBase,
            MasterRole::Transport => Self::Transport,
        }
    }
}
