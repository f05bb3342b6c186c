extern crate std;

use super::*;
use crate::id::CardId;
use crate::units::{Balance, Piastres};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::string::{String, ToString};
use std::vec::Vec;

/// Words in Latin letters that an Arabic sentence may have. None is needed yet.
const LATIN: [&str; 0] = [];

fn each() -> impl Iterator<Item = (Situation, Language, Text)> {
    Situation::ALL
        .iter()
        .flat_map(|situation| Language::ALL.map(|language| (*situation, language, situation.text(language))))
}

#[test]
fn every_situation_has_both_sentences_in_both_languages() {
    for (situation, language, text) in each() {
        assert_eq!(text.code, situation.text(Language::English).code);
        for sentence in [text.what, text.to_do] {
            assert!(sentence.chars().count() >= 6, "{situation:?} {language:?}");
            assert_eq!(sentence, sentence.trim(), "{situation:?}");
            assert!(!sentence.ends_with(['.', '،', '؛', ',', ';', ':']), "the caller closes it: {sentence}");
            assert!(
                !sentence.contains(':') && !sentence.contains("  "),
                "Display puts the colon: {sentence}"
            );
            assert!(sentence.chars().count() <= 130, "too long for a display: {sentence}");
        }
        assert_eq!(text.to_string(), std::format!("{}: {}", text.what, text.to_do));
    }
}

#[test]
fn arabic_is_arabic_and_english_is_english() {
    for (situation, language, text) in each() {
        for word in text.what.split(' ').chain(text.to_do.split(' ')) {
            let arabic = |c: char| matches!(c, '\u{0621}'..='\u{063A}' | '\u{0641}'..='\u{064A}' | '\u{064B}' | '،' | '؛' | '؟');
            let fits = match language {
                Language::English => word.chars().all(|c| c.is_ascii_lowercase() || ",;'".contains(c)),
                Language::Arabic => word.chars().all(arabic) || LATIN.contains(&word),
            };
            assert!(fits, "{situation:?} {language:?}: {word}");
        }
    }
}

#[test]
fn nobody_is_blamed_and_no_money_is_promised() {
    let never = [
        "refund",
        "money back",
        "compensat",
        "fault",
        "misuse",
        "you must",
        "استرداد",
        "تعويض",
        "خطؤك",
        "مخالف",
    ];
    for (situation, _, text) in each() {
        let said = text.to_string().to_lowercase();
        assert!(!never.iter().any(|word| said.contains(word)), "{situation:?}: {said}");
    }
}

#[test]
fn codes_are_unique_and_so_are_the_sentences() {
    let codes: BTreeSet<_> = Situation::ALL.iter().map(|s| s.text(Language::English).code).collect();
    assert_eq!(codes.len(), Situation::ALL.len());
    assert!(codes.iter().all(|code| matches!(code.len(), 3 | 4) && code.is_ascii()));
    for language in Language::ALL {
        let whole: BTreeSet<_> = Situation::ALL.iter().map(|s| s.text(language).to_string()).collect();
        assert_eq!(whole.len(), Situation::ALL.len(), "{language:?}");
    }
}

/// The code of a status word, of a reason, of a flag, of a channel stands in the code of its situation.
#[test]
fn codes_say_where_they_come_from() {
    let code = |situation: Situation| situation.text(Language::English).code;
    for word in 0..=u16::MAX {
        let said = code(Situation::from(StatusWord(word)));
        match word {
            0x940C => assert_eq!(said, "M0D"),
            0x9401..=0x940D | 0x6581 | 0x6985 | 0x6A82 => assert_eq!(said, std::format!("{word:04X}")),
            _ => assert_eq!(said, "E00"),
        }
    }
    let states = [State::Blank, State::Personalised, State::Active, State::Blocked, State::Terminated];
    for state in states {
        let expected = if state == State::Personalised {
            "940D".to_string()
        } else {
            std::format!("S{:02X}", state.code())
        };
        assert_eq!(code(state.into()), expected);
        assert_eq!(code(Reason::CardNotActive(state).into()), expected);
        assert_eq!(code((&Misfit::State(Some(state))).into()), expected);
    }
    for reason in [
        Reason::WrongCompany,
        Reason::Expired,
        Reason::UnknownKeyVersion,
        Reason::NotAuthentic,
        Reason::WrongMeter,
        Reason::GenerationMismatch,
        Reason::OldBinding,
        Reason::BindingNotProven,
        Reason::ReplacedCard,
        Reason::Regressed,
        Reason::Inconsistent,
        Reason::BalanceOverflow,
    ] {
        assert_eq!(code(reason.into()), std::format!("M{:02X}", reason.code()));
        assert_eq!(Situation::from(Verdict::Refuse(reason)), Situation::from(reason));
    }
    assert_eq!(code(Reason::WrongEnvironment.into()), "9403");
    assert_eq!(code(Reason::CardFailed.into()), "6581");
    for bit in [0x01, 0x02, 0x04, 0x08, 0x10, 0x40, 0x80] {
        let found: Vec<_> = Situation::in_flags(MeterFlags(bit)).map(code).collect();
        assert_eq!(found, [std::format!("F{bit:02X}")]);
    }
    for channel in (0..=u8::MAX).filter_map(Channel::from_code) {
        assert_eq!(code(channel.into()), std::format!("C{:02X}", channel.code()));
    }
    let outcomes =
        [LoadOutcome::Loaded, LoadOutcome::AlreadyLoaded, LoadOutcome::Older, LoadOutcome::Refreshed];
    assert!(outcomes.iter().map(|outcome| code((*outcome).into())).eq(["L01", "L02", "L03", "L04"]));
    let card = CardId([1; 8]);
    for (misfit, expected) in [
        (Misfit::OtherCompany, "9402"),
        (Misfit::OtherEnvironment, "9403"),
        (Misfit::OtherCard { expected: card, present: card }, "9401"),
        (Misfit::OtherGeneration { expected: 1, present: 2 }, "9406"),
        (Misfit::State(None), "6581"),
        (Misfit::NotActivated, "940D"),
    ] {
        assert_eq!(code((&misfit).into()), expected);
    }
}

#[test]
fn what_a_visit_at_the_meter_came_to() {
    let applied = |credit, debit, balance| {
        Situation::from(Verdict::Apply {
            credit: Piastres(credit),
            debit: Piastres(debit),
            balance: Balance(balance),
        })
    };
    assert_eq!(applied(5, 0, 0), Situation::Applied);
    assert_eq!(applied(5, 4, -1), Situation::DebtRemains);
    assert_eq!(applied(0, 4, -1), Situation::Corrected);
    assert_eq!(applied(0, 0, -1), Situation::NothingNew);
    assert_eq!(Situation::from(Verdict::Nothing), Situation::NothingNew);
}

#[test]
fn the_most_urgent_flag_comes_first() {
    let all: Vec<_> = Situation::in_flags(MeterFlags(u16::MAX)).collect();
    assert_eq!(all.first(), Some(&Situation::SupplyCut));
    assert!(all.contains(&Situation::VeryLowCredit) && !all.contains(&Situation::LowCredit));
    assert_eq!(Situation::in_flags(MeterFlags(0)).count(), 0);
}

#[test]
fn languages_have_codes() {
    for language in Language::ALL {
        assert_eq!(Language::from_code(language.code()), Some(language));
    }
    assert_eq!(Language::from_code("AR"), None);
    assert_eq!(Language::default(), Language::English);
    assert_eq!(isolate(1234).to_string(), "\u{2068}1234\u{2069}");
}

const BEGIN: &str = "<!-- The table begins. -->\n";
const END: &str = "<!-- The table ends. -->\n";

#[test]
fn the_translators_table_is_up_to_date() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/messages.md");
    let mut table = String::from(
        "| code | situation | English: what | English: what to do | العربية | المطلوب |\n|---|---|---|---|--:|--:|\n",
    );
    for situation in Situation::ALL {
        let [english, arabic] = Language::ALL.map(|language| situation.text(language));
        let row = [english.what, english.to_do, arabic.what, arabic.to_do].join(" | ");
        writeln!(table, "| {} | {situation:?} | {row} |", english.code).unwrap();
    }
    let document = std::fs::read_to_string(path).unwrap();
    let (before, rest) = document.split_once(BEGIN).expect("the mark before the table");
    let (found, after) = rest.split_once(END).expect("the mark after the table");
    if std::env::var_os("UPDATE_MESSAGES").is_some() {
        std::fs::write(path, [before, BEGIN, &table, END, after].concat()).unwrap();
    } else {
        assert!(
            found == table,
            "docs/messages.md differs from card-core/src/text/table.rs; to update it:\n    \
             UPDATE_MESSAGES=1 cargo test -p card-core --lib translators_table"
        );
    }
    // Every code that the document speaks of is there.
    let mentioned = before.split('`').skip(1).step_by(2).chain(after.split('`').skip(1).step_by(2));
    let codes: BTreeSet<_> = Situation::ALL.iter().map(|s| s.text(Language::English).code).collect();
    let coded =
        mentioned.filter(|word| matches!(word.len(), 3 | 4) && word.bytes().any(|b| b.is_ascii_digit()));
    for word in coded {
        assert!(codes.contains(word), "{word} is not a code");
    }
}
