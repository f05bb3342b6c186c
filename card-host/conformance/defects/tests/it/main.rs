//! The examination finds each defect, and names a rule of its section.
#![allow(clippy::unwrap_used, reason = "a test says what is wrong by failing")]

use card_conformance::examine;
use defective_card::{DefectiveCard, defects};

#[test]
fn the_copy_without_a_defect_conforms() {
    let report = examine(&mut DefectiveCard::new(None).unwrap(), &mut |_| {});
    assert!(report.conforms(), "{:#?}", report.failures().collect::<Vec<_>>());
}

#[test]
fn each_defect_is_found() {
    assert!(defects().len() >= 25);
    let mut wrong = Vec::new();
    for (index, (defect, section)) in defects().enumerate() {
        let report = examine(&mut DefectiveCard::new(Some(index)).unwrap(), &mut |_| {});
        let sections: Vec<_> = report.failures().map(|finding| finding.section).collect();
        if !sections.contains(&section) {
            wrong.push(format!("{defect}: {sections:?}, and {section} is wanted"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
