//! Copies the card application's files into one, with the defects of defects.rs in them, each behind a question.

use std::fmt::Write;
use std::path::Path;
use std::{env, fs, io};

type Defect = (&'static str, &'static str, &'static str, &'static [(&'static str, &'static str)]);

const DEFECTS: &[Defect] = include!("defects.rs");

fn main() -> io::Result<()> {
    let manifest = env::var("CARGO_MANIFEST_DIR").map_err(io::Error::other)?;
    let sources = Path::new(&manifest).join("../../../applet-sim/applet/src");
    println!("cargo::rerun-if-changed={}", sources.display());
    println!("cargo::rerun-if-changed=defects.rs");
    let mut names: Vec<_> = fs::read_dir(&sources)?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name != "lib.rs" && name != "app.rs")
        .collect();
    names.sort();
    let mut out = String::from("pub mod application {\n");
    for name in &names {
        let mut text = fs::read_to_string(sources.join(name))?.replace("crate::", "crate::application::");
        for (index, (defect, _, file, changes)) in DEFECTS.iter().enumerate() {
            for (from, to) in changes.iter().filter(|_| file == name) {
                let from = from.replace("crate::", "crate::application::");
                let found = text.matches(&from).count();
                // What another defect has put there already counts: two may meet in one line.
                if found != 1 {
                    let why = format!(
                        "{defect}: its text stands {found} times in {name}, and once is wanted: see defects.rs"
                    );
                    return Err(io::Error::other(why));
                }
                text = text.replace(&from, &to.replace("IS", &format!("crate::is({index})")));
            }
        }
        let module = name.trim_end_matches(".rs");
        writeln!(out, "pub mod {module} {{\n{text}\n}}").map_err(io::Error::other)?;
    }
    out.push_str("}\n");
    let path = Path::new(&env::var("OUT_DIR").map_err(io::Error::other)?).join("application.rs");
    fs::write(path, out)
}
