//! The file layer as SQLite calls it: `sqlite3_vfs` and `sqlite3_io_methods`, each around that of the ordinary layer for Unix.
//!
//! Memory: SQLite allocates for each file as many bytes as `szOsFile` says. Ours come first, and behind them those of the
//! ordinary layer.
#![allow(unsafe_code, reason = "SQLite calls its file layer through a C interface")]

use std::ffi::{CStr, OsStr, c_char, c_int, c_void};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::ptr;

use rusqlite::ffi;

use crate::disk::{Fate, Operation};
use crate::{Fault, Layer};

/// What may lose data; other files are temporary.
const TRACKED: c_int = ffi::SQLITE_OPEN_MAIN_DB
    | ffi::SQLITE_OPEN_MAIN_JOURNAL
    | ffi::SQLITE_OPEN_SUPER_JOURNAL
    | ffi::SQLITE_OPEN_WAL;
const JOURNALS: c_int = TRACKED & !ffi::SQLITE_OPEN_MAIN_DB;

/// An open file. SQLite knows its first field.
#[repr(C)]
struct File {
    base: ffi::sqlite3_file,
    layer: &'static Layer,
    /// None for a temporary file, which only passes through.
    path: Option<PathBuf>,
    /// The next sync is also of the directory, as in the ordinary layer.
    sync_directory: bool,
}

/// Where the ordinary layer's part begins: it wants what the largest of C's plain types wants.
const INNER: usize = size_of::<File>().next_multiple_of(16);

type Object = *mut ffi::sqlite3_file;

/// Calls a function of the ordinary layer's file with it.
macro_rules! pass {
    ($file:expr, $function:ident $(, $argument:expr)*) => {{
        let inner = inner($file);
        // SAFETY: SQLite calls us between a successful open, after which the inner file has its functions, and close, and with
        // arguments that hold for the inner function as for ours, since the contract is the same.
        unsafe {
            (*inner)
                .pMethods
                .as_ref()
                .and_then(|functions| functions.$function)
                .map(|function| function(inner $(, $argument)*))
        }
    }};
}

fn inner(file: Object) -> Object {
    file.wrapping_byte_add(INNER)
}

/// Ours, of what SQLite hands us.
///
/// # Safety
///
/// `file` was opened by [`open`] and not yet closed, and SQLite lets one thread at a time use it.
unsafe fn ours<'a>(file: Object) -> &'a mut File {
    // SAFETY: `open` has made it, at this place.
    unsafe { &mut *file.cast::<File>() }
}

/// The layer and the ordinary one, of what SQLite hands us.
///
/// # Safety
///
/// `vfs` is one that [`register`] made.
unsafe fn layers(vfs: *mut ffi::sqlite3_vfs) -> (&'static Layer, *mut ffi::sqlite3_vfs) {
    // SAFETY: `register` made it live for ever, with this data.
    let data = unsafe { &*(*vfs).pAppData.cast::<(&'static Layer, *mut ffi::sqlite3_vfs)>() };
    *data
}

/// Registers a layer.
pub(crate) fn register(layer: &'static Layer) -> io::Result<()> {
    // SAFETY: both names end with a zero, and what is found lives for ever.
    let (same, unix) =
        unsafe { (ffi::sqlite3_vfs_find(layer.name.as_ptr()), ffi::sqlite3_vfs_find(c"unix".as_ptr())) };
    if !same.is_null() {
        return Err(io::Error::other(format!("there is a file layer {:?}", layer.name)));
    }
    // SAFETY: where it is not null, it is a layer that lives for ever.
    let ordinary =
        unsafe { unix.as_ref() }.ok_or_else(|| io::Error::other("SQLite has no file layer for Unix"))?;
    let size = c_int::try_from(INNER).map_err(io::Error::other)? + ordinary.szOsFile;
    let data: *mut (&'static Layer, *mut ffi::sqlite3_vfs) = Box::leak(Box::new((layer, unix)));
    let ours = ffi::sqlite3_vfs {
        // The second version: without hooks for system calls.
        iVersion: 2,
        szOsFile: size,
        mxPathname: ordinary.mxPathname,
        pNext: ptr::null_mut(),
        zName: layer.name.as_ptr(),
        pAppData: data.cast(),
        xOpen: Some(open),
        xDelete: Some(delete),
        xAccess: Some(access),
        xFullPathname: Some(full_pathname),
        // The ordinary layer's functions from here on do not look at which layer they are called for.
        xDlOpen: ordinary.xDlOpen,
        xDlError: ordinary.xDlError,
        xDlSym: ordinary.xDlSym,
        xDlClose: ordinary.xDlClose,
        xRandomness: ordinary.xRandomness,
        xSleep: ordinary.xSleep,
        xCurrentTime: ordinary.xCurrentTime,
        xGetLastError: ordinary.xGetLastError,
        xCurrentTimeInt64: ordinary.xCurrentTimeInt64,
        xSetSystemCall: None,
        xGetSystemCall: None,
        xNextSystemCall: None,
    };
    // SAFETY: it lives for ever, as all that it points to.
    let registered = unsafe { ffi::sqlite3_vfs_register(Box::leak(Box::new(ours)), 0) };
    match registered {
        ffi::SQLITE_OK => Ok(()),
        code => Err(io::Error::other(format!("SQLite does not take a file layer: {code}"))),
    }
}

/// A path that SQLite hands us; none for a temporary file without a name.
///
/// # Safety
///
/// `name` is null or ends with a zero.
unsafe fn path(name: *const c_char) -> Option<PathBuf> {
    if name.is_null() {
        return None;
    }
    // SAFETY: as the caller promises.
    let name = unsafe { CStr::from_ptr(name) };
    Some(Path::new(OsStr::from_bytes(name.to_bytes())).to_owned())
}

unsafe extern "C" fn open(
    vfs: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    file: Object,
    flags: c_int,
    flags_out: *mut c_int,
) -> c_int {
    // SAFETY: SQLite hands us our own layer, and a name that ends with a zero or none.
    let ((layer, unix), path) = unsafe { (layers(vfs), path(name)) };
    let path = path.filter(|_| flags & TRACKED != 0);
    // SAFETY: SQLite gives us this memory, which is as large as we said. Without functions, SQLite does not close a file.
    unsafe {
        (*file).pMethods = ptr::null();
        (*inner(file)).pMethods = ptr::null();
    }
    let mut disk = layer.disk();
    if path.is_some() && disk.operation(Operation::Open) != Fate::Succeeds {
        return ffi::SQLITE_CANTOPEN;
    }
    // Only where no other of our files has it open: closing what we read drops the locks of this process on it.
    let unknown = path.as_ref().filter(|path| !disk.knows(path));
    let before = unknown.map(std::fs::read).and_then(Result::ok);
    // SAFETY: the ordinary layer gets its own pointer and its part of the memory.
    let opened = unsafe {
        (*unix)
            .xOpen
            .map_or(ffi::SQLITE_CANTOPEN, |function| function(unix, name, inner(file), flags, flags_out))
    };
    if opened != ffi::SQLITE_OK {
        // SAFETY: it was set to null above, or by the ordinary layer to its functions.
        if !unsafe { (*inner(file)).pMethods }.is_null() {
            pass!(file, xClose);
        }
        return opened;
    }
    if let Some(path) = &path {
        disk.opened(path, || before);
    }
    let sync_directory = flags & JOURNALS != 0 && flags & ffi::SQLITE_OPEN_CREATE != 0;
    let ours =
        File { base: ffi::sqlite3_file { pMethods: &raw const FUNCTIONS }, layer, path, sync_directory };
    // SAFETY: the memory is large enough, aligned for pointers, and holds nothing that would have to be dropped.
    unsafe { file.cast::<File>().write(ours) };
    ffi::SQLITE_OK
}

unsafe extern "C" fn close(file: Object) -> c_int {
    let closed = pass!(file, xClose).unwrap_or(ffi::SQLITE_OK);
    // SAFETY: the file is open, and SQLite does not use it after this.
    let ours = unsafe { file.cast::<File>().read() };
    if let Some(path) = &ours.path {
        ours.layer.disk().closed(path);
    }
    closed
}

unsafe extern "C" fn read(file: Object, data: *mut c_void, count: c_int, offset: i64) -> c_int {
    // SAFETY: the file is open.
    let ours = unsafe { ours(file) };
    if ours.path.is_some() && ours.layer.disk().dead() {
        return ffi::SQLITE_IOERR_READ;
    }
    pass!(file, xRead, data, count, offset).unwrap_or(ffi::SQLITE_IOERR_READ)
}

unsafe extern "C" fn write(file: Object, data: *const c_void, count: c_int, offset: i64) -> c_int {
    let write = |count| pass!(file, xWrite, data, count, offset).unwrap_or(ffi::SQLITE_IOERR_WRITE);
    // SAFETY: the file is open.
    let ours = unsafe { ours(file) };
    let Some(path) = &ours.path else { return write(count) };
    let (Ok(length), Ok(place)) = (usize::try_from(count), usize::try_from(offset)) else {
        return ffi::SQLITE_IOERR_WRITE;
    };
    // SAFETY: SQLite hands us that many bytes.
    let bytes = unsafe { std::slice::from_raw_parts(data.cast::<u8>(), length) };
    let mut disk = ours.layer.disk();
    let (count, code) = match disk.operation(Operation::Write) {
        Fate::Succeeds => (count, ffi::SQLITE_OK),
        Fate::Fails(Fault::ShortWrite) => (count / 2, ffi::SQLITE_FULL),
        Fate::Fails(Fault::Full) => return ffi::SQLITE_FULL,
        Fate::LosesPower => {
            disk.written(path, place, bytes);
            return ffi::SQLITE_IOERR_WRITE;
        }
        Fate::Fails(_) | Fate::Dead => return ffi::SQLITE_IOERR_WRITE,
    };
    let written = write(count);
    if written != ffi::SQLITE_OK {
        return written;
    }
    let bytes = usize::try_from(count).ok().and_then(|count| bytes.get(..count));
    disk.written(path, place, bytes.unwrap_or_default());
    code
}

unsafe extern "C" fn truncate(file: Object, size: i64) -> c_int {
    let truncate = || pass!(file, xTruncate, size).unwrap_or(ffi::SQLITE_IOERR_TRUNCATE);
    // SAFETY: the file is open.
    let ours = unsafe { ours(file) };
    let Some(path) = &ours.path else { return truncate() };
    let Ok(length) = usize::try_from(size) else { return ffi::SQLITE_IOERR_TRUNCATE };
    let mut disk = ours.layer.disk();
    let code = match disk.operation(Operation::Truncate) {
        Fate::Succeeds => truncate(),
        Fate::LosesPower => {
            disk.truncated(path, length);
            return ffi::SQLITE_IOERR_TRUNCATE;
        }
        Fate::Fails(_) | Fate::Dead => return ffi::SQLITE_IOERR_TRUNCATE,
    };
    if code == ffi::SQLITE_OK {
        disk.truncated(path, length);
    }
    code
}

/// Nothing is really synced: the machine has not lost its power, and syncing takes long.
unsafe extern "C" fn sync(file: Object, _flags: c_int) -> c_int {
    // SAFETY: the file is open.
    let ours = unsafe { ours(file) };
    let Some(path) = &ours.path else { return ffi::SQLITE_OK };
    let mut disk = ours.layer.disk();
    match disk.operation(Operation::Sync) {
        Fate::Succeeds => {
            disk.synced(path, ours.sync_directory);
            ours.sync_directory = false;
            ffi::SQLITE_OK
        }
        Fate::Fails(Fault::SyncForgets) => {
            disk.lost(path);
            ffi::SQLITE_IOERR_FSYNC
        }
        Fate::Fails(_) | Fate::LosesPower | Fate::Dead => ffi::SQLITE_IOERR_FSYNC,
    }
}

unsafe extern "C" fn file_size(file: Object, size: *mut i64) -> c_int {
    // SAFETY: the file is open.
    let ours = unsafe { ours(file) };
    if ours.path.is_some() && ours.layer.disk().dead() {
        return ffi::SQLITE_IOERR_FSTAT;
    }
    pass!(file, xFileSize, size).unwrap_or(ffi::SQLITE_IOERR_FSTAT)
}

unsafe extern "C" fn file_control(file: Object, operation: c_int, argument: *mut c_void) -> c_int {
    match operation {
        // They would let the ordinary layer change the size of the file without our knowing it.
        ffi::SQLITE_FCNTL_SIZE_HINT | ffi::SQLITE_FCNTL_CHUNK_SIZE => ffi::SQLITE_OK,
        operation => pass!(file, xFileControl, operation, argument).unwrap_or(ffi::SQLITE_NOTFOUND),
    }
}

unsafe extern "C" fn device_characteristics(file: Object) -> c_int {
    // Writing several pages as one goes around us.
    pass!(file, xDeviceCharacteristics).unwrap_or_default() & !ffi::SQLITE_IOCAP_BATCH_ATOMIC
}

unsafe extern "C" fn sector_size(file: Object) -> c_int {
    pass!(file, xSectorSize).unwrap_or_default()
}

unsafe extern "C" fn lock(file: Object, level: c_int) -> c_int {
    pass!(file, xLock, level).unwrap_or(ffi::SQLITE_IOERR_LOCK)
}

unsafe extern "C" fn unlock(file: Object, level: c_int) -> c_int {
    pass!(file, xUnlock, level).unwrap_or(ffi::SQLITE_IOERR_UNLOCK)
}

unsafe extern "C" fn check_reserved_lock(file: Object, result: *mut c_int) -> c_int {
    pass!(file, xCheckReservedLock, result).unwrap_or(ffi::SQLITE_IOERR_CHECKRESERVEDLOCK)
}

unsafe extern "C" fn shm_map(
    file: Object,
    page: c_int,
    size: c_int,
    extend: c_int,
    result: *mut *mut c_void,
) -> c_int {
    pass!(file, xShmMap, page, size, extend, result).unwrap_or(ffi::SQLITE_IOERR_SHMMAP)
}

unsafe extern "C" fn shm_lock(file: Object, offset: c_int, count: c_int, flags: c_int) -> c_int {
    pass!(file, xShmLock, offset, count, flags).unwrap_or(ffi::SQLITE_IOERR_SHMLOCK)
}

unsafe extern "C" fn shm_barrier(file: Object) {
    pass!(file, xShmBarrier);
}

unsafe extern "C" fn shm_unmap(file: Object, delete: c_int) -> c_int {
    pass!(file, xShmUnmap, delete).unwrap_or(ffi::SQLITE_OK)
}

/// The second version: without reading through mapped memory.
static FUNCTIONS: ffi::sqlite3_io_methods = ffi::sqlite3_io_methods {
    iVersion: 2,
    xClose: Some(close),
    xRead: Some(read),
    xWrite: Some(write),
    xTruncate: Some(truncate),
    xSync: Some(sync),
    xFileSize: Some(file_size),
    xLock: Some(lock),
    xUnlock: Some(unlock),
    xCheckReservedLock: Some(check_reserved_lock),
    xFileControl: Some(file_control),
    xSectorSize: Some(sector_size),
    xDeviceCharacteristics: Some(device_characteristics),
    xShmMap: Some(shm_map),
    xShmLock: Some(shm_lock),
    xShmBarrier: Some(shm_barrier),
    xShmUnmap: Some(shm_unmap),
    xFetch: None,
    xUnfetch: None,
};

unsafe extern "C" fn delete(vfs: *mut ffi::sqlite3_vfs, name: *const c_char, sync_directory: c_int) -> c_int {
    // SAFETY: SQLite hands us our own layer, and a name that ends with a zero.
    let ((layer, unix), path) = unsafe { (layers(vfs), path(name)) };
    let Some(path) = path else { return ffi::SQLITE_IOERR_DELETE };
    let mut disk = layer.disk();
    let fate = disk.operation(Operation::Delete);
    let before = match fate {
        Fate::Succeeds | Fate::LosesPower => std::fs::read(&path).ok(),
        Fate::Fails(_) | Fate::Dead => return ffi::SQLITE_IOERR_DELETE,
    };
    if fate == Fate::LosesPower {
        disk.deleted(&path, || before, false);
        return ffi::SQLITE_IOERR_DELETE;
    }
    // SAFETY: the ordinary layer gets its own pointer. Without syncing the directory, as nothing is.
    let deleted =
        unsafe { (*unix).xDelete.map_or(ffi::SQLITE_IOERR_DELETE, |function| function(unix, name, 0)) };
    if deleted == ffi::SQLITE_OK {
        disk.deleted(&path, || before, sync_directory != 0);
    }
    deleted
}

unsafe extern "C" fn access(
    vfs: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    flags: c_int,
    result: *mut c_int,
) -> c_int {
    // SAFETY: SQLite hands us our own layer.
    let (layer, unix) = unsafe { layers(vfs) };
    if layer.disk().dead() {
        return ffi::SQLITE_IOERR_ACCESS;
    }
    // SAFETY: the ordinary layer gets its own pointer.
    unsafe {
        (*unix).xAccess.map_or(ffi::SQLITE_IOERR_ACCESS, |function| function(unix, name, flags, result))
    }
}

unsafe extern "C" fn full_pathname(
    vfs: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    size: c_int,
    result: *mut c_char,
) -> c_int {
    // SAFETY: SQLite hands us our own layer.
    let (_, unix) = unsafe { layers(vfs) };
    // SAFETY: the ordinary layer gets its own pointer.
    unsafe {
        (*unix).xFullPathname.map_or(ffi::SQLITE_CANTOPEN, |function| function(unix, name, size, result))
    }
}
