//! What is wrong with a request is said as what it is, and stands in the log with whose it was.

use super::*;
use card_channel::wire::Code;
use std::net::Shutdown;
use std::sync::Mutex;
use std::sync::OnceLock;

fn head(more: &str) -> String {
    format!(
        "POST /v1/sales HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer x\r\nIdempotency-Key: a\r\n\
         Content-Type: application/json\r\n{more}\r\n\r\n"
    )
}

/// Sends this and reads to the end. What is cut off is all that will come.
fn raw(running: &Running, bytes: &str, cut_off: bool) -> String {
    let mut stream = TcpStream::connect(running.address).unwrap();
    stream.write_all(bytes.as_bytes()).unwrap();
    if cut_off {
        stream.shutdown(Shutdown::Write).unwrap();
    }
    let mut text = String::new();
    let _ = stream.read_to_string(&mut text);
    text
}

#[test]
fn a_body_that_is_cut_off_is_malformed_and_not_too_large() {
    let running = Running::start(options());
    let chunked = head("Transfer-Encoding: chunked");
    let wrong = [
        head("Content-Length: 500") + "{",
        format!("{chunked}zz\r\n{{}}\r\n0\r\n\r\n"),
        format!("{chunked}2\r\n{{}}"),
    ];
    for request in wrong {
        let answer = raw(&running, &request, true);
        assert!(answer.starts_with("HTTP/1.1 400 "), "{request:?}: {answer:?}");
        assert!(answer.contains("did not arrive whole"), "{answer}");
    }
}

#[test]
fn a_packed_body_is_another_media_type() {
    let running = Running::start(options());
    for coding in ["gzip", "br", "identity, gzip"] {
        let answer =
            raw(&running, &(head(&format!("Content-Encoding: {coding}\r\nContent-Length: 2")) + "{}"), false);
        assert!(
            answer.starts_with("HTTP/1.1 415 ") && answer.contains("accept-encoding: identity"),
            "{answer}"
        );
    }
    let answer = raw(&running, &(head("Content-Encoding: identity\r\nContent-Length: 2") + "{}"), false);
    assert!(answer.starts_with("HTTP/1.1 400 ") && answer.contains("point"), "{answer}");
}

#[test]
fn a_connection_that_asks_for_nothing_ends_and_one_that_asks_goes_on() {
    let limit = Duration::from_millis(1500);
    let running = Running::start(Options { read_timeout: limit, ..options() });
    let mut stream = TcpStream::connect(running.address).unwrap();
    // Each wait is far below the limit; all of them together are above it.
    for _ in 0..5 {
        stream.write_all(b"GET /v1/none HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"HTTP/1.1 404");
        let mut rest = [0; 4096];
        let _ = stream.read(&mut rest).unwrap();
        std::thread::sleep(limit / 4);
    }
    let mut rest = Vec::new();
    assert_eq!(stream.read_to_end(&mut rest).unwrap(), 0, "it is hung up on, with nothing said");
}

#[test]
fn those_who_ask_for_nothing_keep_nobody_out() {
    let running = Running::start(Options { connections: 8, ..options() });
    let idle: Vec<_> = (0..200).map(|_| TcpStream::connect(running.address).unwrap()).collect();
    // Half a header is no request either.
    let halves: Vec<_> = (0..20)
        .map(|_| {
            let mut stream = TcpStream::connect(running.address).unwrap();
            stream.write_all(b"GET /v1/sal").unwrap();
            stream
        })
        .collect();
    assert_eq!(running.problem(SALE), is(404, "no-request", false));
    drop((idle, halves));
}

#[test]
fn who_is_answered_keeps_their_place() {
    let running = Running::start(Options { connections: 2, ..options() });
    running.fake.holds.store(true, Ordering::SeqCst);
    std::thread::scope(|scope| {
        let asked = scope.spawn(|| running.problem(SALE));
        until(|| running.fake.begun.load(Ordering::SeqCst) == 1);
        let idle: Vec<_> = (0..50).map(|_| TcpStream::connect(running.address).unwrap()).collect();
        // The last one is answered, so all before it have come and gone.
        assert_eq!(running.get("/v1/none").0, 404);
        running.fake.holds.store(false, Ordering::SeqCst);
        assert_eq!(asked.join().unwrap(), is(404, "no-request", false));
        drop(idle);
    });
}

/// All lines of this program's servers.
fn lines() -> &'static Mutex<Vec<u8>> {
    static LINES: OnceLock<Mutex<Vec<u8>>> = OnceLock::new();
    struct Lines;
    impl Write for Lines {
        fn write(&mut self, line: &[u8]) -> std::io::Result<usize> {
            LINES.get().unwrap().lock().unwrap().extend_from_slice(line);
            Ok(line.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    LINES.get_or_init(|| {
        let lines = tracing_subscriber::fmt().with_writer(|| Lines).with_ansi(false).without_time().finish();
        let _ = tracing::subscriber::set_global_default(lines);
        Mutex::default()
    })
}

#[test]
fn the_line_of_what_was_refused_says_whose_it_was() {
    let lines = lines();
    let few = NonZeroU32::new(2).unwrap();
    let running = Running::start(Options { rate: NonZeroU32::MIN, burst: few, ..options() });
    let from = "X-Real-IP: 192.0.2.77\r\n";
    let ask = |path: &str, token: &str| running.get_with(path, token, from).0;
    assert_eq!(ask("/v1/sales/an-id-of-mine", "x"), 404);
    until(|| ask("/v1/sales/a", "x") == 429);
    assert_eq!(ask("/v1/sales/a", "wrong"), 401);
    assert_eq!(ask("/v1/none", "x"), 404);
    let find = |parts: &[&str]| {
        let text = String::from_utf8(lines.lock().unwrap().clone()).unwrap();
        let here =
            |line: &&str| line.contains("from=192.0.2.77") && parts.iter().all(|part| line.contains(part));
        text.lines().any(|line| here(&line))
    };
    for parts in [
        &["status=404", "party=fawry", "request=an-id-of-mine", "code=no-request"][..],
        &["status=429", "party=fawry", "code=too-many-requests"],
        &["status=401", "party=-", "code=no-token"],
        &["status=404", "path=-", "code=no-path"],
    ] {
        until(|| find(parts));
    }
}

#[test]
fn each_problem_has_a_page_and_stands_in_the_document() {
    let running = Running::start(options());
    let document = include_str!("../../../../docs/channels.md");
    for code in Code::ALL {
        let answer = raw(
            &running,
            &format!("GET /problems/{} HTTP/1.1\r\nConnection: close\r\nHost: x\r\n\r\n", code.as_str()),
            false,
        );
        assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains(code.title()), "{answer}");
        assert!(!answer.contains("http://") && !answer.contains("https://"), "nothing from elsewhere");
        assert!(!answer.contains("<script"), "{answer}");
        let row = document.lines().find(|line| {
            line.starts_with("| ")
                && line.contains(&code.status().to_string())
                && line.contains(&format!("`{}`", code.as_str()))
        });
        assert!(row.is_some(), "{} is not in docs/channels.md", code.as_str());
    }
    assert!(
        raw(&running, "GET /problems HTTP/1.1\r\nConnection: close\r\nHost: x\r\n\r\n", false)
            .contains("/problems/card-blocked")
    );
    assert_eq!(running.problem("/problems/none").0, 404);
    // The type of a problem is its page.
    assert_eq!(running.get(SALE).1["type"], "/problems/no-request");
}

#[test]
fn the_description_is_a_page() {
    let running = Running::start(options());
    let page = raw(&running, "GET /docs HTTP/1.1\r\nConnection: close\r\nHost: x\r\n\r\n", false);
    assert!(page.starts_with("HTTP/1.1 200 ") && page.contains("content-type: text/html"), "{page}");
    for part in
        ["POST /v1/sales", "Idempotency-Key", "Idempotent-Replayed", "id=\"SaleRequest\"", "amount_piastres"]
    {
        assert!(page.contains(part), "{part} is missing");
    }
    assert!(!page.contains("<script") && !page.contains("https://"), "nothing from elsewhere");
}

#[test]
fn monitoring_sees_requests_refusals_and_the_books() {
    let readers = || Some(crate::Readers { there: 3, with_card: 1 });
    let running = Running::start(Options { readers, ..options() });
    let get = |path: &str| {
        raw(&running, &format!("GET {path} HTTP/1.1\r\nConnection: close\r\nHost: x\r\n\r\n"), false)
    };
    assert!(get("/livez").starts_with("HTTP/1.1 200 "));
    assert!(get("/readyz").starts_with("HTTP/1.1 200 "));
    assert_eq!(running.get(SALE).0, 404);
    assert_eq!(running.get_with(SALE, "wrong", "").0, 401);
    let metrics = get("/metrics");
    for line in [
        "card_requests_total{method=\"GET\",path=\"/v1/sales/{id}\",status=\"404\"} 1\n",
        "card_refusals_total{code=\"no-request\"} 1\n",
        "card_refusals_total{code=\"no-token\"} 1\n",
        "card_request_duration_seconds_count{path=\"/v1/sales/{id}\"} 2\n",
        "card_ready 1\n",
        "card_working 0\n",
        "card_connections 1\n",
        "card_outbox_waiting 0\n",
        "card_audit_age_seconds -1\n",
        "card_pool_connections{state=\"used\"} 2\n",
        "card_pool_connections{state=\"idle\"} 3\n",
        "card_pool_connections_most 8\n",
        "card_signatures_total 0\n",
        "card_signing_seconds_total 0.0\n",
        "card_readers{state=\"with-card\"} 1\n",
        "card_readers{state=\"empty\"} 2\n",
        "# EOF\n",
    ] {
        assert!(metrics.contains(line), "{line:?} is missing in {metrics}");
    }
    // Books that cannot be written sell nothing: the program is there, and not ready.
    running.fake.gone.store(true, Ordering::SeqCst);
    until(|| get("/readyz").starts_with("HTTP/1.1 503 "));
    assert!(get("/livez").starts_with("HTTP/1.1 200 "));
    assert!(get("/metrics").contains("card_ready 0\n"));
}
