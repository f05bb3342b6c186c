//! A synchronous standby that is away: a commit waits for it, is not over, and nobody can see it.

use serde_json::Value;
use system_tests::postgres::Postgres;

use super::company::{Company, Told, http, judged, wait_for};

/// Whose standby commits wait for; nobody's where the name is empty.
fn standby(database: &Postgres, name: &str) {
    let mut client = database.connect("postgres").unwrap();
    client.batch_execute(&format!("ALTER SYSTEM SET synchronous_standby_names = '{name}'")).unwrap();
    client.batch_execute("SELECT pg_reload_conf()").unwrap();
    wait_for(|| {
        let mut client = database.connect("postgres").unwrap();
        client.query_one("SHOW synchronous_standby_names", &[]).unwrap().get::<_, String>(0) == name
    });
}

/// How many commits wait for it.
fn waiting(database: &Postgres) -> i64 {
    let text = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'";
    database.connect("postgres").unwrap().query_one(text, &[]).unwrap().get(0)
}

#[test]
fn what_waits_for_a_standby_is_unknown_until_it_is_done() {
    let database = Postgres::start().unwrap();
    let company = Company::new(Some(database.create_database("standby").unwrap()));
    let server = company.serve();
    let at = server.address.as_str();
    let ask = |method, path: &str, body| http(at, method, path, &company.token(0), None, body);
    let store = || ask("GET", "/v1/status", "").unwrap().1["store"].clone();
    assert_eq!(store(), true);
    let (known, id) = (company.new_id(), company.new_id());
    assert_eq!(company.sell(at, &known, 0).0, Told::Done);
    let never = judged(ask("GET", "/v1/sales/never", ""));
    assert!(never.1.starts_with("404 no-request"), "{never:?}");
    let announced = r#"{"point":"p0-1","payee":{"meter":"2"},"amount_piastres":100,"payment":"pending"}"#;
    let reserved = http(at, "POST", "/v1/sales", &company.token(0), Some("announced"), announced).unwrap();
    assert_eq!(reserved.1["state"], "reserved", "{reserved:?}");

    standby(&database, "away");
    std::thread::scope(|scope| {
        let sold = scope.spawn(|| company.sell(at, &id, 0));
        let step = r#"{"point":"p0-1"}"#;
        let confirmed = scope.spawn(|| judged(ask("POST", "/v1/sales/announced/confirm", step)));
        wait_for(|| waiting(&database) >= 2);
        // While it waits, it is not "no", however it is asked.
        let status = || judged(ask("GET", &format!("/v1/sales/{id}"), ""));
        let is_unknown = |answer: (Told, String)| {
            assert!(answer.1.starts_with("503 outcome-unknown"), "{answer:?}");
        };
        is_unknown(status());
        is_unknown(company.sell(at, &id, 0));
        is_unknown(judged(ask("GET", "/v1/sales/announced", "")));
        is_unknown(judged(ask("POST", "/v1/sales/announced/cancel", step)));
        is_unknown(sold.join().unwrap());
        is_unknown(confirmed.join().unwrap());
        // Nobody waits for an answer any more, and the commits still wait.
        is_unknown(status());
        // What is known stays known, and what was never asked for is not there.
        let told = judged(ask("GET", &format!("/v1/sales/{known}"), ""));
        assert_eq!(told.0, Told::Done, "{told:?}");
        let never = judged(ask("GET", "/v1/sales/never", ""));
        assert!(never.1.starts_with("404 no-request"), "{never:?}");
        // Nothing can be sold, and the health says so.
        wait_for(|| store() == Value::Bool(false));
    });
    standby(&database, "");
    let became = |id: &str| {
        wait_for(|| judged(ask("GET", &format!("/v1/sales/{id}"), "")).0 != Told::Unknown);
        ask("GET", &format!("/v1/sales/{id}"), "").unwrap().1["state"].clone()
    };
    assert_eq!(became(&id), "certified");
    assert_eq!(became("announced"), "certified");
    assert_eq!(company.sell(at, &id, 0).0, Told::Done);
    wait_for(|| store() == Value::Bool(true));
}
