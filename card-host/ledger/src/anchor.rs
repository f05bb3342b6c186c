//! How far the ledger has come, kept outside of it by a key store that remembers: so an older copy that nobody has declared is noticed before it
//! sells (docs/ledger.md, section 10).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use card_core::id::Binding;

use super::entry::{Entry, EntryId, Kind};
use super::error::{AnchorError, LedgerError};
use super::names::PointCode;
use super::records::{BindingRecord, Point};
use super::store::{Ledger, Payee, Transaction, read};
use card_host::keystore::{ChainEnd, Extent, KeyStore, Memory, MemoryError, Totals};

/// At most so long after an entry is durable, the memory has it.
const LATE: Duration = Duration::from_secs(1);
/// Vending points, or bindings, of one page.
const PAGE: u32 = 200;

fn end(point: &Point) -> ChainEnd {
    ChainEnd { number: point.number, hash: point.head }
}

fn totals(record: &BindingRecord) -> Totals {
    let held = &record.held;
    Totals {
        binding: held.binding,
        generation: held.card.generation,
        sequence: held.sequence,
        credit: held.total_credit,
        debited: held.total_debited,
    }
}

#[derive(Debug)]
struct Held {
    known: Extent,
    /// Where the ledger was when all of it was compared; none: not yet.
    compared: Option<Option<String>>,
    /// Vending points that may have come further than is known.
    touched: BTreeSet<PointCode>,
    /// Bindings that may have, too.
    certified: BTreeSet<Binding>,
    kept: Option<Instant>,
    failed: Option<String>,
}

/// What a program knows of the ledger beside it. Several programs may use the same memory.
pub(super) struct Anchor {
    keys: Arc<dyn KeyStore>,
    held: Mutex<Held>,
}

impl Anchor {
    /// By the memory of a key store, where it has one. A memory that knows of no books takes those that are there, where it may.
    pub(super) fn open(keys: Arc<dyn KeyStore>, ledger: &dyn Ledger) -> Result<Option<Self>, LedgerError> {
        let Some(memory) = keys.memory() else { return Ok(None) };
        let known = match memory.extent().map_err(AnchorError::from)? {
            Some(known) => known,
            None => adopt(memory, ledger)?.unwrap_or_default(),
        };
        let held = Held {
            known,
            compared: None,
            touched: BTreeSet::new(),
            certified: BTreeSet::new(),
            kept: None,
            failed: None,
        };
        Ok(Some(Self { keys, held: Mutex::new(held) }))
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the ledger has all that is known to have been written to it: the whole of it once for each place where it is found, and
    /// then this vending point.
    pub(super) fn holds(
        &self,
        t: &mut dyn Transaction,
        place: Option<String>,
        point: &Point,
        entry: &Entry,
    ) -> Result<(), LedgerError> {
        let mut held = self.held();
        held.touched.insert(point.code.clone());
        held.certified.extend(entry.binding.filter(|_| entry.sequence > 0));
        // What two people decide about a copy, or about a clock, sells nothing.
        if matches!(entry.kind, Kind::Propose | Kind::Approve | Kind::Cancel | Kind::Restore | Kind::Clock) {
            return Ok(());
        }
        if let Some(reason) = &held.failed {
            return Err(AnchorError::from(MemoryError::Store(reason.clone())).into());
        }
        let own = held.known.chains.get(point.code.as_str());
        let whole = own.is_none_or(|known| point.number > known.number || end(point) == *known);
        if whole && held.compared.as_ref() == Some(&place) {
            return Ok(());
        }
        if let Some(epoch) = compare(t, &held.known, place.as_ref())? {
            // What was lost is forgotten, and what is there learnt anew.
            held.known = Extent { epoch, ..Extent::default() };
            held.kept = None;
        }
        held.known.place.clone_from(&place);
        held.compared = Some(place);
        Ok(())
    }

    /// The same before something is signed, where the whole ledger has not been compared in this place: nothing is signed for an older copy.
    pub(super) fn look(&self, ledger: &dyn Ledger) -> Result<(), LedgerError> {
        let place = ledger.place();
        let known = {
            let held = self.held();
            if held.compared.as_ref() == Some(&place) {
                return Ok(());
            }
            held.known.clone()
        };
        read(ledger, |t| compare(t, &known, place.as_ref())).map(drop)
    }

    /// Learns how far the vending points have come that were written to, unless that was a moment ago: then [`Watch`] does it soon.
    pub(super) fn learn(&self, ledger: &dyn Ledger, at_once: bool) {
        let Some(memory) = self.keys.memory() else { return };
        let mut held = self.held();
        let early = held.kept.is_some_and(|kept| kept.elapsed() < LATE);
        // What has not been compared may be an older copy, and teaches nothing.
        if held.touched.is_empty() || held.compared.is_none() || (early && !at_once) {
            return;
        }
        let touched = std::mem::take(&mut held.touched);
        let certified = std::mem::take(&mut held.certified);
        let (epoch, first) = (held.known.epoch, held.kept.is_none());
        drop(held);
        // What others have written before is learnt once.
        let found = read(ledger, |t| {
            let mut found = Vec::new();
            if first {
                found = all(t)?;
            } else {
                for code in &touched {
                    found.extend(t.point(code)?);
                }
            }
            let mut bindings = Vec::new();
            for binding in &certified {
                bindings.extend(t.binding(Payee::Binding(*binding))?.as_ref().map(totals));
            }
            Ok((t.epoch()?, found, bindings))
        });
        let mut held = self.held();
        let Ok((now, points, bindings)) = found else {
            // The store is not there: what it has is learnt when it is.
            held.touched.extend(touched);
            held.certified.extend(certified);
            return;
        };
        held.kept = Some(Instant::now());
        if now != epoch {
            // It was restored meanwhile: all of it is compared anew.
            held.compared = None;
            return;
        }
        let mut news = Extent { epoch, place: held.known.place.clone(), chains: BTreeMap::new() };
        for point in &points {
            let (code, end) = (point.code.as_str().to_owned(), end(point));
            let own = held.known.chains.entry(code.clone()).or_insert(end);
            if own.number < end.number {
                *own = end;
            }
            news.chains.insert(code, end);
        }
        held.failed = None;
        if let Err(error) = memory.learn(&news, &bindings) {
            held.touched.extend(touched);
            held.certified.extend(certified);
            held.failed = Some(error.to_string());
        }
    }
}

/// Has the anchor learn what was written a moment ago, also where nothing follows; until it is dropped.
pub(super) struct Watch {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Watch {
    pub(super) fn new(anchor: Arc<Anchor>, ledger: Arc<dyn Ledger>) -> Self {
        let (stop, stopped) = channel();
        let watch = move || {
            while stopped.recv_timeout(LATE) == Err(RecvTimeoutError::Timeout) {
                anchor.learn(&*ledger, true);
            }
            anchor.learn(&*ledger, true);
        };
        // Without it, the next entry does the same.
        let thread = thread::Builder::new().name("anchor".to_owned()).spawn(watch).ok();
        Self { stop: Some(stop), thread }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.stop.take();
        if let Some(thread) = self.thread.take() {
            // A panic there has been printed, and is nobody's here.
            let _ = thread.join();
        }
    }
}

/// Gives a memory that knows of no books what these hold, and says how far they have come; nothing where none were founded.
fn adopt(memory: &dyn Memory, ledger: &dyn Ledger) -> Result<Option<Extent>, LedgerError> {
    let place = ledger.place();
    read(ledger, |t| {
        let points = all(t)?;
        if points.is_empty() {
            return Ok(None);
        }
        let mut after = None;
        loop {
            let page = t.bindings(after, PAGE)?;
            let Some(last) = page.last() else { break };
            after = Some(last.binding());
            let held: Vec<_> = page.iter().map(totals).collect();
            memory.adopt(&held).map_err(AnchorError::from)?;
        }
        let chains = points.iter().map(|point| (point.code.as_str().to_owned(), end(point))).collect();
        let extent = Extent { epoch: t.epoch()?, place: place.clone(), chains };
        memory.learn(&extent, &[]).map_err(AnchorError::from)?;
        Ok(Some(extent))
    })
}

fn all(t: &mut dyn Transaction) -> Result<Vec<Point>, LedgerError> {
    let mut points: Vec<Point> = Vec::new();
    loop {
        let page = t.points(points.last().map(|point| &point.code), PAGE)?;
        if page.is_empty() {
            return Ok(points);
        }
        points.extend(page);
    }
}

/// Whether each chain has what is known of it, or a restore has been declared since: then how many there were.
fn compare(
    t: &mut dyn Transaction,
    known: &Extent,
    place: Option<&String>,
) -> Result<Option<u32>, LedgerError> {
    let epoch = t.epoch()?;
    if epoch > known.epoch {
        return Ok(Some(epoch));
    }
    let found: BTreeMap<_, _> = all(t)?.iter().map(|point| (point.code.clone(), end(point))).collect();
    for (code, known_end) in &known.chains {
        let code: PointCode = code.parse()?;
        let there = match found.get(&code) {
            // A chain that had not begun has begun since.
            Some(_) if known_end.number == 0 => true,
            Some(found) if found.number > known_end.number => {
                let id = EntryId { point: code.clone(), number: known_end.number };
                t.entry(&id)?.is_some_and(|entry| entry.hash == known_end.hash)
            }
            Some(found) => found == known_end,
            None => known_end.number == 0,
        };
        if !there || epoch < known.epoch {
            let at = |place: Option<&String>| place.cloned().unwrap_or_else(|| "a file".to_owned());
            let (now, then) = (at(place), at(known.place.as_ref()));
            let moved =
                if now == then { String::new() } else { format!(" (it is in {now} now, and was in {then})") };
            return Err(AnchorError::Behind { point: code, number: known_end.number, moved }.into());
        }
    }
    Ok(None)
}
