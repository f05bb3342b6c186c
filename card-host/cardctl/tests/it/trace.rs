//! Traces: written by every command, read, replayed, and opened by others.

use pcap_file::DataLink;
use pcap_file::pcapng::{Block, PcapNgReader};
use serde_json::Value;
use std::fs::{self, File};
use std::path::Path;
use std::process::Command;

use crate::run::{cardctl, json};

fn refused(data: &Path, arguments: &[&str], why: &str) {
    let output = cardctl(data, arguments);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(matches!(output.status.code(), Some(1 | 7)) && said.contains(why), "{arguments:?}: {said}");
}

#[test]
fn a_trace_is_written_read_and_replayed_and_has_no_keys_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let (data, path) = (folder.path().join("data"), folder.path().join("issue.trace"));
    let trace = path.to_str().unwrap();
    let _ = json(&data, &["--trace", trace, "issue", "--meter", "1", "--account", "7"]);
    let _ = json(&data, &["--trace", trace, "top-up", "50"]);
    let decoded = json(&data, &["trace", "decode", trace]);
    let exchanges = decoded["exchanges"].as_array().unwrap();
    let named = |name: &str| exchanges.iter().filter(|one| one["name"] == name).collect::<Vec<_>>();
    assert_eq!(exchanges[0]["name"], "SELECT");
    assert!(exchanges[0]["outcome"].as_str().unwrap().starts_with("9000: "), "{decoded}");
    assert!(exchanges.iter().all(|one| one["begun_us"].as_u64().unwrap() > 1_700_000_000_000_000));
    assert!(!named("LOAD VOUCHER").is_empty());
    for keys in [named("PUT KEY"), named("STORE DATA")] {
        assert!(!keys.is_empty());
        for one in keys {
            assert_eq!(one["command"].as_str().unwrap().len(), 10, "its header only: {one}");
            assert!(one["hidden"].as_u64().unwrap() > 0);
        }
    }
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.starts_with("# card in simulated card\n") && text.contains(".."), "{text}");
    #[cfg(unix)]
    assert_eq!(
        std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&path).unwrap().permissions()) & 0o77,
        0
    );

    // What only reads is the same again; of another card it is not.
    let read = folder.path().join("read.trace");
    let read = read.to_str().unwrap();
    let info = json(&data, &["--trace", read, "info"]);
    let replayed = json(&data, &["trace", "replay", read]);
    assert_eq!((replayed["same"].as_u64(), replayed["not_sent"].as_u64()), (Some(3), Some(0)), "{replayed}");
    let replayed = json(&data, &["trace", "replay", read, "--trace", trace]);
    assert_eq!(replayed["different"], serde_json::json!([]));
    let _ = json(&data, &["sim", "new"]);
    let other = cardctl(&data, &["trace", "replay", read]);
    assert_eq!(other.status.code(), Some(4));
    let said: Value = serde_json::from_slice(&other.stdout).unwrap();
    assert_eq!(said["different"][0]["number"], 1, "{said}");

    // A trace in place of a card: the program sees what it saw then.
    assert_eq!(json(&data, &["--reader", &format!("trace:{read}"), "info"]), info);
    let other = cardctl(&data, &["--reader", &format!("trace:{read}"), "top-up", "5"]);
    assert!(
        !other.status.success() && String::from_utf8_lossy(&other.stderr).contains("of the recording is")
    );
    let torn = cardctl(&data, &["trace", "replay", trace]);
    assert!(!torn.stdout.is_empty(), "sessions are left out, and said so");
}

#[test]
fn what_is_no_trace_is_refused_and_a_file_that_cannot_be_written_stops_everything() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let path = folder.path().join("x.trace");
    let trace = path.to_str().unwrap();
    refused(&data, &["trace", "decode", trace], "cannot be read");
    fs::write(&path, "hello").unwrap();
    refused(&data, &["trace", "decode", trace], "line 1 is not of a recording");
    fs::write(&path, "# nothing\n").unwrap();
    refused(&data, &["trace", "decode", trace], "no command in this trace");
    refused(&data, &["--reader", &format!("trace:{trace}"), "info"], "no command in this trace");
    let _ = json(&data, &["issue", "--meter", "1", "--account", "7"]);
    let nowhere = folder.path().join("no/where");
    refused(&data, &["--trace", nowhere.to_str().unwrap(), "info"], "nothing was done");
    let traced = cardctl(&data, &["--trace", "-", "info"]);
    assert!(String::from_utf8(traced.stderr).unwrap().contains("# SELECT, "));
}

#[test]
fn wireshark_opens_it() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let [trace, out] =
        ["a.trace", "a.pcapng"].map(|name| folder.path().join(name).to_str().unwrap().to_owned());
    let _ = json(&data, &["issue", "--meter", "1", "--account", "7"]);
    let _ = json(&data, &["--trace", &trace, "info"]);
    assert_eq!(json(&data, &["trace", "pcapng", &trace, "--out", &out])["exchanges"], 3);
    refused(&data, &["trace", "pcapng", &trace, "--out", &out], "exists");

    let mut reader = PcapNgReader::new(File::open(&out).unwrap()).unwrap();
    let mut packets = Vec::new();
    while let Some(block) = reader.next_block() {
        match block.unwrap().into_owned() {
            Block::InterfaceDescription(interface) => {
                assert_eq!(interface.linktype, DataLink::WIRESHARK_UPPER_PDU);
            }
            Block::EnhancedPacket(packet) => packets.push(packet),
            _ => {}
        }
    }
    assert_eq!(packets.len(), 6);
    assert!(packets.windows(2).all(|two| two[0].timestamp <= two[1].timestamp));
    assert!(packets[0].data.windows(2).any(|two| two == [0x00, 0xA4]));

    // Wireshark's own dissector, where it is installed.
    let fields = ["frame.comment", "iso7816.apdu.ins", "iso7816.apdu.sw1", "frame.time_epoch"];
    let fields = fields.iter().flat_map(|field| ["-e", field]);
    let said = Command::new("tshark").args(["-r", &out, "-T", "fields"]).args(fields).output();
    let Ok(said) = said else { return };
    let text = String::from_utf8(said.stdout).unwrap();
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split('\t').collect()).collect();
    assert_eq!(lines.len(), 6, "{text}");
    assert!(lines[0][0].contains("SELECT") && lines[0][1].eq_ignore_ascii_case("0xa4"), "{text}");
    assert!(lines[1][0].contains("9000: success") && lines[1][2] == "0x90", "{text}");
    assert!(lines[4][0].contains("GET DATA: public status"), "{text}");
    assert!(lines[0][3].starts_with(|digit: char| digit.is_ascii_digit()), "{text}");
}
