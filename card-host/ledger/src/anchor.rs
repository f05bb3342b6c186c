//! How far the ledger has come, kept outside of it: so an older copy that nobody has declared is noticed before it sells
//! (docs/ledger.md, section 10).

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::entry::{EntryId, Kind};
use super::error::{AnchorError, LedgerError};
use super::names::PointCode;
use super::records::Point;
use super::store::{Ledger, Transaction, read};
use card_host::durable;

/// At most so long after an entry is durable, the anchor has it.
const LATE: Duration = Duration::from_secs(1);
/// Vending points of one page.
const PAGE: u32 = 200;

/// The end of a chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct End {
    number: u64,
    /// In hexadecimal digits.
    hash: String,
}

impl From<&Point> for End {
    fn from(point: &Point) -> Self {
        Self { number: point.number, hash: hex::encode(point.head) }
    }
}

/// The file.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    /// How often the ledger had been restored.
    epoch: u32,
    /// The database server, where the ledger is in one.
    place: Option<String>,
    points: BTreeMap<PointCode, End>,
}

#[derive(Debug)]
struct Held {
    known: Content,
    /// Where the ledger was when all of it was compared; none: not yet.
    compared: Option<Option<String>>,
    /// Vending points that may have come further than is known.
    touched: BTreeSet<PointCode>,
    kept: Option<Instant>,
    failed: Option<String>,
}

/// The anchor of a ledger: a small file beside the key store. Several programs may use the same one.
#[derive(Debug)]
pub struct Anchor {
    path: PathBuf,
    held: Mutex<Held>,
}

impl Anchor {
    /// The anchor in this file, where there is one; else one that takes the ledger as it is found.
    pub fn open(path: &Path) -> Result<Self, AnchorError> {
        let known = content(path)?;
        let held = Held { known, compared: None, touched: BTreeSet::new(), kept: None, failed: None };
        Ok(Self { path: path.to_owned(), held: Mutex::new(held) })
    }

    /// Forgets a former ledger: another one was founded on purpose.
    pub fn forget(path: &Path) -> Result<(), AnchorError> {
        store(path, &Content::default())
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
        kind: Kind,
    ) -> Result<(), LedgerError> {
        let mut held = self.held();
        held.touched.insert(point.code.clone());
        // What two people decide about a copy, or about a clock, sells nothing.
        if matches!(kind, Kind::Propose | Kind::Approve | Kind::Cancel | Kind::Restore | Kind::Clock) {
            return Ok(());
        }
        if let Some(reason) = &held.failed {
            return Err(AnchorError::Io { path: self.path.clone(), reason: reason.clone() }.into());
        }
        let own = held.known.points.get(&point.code);
        let whole = own.is_none_or(|end| point.number > end.number || End::from(point) == *end);
        if whole && held.compared.as_ref() == Some(&place) {
            return Ok(());
        }
        if let Some(epoch) = compare(t, &held.known, place.as_ref())? {
            // What was lost is forgotten, and what is there learnt anew.
            held.known = Content { epoch, ..Content::default() };
            held.kept = None;
        }
        held.known.place.clone_from(&place);
        held.compared = Some(place);
        Ok(())
    }

    /// Learns how far the vending points have come that were written to, unless that was a moment ago: then [`Watch`] does it soon.
    pub(super) fn learn(&self, ledger: &dyn Ledger, at_once: bool) {
        let mut held = self.held();
        let early = held.kept.is_some_and(|kept| kept.elapsed() < LATE);
        // What has not been compared may be an older copy, and teaches nothing.
        if held.touched.is_empty() || held.compared.is_none() || (early && !at_once) {
            return;
        }
        let touched = std::mem::take(&mut held.touched);
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
            Ok((t.epoch()?, found))
        });
        let mut held = self.held();
        let Ok((now, points)) = found else {
            // The store is not there: what it has is learnt when it is.
            held.touched.extend(touched);
            return;
        };
        held.kept = Some(Instant::now());
        if now != epoch {
            // It was restored meanwhile: all of it is compared anew.
            held.compared = None;
            return;
        }
        for point in points {
            learn_point(&mut held.known, &point);
        }
        held.failed = None;
        if let Err(error) = self.store(&mut held.known) {
            held.touched.extend(touched);
            held.failed = Some(error.to_string());
        }
    }

    /// Stores what is known, with what other programs have stored.
    fn store(&self, known: &mut Content) -> io::Result<()> {
        let mut lock = self.path.clone().into_os_string();
        lock.push(".lock");
        let lock = File::create(lock)?;
        lock.lock()?;
        let others = content(&self.path).map_err(io::Error::other)?;
        if others.epoch > known.epoch {
            return Ok(());
        }
        if others.epoch == known.epoch {
            for (code, end) in others.points {
                let own = known.points.entry(code).or_insert_with(|| end.clone());
                if own.number < end.number {
                    *own = end;
                }
            }
        }
        durable::replace(&self.path, &serde_json::to_vec_pretty(known)?)
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

fn learn_point(known: &mut Content, point: &Point) {
    let end = End::from(point);
    let own = known.points.entry(point.code.clone()).or_insert_with(|| end.clone());
    if own.number < end.number {
        *own = end;
    }
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
    known: &Content,
    place: Option<&String>,
) -> Result<Option<u32>, LedgerError> {
    let epoch = t.epoch()?;
    if epoch > known.epoch {
        return Ok(Some(epoch));
    }
    let found: BTreeMap<_, _> = all(t)?.iter().map(|point| (point.code.clone(), End::from(point))).collect();
    for (code, end) in &known.points {
        let there = match found.get(code) {
            // A chain that had not begun has begun since.
            Some(_) if end.number == 0 => true,
            Some(found) if found.number > end.number => {
                let id = EntryId { point: code.clone(), number: end.number };
                t.entry(&id)?.is_some_and(|entry| hex::encode(entry.hash) == end.hash)
            }
            Some(found) => found == end,
            None => end.number == 0,
        };
        if !there || epoch < known.epoch {
            let at = |place: Option<&String>| place.cloned().unwrap_or_else(|| "a file".to_owned());
            let place = format!("it is in {} now, and was in {}", at(place), at(known.place.as_ref()));
            return Err(AnchorError::Behind { point: code.clone(), number: end.number, place }.into());
        }
    }
    Ok(None)
}

fn content(path: &Path) -> Result<Content, AnchorError> {
    let malformed = |reason: String| AnchorError::Malformed { path: path.to_owned(), reason };
    match std::fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| malformed(error.to_string())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Content::default()),
        Err(error) => Err(malformed(error.to_string())),
    }
}

fn store(path: &Path, content: &Content) -> Result<(), AnchorError> {
    let io = |reason: String| AnchorError::Io { path: path.to_owned(), reason };
    let bytes = serde_json::to_vec_pretty(content).map_err(|error| io(error.to_string()))?;
    durable::replace(path, &bytes).map_err(|error| io(error.to_string()))
}
