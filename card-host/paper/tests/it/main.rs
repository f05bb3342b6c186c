//! What pages are made of, whatever is put on them.
#![allow(clippy::unwrap_used, reason = "tests say what is wrong by failing")]

use card_core::text::Language;
use card_core::units::{Balance, CardTime, Energy, Piastres};
use card_paper::{
    Amounts, Bracket, ChargeLine, ChargeRow, Digits, Look, MonthRow, PaperError, Receipt, Slip, SlipKind,
    Statement,
};

const LANGUAGES: [Language; 2] = [Language::English, Language::Arabic];

fn look(language: Language) -> Look {
    Look { language, ..Look::default() }
}

fn receipt() -> Receipt {
    Receipt {
        number: "p0-1/12".into(),
        time: CardTime(200_000_000),
        amounts: Amounts {
            paid: Piastres(4000),
            charges: vec![ChargeLine { what: "<b>stamp</b> & duty".into(), amount: Piastres(240) }],
            debt: Piastres(940),
            credit: Piastres(2820),
        },
        card: Some("0000000000000001".into()),
        meter: 481,
        account: Some(77),
        seller: "kiosk \"7\"".into(),
        next: "take the card to your meter".into(),
        proof: "EGR1 p0-1/12".into(),
    }
}

fn statement(months: usize) -> Statement {
    let row = |month: u16| MonthRow {
        index: 90 - month,
        energy: Energy(12_300),
        bracket: 3,
        ..MonthRow::default()
    };
    Statement {
        balance: Some((Balance(-505), CardTime(1))),
        brackets: vec![Bracket { bound: 100, restart: true }, Bracket { bound: 200, restart: false }],
        months: (0..).map(row).take(months).collect(),
        charges: vec![ChargeRow {
            time: CardTime(1),
            channel: "<i>".into(),
            paid: None,
            credit: Piastres(1),
        }],
        ..Statement::default()
    }
}

/// What a page may not hold, and what each must.
fn is_whole(page: &str, language: Language) {
    assert!(page.starts_with("<!DOCTYPE html>") && page.ends_with("</html>"));
    let direction =
        if language == Language::Arabic { "lang=\"ar\" dir=\"rtl\"" } else { "lang=\"en\" dir=\"ltr\"" };
    assert!(page.contains(direction));
    // It needs nothing else, and runs nothing.
    for foreign in ["<script", "<link", "<img", "src=", "url(", "<?xml", "onload"] {
        assert!(!page.contains(foreign), "{foreign}: {page}");
    }
    let mut left = page;
    while let Some((_, rest)) = left.split_once("http") {
        assert!(rest.starts_with("://www.w3.org/"), "only names of formats: {rest}");
        left = rest;
    }
    assert_eq!(page.matches("<h1>").count(), 1);
}

#[test]
fn receipts_name_every_part_and_escape_what_they_are_given() {
    for language in LANGUAGES {
        let page = receipt().page(look(language)).unwrap();
        is_whole(&page, language);
        for said in
            ["40.00", "2.40", "9.40", "28.20", "481", "&lt;b&gt;stamp&lt;/b&gt; &amp; duty", "EGR1 p0-1/12"]
        {
            assert!(page.contains(said), "{said}: {page}");
        }
        assert!(!page.contains("<b>stamp"));
    }
    let free = Receipt { amounts: Amounts { debt: Piastres(0), ..receipt().amounts }, ..receipt() };
    assert!(!free.page(look(Language::English)).unwrap().contains("Instalment of a debt"));
}

#[test]
fn a_proof_that_fits_no_code_is_an_error() {
    let long = Receipt { proof: "x".repeat(3000), ..receipt() };
    assert!(matches!(long.page(Look::default()), Err(PaperError::Proof(_))));
}

#[test]
fn every_number_of_months_is_drawn_and_listed() {
    for language in LANGUAGES {
        for months in [0, 1, 2, 12, 36, 50] {
            let page = statement(months).page(look(language)).unwrap();
            is_whole(&page, language);
            assert_eq!(page.contains("<svg"), months > 0, "{months}");
            // A table beside the chart has each month that is drawn; a head, charges, and how the customer stands are more.
            assert_eq!(page.matches("123.00").count(), months.min(Statement::MONTHS), "{months}");
            assert!(page.contains("-5.05") && page.contains("&lt;i&gt;"));
        }
    }
}

#[test]
fn what_the_meter_took_for_instalments_and_restarts_is_shown() {
    let mut with = statement(2);
    let without = with.page(look(Language::English)).unwrap();
    assert!(!without.contains("Instalments") && !without.contains("by restarts"));
    assert!(!without.contains("of it while"));
    let month = &mut with.months[1];
    (month.instalments, month.re_rating) = (Piastres(45_678), Balance(35_750));
    month.doubt_cost = Piastres(4_060);
    let page = with.page(look(Language::English)).unwrap();
    assert!(page.contains("Instalments") && page.contains("456.78") && page.contains("357.50"));
    assert!(page.contains("of it while") && page.contains("40.60"));
    let page = with.page(look(Language::Arabic)).unwrap();
    assert!(page.contains("الأقساط") && page.contains("منها فرق الشرائح"));
    assert!(page.contains("منها بسبب عدم ضبط تاريخ ووقت العداد"));
}

#[test]
fn the_highest_numbers_are_drawn_too() {
    let mut most = statement(36);
    for month in &mut most.months {
        (month.energy, month.energy_charge, month.fees, month.bracket) =
            (Energy(u32::MAX), Piastres(u64::MAX), Balance(i64::MAX), u8::MAX);
    }
    most.brackets.push(Bracket { bound: u32::MAX, restart: true });
    most.balance = Some((Balance(i64::MIN), CardTime(u32::MAX)));
    assert!(
        most.page(Look { digits: Digits::ArabicIndic, ..look(Language::Arabic) })
            .unwrap()
            .contains("٩٢٢٣٣٧٢٠٣٦٨٥٤٧٧٥٨٫٠٨")
    );
}

#[test]
fn slips_say_why_where_somebody_had_to() {
    let slip = Slip {
        kind: SlipKind::Replaced,
        number: "p0/3".into(),
        time: CardTime(1),
        card: "2".into(),
        meter: 1,
        account: 1,
        returned: None,
        reason: "lost <at the market>".into(),
        next: "x".into(),
    };
    for language in LANGUAGES {
        let page = slip.page(look(language)).unwrap();
        is_whole(&page, language);
        assert!(page.contains("lost &lt;at the market&gt;"));
    }
    assert!(!Slip { reason: String::new(), ..slip }.page(Look::default()).unwrap().contains("Reason"));
}

/// A PDF of each paper, in both languages and formats: one that a reader of PDF opens, with the fonts in it.
#[cfg(feature = "pdf")]
#[test]
fn papers_are_pdf_too() {
    use card_paper::Format;

    let slip = Slip {
        kind: SlipKind::Issued,
        number: "p0/3".into(),
        time: CardTime(1),
        card: "2".into(),
        meter: 1,
        account: 1,
        returned: None,
        reason: "فقد في السوق".into(),
        next: "x".into(),
    };
    for language in LANGUAGES {
        for format in [Format::A4, Format::Roll] {
            let look = look(language);
            let made = [
                receipt().pdf(look, format).unwrap(),
                slip.pdf(look, format).unwrap(),
                statement(0).pdf(look, format).unwrap(),
                statement(36).pdf(look, format).unwrap(),
            ];
            for file in made {
                assert!(file.starts_with(b"%PDF-1.") && file.trim_ascii_end().ends_with(b"%%EOF"));
                let has = |part: &[u8]| file.windows(part.len()).any(|found| found == part);
                assert!(has(b"/FontFile") && has(b"Cairo") && has(b"/ToUnicode"));
                // A font is subset: whole ones are 95,000 bytes each.
                assert!(file.len() < 80_000, "{}", file.len());
            }
        }
    }
}
