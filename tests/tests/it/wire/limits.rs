//! Those who send too much, too slowly, too often, or with wrong tokens.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use card_server::Options;
use system_tests::HANG;

use super::served::{Answer, Served, sale, wide};

fn number(number: u32) -> NonZeroU32 {
    NonZeroU32::new(number).unwrap()
}

fn head(served: &Served, length: &str) -> String {
    format!(
        "POST /v1/sales HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {}\r\nIdempotency-Key: a\r\n\
         Content-Type: application/json\r\n{length}\r\n\r\n",
        served.fawry
    )
}

#[test]
fn bodies_and_headers_that_are_too_large() {
    let served = Served::start();
    served.world.customer(7);
    let good = sale("fawry-1", 7, 5000, "received");
    // Up to the limit a body is read: spaces are nothing to JSON.
    let full = format!("{good}{}", " ".repeat(16 * 1024 - good.len()));
    assert_eq!(served.ask("POST", "/v1/sales", &served.fawry, Some("full"), &full).status, 201);
    let over = format!("{full} ");
    assert_eq!(served.ask("POST", "/v1/sales", &served.fawry, Some("a"), &over).problem(413), "too-large");
    // One that only says so is refused at once, without its body.
    let said = head(&served, "Content-Length: 4000000000000");
    assert_eq!(served.raw(said.as_bytes()).problem(413), "too-large");
    // One that does not say so is cut off.
    let mut chunked = head(&served, "Transfer-Encoding: chunked").into_bytes();
    for _ in 0..64 {
        chunked.extend_from_slice(b"1000\r\n");
        chunked.extend_from_slice(&[b' '; 0x1000]);
        chunked.extend_from_slice(b"\r\n");
    }
    assert_eq!(served.raw(&chunked).problem(413), "too-large");
    let headers = head(&served, &format!("X-Much: {}", "x".repeat(64 * 1024)));
    assert_eq!(served.raw(headers.as_bytes()).status, 431);
    let many: String = (0..300).map(|i| format!("X-{i}: 1\r\n")).collect();
    assert_eq!(served.raw(head(&served, many.trim_end()).as_bytes()).status, 431);
    assert_eq!(served.raw(b"\x16\x03\x01\x02\x00\x01 this is TLS\r\n\r\n").status, 400);
    assert_eq!(served.ask("POST", "/v1/sales", &served.fawry, Some("full"), &full).status, 201);
}

#[test]
fn the_slow_do_not_keep_the_others_out() {
    let options = Options { connections: 24, read_timeout: Duration::from_secs(3), ..wide() };
    let served = Served::with(options);
    served.world.customer(7);
    let good = sale("fawry-1", 7, 5000, "received");
    // All places are taken by some who send a header letter by letter, and some who never send a body to its end.
    let mut slow: Vec<TcpStream> = (0..24).map(|_| TcpStream::connect(served.address).unwrap()).collect();
    let begun = Instant::now();
    for (index, stream) in slow.iter_mut().enumerate() {
        let start =
            if index % 2 == 0 { "POST /v1/sa".to_owned() } else { head(&served, "Content-Length: 500") };
        stream.write_all(start.as_bytes()).unwrap();
    }
    let dripping = std::thread::spawn(move || {
        // They go on as long as anybody listens, which is not long.
        while begun.elapsed() < HANG {
            slow.retain_mut(|stream| stream.write_all(b"x").is_ok());
            if slow.is_empty() {
                break;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        (slow.len(), begun.elapsed())
    });
    let sold = served.ask("POST", "/v1/sales", &served.fawry, Some("good"), &good);
    assert_eq!(sold.status, 201, "{sold:?}");
    println!("sold after {:?}", begun.elapsed());
    let (left, took) = dripping.join().unwrap();
    assert_eq!(left, 0, "all slow ones are cut off ({took:?})");
    // A body that does not come is answered before that.
    let mut stream = TcpStream::connect(served.address).unwrap();
    stream.write_all(head(&served, "Content-Length: 500").as_bytes()).unwrap();
    assert_eq!(Answer::read(&mut stream).problem(408), "too-slow");
    // One that says nothing at all is hung up on.
    let mut silent = TcpStream::connect(served.address).unwrap();
    silent.set_read_timeout(Some(HANG)).unwrap();
    assert_eq!(silent.read(&mut [0; 1]).unwrap(), 0);
    served.world.check();
}

#[test]
fn who_reads_no_answers_is_hung_up_on() {
    let options = Options {
        connections: 2,
        read_timeout: Duration::from_secs(2),
        request_timeout: Duration::from_secs(2),
        connection_age: Duration::from_millis(300),
        ..wide()
    };
    let served = Served::with(options);
    // Asks for the largest answer again and again, and reads nothing.
    let hogs: Vec<TcpStream> = (0..2)
        .map(|_| {
            let mut stream = TcpStream::connect(served.address).unwrap();
            stream.set_write_timeout(Some(Duration::from_millis(200))).unwrap();
            for _ in 0..20_000 {
                if stream.write_all(b"GET /v1/openapi.json HTTP/1.1\r\nHost: x\r\n\r\n").is_err() {
                    break;
                }
            }
            stream
        })
        .collect();
    let begun = Instant::now();
    assert_eq!(served.ask("GET", "/v1/status", "", None, "").status, 200);
    println!("answered after {:?}", begun.elapsed());
    drop(hogs);
}

#[test]
fn the_largest_body_is_what_is_set() {
    let served = Served::with(Options { body: 1024, ..wide() });
    let of = |length| format!("{{\"x\":\"{}\"}}", "x".repeat(length));
    let answer = served.ask("POST", "/v1/sales", &served.fawry, Some("a"), &of(1024));
    assert_eq!(answer.problem(413), "too-large");
    assert_eq!(served.ask("POST", "/v1/sales", &served.fawry, Some("a"), &of(900)).problem(400), "malformed");
}

#[test]
fn wrong_tokens_are_not_looked_up_for_long() {
    let served = Served::with(Options { failures: number(5), ..wide() });
    served.world.customer(7);
    let good = sale("fawry-1", 7, 5000, "received");
    assert_eq!(served.ask("POST", "/v1/sales", &served.fawry, Some("a"), &good).status, 201);
    // Five at once, and one more each twelve seconds; the next one is still looked up.
    let begun = Instant::now();
    let mut looked_up = 0;
    let refused = loop {
        let answer = served.ask("POST", "/v1/sales", &format!("wrong{looked_up}"), Some("a"), &good);
        if answer.status != 401 {
            break answer;
        }
        looked_up += 1;
        assert!(looked_up <= 6 + begun.elapsed().as_secs() / 12, "{looked_up} looked up");
    };
    assert!(looked_up >= 6, "{looked_up} looked up");
    assert_eq!(refused.problem(429), "too-many-requests");
    // Who is known is not kept out by that.
    assert_eq!(served.ask("POST", "/v1/sales", &served.fawry, Some("a"), &good).status, 201);
}

#[test]
fn a_token_asks_only_so_often() {
    let served = Served::with(Options { rate: number(1), burst: number(4), ..wide() });
    served.world.customer(7);
    let ask = |token: &str| served.ask("GET", "/v1/sales/none", token, None, "");
    // Four at once, and one more each second.
    let begun = Instant::now();
    let mut answered = 0;
    let refused = loop {
        let answer = ask(&served.fawry);
        if answer.status == 429 {
            break answer;
        }
        assert_eq!(answer.status, 404);
        answered += 1;
        assert!(answered <= 5 + begun.elapsed().as_secs(), "{answered} answered");
    };
    assert!(answered >= 4, "{answered} answered");
    assert_eq!(refused.problem(429), "too-many-requests");
    // Another token has its own count, and after what was said this one may ask again.
    assert_eq!(ask(&served.cib).status, 404);
    let line = refused.head.lines().find_map(|line| line.strip_prefix("retry-after: ")).unwrap();
    std::thread::sleep(Duration::from_secs(line.parse().unwrap()));
    assert_eq!(ask(&served.fawry).status, 404);
}
