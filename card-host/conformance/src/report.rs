//! What an examination found.

use serde::Serialize;
use std::collections::BTreeMap;

/// What most readers cannot do is reported under this section.
pub(crate) const TEARING: &str = "13";

/// What became of one rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "result")]
pub enum Result {
    /// The card does as it says.
    Passed,
    /// It does not.
    Failed {
        /// What the specification says.
        expected: String,
        /// What the card did.
        found: String,
    },
    /// Nobody knows.
    NotExamined {
        /// Why.
        why: String,
    },
}

/// A rule of the specification, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Section of the card specification.
    pub section: &'static str,
    /// The rule, in a few words.
    pub rule: String,
    /// What became of it.
    #[serde(flatten)]
    pub result: Result,
}

/// How long commands of one kind took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Time {
    /// How many there were.
    pub count: u32,
    /// The longest, in microseconds.
    pub longest_us: u64,
    /// All together, in microseconds.
    pub total_us: u64,
}

/// What an examination found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Version of the examination: that of this crate.
    pub version: &'static str,
    /// Layout of the card that the specification describes.
    pub layout: u8,
    /// The reader.
    pub reader: String,
    /// Number of the card; `None` where it does not say one.
    pub card: Option<String>,
    /// Rules in the order in which they were examined.
    pub findings: Vec<Finding>,
    /// Times, by the command's name.
    pub times: BTreeMap<&'static str, Time>,
}

impl Report {
    /// Whether all rules were examined but those of tearing, which most readers cannot do, and none failed.
    pub fn conforms(&self) -> bool {
        let examined = |finding: &Finding| match finding.result {
            Result::Passed => true,
            Result::Failed { .. } => false,
            Result::NotExamined { .. } => finding.section == TEARING,
        };
        !self.findings.is_empty() && self.findings.iter().all(examined)
    }

    /// What failed.
    pub fn failures(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| matches!(finding.result, Result::Failed { .. }))
    }

    /// What was not examined.
    pub fn not_examined(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| matches!(finding.result, Result::NotExamined { .. }))
    }
}
