//! The JDK's own smart card provider as a link to the card: over T=0 it fetches what is left in the class of its command.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use card_host::transport::{Link, TransportError};

pub(super) struct Jdk {
    process: Child,
    commands: Option<ChildStdin>,
    responses: BufReader<ChildStdout>,
}

impl Jdk {
    /// A Java program with the card in `reader`.
    pub(super) fn start(reader: &str, protocol: &str) -> Self {
        let host = Path::new(env!("CARGO_MANIFEST_DIR")).join("java/JdkHost.java");
        let mut process = Command::new("java")
            .arg(format!("-Dsun.security.smartcardio.library={}", library()))
            .arg(host)
            .args([reader, protocol])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("java (package default-jdk-headless) starts");
        let commands = process.stdin.take();
        let responses = BufReader::new(process.stdout.take().unwrap());
        Self { process, commands, responses }
    }

    /// Lets the card go.
    pub(super) fn end(mut self) {
        drop(self.commands.take());
        assert!(self.process.wait().unwrap().success());
    }
}

impl Link for Jdk {
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, TransportError> {
        let commands = self.commands.as_mut().unwrap();
        writeln!(commands, "{}", hex::encode(command)).unwrap();
        let mut response = String::new();
        self.responses.read_line(&mut response).unwrap();
        assert!(!response.is_empty(), "the Java program has ended: it says why above");
        Ok(hex::decode(response.trim()).unwrap())
    }

    fn description(&self) -> String {
        "JDK".into()
    }
}

impl Drop for Jdk {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Where the PC/SC library is: the JDK looks for it in folders that Debian does not have.
fn library() -> String {
    let said = Command::new("/sbin/ldconfig").arg("-p").output().unwrap();
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    let line = said.lines().find(|line| line.contains("libpcsclite.so.1 ")).expect("libpcsclite.so.1");
    line.split("=> ").nth(1).unwrap().to_owned()
}
