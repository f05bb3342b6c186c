//! `cardctl serve --desk`: an example of a clerk's desk in a browser of this computer. Each button is the command of the same name, with
//! a request id that was made with the form: pressed twice, it is done once.

mod act;
pub(crate) mod failure;
mod guard;
mod http;
mod seen;

use card_core::id::CardId;
use card_core::text::Language;
use card_ledger::{Documents, RequestId, StaffName, StaffSecret};
use card_paper::Digits;
use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use self::failure::{DeskError, Forgotten};
use crate::commands::Error;
use crate::context::Context;
use crate::context::books::new_id;
use crate::context::reader::Presence;
use crate::view::Printer;
use crate::view::desk::state::{Action, Done, Outcome, Seen};
use crate::view::serve::DeskOpen;

/// Where the desk listens when nothing else is said.
const ADDRESS: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 8471);
/// Results that are remembered.
const RESULTS: usize = 200;

/// How the desk is opened.
pub(crate) struct Options {
    pub(crate) listen: Option<SocketAddr>,
    pub(crate) digits: Digits,
    /// For the holder of a card at home: the access number opens it, and there is neither ledger nor key.
    pub(crate) holder: bool,
}

/// A second person, and the secret where the ledger has staff.
type Second = (StaffName, Option<Arc<StaffSecret>>);

/// The desk.
pub(crate) struct Desk {
    context: Context,
    language: Language,
    digits: Digits,
    holder: bool,
    work: Mutex<Work>,
}

/// One thing at a time: there is one reader.
struct Work {
    /// What was in the reader when it was looked at last.
    last: Option<(Presence, Seen)>,
    /// The id of what is asked for next.
    next: RequestId,
    done: VecDeque<(RequestId, Done)>,
}

/// Serves the desk until it is told to end. What is said at the beginning is the address to open.
pub(crate) fn run(context: &Context, options: &Options, printer: Printer) -> Result<(), Error> {
    let address = options.listen.unwrap_or(ADDRESS);
    if !address.ip().is_loopback() {
        return Err(DeskError::Outside(address).into());
    }
    let mut own = context.as_asked(new_id()?, None);
    if !options.holder {
        // What is missing is told, and a secret asked for, before anybody waits at the desk.
        own.credential = context.books(&context.shared()?)?.credential;
    }
    let desk = Desk {
        context: own,
        language: printer.language,
        digits: options.digits,
        holder: options.holder,
        work: Mutex::new(Work { last: None, next: new_id()?, done: VecDeque::new() }),
    };
    http::serve(Arc::new(desk), address, |url| printer.print(&DeskOpen { url }))
}

impl Desk {
    fn work(&self) -> MutexGuard<'_, Work> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is in the reader, and the id of what is asked for next.
    fn card(&self) -> (Seen, RequestId) {
        let mut work = self.work();
        let seen = self.look(&mut work);
        (seen, work.next.clone())
    }

    /// Does what was asked for, with what the customer has shown; what was done under this id before is not done again.
    fn act(&self, id: &RequestId, action: Action, shown: &Documents) {
        let mut work = self.work();
        let known = work.done.iter().find(|(known, _)| known == id);
        if known.is_some_and(|(_, done)| matches!(done.outcome, Outcome::Done)) {
            return;
        }
        let done = self.try_to(id, action, shown);
        self.remember(&mut work, id, done);
    }

    /// Whether who works here has a secret.
    fn has_staff(&self) -> bool {
        self.context.credential.is_some()
    }

    /// The same again, under its id; with a second person, that one agrees first.
    fn again(&self, id: &RequestId, second: Option<Second>) -> Result<(), Forgotten> {
        let mut work = self.work();
        let known = work.done.iter().find(|(known, _)| known == id);
        let action = known.map(|(_, done)| done.action.clone()).ok_or_else(|| Forgotten(id.clone()))?;
        let done = match second.map(|second| self.agree(id, second)) {
            Some(Err(error)) => Done::of_error(action, &error, true),
            // What was shown is in the ledger, or has to be shown again.
            _ => self.try_to(id, action, &Documents::default()),
        };
        self.remember(&mut work, id, done);
        Ok(())
    }

    fn remember(&self, work: &mut Work, id: &RequestId, done: Done) {
        work.done.retain(|(known, _)| known != id);
        // An access number is shown with the newest result, and with no other.
        work.done.iter_mut().for_each(|(_, done)| done.once = None);
        work.done.push_back((id.clone(), done));
        if work.done.len() > RESULTS {
            work.done.pop_front();
        }
        if work.next == *id
            && let Ok(next) = new_id()
        {
            work.next = next;
        }
        // The card is another one now, or stands differently.
        work.last = None;
    }

    /// What became of a request.
    fn done<T>(&self, id: &RequestId, show: impl FnOnce(&Done) -> T) -> Result<T, Forgotten> {
        let work = self.work();
        let known = work.done.iter().find(|(known, _)| known == id);
        known.map(|(_, done)| show(done)).ok_or_else(|| Forgotten(id.clone()))
    }

    fn context(&self, id: &RequestId, actor: Option<Second>) -> Context {
        self.context.as_asked(id.clone(), actor)
    }
}

/// A card as a form names it.
fn card(text: &str) -> Option<CardId> {
    let mut bytes = [0; 8];
    hex::decode_to_slice(text, &mut bytes).ok().map(|()| CardId(bytes))
}
