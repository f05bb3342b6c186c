//! How a command ends: one table of exit codes, which tells what has happened. `docs/guides/operator.md` has the same, and a test compares them.

/// How a command ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Done, and all is well.
    Done,
    /// A rule, the card or a setting forbids it, or something is missing.
    Refused,
    /// The command line or the settings are not understood.
    Usage,
    /// Done, and the answer could not be printed.
    AnswerLost,
    /// Done, and the answer tells of something that is wrong.
    Found,
    /// It broke off, and may have been done.
    Unknown,
    /// Booked, and not on the card.
    Partly,
    /// There is no card, no reader, or none that answers.
    NoCard,
    /// In use, or not there at the moment.
    Busy,
    /// Entered, and waits for a second person.
    Waits,
}

impl Ending {
    /// All of them, by their exit codes.
    #[cfg(test)]
    pub(crate) const ALL: [Self; 10] = [
        Self::Done,
        Self::Refused,
        Self::Usage,
        Self::AnswerLost,
        Self::Found,
        Self::Unknown,
        Self::Partly,
        Self::NoCard,
        Self::Busy,
        Self::Waits,
    ];

    /// The exit code of the program.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Refused => 1,
            Self::Usage => 2,
            Self::AnswerLost => 3,
            Self::Found => 4,
            Self::Unknown => 5,
            Self::Partly => 6,
            Self::NoCard => 7,
            Self::Busy => 8,
            Self::Waits => 9,
        }
    }

    /// What has happened of what was asked for: `nothing`, `all`, `part` or `unknown`.
    pub(crate) const fn happened(self) -> &'static str {
        match self {
            Self::Done | Self::AnswerLost | Self::Found => "all",
            Self::Refused | Self::Usage | Self::NoCard | Self::Busy => "nothing",
            Self::Partly | Self::Waits => "part",
            Self::Unknown => "unknown",
        }
    }

    /// Whether the same command with the same id of the request is to be repeated.
    pub(crate) const fn repeats(self) -> bool {
        matches!(self, Self::AnswerLost | Self::Unknown | Self::Busy)
    }
}

impl From<Ending> for std::process::ExitCode {
    fn from(ending: Ending) -> Self {
        Self::from(ending.code())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what is wrong by failing")]

    use super::*;

    /// The table of the guide has each code once, with what has happened, and no other.
    #[test]
    fn the_guide_has_the_same_table() {
        let guide = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/guides/operator.md");
        let guide = std::fs::read_to_string(guide).unwrap();
        let (_, section) = guide.split_once("## How a command ends").unwrap();
        let rows = section.lines().skip_while(|line| !line.starts_with("|---")).skip(1);
        let rows = rows.take_while(|line| line.starts_with('|')).map(|line| {
            let cells: Vec<_> = line.split('|').map(str::trim).collect();
            (cells.get(1).unwrap().parse::<u8>().unwrap(), cells.get(2).unwrap().to_string())
        });
        let ours = Ending::ALL.map(|ending| (ending.code(), ending.happened().to_owned()));
        assert_eq!(rows.collect::<Vec<_>>(), ours);
    }
}
