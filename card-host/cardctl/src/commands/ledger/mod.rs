//! `cardctl ledger`: the issuer's books.

pub(crate) mod correct;
pub(crate) mod days;
pub(crate) mod give_back;
pub(crate) mod lists;
pub(crate) mod lost;
pub(crate) mod moves;
pub(crate) mod rules;
pub(crate) mod sellers;
pub(crate) mod settlement;
pub(crate) mod show;
