//! The way from 127.0.0.1 to the driver in its network namespace.

use std::fs::File;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use super::POLL;

/// Connects to a port of 127.0.0.1 within the network namespace of a process.
pub(super) fn dial(process: u32, port: u16) -> io::Result<TcpStream> {
    let namespace = File::open(format!("/proc/{process}/ns/net"))?;
    // A thread of its own goes there; a socket stays in the namespace where it was made, wherever it is used.
    let there = thread::spawn(move || {
        move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network))?;
        TcpStream::connect((Ipv4Addr::LOCALHOST, port))
    });
    there.join().unwrap_or_else(|_| Err(io::Error::other("the connecting thread panicked")))
}

/// Listens on 127.0.0.1 for cards and leads one at a time to the driver.
#[derive(Debug)]
pub(super) struct Relay {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Relay {
    pub(super) fn start(address: SocketAddr, process: u32, port: u16) -> Self {
        let listener = TcpListener::bind(address)
            .unwrap_or_else(|error| panic!("{address} was taken by another program meanwhile: {error}"));
        listener.set_nonblocking(true).expect("a listener that does not block");
        let stop = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            while !flag.load(Ordering::Acquire) {
                match listener.accept() {
                    Ok((card, _)) => {
                        if let Ok(driver) = dial(process, port) {
                            let _ = relay(card, driver, &flag);
                        }
                    }
                    Err(_) => thread::sleep(POLL),
                }
            }
        });
        Self { stop, thread: Some(thread) }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Carries bytes both ways, until one side ends or `stop` is set.
fn relay(card: TcpStream, driver: TcpStream, stop: &AtomicBool) -> io::Result<()> {
    for stream in [&card, &driver] {
        stream.set_nonblocking(false)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_millis(100)))?;
    }
    thread::scope(|scope| {
        scope.spawn(|| carry(&card, &driver, stop));
        carry(&driver, &card, stop);
    });
    Ok(())
}

/// Carries bytes one way. The end of one side is passed on to the other, which then ends by itself: what is still under way
/// is not cut off, so that a card sees an end and not a broken connection.
fn carry(mut from: &TcpStream, mut to: &TcpStream, stop: &AtomicBool) {
    let mut buffer = vec![0; 0x1_0000];
    while !stop.load(Ordering::Acquire) {
        let _ = rustix::net::sockopt::set_tcp_quickack(from, true);
        match from.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => {
                if to.write_all(buffer.get(..count).unwrap_or_default()).is_err() {
                    break;
                }
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(_) => break,
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}
