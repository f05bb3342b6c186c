//! Cards at ports: frames over TCP, and HTTP, on the same port.

use applet_sim::card::{Profile, SimulatedCard};
use applet_sim::endpoint::{Endpoint, TestCard};
use card_core::id::{CardId, Environment, State};
use card_core::key::KeyLength;
use card_host::operate;
use card_host::reader_error::ReaderError;
use card_host::transport::{Card, Link, TcpCard, TransportError};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};

const SELECT: &str = "00A4040008F04547454C45430100";
/// By the initial keys of a blank card.
const INITIALIZE_UPDATE: &str = "8050100008000102030405060700";
const WRONG_CRYPTOGRAM: &str = "848201001000000000000000000000000000000000";

fn endpoint(count: u8, profile: Profile) -> Endpoint {
    let card = |number: u8| -> (CardId, Box<dyn TestCard>) {
        let id = CardId([number; 8]);
        let card = SimulatedCard::blank(id, Environment::Test, KeyLength::Aes128, profile);
        (id, Box::new(card.unwrap()))
    };
    Endpoint::start((1..=count).map(card).collect(), "127.0.0.1:0".parse().unwrap()).unwrap()
}

fn tcp(address: SocketAddr) -> Result<TcpCard, ReaderError> {
    TcpCard::connect(&format!("tcp://{address}"))
}

fn post(address: SocketAddr, path: &str, body: &str, kind: &str) -> (u16, String) {
    let agent = ureq::Agent::config_builder().http_status_as_error(false).build().new_agent();
    let answer = agent.post(format!("http://{address}{path}")).header("content-type", kind).send(body);
    let mut answer = answer.unwrap();
    (answer.status().as_u16(), answer.body_mut().read_to_string().unwrap())
}

fn json(address: SocketAddr, path: &str, body: &str) -> serde_json::Value {
    let (status, said) = post(address, path, body, "application/json");
    assert_eq!(status, 200, "{said}");
    serde_json::from_str(&said).unwrap()
}

#[test]
fn ten_cards_in_parallel_each_at_its_port() {
    let endpoint = endpoint(10, Profile::T1);
    let cards: Vec<_> = endpoint.cards().collect();
    std::thread::scope(|scope| {
        for (id, address) in cards {
            scope.spawn(move || {
                for _ in 0..20 {
                    let mut card = Card::open(tcp(address).unwrap());
                    let public = operate::read_public(&mut card).unwrap();
                    assert_eq!((public.summary.card.id, public.status.state), (id, Some(State::Blank)));
                }
            });
        }
    });
}

#[test]
fn a_card_is_the_same_over_both_and_in_every_profile() {
    for profile in [Profile::T1, Profile::T0, Profile::Contactless] {
        let endpoint = endpoint(1, profile);
        let (id, address) = endpoint.cards().next().unwrap();
        let mut card = Card::open(tcp(address).unwrap());
        let public = operate::read_public(&mut card).unwrap();
        assert_eq!(public.summary.card.id, id, "{profile:?}");
        let state =
            ureq::get(format!("http://{address}/")).call().unwrap().body_mut().read_to_string().unwrap();
        let state: serde_json::Value = serde_json::from_str(&state).unwrap();
        assert_eq!(state["card_id"], "0101010101010101");
        assert_eq!(state["atr"], hex::encode_upper(card.link().atr()));
        assert_eq!((&state["inserted"], &state["powered"]), (&true.into(), &true.into()));
    }
}

#[test]
fn commands_over_http_in_both_forms_and_what_is_none() {
    let endpoint = endpoint(1, Profile::Contactless);
    let (_, address) = endpoint.cards().next().unwrap();
    let answer = json(address, "/apdu", &format!("{{\"apdu\":\"{SELECT}\"}}"));
    assert_eq!(answer["status"], "9000");
    let (data, whole) = (answer["data"].as_str().unwrap(), answer["response"].as_str().unwrap());
    assert_eq!(format!("{data}9000"), whole);
    let spaced = "00 A4 04 00 08 F0 45 47 45 4C 45 43 01 00\n";
    assert_eq!(post(address, "/apdu", spaced, "text/plain"), (200, whole.to_owned()));
    for wrong in ["", "00", "00A404", "zz", "0", &"00".repeat(262), "é"] {
        let (status, said) = post(address, "/apdu", wrong, "text/plain");
        assert!(status == 400 && said.contains("4 to 261 bytes"), "{wrong}: {said}");
    }
    assert_eq!(post(address, "/apdu", "[]", "application/json").0, 400);
    assert_eq!(post(address, "/cut-power", "{}", "application/json").0, 400);
    assert_eq!(post(address, "/nowhere", "", "text/plain").0, 404);
}

#[test]
fn taken_out_put_in_reset_and_torn() {
    let endpoint = endpoint(1, Profile::T1);
    let (_, address) = endpoint.cards().next().unwrap();
    let select = hex::decode(SELECT).unwrap();
    let mut card = tcp(address).unwrap();
    assert!(card.transmit(&select).unwrap().ends_with(&[0x90, 0]));

    // Taken out: the connection ends, and nobody else finds a card.
    assert_eq!(json(address, "/remove", "")["inserted"], false);
    let gone = card.transmit(&select).unwrap_err();
    assert!(matches!(gone, TransportError::Reader(ReaderError::CardRemoved { .. })), "{gone}");
    assert!(matches!(tcp(address), Err(ReaderError::NoCard { .. })));
    let (status, said) = post(address, "/apdu", SELECT, "text/plain");
    assert!(status == 409 && said.contains("POST /insert"), "{said}");
    assert_eq!(post(address, "/reset", "", "text/plain").0, 409);
    drop(card);

    // Back, and reset: what was begun is forgotten.
    assert_eq!(json(address, "/insert", "")["powered"], true);
    let apdu = |text: &str| json(address, "/apdu", &format!("{{\"apdu\":\"{text}\"}}"))["status"].clone();
    assert_eq!(apdu(SELECT), "9000");
    assert_eq!(apdu(INITIALIZE_UPDATE), "9000");
    assert_eq!(apdu(WRONG_CRYPTOGRAM), "6300");
    assert_eq!(apdu(INITIALIZE_UPDATE), "9000");
    let _ = json(address, "/reset", "");
    assert_eq!(apdu(WRONG_CRYPTOGRAM), "6985");

    // Without power, at once: mute until it is put in again.
    assert_eq!(json(address, "/cut-power", "")["powered"], false);
    assert_eq!(post(address, "/apdu", SELECT, "text/plain").0, 409);
    let _ = json(address, "/insert", "");
    assert_eq!(post(address, "/apdu", SELECT, "text/plain").0, 200);
}

#[test]
fn power_fails_in_the_middle_of_an_operation() {
    let endpoint = endpoint(1, Profile::T1);
    let (_, address) = endpoint.cards().next().unwrap();
    let select = hex::decode(SELECT).unwrap();
    let mut card = tcp(address).unwrap();
    card.transmit(&select).unwrap();
    card.transmit(&hex::decode(INITIALIZE_UPDATE).unwrap()).unwrap();
    // A failure is counted in memory.
    let _ = json(address, "/cut-power", r#"{"after":0}"#);
    let torn = card.transmit(&hex::decode(WRONG_CRYPTOGRAM).unwrap()).unwrap_err();
    assert!(matches!(torn, TransportError::Reader(ReaderError::CardRemoved { .. })), "{torn}");
    // The next session gives it power again, and finds it whole.
    let mut card = tcp(address).unwrap();
    card.transmit(&select).unwrap();
    assert!(card.transmit(&hex::decode(INITIALIZE_UPDATE).unwrap()).unwrap().ends_with(&[0x90, 0]));
}

#[test]
fn one_reader_at_a_time_has_the_card_and_the_next_one_waits() {
    let endpoint = endpoint(1, Profile::T1);
    let (_, address) = endpoint.cards().next().unwrap();
    let first = tcp(address).unwrap();
    // What it sends is not lost.
    let mut second = TcpStream::connect(address).unwrap();
    second.write_all(&[0, 1, 1, 0, 1, 4]).unwrap();
    drop(first);
    let mut length = [0; 2];
    second.read_exact(&mut length).unwrap();
    assert!(u16::from_be_bytes(length) > 2);
}

#[test]
fn where_nothing_answers_it_is_said_so() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for address in [format!("tcp://{free}"), "tcp://nowhere".into(), "tcp://".into()] {
        let error = TcpCard::connect(&address).unwrap_err();
        assert!(matches!(error, ReaderError::Unreachable { .. }), "{address}: {error}");
        assert!(error.to_string().contains("applet-sim serve"), "{error}");
    }
}
