//! A company of production, with its masters in a token: what a utility types, from the ceremony to the first sale.

use super::{MODULE, PIN, token, with_tokens};
use applet_sim::card::{Profile, SimulatedCard};
use applet_sim::endpoint::Endpoint;
use card_core::id::{CardId, Company, Environment, MeterId, Scope};
use card_core::key::{AesKey, KeyLength};
use card_core::role::{Derivation, INITIAL_ADMIN};
use card_core::soft::SoftEngine;
use card_host::keystore::DerivingKeyStore;
use card_ledger::Policy;
use card_pkcs11::{Location, Pin, TokenMasters};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;
use system_tests::programs::{Cardctl, Said};

const SCOPE: Scope = Scope { company: Company(7), environment: Environment::Production };
/// The master of the maker's blank cards.
const MAKER: [u8; 32] = [0x5A; 32];

/// A company's directory, and how its program is called.
struct Company7 {
    folder: tempfile::TempDir,
    cardctl: Cardctl,
    keys: String,
}

impl Company7 {
    fn new(reader: &str) -> (Self, Location) {
        let folder = tempfile::tempdir().unwrap();
        let location = token("delta");
        let pin = folder.path().join("pin");
        std::fs::write(&pin, format!("{PIN}\n")).unwrap();
        let keys = format!("pkcs11:token=delta?module-path={MODULE}&pin-source={}", pin.display());
        let cardctl = Cardctl::new(reader, folder.path().join("data"));
        (Self { folder, cardctl, keys }, location)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn path(&self, name: &str) -> String {
        self.file(name).to_str().unwrap().to_owned()
    }

    fn run(&self, arguments: &[&str]) -> Said {
        self.cardctl.run(&[&["--keys", &self.keys], arguments].concat())
    }

    fn json(&self, arguments: &[&str]) -> Value {
        self.cardctl.json(&[&["--keys", &self.keys], arguments].concat())
    }

    fn by(&self, name: &str, arguments: &[&str]) -> Value {
        self.json(&[&["--secret-file", &self.path(&format!("{name}.staff"))], arguments].concat())
    }

    fn refused(&self, arguments: &[&str], why: &str) {
        let said = self.run(arguments);
        assert!(said.status == Some(1) && said.err.contains(why), "{said}");
    }

    fn refused_by(&self, name: &str, arguments: &[&str], why: &str) {
        self.refused(&[&["--secret-file", &self.path(&format!("{name}.staff"))], arguments].concat(), why);
    }
}

/// What another program, of Debian's package age, makes of a sealed file.
fn age(arguments: &[&str], out: &Path) {
    let done = Command::new("age").arg("-o").arg(out).args(arguments).output().unwrap();
    assert!(done.status.success(), "{done:?}");
}

fn mode(path: &Path) -> u32 {
    std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(path).unwrap()) & 0o777
}

#[test]
fn a_company_is_founded_in_production_and_sells() {
    with_tokens("production::a_company_is_founded_in_production_and_sells", || {
        let profile = Profile::Contactless;
        let maker = AesKey::new(&MAKER).unwrap();
        let id = CardId([0xC7; 8]);
        let blank =
            SimulatedCard::blank_of(&maker, id, SCOPE.environment, KeyLength::Aes256, profile).unwrap();
        let there = Endpoint::start(vec![(id, Box::new(blank))], "127.0.0.1:0".parse().unwrap()).unwrap();
        let (_, address) = there.cards().next().unwrap();
        let (company, location) = Company7::new(&format!("tcp://{address}"));
        let init = ["init", "--company", "7", "--environment", "production"];
        let with =
            |more: &[&str]| [&init[..], more].concat().into_iter().map(str::to_owned).collect::<Vec<_>>();
        let mona = company.path("mona.staff");
        let staffed = with(&["--staff", "mona", "--out", &mona]);
        let staffed: Vec<_> = staffed.iter().map(String::as_str).collect();

        // Nothing of development: no file of keys, no single user, no memory that nobody made; and what is refused leaves nothing behind.
        let in_file = company.cardctl.run(&staffed);
        assert!(in_file.status == Some(1) && in_file.err.contains("not kept in a file"), "{in_file}");
        company.refused(&init, "no single user");
        company.refused(&[&init[..], &["--single-user"]].concat(), "no single user");
        company.refused(&staffed, "cardctl signer init");
        let left: Vec<_> = std::fs::read_dir(&company.cardctl.data)
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        assert!(
            left.iter().all(|name| name.to_string_lossy().starts_with("lock"))
                && !company.file("mona.staff").exists(),
            "{left:?}"
        );

        // The ceremony: masters, protocol, custodians.
        let protocol = company.path("masters.html");
        let ceremony =
            ["keys", "init", "--company", "7", "--environment", "production", "--protocol", &protocol];
        company.refused(&[&ceremony[..], &["--custodian", "Mona"]].concat(), "two are there");
        let two = [&ceremony[..], &["--custodian", "Mona", "--custodian", "طارق"]].concat();
        let masters = company.json(&two);
        std::fs::write(company.file("masters.json"), masters.to_string()).unwrap();
        company.refused(&two, "there are masters already");
        let page = std::fs::read_to_string(&protocol).unwrap();
        for said in [
            "طارق",
            "بيانات التشفير الأساسية",
            "production",
            "delta",
            masters["masters"][0]["check"].as_str().unwrap(),
        ] {
            assert!(page.contains(said), "{said}: {page}");
        }
        let folder = company.folder.path().to_str().unwrap().to_owned();
        let ceilings = ["--certificate", "1000", "--binding-day", "2000", "--hour", "9000", "--day", "9000"];
        let signer = ["signer", "init", "--custodian", "mona", "--custodian", "tarek", "--out", &folder];
        company
            .refused(&[&signer[..], &ceilings[..]].concat(), "the keys are for the production environment");
        let own = [&signer[..], &ceilings[..], &["--company", "7", "--environment", "production"]].concat();
        company.json(&own);
        assert_eq!(mode(&company.file("mona.secret")), 0o600);

        // The ledger, its staff, its rules and a seller.
        let begun = company.json(&staffed);
        assert_eq!((&begun["company"], &begun["environment"]), (&json!(7), &json!("production")));
        company.by(
            "mona",
            &["staff", "add", "tarek", "--may", "keys,sell,approve", "--out", &company.path("tarek.staff")],
        );
        company.by("mona", &["keys", "list"]);
        let issue = ["--secret-file", &mona, "--request", "first", "issue", "--meter", "1", "--account", "7"];
        let torn = company.run(&issue);
        assert!(torn.status != Some(0) && torn.err.contains("cardctl keys take"), "{torn}");
        std::fs::write(company.file("rules.json"), Policy::for_development().to_json()).unwrap();
        let simulated = Cardctl::new("sim", &company.cardctl.data);
        let sim = simulated.run(&[
            "--keys",
            &company.keys,
            "--secret-file",
            &mona,
            "issue",
            "--meter",
            "1",
            "--account",
            "7",
        ]);
        assert!(sim.status == Some(1) && sim.err.contains("no simulated cards"), "{sim}");
        let sim = simulated.run(&["sim", "new"]);
        assert!(sim.status == Some(1) && sim.err.contains("no simulated cards"), "{sim}");

        // The card maker's key comes sealed, made by another program, and two take it.
        let identity = company.path("initial.identity");
        let recipient = company.json(&["keys", "recipient", "--out", &identity]);
        assert_eq!(mode(Path::new(&identity)), 0o600);
        let plain = json!({ "format": "egelec initial key 1", "environment": "production", "key": hex::encode(MAKER) });
        std::fs::write(company.file("initial.json"), plain.to_string()).unwrap();
        let sealed = company.path("initial.age");
        let to = ["-r", recipient["recipient"].as_str().unwrap(), &company.path("initial.json")];
        age(&to, Path::new(&sealed));
        let nobody = Scope { company: Company::NONE, ..SCOPE };
        let check =
            Derivation::check_value(nobody, INITIAL_ADMIN, KeyLength::Aes256, &mut SoftEngine, &maker);
        let check = hex::encode(check);
        let take = ["keys", "take", &sealed, "--identity", &identity, "--check"];
        let tarek = company.path("tarek.staff");
        company.refused_by(
            "mona",
            &[&take[..], &["0011223344556677", "--second", &tarek]].concat(),
            "the maker says another",
        );
        company.refused_by("mona", &[&take[..], &[&check]].concat(), "two members of staff");
        company.refused_by(
            "mona",
            &[&take[..], &[&check, "--second", &mona]].concat(),
            "two members of staff",
        );
        company.by(
            "mona",
            &[&take[..], &[&check, "--second", &tarek, "--protocol", &company.path("taken.html")]].concat(),
        );

        // A card, and sales; no rules are there by themselves, and no seller, and no link.
        company.json(&issue);
        company.refused_by("mona", &["top-up", "50"], "rules");
        // They raise what nobody pays for: two people.
        let rules = ["--request", "rules", "ledger", "rules", &company.path("rules.json")];
        let waits = company.run(&[&["--secret-file", &mona], &rules[..]].concat());
        assert!(waits.status == Some(9), "{waits}");
        company.by("tarek", &["ledger", "approve", "rules"]);
        company.by("mona", &rules);
        company.by("tarek", &["top-up", "50"]);
        assert_eq!(company.by("tarek", &["show"])["total_credit"], 5_000);
        company.refused_by("tarek", &["top-up", "1001"], "the ceiling of one certificate");
        company.refused_by("mona", &["top-up", "5", "--channel", "bank"], "bank");
        company.by("mona", &["ledger", "party", "bank", "--channel", "bank"]);
        company.by("mona", &["ledger", "point", "bank", "--party", "bank"]);
        company.refused_by("mona", &["top-up", "5", "--channel", "bank"], "link");

        // Two draw the next master; the card and its meter get its keys as they come by.
        company.refused_by("mona", &["keys", "rotate", "credit"], "two members of staff");
        let drawn = company.by(
            "mona",
            &["keys", "rotate", "credit", "--second", &tarek, "--protocol", &company.path("drawn.html")],
        );
        assert_eq!(drawn["version"], "72");
        let page = std::fs::read_to_string(company.file("drawn.html")).unwrap();
        assert!(page.contains("mona") && page.contains("tarek"), "{page}");
        let kept = company.by("mona", &["keys", "check", &company.path("masters.json")]);
        assert_eq!(kept["good"], true, "{kept}");
        company.by("tarek", &["top-up", "10"]);

        deliver(&company, &location);
        company.by("mona", &["audit", "key"]);
        company.by("mona", &["audit", "verify"]);

        // Another company's token, or memory, or none, is named at the start.
        let other = company.cardctl.run(&["--secret-file", &mona, "top-up", "5"]);
        assert!(other.status == Some(1) && other.err.contains("not kept in a file"), "{other}");
        std::fs::rename(company.cardctl.data.join("signer.sqlite"), company.file("away")).unwrap();
        company.refused_by("mona", &["top-up", "5"], "cardctl signer init");
    });
}

/// The keys of meters go to their factory, where another program opens them.
fn deliver(company: &Company7, location: &Location) {
    let list = company.path("meters.txt");
    std::fs::write(&list, "1\n2\n\n90071992547409931\n").unwrap();
    let identity = company.path("factory.identity");
    let made = company.json(&["keys", "recipient", "--out", &identity]);
    let (sealed, to) = (company.path("meters.age"), made["recipient"].as_str().unwrap());
    let tarek = company.path("tarek.staff");
    let deliver = ["keys", "deliver", "--meters", &list, "--to", to, "--out", &sealed];
    company.refused_by("mona", &deliver, "two members of staff");
    let delivered = company.by("mona", &[&deliver[..], &["--second", &tarek]].concat());
    assert_eq!((&delivered["meters"], mode(Path::new(&sealed))), (&json!(3), 0o600));
    company.refused_by("mona", &[&deliver[..], &["--second", &tarek]].concat(), "exists already");
    let plain = company.file("meters.jsonl");
    age(&["-d", "-i", &identity, &sealed], &plain);
    let text = std::fs::read_to_string(plain).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(
        lines[0],
        json!({ "format": "egelec meter keys 1", "company": 7, "environment": "production", "meters": 3 })
    );
    assert_eq!(lines.len(), 4);
    let store = DerivingKeyStore::new(TokenMasters::open(location, Pin::new(PIN)).unwrap());
    for (line, number) in lines[1..].iter().zip([1_u64, 2, 90_071_992_547_409_931]) {
        let keys = store.meter_keys(SCOPE, MeterId::from(number)).unwrap();
        assert_eq!(line["meter"], number.to_string());
        let key = |role: &str, at: usize| line[role]["keys"][at]["key"].as_str().unwrap().to_owned();
        assert_eq!(line["credit"]["version"], "72");
        assert_eq!(key("credit", 0), hex::encode(keys.credit.1.expose()));
        assert_eq!(key("parameter", 1), hex::encode(keys.parameter.enc.expose()));
        assert_eq!(key("report", 2), hex::encode(keys.receipt.expose()));
        assert_eq!(key("base", 0), hex::encode(keys.base.1.expose()));
        assert_eq!(key("transport", 0), hex::encode(keys.transport.1.expose()));
    }
}
