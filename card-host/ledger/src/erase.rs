//! Taking away what names a person: the chain, its sums and its audit stay as they are (docs/data-protection.md).

use card_core::units::Piastres;
use serde_json::json;

use super::error::{LedgerError, Refusal};
use super::names::RequestId;
use super::office::{Office, Who, customer};
use super::powers::Power;
use super::records::Head;
use super::second::same_person;
use super::store::{Row, Table};
use super::words::FIRST_REFERENCE;

impl Office {
    /// What stands for an account in the entries.
    pub fn reference_to(&self, account: u64) -> String {
        self.secret().account(account).to_string()
    }

    /// What stands for the name of somebody who acts there.
    pub fn reference_to_actor(&self, name: &str) -> String {
        self.secret().actor(name)
    }

    /// Takes away what names a customer: the account's number, reasons of entries about it, the telephone number, and messages to it. What was
    /// entered stays, under the reference to the account; so do contracts, and cards go on working. It cannot be undone. Repeated, it changes
    /// nothing.
    ///
    /// # Errors
    /// A refusal where nobody has this account, or it owes something.
    pub fn erase_customer(&self, who: &Who, id: &RequestId, account: u64) -> Result<(), LedgerError> {
        let reference = self.secret().account(account);
        let asked = json!({ "erased": reference.to_string() });
        self.set(who, id, Power::Settings, &asked, |t| {
            if account == 0 || account >= FIRST_REFERENCE {
                return Err(Refusal::UnknownAccount(account).into());
            }
            let held = customer(t, account)?;
            if held.debt > Piastres::ZERO {
                let why = format!("account {account} owes {} EGP: erase it once that is paid", held.debt);
                return Err(Refusal::Invalid(why).into());
            }
            Ok(vec![Head::Erased { account, reference }])
        })
    }

    /// Takes away the name of somebody who acted: what that one did stays, under the reference to the name. It cannot be undone. Repeated, it
    /// changes nothing.
    ///
    /// # Errors
    /// A refusal where it is a member of staff who was not stopped, or names a token that was not revoked.
    pub fn forget_actor(&self, who: &Who, id: &RequestId, name: &str) -> Result<(), LedgerError> {
        let reference = self.secret().actor(name);
        let asked = json!({ "forgotten": reference });
        self.set(who, id, Power::Settings, &asked, |t| {
            let staff = t.staff()?;
            if staff.iter().any(|member| !member.stopped && same_person(&member.name, name)) {
                let why =
                    format!("{name} works here: stop this member of staff first (`cardctl staff stop`)");
                return Err(Refusal::Invalid(why).into());
            }
            let mut works = name == who.actor;
            t.rows(Table::Token, &mut |row| {
                works |=
                    matches!(row, Row::Head(Head::Token(token)) if token.actor == name && !token.revoked);
                Ok(())
            })?;
            if works {
                let why = format!("{name} has tokens that work: revoke them first (`cardctl ledger token`)");
                return Err(Refusal::Invalid(why).into());
            }
            let name = staff
                .into_iter()
                .find(|member| same_person(&member.name, name))
                .map_or_else(|| name.to_owned(), |member| member.name);
            Ok(vec![Head::Forgotten { name, reference: reference.clone() }])
        })
    }
}
