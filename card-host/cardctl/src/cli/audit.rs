//! `cardctl audit`.

use clap::Subcommand;
use std::path::PathBuf;

#[derive(Subcommand)]
pub(crate) enum AuditCommand {
    /// Makes the audit key where there is none, in the data directory, and prints its public part, for the auditor.
    Key,
    /// Signs the head of every chain that has grown since. Give what it prints with --format json to the auditor, who keeps it elsewhere.
    Sign,
    /// Recomputes every chain, compares it with signed heads, and adds up all accounts. Ends with status 1 where something is wrong.
    Verify {
        /// Files with heads that the auditor kept, as `audit sign --format json` printed them.
        #[arg(long, value_name = "FILE")]
        heads: Vec<PathBuf>,
        /// The public audit key, in PEM. By default that of the data directory.
        #[arg(long, value_name = "FILE")]
        key: Option<PathBuf>,
    },
}
