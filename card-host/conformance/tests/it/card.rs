use applet_sim::card::{Profile, SimulatedCard};
use card_conformance::{Result, examine};
use card_host::transport::Simulator;

/// The simulated card conforms, however it is connected, and nothing is left out.
#[test]
fn the_simulated_card_conforms() {
    for profile in [Profile::T1, Profile::T0, Profile::Contactless] {
        let mut card = Simulator::new(SimulatedCard::fresh(profile).unwrap());
        let mut watched = 0;
        let report = examine(&mut card, &mut |_| watched += 1);
        let failures: Vec<_> = report.failures().chain(report.not_examined()).collect();
        assert!(report.conforms() && failures.is_empty(), "{profile:?}: {failures:#?}");
        assert_eq!(watched, report.findings.len());
        assert!(report.findings.len() > 200, "{}", report.findings.len());
        println!("{profile:?}: {} rules", report.findings.len());
    }
}

/// A card that is in use already is named, and left as it is.
#[test]
fn a_card_in_use_is_not_examined() {
    let mut card = Simulator::new(SimulatedCard::fresh(Profile::T1).unwrap());
    assert!(examine(&mut card, &mut |_| {}).conforms());
    let report = examine(&mut card, &mut |_| {});
    assert!(!report.conforms());
    let failed: Vec<_> = report.failures().map(|finding| finding.rule.as_str()).collect();
    assert_eq!(failed, ["a blank card of the test environment is in the reader"]);
    assert!(report.not_examined().any(|finding| matches!(&finding.result, Result::NotExamined { .. })));
}
