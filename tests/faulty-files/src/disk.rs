//! What a disk holds, apart from what the operating system has not written to it yet. No file is touched here.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use fastrand::Rng;

use crate::Fault;

/// What a disk writes as a whole, or not.
const SECTOR: usize = 512;

/// An operation that touches the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    Open,
    Write,
    Truncate,
    Sync,
    Delete,
}

/// What becomes of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Succeeds,
    Fails(Fault),
    /// The power goes while it is under way, so that it may have reached the disk or not.
    LosesPower,
    /// There is no power.
    Dead,
}

/// Which of the operations that a fault concerns fail, from one on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Which {
    /// That one, if it is one of them.
    This,
    /// The first of them.
    First,
    All,
}

#[derive(Debug, Clone)]
enum Change {
    Write { offset: usize, data: Vec<u8> },
    Resize(usize),
}

/// A file's content, whatever name it has.
#[derive(Debug, Clone, Default)]
struct Content {
    synced: Vec<u8>,
    unsynced: Vec<Change>,
}

/// What is under one name: the last is what programs see; any may be what the disk has.
#[derive(Debug, Default)]
struct Name {
    versions: Vec<Option<Content>>,
    handles: usize,
}

impl Name {
    fn current(&mut self) -> Option<&mut Content> {
        self.versions.last_mut()?.as_mut()
    }

    /// The name's entry in its directory is on the disk.
    fn settle(&mut self) {
        let last = self.versions.pop();
        self.versions = last.into_iter().collect();
    }

    fn settled(&self) -> bool {
        let unsynced = |version: &Option<Content>| version.as_ref().is_some_and(|it| !it.unsynced.is_empty());
        self.versions.len() <= 1 && !self.versions.iter().any(unsynced)
    }
}

/// What a power cut made of everything that was not synced.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Aftermath {
    /// Changes that had not been synced.
    pub unsynced: usize,
    /// How many of those reached the disk wholly.
    pub survived: usize,
    /// How many reached it in part.
    pub torn: usize,
    /// Files that appeared again, or vanished, since their creation or deletion had not been synced.
    pub renamed: usize,
}

#[derive(Debug, Default)]
pub(crate) struct Disk {
    names: BTreeMap<PathBuf, Name>,
    pub(crate) operations: u64,
    pub(crate) faults: u64,
    /// From which operation on which fail, and how.
    pub(crate) fault: Option<(u64, Which, Fault)>,
    /// The operation during which the power goes.
    pub(crate) cut: Option<u64>,
}

impl Disk {
    /// Counts an operation and says what becomes of it.
    pub(crate) fn operation(&mut self, operation: Operation) -> Fate {
        let dead = self.dead();
        self.operations += 1;
        let number = self.operations;
        if dead || self.cut.is_some_and(|cut| number >= cut) {
            self.faults += 1;
            return if dead { Fate::Dead } else { Fate::LosesPower };
        }
        match self.fault {
            Some((from, which, fault))
                if fault.concerns(operation)
                    && (number == from || (which != Which::This && number > from)) =>
            {
                if which == Which::First {
                    self.fault = None;
                }
                self.faults += 1;
                Fate::Fails(fault)
            }
            _ => Fate::Succeeds,
        }
    }

    /// Whether the power has gone.
    pub(crate) fn dead(&self) -> bool {
        self.cut.is_some_and(|cut| self.operations >= cut)
    }

    /// Whether any file is open.
    pub(crate) fn in_use(&self) -> bool {
        self.names.values().any(|name| name.handles > 0)
    }

    /// Whether what was under this name before is known already.
    pub(crate) fn knows(&self, path: &Path) -> bool {
        self.names.contains_key(path)
    }

    /// A file was opened; `before` is what it held before that, where it was there.
    pub(crate) fn opened(&mut self, path: &Path, before: impl FnOnce() -> Option<Vec<u8>>) {
        let name = self.names.entry(path.to_owned()).or_default();
        if name.versions.is_empty() {
            name.versions.push(before().map(|synced| Content { synced, unsynced: Vec::new() }));
        }
        if name.current().is_none() {
            name.versions.push(Some(Content::default()));
        }
        name.handles += 1;
    }

    pub(crate) fn closed(&mut self, path: &Path) {
        if let Some(name) = self.names.get_mut(path) {
            name.handles = name.handles.saturating_sub(1);
            // What is on the disk as everybody sees it needs no memory, and may be changed by others from here.
            if name.handles == 0 && name.settled() {
                self.names.remove(path);
            }
        }
    }

    pub(crate) fn written(&mut self, path: &Path, offset: usize, data: &[u8]) {
        self.change(path, Change::Write { offset, data: data.to_vec() });
    }

    pub(crate) fn truncated(&mut self, path: &Path, size: usize) {
        self.change(path, Change::Resize(size));
    }

    fn change(&mut self, path: &Path, change: Change) {
        if let Some(content) = self.names.get_mut(path).and_then(Name::current) {
            content.unsynced.push(change);
        }
    }

    /// A file was synced; with its directory too, or only its own name with it, as file systems do.
    pub(crate) fn synced(&mut self, path: &Path, directory: bool) {
        if let Some(name) = self.names.get_mut(path) {
            if let Some(content) = name.current() {
                for change in std::mem::take(&mut content.unsynced) {
                    change.apply(&mut content.synced);
                }
            }
            name.settle();
        }
        if directory {
            self.settle(path);
        }
    }

    /// A sync failed, and the operating system forgot what it had to write, as Linux does.
    pub(crate) fn lost(&mut self, path: &Path) {
        if let Some(content) = self.names.get_mut(path).and_then(Name::current) {
            content.unsynced.clear();
        }
    }

    /// A file is to be deleted; `before` is what it holds, if it is there.
    pub(crate) fn deleted(&mut self, path: &Path, before: impl FnOnce() -> Option<Vec<u8>>, directory: bool) {
        let name = self.names.entry(path.to_owned()).or_default();
        if name.versions.is_empty() {
            name.versions.push(before().map(|synced| Content { synced, unsynced: Vec::new() }));
        }
        if name.current().is_some() {
            name.versions.push(None);
        }
        if directory {
            self.settle(path);
        }
        self.forget_settled();
    }

    /// The directory that holds a file was synced.
    fn settle(&mut self, path: &Path) {
        let names = self.names.iter_mut().filter(|(other, _)| other.parent() == path.parent());
        names.for_each(|(_, name)| name.settle());
        self.forget_settled();
    }

    fn forget_settled(&mut self) {
        self.names.retain(|_, name| name.handles > 0 || !name.settled());
    }

    /// What the disk holds after the power went: for each file its content, or nothing where there is no such file.
    /// The disk then has power again, and fails no more.
    pub(crate) fn after_power_cut(&mut self, seed: u64) -> (BTreeMap<PathBuf, Option<Vec<u8>>>, Aftermath) {
        let mut luck = Luck { seed, random: Rng::with_seed(seed) };
        let mut aftermath = Aftermath::default();
        let mut left = BTreeMap::new();
        for (path, name) in std::mem::take(&mut self.names) {
            let chosen = luck.version(name.versions.len());
            aftermath.renamed += usize::from(chosen + 1 < name.versions.len());
            let content = name.versions.into_iter().nth(chosen).flatten();
            left.insert(path, content.map(|content| content.after_power_cut(&mut luck, &mut aftermath)));
        }
        self.fault = None;
        self.cut = None;
        (left, aftermath)
    }
}

impl Content {
    fn after_power_cut(mut self, luck: &mut Luck, aftermath: &mut Aftermath) -> Vec<u8> {
        for change in self.unsynced {
            aftermath.unsynced += 1;
            match luck.lot() {
                Lot::Lost => {}
                Lot::Survived => {
                    aftermath.survived += 1;
                    change.apply(&mut self.synced);
                }
                Lot::Torn => {
                    aftermath.torn += 1;
                    for piece in change.pieces() {
                        if luck.random.bool() {
                            piece.apply(&mut self.synced);
                        }
                    }
                }
            }
        }
        self.synced
    }
}

impl Change {
    fn apply(self, content: &mut Vec<u8>) {
        match self {
            Self::Write { offset, data } => {
                let end = offset + data.len();
                if content.len() < end {
                    content.resize(end, 0);
                }
                if let Some(place) = content.get_mut(offset..end) {
                    place.copy_from_slice(&data);
                }
            }
            Self::Resize(size) => content.resize(size, 0),
        }
    }

    /// The sectors of a write.
    fn pieces(self) -> Vec<Self> {
        let Self::Write { mut offset, data } = self else { return vec![self] };
        let mut data = data.as_slice();
        let mut pieces = Vec::new();
        while !data.is_empty() {
            let (piece, rest) = data.split_at(data.len().min(SECTOR - offset % SECTOR));
            pieces.push(Self::Write { offset, data: piece.to_vec() });
            offset += piece.len();
            data = rest;
        }
        pieces
    }
}

enum Lot {
    Lost,
    Survived,
    Torn,
}

/// Seed 0 loses all that was not synced, 1 nothing, any other some.
struct Luck {
    seed: u64,
    random: Rng,
}

impl Luck {
    fn version(&mut self, versions: usize) -> usize {
        match self.seed {
            0 => 0,
            1 => versions.saturating_sub(1),
            _ => self.random.usize(..versions.max(1)),
        }
    }

    fn lot(&mut self) -> Lot {
        match (self.seed, self.random.u8(..4)) {
            (0, _) | (2.., 0) => Lot::Lost,
            (2.., 1) => Lot::Torn,
            _ => Lot::Survived,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "/directory/file";

    fn content(disk: &mut Disk, seed: u64) -> Option<Vec<u8>> {
        disk.after_power_cut(seed).0.remove(Path::new(FILE)).flatten()
    }

    fn opened(before: Option<&[u8]>) -> Disk {
        let mut disk = Disk::default();
        disk.opened(FILE.as_ref(), || before.map(<[u8]>::to_vec));
        disk
    }

    #[test]
    fn what_was_synced_stays_and_the_rest_is_lost_or_not() {
        let written = || {
            let mut disk = opened(Some(b"old"));
            disk.written(FILE.as_ref(), 1, b"new");
            disk.synced(FILE.as_ref(), false);
            disk.written(FILE.as_ref(), 0, b"N");
            disk.truncated(FILE.as_ref(), 2);
            disk
        };
        assert_eq!(content(&mut written(), 0).unwrap(), b"onew");
        assert_eq!(content(&mut written(), 1).unwrap(), b"Nn");
        let seen: std::collections::BTreeSet<_> =
            (2..200).map(|seed| content(&mut written(), seed).unwrap()).collect();
        let all: [&[u8]; 4] = [b"Nn", b"Nnew", b"on", b"onew"];
        assert_eq!(seen.into_iter().collect::<Vec<_>>(), all, "each of the two survives or not");
    }

    #[test]
    fn a_write_is_torn_between_sectors_and_not_within_one() {
        let mut shapes = std::collections::BTreeSet::new();
        for seed in 2..500 {
            let mut disk = opened(Some(&[0; 2048]));
            disk.written(FILE.as_ref(), 256, &[1; 1024]);
            let left = content(&mut disk, seed).unwrap();
            let piece = |from: usize, to: usize| {
                let piece = &left[from..to];
                assert!(piece.iter().all(|byte| *byte == piece[0]), "within a sector, seed {seed}");
                piece[0]
            };
            assert_eq!((piece(0, 256), piece(1280, 2048)), (0, 0), "around it");
            shapes.insert([piece(256, 512), piece(512, 1024), piece(1024, 1280)]);
        }
        assert_eq!(shapes.len(), 8, "any of the three sectors alone");
    }

    #[test]
    fn a_new_file_is_there_for_sure_when_it_was_synced_and_a_deleted_one_gone_with_its_directory() {
        assert_eq!(content(&mut opened(None), 0), None);
        assert_eq!(content(&mut opened(None), 1), Some(Vec::new()));
        let mut disk = opened(None);
        disk.synced(FILE.as_ref(), false);
        assert_eq!(content(&mut disk, 0), Some(Vec::new()));

        let deleted = |directory| {
            let mut disk = opened(Some(b"old"));
            disk.deleted(FILE.as_ref(), || None, directory);
            disk
        };
        assert_eq!(content(&mut deleted(false), 0).unwrap(), b"old", "it is back");
        assert_eq!(content(&mut deleted(false), 1), None);
        assert_eq!(content(&mut deleted(true), 0), None);
        // A neighbour that is synced with the directory takes it along.
        let mut disk = deleted(false);
        disk.opened("/directory/other".as_ref(), || None);
        disk.synced("/directory/other".as_ref(), true);
        assert_eq!(content(&mut disk, 0), None);
    }

    #[test]
    fn what_a_failed_sync_forgot_is_not_written_by_the_next() {
        let mut disk = opened(Some(b"old"));
        disk.written(FILE.as_ref(), 0, b"N");
        disk.lost(FILE.as_ref());
        disk.written(FILE.as_ref(), 2, b"W");
        disk.synced(FILE.as_ref(), false);
        assert_eq!(content(&mut disk, 1).unwrap(), b"olW");
    }

    #[test]
    fn operations_fail_by_their_number() {
        let mut disk = Disk { fault: Some((2, Which::This, Fault::Broken)), cut: Some(5), ..Disk::default() };
        let fates: Vec<_> = (0..6).map(|_| disk.operation(Operation::Write)).collect();
        let (fine, broken) = (Fate::Succeeds, Fate::Fails(Fault::Broken));
        assert_eq!(fates, [fine, broken, fine, fine, Fate::LosesPower, Fate::Dead]);
        assert_eq!((disk.operations, disk.faults), (6, 3));
        let mut disk = Disk { fault: Some((2, Which::All, Fault::Full)), ..Disk::default() };
        let full = Fate::Fails(Fault::Full);
        let operations = [Operation::Write, Operation::Write, Operation::Sync, Operation::Write];
        assert_eq!(operations.map(|operation| disk.operation(operation)), [fine, full, fine, full]);
    }

    #[test]
    fn what_is_on_the_disk_needs_no_memory() {
        let mut disk = opened(Some(b"old"));
        disk.written(FILE.as_ref(), 0, b"N");
        disk.synced(FILE.as_ref(), false);
        assert!(disk.in_use());
        disk.closed(FILE.as_ref());
        assert!(!disk.in_use() && disk.names.is_empty());
    }
}
