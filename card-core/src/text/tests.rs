extern crate std;

use super::*;
use crate::id::CardId;
use crate::message::Event;
use crate::units::{Balance, CardTime, Piastres};
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

fn code(situation: Situation) -> &'static str {
    situation.text(Language::English).code
}

/// The reasons with a situation of their own. The others are a status word and the states.
const REASONS: [Reason; 12] = [
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
];

const OUTCOMES: [LoadOutcome; 4] =
    [LoadOutcome::Loaded, LoadOutcome::AlreadyLoaded, LoadOutcome::Older, LoadOutcome::Refreshed];

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
        if language == Language::Arabic {
            assert!(text.to_do.starts_with("يرجى "), "Arabic asks with a noun: {}", text.to_do);
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
    for reason in REASONS {
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
    assert!(OUTCOMES.iter().map(|outcome| code((*outcome).into())).eq(["L01", "L02", "L03", "L04"]));
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
fn why_a_visit_at_the_meter_broke_off() {
    let handshake = |error| VisitError::Open(OpenError::Handshake(error));
    let refused =
        |status| VisitError::Exchange(ExchangeError::Request(RequestError::Refused(StatusWord(status))));
    let card = CardId::from(1);
    for (error, expected) in [
        (VisitError::Select(SelectError::NotOurs), "6A82"),
        (VisitError::Select(SelectError::MemoryFailed { card }), "6581"),
        (VisitError::Select(SelectError::Refused(StatusWord(0x6581))), "6581"),
        (VisitError::Select(SelectError::Malformed), "R02"),
        (VisitError::Select(SelectError::UnknownLayout(2)), "E00"),
        (handshake(HandshakeError::WrongCryptogram), "M08"),
        (handshake(HandshakeError::Malformed), "R04"),
        (VisitError::Open(OpenError::NoSuchKeys), "M06"),
        (VisitError::Open(OpenError::NotInThisState), "6985"),
        (VisitError::Open(OpenError::HostRefused), "R04"),
        (refused(0x940C), "M0D"),
        (VisitError::Exchange(ExchangeError::OtherCard), "R04"),
        (VisitError::Meter(crate::meter::MeterError::PowerUpFirst), "F08"),
    ] {
        assert_eq!(code(Situation::from(&error)), expected, "{error:?}");
    }
}

#[test]
fn the_most_urgent_flag_comes_first() {
    let all: Vec<_> = Situation::in_flags(MeterFlags(u16::MAX)).collect();
    assert_eq!(all.first(), Some(&Situation::SupplyCut));
    assert!(all.contains(&Situation::VeryLowCredit) && !all.contains(&Situation::LowCredit));
    assert_eq!(Situation::in_flags(MeterFlags(0)).count(), 0);
}

/// The bits of the first table of a section of docs/meter.md.
fn bits_in_the_specification(heading: &str) -> Vec<u8> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/meter.md");
    let document = std::fs::read_to_string(path).unwrap();
    let (_, section) = document.split_once(heading).expect("the section");
    let rows = section.lines().skip_while(|line| !line.starts_with("|--")).skip(1);
    rows.take_while(|line| line.starts_with('|'))
        .map(|line| u8::from_str_radix(line.get(2..4).unwrap(), 16).unwrap())
        .collect()
}

/// Every code of a list has its text, which names it; what is not in the list has none.
fn exactly<T: Into<u64> + Copy>(
    letter: char,
    all: impl Iterator<Item = T>,
    list: &[u8],
    of: impl Fn(T) -> Option<Situation>,
) {
    let mut found = Vec::new();
    for value in all {
        let Some(situation) = of(value) else { continue };
        assert_eq!(code(situation), std::format!("{letter}{:02X}", value.into()));
        found.push(value.into());
    }
    assert_eq!(found, list.iter().map(|code| u64::from(*code)).collect::<Vec<_>>(), "{letter}");
}

#[test]
fn every_reason_bit_and_template_of_the_meter_has_its_text() {
    let reasons = bits_in_the_specification("\n## 5 Supply\n");
    let kinds = bits_in_the_specification("\n## 6 Tampering\n");
    assert_eq!(reasons, [0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40]);
    assert_eq!(kinds, [0x01, 0x02, 0x04, 0x08, 0x10]);
    let on_and_reasons: Vec<_> = core::iter::once(0).chain(reasons).collect();
    exactly('U', 0..=u8::MAX, &on_and_reasons, Situation::of_cut);
    exactly('X', 0..=u8::MAX, &kinds, Situation::of_tampering);
    let refusals = [0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0A, 0x0B, 0x0C, 0x0D, 0x0E];
    let taken_and_refusals: Vec<_> = core::iter::once(1).chain(refusals).collect();
    exactly('P', 0..=u8::MAX, &taken_and_refusals, Situation::of_mail);
    exactly('N', 0..=u16::MAX, &[0, 1, 2, 3, 4, 5, 6], Situation::of_notice);
}

#[test]
fn several_reasons_for_a_cut() {
    let codes = |reasons| Situation::in_cut(reasons).map(code).collect::<Vec<_>>();
    assert_eq!(codes(0), ["U00"]);
    for bit in bits_in_the_specification("\n## 5 Supply\n") {
        assert_eq!(codes(bit), [std::format!("U{bit:02X}")]);
    }
    assert_eq!(codes(0x7F), ["U20", "U02", "U10", "U08", "U04", "U01", "U40"]);
    assert_eq!(codes(0x81), ["U01"]);
}

#[test]
fn a_month_is_rated_again_upwards_or_downwards() {
    assert_eq!(Situation::of_adjustment(2200), Some(Situation::MonthRatedAgain));
    assert_eq!(Situation::of_adjustment(0), None);
    assert_eq!(Situation::of_adjustment(-1), Some(Situation::MonthRatedLower));
}

/// What a program names itself, where it meets it: no constructor gives these.
const BY_NAME: [Situation; 11] = [
    Situation::PaidNotLoaded,
    Situation::AddedOverNetwork,
    Situation::CardBehind,
    Situation::LoanNotAgain,
    Situation::LoanOffered,
    Situation::FriendlyTime,
    Situation::NoCard,
    Situation::Unreadable,
    Situation::TakenOutEarly,
    Situation::Repeat,
    Situation::OutOfService,
];

#[test]
fn every_situation_is_reached() {
    let applied = |credit, debit, balance| Verdict::Apply {
        credit: Piastres(credit),
        debit: Piastres(debit),
        balance: Balance(balance),
    };
    let mut reached = Vec::new();
    reached.extend((0..=u16::MAX).map(|word| Situation::from(StatusWord(word))));
    reached.extend(OUTCOMES.map(Situation::from));
    reached.extend((0..=u8::MAX).filter_map(State::from_code).map(Situation::from));
    reached.extend((0..=u8::MAX).filter_map(Channel::from_code).map(Situation::from));
    reached.extend(REASONS.map(Situation::from));
    reached.extend(
        [applied(1, 0, 1), applied(1, 0, -1), applied(0, 1, 1), Verdict::Nothing].map(Situation::from),
    );
    reached.extend(Situation::in_flags(MeterFlags(u16::MAX)));
    reached.extend(Situation::in_flags(MeterFlags::LOW_CREDIT));
    reached.extend((0..=u8::MAX).filter_map(Situation::of_mail));
    reached.extend((0..=u8::MAX).filter_map(Situation::of_cut));
    reached.extend((0..=u8::MAX).filter_map(Situation::of_tampering));
    reached.extend((0..=u16::MAX).filter_map(Situation::of_notice));
    reached.extend([-1, 1].into_iter().filter_map(Situation::of_adjustment));
    reached.extend((0..=u16::MAX).flat_map(|code| (0..=9).map(move |last| event(code, last))));
    reached.push(Situation::of_fee(1, -1));
    for situation in Situation::ALL {
        assert!(reached.contains(situation) != BY_NAME.contains(situation), "{situation:?}");
    }
}

fn event(code: u16, last: u8) -> Situation {
    Situation::of_event(&Event { number: 1, time: CardTime(1), code, data: [0, 0, 0, 0, 1, last] })
}

#[test]
fn every_event_of_the_document_has_words() {
    let document = include_str!("../../../docs/meter.md");
    let (_, events) = document.split_once("\n| code | what | data (6) |\n").expect("the table of events");
    let codes: Vec<_> = events
        .lines()
        .skip(1)
        .map_while(|row| row.strip_prefix("| ")?.get(..4))
        .map(|code| u16::from_str_radix(code, 16).expect("a code"))
        .collect();
    assert!(codes.len() > 25);
    for code in codes {
        let of_a_reason = event(code, 0) != Situation::UnknownEvent || code == 0x0102;
        assert!(of_a_reason, "{code:04X}");
    }
    assert_eq!(event(0x0399, 0), Situation::UnknownEvent);
}

/// What each code means, for ever: lines are added here, and none is changed or taken away.
const MEANINGS: &str = "
    L00=PaidNotLoaded L01=Loaded L02=AlreadyLoaded L03=Older L04=Refreshed
    9401=OtherCard 9402=OtherCompany 9403=OtherEnvironment 9404=OtherMeter 9405=OtherBinding
    9406=OtherGeneration 9407=TotalsFall 9408=WrongCode 9409=OtherKeyVersion 940A=Stale 940B=Exhausted
    940D=FirstCharge
    6581=MemoryFailed 6985=NotInThisState 6A82=NotOurs
    E00=Refused
    S01=Blank S03=Active S04=Blocked S05=Terminated
    T01=Applied T02=NothingNew T03=DebtRemains T04=Corrected T05=AddedOverNetwork T06=CardBehind
    M01=MeterOfOtherCompany M05=Expired M06=UnknownKeys M07=NotVerified M08=WrongMeter
    M09=GenerationMismatch M0A=EarlierContract M0B=ContractNotProven M0C=Replaced M0D=MeterWentBack
    M0E=Inconsistent M0F=BalanceTooLarge
    F01=LowCredit F02=VeryLowCredit F04=SupplyCut F08=MeterNeedsInspection F10=ClockDoubtful
    F40=ContractClosed F80=LoanInUse F100=BatteryLow
    U00=SupplyOn U01=CutNoCredit U02=CutForInspection U04=OverloadPause U08=OverloadLocked U10=CutByCompany
    U20=CutNoContract U40=WaitsForButton
    V01=LoanGiven V02=LoanNotAgain V03=LoanOver V04=FriendlyTime V05=LoanOffered
    X01=CoverOpened X02=TerminalCoverOpened X04=MagneticField X08=ReverseCurrent X10=Bypass
    B01=MonthRatedAgain B02=MonthRatedLower B03=InstalmentTaken B04=FeesTaken B05=TariffInForce B06=RestartNear
    B07=CreditAdded B08=CorrectionTaken B09=MonthBrought B10=ServiceFeeTaken B11=CleaningFeeTaken
    B12=StampDutyTaken B13=LevyTaken B14=RadioFeeTaken B15=VatTaken B16=StandingChargeTaken B17=MinimumTaken
    B18=RebateGiven V06=LoanRepaid V07=LoanUsedUp V08=PowerOff V09=PowerOn X100=RelayStuck
    H00=UnknownEvent H01=ContractOpened H02=ClockSet H03=KeysChanged H04=TariffReplaced
    P01=MailTaken P02=MailOtherMeter P03=MailOtherBinding P04=MailStale P05=MailUnknownKeys
    P06=MailNotVerified P07=MailMalformed P08=MailTariffNotNewer P09=CommandRepeated P0A=CommandExpired
    P0B=CommandOtherCard P0C=CommandUnknown P0D=KeysUnusable P0E=CommandSuperseded
    N00=Notice N01=PlannedOutage N02=VisitBranch N03=TariffChanges N04=InspectionPlanned N05=ReplaceCard
    N06=InstalmentsEnded
    C01=AtBranch C02=AtKiosk C03=ByBank C04=ByWallet C05=OverNetwork
    R01=NoCard R02=Unreadable R03=TakenOutEarly R04=Repeat R05=OutOfService
";

#[test]
fn no_code_changes_its_meaning() {
    let meant: BTreeSet<_> = MEANINGS.split_whitespace().map(ToString::to_string).collect();
    let present: BTreeSet<_> = Situation::ALL.iter().map(|s| std::format!("{}={s:?}", code(*s))).collect();
    assert_eq!(present, meant);
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
            "docs/messages.md differs from card-core/src/text/table/; to update it:\n    \
             UPDATE_MESSAGES=1 cargo test -p card-core --lib translators_table"
        );
    }
    no_two_complaints_have_the_same_answer(before);
    // Every code that the document speaks of is there.
    let mentioned = before.split('`').skip(1).step_by(2).chain(after.split('`').skip(1).step_by(2));
    let codes: BTreeSet<_> = Situation::ALL.iter().map(|s| s.text(Language::English).code).collect();
    let coded =
        mentioned.filter(|word| matches!(word.len(), 3 | 4) && word.bytes().any(|b| b.is_ascii_digit()));
    for word in coded {
        assert!(codes.contains(word), "{word} is not a code");
    }
}

/// Who has looked up a message knows which complaint it is.
fn no_two_complaints_have_the_same_answer(document: &str) {
    let (_, complaints) = document.split_once("\n| complaint").expect("the table of complaints");
    let mut answers = BTreeSet::new();
    for row in complaints.lines().skip(2).take_while(|line| line.starts_with('|')) {
        let codes: BTreeSet<_> = row.split('`').skip(1).step_by(2).collect();
        assert!(!codes.is_empty(), "no answer: {row}");
        for code in codes {
            assert!(answers.insert(code), "{code} answers two complaints");
        }
    }
}

/// Errors have their own words, so that firmware need not link this table. They are the table's.
#[test]
fn errors_say_what_the_table_says() {
    let states = [State::Blank, State::Personalised, State::Active, State::Blocked, State::Terminated];
    let whole = |situation: Situation| situation.text(Language::English).to_string();
    for reason in REASONS
        .into_iter()
        .chain([Reason::WrongEnvironment, Reason::CardFailed])
        .chain(states.map(Reason::CardNotActive))
    {
        assert_eq!(reason.to_string(), Situation::from(reason).text(Language::English).what);
    }
    for misfit in [Misfit::OtherCompany, Misfit::OtherEnvironment, Misfit::NotActivated] {
        assert_eq!(misfit.to_string(), whole((&misfit).into()));
    }
    for state in states.map(Some).into_iter().chain([None]) {
        let misfit = Misfit::State(state);
        let said = misfit.to_string();
        assert_eq!(
            said.strip_prefix("the card's state does not allow loading: "),
            Some(&*whole((&misfit).into()))
        );
    }
    let card = CardId([1; 8]);
    for misfit in [
        Misfit::OtherCard { expected: card, present: card },
        Misfit::OtherGeneration { expected: 1, present: 2 },
    ] {
        assert!(misfit.to_string().ends_with(Situation::from(&misfit).text(Language::English).to_do));
    }
    // What is said of these concerns whoever issues cards or writes programs, not a customer.
    let ours =
        [status::TOTALS_FALL, status::OTHER_KEY_VERSION, status::BELOW_SETTLED, StatusWord::FILE_NOT_FOUND];
    for word in (0..=u16::MAX).map(StatusWord).filter(|word| !ours.contains(word)) {
        let known = Situation::of_status(word);
        if known != Situation::Refused {
            let text = known.text(Language::English);
            assert_eq!(status::advice(word), (text.what, text.to_do), "{word}");
        }
    }
}
