//! What a doctor says of cards: ours in each state, worn, other people's, and readers that carry little.

use applet_sim::card::{Profile, SimulatedCard};
use applet_sim::chip::FlashModel;
use applet_sim::vpcd::VirtualCard;
use card_core::id::{CardId, Environment};
use card_core::key::KeyLength;
use card_host::doctor::{Cause, Check, Finding, Subject, Verdict, examine};
use card_host::reader_error::ReaderError;
use card_host::transport::{Link, Simulator, TransportError};

fn blank(profile: Profile) -> SimulatedCard<FlashModel> {
    SimulatedCard::blank(CardId([7; 8]), Environment::Test, KeyLength::Aes128, profile).unwrap()
}

fn subject(atr: &[u8]) -> Subject {
    Subject { atr: atr.to_vec(), ..Subject::default() }
}

fn of(findings: &[Finding], check: Check) -> &Finding {
    let mut found = findings.iter().filter(|finding| finding.check == check);
    let one = found.next().unwrap_or_else(|| panic!("{check:?} is missing: {findings:?}"));
    assert_eq!(found.next(), None, "{check:?} twice");
    one
}

#[test]
fn a_card_of_ours_in_every_profile() {
    for profile in [Profile::T1, Profile::T0, Profile::Contactless] {
        let card = blank(profile);
        let mut subject = subject(card.atr());
        subject.most_erased = Some(17);
        let findings = examine(Simulator::new(card), &subject);
        for check in
            [Check::Card, Check::Atr, Check::Protocol, Check::Application, Check::Wear, Check::Payload]
        {
            assert_eq!(of(&findings, check).cause, Cause::Good, "{findings:?}");
        }
        assert_eq!(of(&findings, Check::State).cause, Cause::Blank);
        assert!(of(&findings, Check::Payload).found.starts_with("commands of 260 bytes, answers of "));
        assert!(of(&findings, Check::Application).found.contains("0707070707070707"));
        assert!(of(&findings, Check::RoundTrip).found.starts_with("median "));
    }
}

#[test]
fn wear_is_told_where_it_is_known() {
    for (most_erased, cause) in [
        (None, Cause::WearUnknown),
        (Some(79_999), Cause::Good),
        (Some(80_000), Cause::Worn),
        (Some(u32::MAX), Cause::Worn),
    ] {
        let card = blank(Profile::T1);
        let subject = Subject { most_erased, ..subject(card.atr()) };
        assert_eq!(of(&examine(Simulator::new(card), &subject), Check::Wear).cause, cause);
    }
}

/// A card that answers by its commands, and a reader that carries so many bytes.
struct Scripted<F: FnMut(&[u8]) -> Vec<u8>> {
    answer: F,
    carries: usize,
}

impl<F: FnMut(&[u8]) -> Vec<u8>> Link for Scripted<F> {
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, TransportError> {
        if command.len() > self.carries {
            return Err(ReaderError::Other { during: "a command", message: "too long".into() }.into());
        }
        Ok((self.answer)(command))
    }
    fn description(&self) -> String {
        "scripted reader".into()
    }
}

#[test]
fn other_peoples_cards_are_told_apart() {
    let bank = hex::decode("3b6500002063cb6800").unwrap();
    let ticket = hex::decode("3b8f8001804f0ca000000306030001000000006a").unwrap();
    let named = hex::decode("3b654a434f503332").unwrap_or_default();
    let selects = |aid: &'static [u8]| {
        move |command: &[u8]| {
            if command.windows(aid.len()).any(|part| part == aid) { vec![0x90, 0] } else { vec![0x6A, 0x82] }
        }
    };
    for (atr, aid, kind) in [
        (&bank, &b"1PAY.SYS.DDF01"[..], "a bank card"),
        (&bank, b"2PAY.SYS.DDF01", "a bank card"),
        (&bank, &[0xA0, 0, 0, 0, 0x87], "a SIM card"),
        (&bank, &[0xD2, 0x76, 0, 1, 0x24, 1], "an OpenPGP card"),
        (&bank, b"nothing", "a card unknown to us"),
        (&ticket, b"nothing", "a card that only stores"),
        (&named, b"nothing", "a card"),
    ] {
        let card = Scripted { answer: selects(aid), carries: 261 };
        let findings = examine(card, &subject(atr));
        let application = of(&findings, Check::Application);
        assert_eq!((application.cause, application.verdict()), (Cause::NotOurs, Verdict::Failure));
        assert!(application.found.starts_with(kind), "{kind}: {application:?}");
        for check in [Check::State, Check::Wear, Check::RoundTrip, Check::Payload] {
            assert_eq!(of(&findings, check).cause, Cause::Before);
        }
    }
    // Our chip, and nothing installed on it.
    let card = blank(Profile::T1);
    let empty = Scripted { answer: selects(b"nothing"), carries: 261 };
    let findings = examine(empty, &subject(card.atr()));
    assert!(of(&findings, Check::Application).found.contains("without the card application"), "{findings:?}");
}

#[test]
fn a_reader_that_carries_little_and_one_that_is_slow_in_form_are_named() {
    let mut card = blank(Profile::T1);
    let atr = card.atr().to_vec();
    let little = Scripted { answer: |command: &[u8]| card.answer(command).unwrap(), carries: 100 };
    let findings = examine(little, &subject(&atr));
    let payload = of(&findings, Check::Payload);
    assert_eq!(payload.cause, Cause::ShortPayload, "{findings:?}");
    assert!(payload.found.starts_with("commands of 69 bytes pass"), "{payload:?}");
    // At 9600 bit/s, and an answer to reset that is cut.
    let slow = hex::decode("3b0d8031c973ce01005545 47454c43".replace(' ', "")).unwrap();
    let findings = examine(Simulator::new(blank(Profile::T1)), &subject(&slow));
    assert_eq!(of(&findings, Check::Protocol).cause, Cause::SlowSpeed, "{findings:?}");
    let findings = examine(Simulator::new(blank(Profile::T1)), &subject(&atr[..9]));
    assert_eq!(of(&findings, Check::Atr).cause, Cause::AtrWrong);
}

#[test]
fn states_and_faults_by_what_the_card_answers() {
    let mut card = blank(Profile::T1);
    let atr = card.atr().to_vec();
    let select = card.answer(&[&[0, 0xA4, 4, 0, 8][..], b"\xF0EGELEC\x01", &[0]].concat()).unwrap();
    // C1: layout, state.
    let at = select.windows(3).position(|three| three == [0xC1, 0x0F, 0x01]).unwrap() + 3;
    for (state, cause) in [
        (0, Cause::MemoryFailed),
        (1, Cause::Blank),
        (2, Cause::NotActivated),
        (3, Cause::Good),
        (4, Cause::Blocked),
        (5, Cause::Terminated),
    ] {
        let mut changed = select.clone();
        changed[at] = state;
        let mut real = blank(Profile::T1);
        let answer = move |command: &[u8]| {
            let answer = real.answer(command).unwrap();
            if command.get(1) == Some(&0xA4) && answer.len() > 2 { changed.clone() } else { answer }
        };
        let findings = examine(Scripted { answer, carries: 261 }, &subject(&atr));
        assert_eq!(of(&findings, Check::State).cause, cause, "{findings:?}");
    }
    // Taken out in the middle.
    let mut left = 3;
    let mut real = blank(Profile::T1);
    let answer = move |command: &[u8]| {
        left -= 1;
        if left < 0 { vec![] } else { real.answer(command).unwrap() }
    };
    let findings = examine(Scripted { answer, carries: 261 }, &subject(&atr));
    assert_eq!(of(&findings, Check::RoundTrip).cause, Cause::NotUnderstood, "{findings:?}");
}
