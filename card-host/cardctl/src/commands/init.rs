//! `cardctl init`: founds a company's ledger, in an environment.

use card_core::id::{Environment, Scope};
use card_ledger::StaffName;
use std::path::PathBuf;

use super::ledger::show;
use super::{Error, given};
use crate::context::Context;
use crate::context::books::{First, Founding};
use crate::view::ledger::show::Begun;

/// What is founded.
pub(crate) struct Options {
    pub(crate) scope: Scope,
    /// The first member of staff; without one it is a single user's, for development.
    pub(crate) staff: Option<StaffName>,
    /// Where name and secret of that one are written to.
    pub(crate) out: Option<PathBuf>,
}

pub(crate) fn run(context: &Context, options: &Options) -> Result<Begun, Error> {
    let Options { scope, staff, out } = options;
    if scope.environment == Environment::Production && staff.is_none() {
        return Err(given(
            "in production nobody acts without a secret, so there is no single user: name the first member of staff with --staff NAME --out FILE",
        ));
    }
    let workplace = context.shared()?;
    let first = First::of(staff.as_ref(), out.as_deref())?;
    let books = context.books_or(&workplace, Founding::OnPurpose(first, Some(*scope)))?;
    Ok(show::begun(&books, out.as_deref()))
}
