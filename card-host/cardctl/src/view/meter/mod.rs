//! `cardctl meter`.

pub(crate) mod history;
pub(crate) mod network;
pub(crate) mod power;
pub(crate) mod run;
pub(crate) mod status;
pub(crate) mod tap;
