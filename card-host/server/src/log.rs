//! One line for each request. Lines go through a bounded queue to a thread of their own: a terminal that stands still stops no sale.

use std::fmt;
use std::io::{self, Write};
use std::sync::{Arc, OnceLock};
use std::time::{SystemTime, UNIX_EPOCH};

use tracing::Level;
use tracing_appender::non_blocking::{ErrorCounter, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::FormatTime;

/// Lines that wait; those above are counted and left out.
const QUEUE: usize = 4096;

/// Writes the lines of this program's servers to standard error, until the guard is dropped: that waits for the last lines, for a second.
/// A program that has a subscriber of its own leaves this out.
#[must_use = "nothing is written once it is dropped"]
pub fn log_to_stderr() -> WorkerGuard {
    let lost = Arc::new(OnceLock::new());
    let terminal = Terminal { to: io::stderr(), lost: Arc::clone(&lost), told: 0 };
    let queue = NonBlockingBuilder::default().buffered_lines_limit(QUEUE).thread_name("log");
    let (queue, guard) = queue.finish(terminal);
    let _ = lost.set(queue.error_counter());
    let lines = tracing_subscriber::fmt()
        .with_writer(queue)
        // They would be printed by a macro that panics where nobody reads.
        .log_internal_errors(false)
        .with_max_level(Level::INFO)
        .with_timer(Seconds)
        .with_level(false)
        .with_target(false)
        .with_ansi(false);
    // Where there is one already, that one gets the lines.
    let _ = tracing::subscriber::set_global_default(lines.finish());
    guard
}

/// POSIX seconds.
struct Seconds;

impl FormatTime for Seconds {
    fn format_time(&self, to: &mut Writer<'_>) -> fmt::Result {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs());
        write!(to, "time={now}")
    }
}

/// Where lines come out of the queue, with the number of those that found it full.
struct Terminal<W> {
    to: W,
    lost: Arc<OnceLock<ErrorCounter>>,
    told: usize,
}

impl<W: Write> Write for Terminal<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let lost = self.lost.get().map_or(0, ErrorCounter::dropped_lines);
        if lost > self.told {
            self.to.write_all(format!("left-out={}\n", lost - self.told).as_bytes())?;
            self.told = lost;
        }
        self.to.write(line)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what is wrong by failing")]

    use super::*;
    use std::sync::mpsc::{Receiver, Sender, channel};

    /// Stands still until it is let go on, and says what it has written.
    struct Slow {
        go_on: Receiver<()>,
        written: Sender<String>,
    }

    impl Write for Slow {
        fn write(&mut self, text: &[u8]) -> io::Result<usize> {
            let _ = self.written.send(String::from_utf8_lossy(text).into_owned());
            let _ = self.go_on.recv();
            Ok(text.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_terminal_that_stands_still_leaves_lines_out_and_stops_nobody() {
        let (go, go_on) = channel();
        let (written, seen) = channel();
        let lost = Arc::new(OnceLock::new());
        let terminal = Terminal { to: Slow { go_on, written }, lost: Arc::clone(&lost), told: 0 };
        let (mut queue, _guard) = NonBlockingBuilder::default().buffered_lines_limit(2).finish(terminal);
        lost.set(queue.error_counter()).unwrap();
        queue.write_all(b"first\n").unwrap();
        assert_eq!(seen.recv().unwrap(), "first\n");
        // It stands still now: two wait, three are left out.
        for _ in 0..5 {
            queue.write_all(b"more\n").unwrap();
        }
        drop(go);
        let all: String = seen.iter().take_while(|text| !text.is_empty()).take(3).collect();
        assert_eq!(all, "left-out=3\nmore\nmore\n");
    }
}
