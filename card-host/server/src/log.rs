//! One line for each request. Lines go through a bounded queue to a thread of their own: a terminal that stands still stops no sale.

use std::fmt;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Lines that wait; those above are counted and left out.
const QUEUE: usize = 4096;

/// How long the end waits for the last lines.
const LAST_LINES: Duration = Duration::from_secs(1);

/// Where lines go.
#[derive(Debug, Clone)]
pub(super) struct Log {
    lines: Option<SyncSender<String>>,
    left_out: Arc<AtomicU64>,
}

/// Waits for the last lines.
pub(super) struct LogEnd(Option<Receiver<()>>);

impl Log {
    /// To standard error, or nowhere.
    pub(super) fn start(on: bool) -> (Self, LogEnd) {
        let left_out = Arc::new(AtomicU64::new(0));
        if !on {
            return (Self { lines: None, left_out }, LogEnd(None));
        }
        let (lines, waiting) = sync_channel::<String>(QUEUE);
        let (ended, end) = sync_channel(1);
        let counted = Arc::clone(&left_out);
        std::thread::spawn(move || {
            for line in waiting {
                let left_out = counted.swap(0, Ordering::Relaxed);
                let mut text = if left_out > 0 { format!("left-out={left_out}\n") } else { String::new() };
                text.push_str(&line);
                text.push('\n');
                // Nobody can be told where this fails.
                let _ = std::io::stderr().write_all(text.as_bytes());
            }
            let _ = ended.send(());
        });
        (Self { lines: Some(lines), left_out }, LogEnd(Some(end)))
    }

    /// Adds a line.
    pub(super) fn line(&self, line: fmt::Arguments<'_>) {
        let Some(lines) = &self.lines else { return };
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs());
        if lines.try_send(format!("time={now} {line}")).is_err() {
            self.left_out.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl LogEnd {
    /// Waits until all lines are written, or for a second. All [`Log`]s must be gone.
    pub(super) fn wait(self) {
        if let Some(end) = self.0 {
            let _ = end.recv_timeout(LAST_LINES);
        }
    }
}
