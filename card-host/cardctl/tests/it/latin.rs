//! Words in Latin letters in what is said in Arabic: what is none of these is English that was left.

/// Words that stay as they are, and why.
const ALLOWED: &[(&str, &[&str])] = &[
    (
        "what is typed: values of options, and names of commands where they are named",
        &[
            "text",
            "json",
            "en",
            "ar",
            "western",
            "arabic",
            "any",
            "sim",
            "trace",
            "none",
            "sun",
            "mon",
            "tue",
            "wed",
            "thu",
            "fri",
            "sat",
            "lost",
            "damaged",
            "upgrade",
            "returned",
            "branch",
            "kiosk",
            "bank",
            "wallet",
            "household",
            "shop",
            "empty",
            "instalment",
            "arrears",
            "other",
            "sell",
            "correct",
            "approve",
            "keys",
            "audit",
            "settings",
            "cash",
            "debt",
            "correction",
            "day",
            "channel",
            "point",
            "party",
            "company",
            "bash",
            "zsh",
            "fish",
            "elvish",
            "powershell",
            "admin",
            "vending",
            "load",
            "receipt",
            "credit",
            "parameter",
            "report",
            "base",
            "transport",
            "cut",
            "end-cut",
            "clear-tamper",
            "clock",
            "clock-back",
            "read-out",
            "end-overload",
            "lowest-generation",
            "polkit",
            "systemctl",
            "contactless",
            "start",
        ],
    ),
    (
        "names of programs, forms and things of computers",
        &["cardctl", "applet-sim", "PostgreSQL", "Wireshark", "pcapng", "Ctrl-C", "SCardSvr", "pcscd", "mm"],
    ),
    (
        "codes of the ledger: names of vending points, parties and kinds",
        &["office", "opening", "corrections"],
    ),
];

/// The words of a text in Arabic that are neither of these, nor a number, path, address, code or placeholder, nor in what is to be typed.
pub(crate) fn latin(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    // A line of a settings file is what is typed; so are keys and variables.
    let typed = |line: &&str| {
        line.contains(" = \"")
            || line.contains("  CARDCTL_")
            || (line.starts_with("    [") && line.ends_with(']'))
    };
    for line in text.lines().filter(|line| !typed(line)) {
        for said in said(line) {
            for token in
                said.split(|c: char| c.is_whitespace() || "()«»،؛,;\"'\u{2068}\u{2069}[]<>|".contains(c))
            {
                let token = token.trim_end_matches(['.', ':', '!', '?']);
                let is_value = token.starts_with('-')
                    || token.chars().any(|c| c.is_ascii_digit() || "/:._=@\\*#%+".contains(c));
                if is_value {
                    continue;
                }
                let runs = token.split(|c: char| !c.is_ascii_alphabetic() && c != '-');
                for run in runs.map(|run| run.trim_matches('-')).filter(|run| run.len() > 1) {
                    let is_code = !run.chars().any(|c| c.is_ascii_lowercase());
                    if !is_code && !ALLOWED.iter().any(|(_, words)| words.contains(&run)) {
                        found.push(run.to_owned());
                    }
                }
            }
        }
    }
    found
}

/// A line without codes, which stand alone in parentheses, and without what is to be typed: in backticks, or a command to the end of its isolate.
fn said(line: &str) -> Vec<String> {
    let mut text = String::new();
    let mut rest = line;
    while let Some((before, code)) = rest.split_once("(\u{2068}") {
        text.push_str(before);
        let (code, after) = code.split_once("\u{2069})").unwrap_or((code, ""));
        if code.contains(char::is_whitespace) {
            text.push_str(code);
        }
        rest = after;
    }
    text.push_str(rest);
    let outside = text.split('`').step_by(2);
    outside
        .map(|part| {
            let mut rest = part;
            let mut said = String::new();
            while let Some((before, command)) = rest.split_once("cardctl ") {
                said.push_str(before);
                rest = command.find('\u{2069}').and_then(|end| command.get(end..)).unwrap_or_default();
            }
            said + rest
        })
        .collect()
}

#[test]
fn english_is_seen_and_values_are_not() {
    for (text, english) in [
        ("الكارت \u{2068}4544E52F28236D5F\u{2069} موقوف", &[][..]),
        ("الكارت active", &["active"]),
        ("\u{2068}no sales\u{2069}", &["no", "sales"]),
        ("الأمر `cardctl show` أو \u{2068}cardctl sim new\u{2069} ثم and", &["and"]),
        ("http://127.0.0.1:8470 2026-12-01T14:33:51Z EGR1 --request office/12 A4", &[]),
        ("وsim وfor", &["for"]),
        ("لم يُنفذ (\u{2068}no-ledger\u{2069}) (\u{2068}not done\u{2069})", &["not", "done"]),
    ] {
        assert_eq!(latin(text), english, "{text}");
    }
}
