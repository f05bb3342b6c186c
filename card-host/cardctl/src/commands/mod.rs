//! The commands. Each works on whatever transport leads to the card, and returns what is to be shown.

pub(crate) mod alerts;
mod arabic;
pub(crate) mod audit;
pub(crate) mod batch;
pub(crate) mod block;
pub(crate) mod card;
pub(crate) mod config;
pub(crate) mod conformance;
pub(crate) mod desk;
pub(crate) mod doctor;
mod error;
pub(crate) mod issue;
pub(crate) mod keys;
pub(crate) mod ledger;
pub(crate) mod life;
pub(crate) mod mail;
pub(crate) mod meter;
pub(crate) mod paper;
pub(crate) mod policy;
mod progress;
pub(crate) mod readers;
pub(crate) mod sale;
pub(crate) mod serve;
pub(crate) mod signer;
pub(crate) mod sim;
pub(crate) mod staff;
pub(crate) mod tariff;
pub(crate) mod tour;
pub(crate) mod trace;
pub(crate) mod watch;

pub(crate) use error::{Error, given};
