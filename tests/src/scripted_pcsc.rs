//! A PC/SC library that does what its environment says, in place of the system's, and a card that it finds in its readers: for what
//! no service and no driver does when it is told to. What it understands is at the head of `scripted_pcsc/library.c`.

// A fixture fails the test that uses it, and with a reason.
#![allow(clippy::panic, clippy::expect_used, reason = "a fixture fails the test that uses it, with a reason")]

use std::ffi::{OsStr, OsString};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use applet_sim::vpcd::{VirtualCard, VirtualSlot};
use tempfile::TempDir;

use crate::programs::{Said, run};

/// The library, in a folder of its own.
#[derive(Debug)]
pub struct ScriptedPcsc {
    folder: TempDir,
}

impl ScriptedPcsc {
    /// Compiles it.
    ///
    /// # Panics
    ///
    /// When it cannot be compiled, with what the compiler says.
    #[must_use]
    pub fn compile() -> Self {
        let folder = tempfile::tempdir().expect("a folder for a library");
        let flags = Command::new("pkg-config").args(["--cflags", "libpcsclite"]).output();
        let flags = String::from_utf8(flags.expect("pkg-config runs").stdout).expect("flags of a compiler");
        let output = Command::new("gcc")
            .args(["-Wall", "-Werror", "-shared", "-fPIC", "-o"])
            .arg(folder.path().join("libpcsclite.so.1"))
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/src/scripted_pcsc/library.c"))
            .args(flags.split_ascii_whitespace())
            .output()
            .expect("gcc runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Self { folder }
    }

    /// The folder in which a program finds it, with `LD_LIBRARY_PATH`.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Runs a program that finds this library, with a script such as `("FAKE_LIST", "80100008")`.
    pub fn run<V: AsRef<OsStr>, A: AsRef<OsStr>>(
        &self,
        script: &[(&str, V)],
        program: &Path,
        arguments: &[A],
    ) -> Said {
        let mut words = vec![assignment("LD_LIBRARY_PATH", self.folder().as_os_str())];
        words.extend(script.iter().map(|(name, value)| assignment(name, value.as_ref())));
        words.push(program.as_os_str().to_owned());
        words.extend(arguments.iter().map(|argument| argument.as_ref().to_owned()));
        run("env", &words, "")
    }
}

fn assignment(name: &str, value: &OsStr) -> OsString {
    let mut text = OsString::from(format!("{name}="));
    text.push(value);
    text
}

/// A card that waits for the scripted library, once after the other for each program that has it. Dropped, it is gone.
#[derive(Debug)]
pub struct ScriptedCard {
    address: SocketAddr,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl ScriptedCard {
    /// Lets a card wait.
    ///
    /// # Panics
    ///
    /// When no port is free.
    #[must_use]
    pub fn new(mut card: impl VirtualCard + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("its address");
        let stop = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if flag.load(Ordering::Acquire) {
                    break;
                }
                // How a program ends that has it is its own affair.
                let _ = VirtualSlot::from_stream(stream).map(|mut slot| slot.serve(&mut card, &flag));
            }
        });
        Self { address, stop, thread: Some(thread) }
    }

    /// What `FAKE_PORT` says.
    #[must_use]
    pub fn port(&self) -> String {
        self.address.port().to_string()
    }
}

impl Drop for ScriptedCard {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        // It may be waiting for somebody.
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
