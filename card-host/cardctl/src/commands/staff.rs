//! `cardctl staff`: who works here.

use card_ledger::{LedgerError, StaffChange, StaffName};
use std::path::PathBuf;

use super::Error;
use crate::context::Context;
use crate::context::secret::Draft;
use crate::view::staff::{Changed, Members};

/// What becomes of a member of staff.
pub(crate) struct Change {
    pub(crate) name: StaffName,
    pub(crate) change: StaffChange,
    /// Where a new secret is written to.
    pub(crate) out: Option<PathBuf>,
}

pub(crate) fn list(context: &Context) -> Result<Members, Error> {
    let books = context.books(&context.shared()?)?;
    let (single, staff) = (books.office.is_single_user()?, books.office.staff()?);
    Ok(Members::new(single, staff))
}

/// Asked again with the same id, it is done once; the secret is the one in the file, or was shown the first time.
pub(crate) fn change(context: &Context, change: &Change) -> Result<Changed, Error> {
    let books = context.books(&context.shared()?)?;
    let Change { name, change, out } = change;
    let id = books.id()?;
    if !matches!(change, StaffChange::Add(_) | StaffChange::Renew) {
        let member = books.office.set_staff(&books.who, id, name, *change, None)?;
        return Ok(Changed::new(id.clone(), member, None, None));
    }
    let draft = Draft::new(name, out.as_deref(), books.repeats())?;
    match books.office.set_staff(&books.who, id, name, *change, Some(&draft.secret)) {
        Ok(member) => {
            let shown = out.is_none();
            let secret = draft.keep();
            Ok(Changed::new(id.clone(), member, shown.then_some(&secret), out.as_deref()))
        }
        Err(error @ LedgerError::Refused(_)) => Err(error.into()),
        // It may have been done.
        Err(error) => {
            draft.leave();
            Err(error.into())
        }
    }
}
