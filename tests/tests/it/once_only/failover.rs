//! The page on failover in docs/operate.md, played: three servers under Patroni, and the primary's machine dies under load.

use std::sync::Mutex;
use std::time::Instant;

use system_tests::postgres::patroni::Patroni;

use card_host::keystore::Memory as _;
use card_signer::{Durability, Memory};

use super::company::{Company, http, wait_for};

#[test]
fn the_primary_dies_under_load() {
    let mut cluster = Patroni::start().unwrap();
    let company = Company::new(Some(cluster.create_database("failover").unwrap()));
    let server = company.serve();
    let address = Mutex::new(server.address.clone());
    let first = cluster.primary().unwrap();
    let asked = company.ask_while(&address, |counts| {
        counts.more_done(200);
        let begun = Instant::now();
        cluster.kill(first).unwrap();
        counts.more_failed(1);
        // The same server sells at the new primary, and nobody has told it where that is.
        counts.more_done(200);
        println!("sold 200 at the new primary {:?} after the old one died", begun.elapsed());
        assert_ne!(cluster.primary(), Some(first));
        // The old one comes back and follows.
        cluster.restart(first).unwrap();
        cluster.settled().unwrap();
        counts.more_done(64);
    });
    company.compare(&asked);

    // Reports and the audit are asked of a standby, which sells nothing.
    let standby = cluster.url_at(cluster.standby().unwrap(), "failover");
    let balance = ["ledger", "trial-balance"];
    wait_for(|| company.run_at(&standby, &balance).json() == company.json(&balance));
    let _ = company.run_at(&standby, &["ledger", "report", "2026-01-01"]);
    let refused = company.run_at(&standby, &["top-up", "1"]);
    assert!(refused.failed() && refused.err.contains("only read"), "{refused}");

    older_copy(&mut cluster, &company, &server.address);
}

/// A primary without the last sales, as after a failover where commits wait for no standby, sells nothing.
fn older_copy(cluster: &mut Patroni, company: &Company, server: &str) {
    let ask =
        |id: &str| http(server, "POST", "/v1/sales", &company.token(0), Some(id), &company.body(0)).unwrap();
    let primary = cluster.primary().unwrap();
    cluster.asynchronous().unwrap();
    let stopped = cluster.cut_off();
    assert_eq!(stopped.len(), 2);
    let (status, sold) = ask("lost");
    assert_eq!(status, 201, "{sold}");
    let (point, number) = (sold["point"].as_str().unwrap(), sold["number"].as_u64().unwrap());
    // What is beside the books has learnt of it.
    let signer = Memory::open(&company.data().join("signer.sqlite"), Durability::Late).unwrap();
    wait_for(|| signer.extent().unwrap().unwrap().chains[point].number >= number);
    cluster.kill(primary).unwrap();
    cluster.lose(&stopped);
    wait_for(|| cluster.primary().is_some_and(|now| now != primary));
    // By each program, at each vending point, whatever it is called.
    let told = company.run(&["top-up", "1"]);
    assert!(told.failed() && told.err.contains("an older copy"), "{told}");
    for id in ["lost", "other"] {
        let (status, told) = ask(id);
        assert_eq!((status, &told["code"]), (503, &"store-unavailable".into()), "{told}");
    }
}
