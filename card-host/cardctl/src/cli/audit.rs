//! `cardctl audit`.

use card_ledger::ReceiptProof;
use clap::Subcommand;
use std::path::PathBuf;

#[derive(Subcommand)]
pub(crate) enum AuditCommand {
    /// Makes the audit key where there is none, in the data directory, and prints its public part, for the auditor.
    Key,
    /// Signs the head of every chain that has grown since. Give what it prints with --format json to the auditor, who keeps it elsewhere.
    Sign,
    /// Whether a receipt is genuine: compares what its code says with the ledger, or without one with an export of it, and that with signed
    /// heads. Ends with status 4 where it is not.
    Receipt {
        /// The text of the code on the receipt, which begins with EGR1.
        #[arg(value_name = "TEXT")]
        proof: ReceiptProof,
        /// The folder of an export that has the entries from the receipt's to a signed head: no ledger is asked then.
        #[arg(long, value_name = "FOLDER")]
        export: Option<PathBuf>,
        /// Files with heads that the auditor kept, as `audit sign --format json` printed them.
        #[arg(long, value_name = "FILE")]
        heads: Vec<PathBuf>,
        /// The public audit key, in PEM. By default that of the data directory.
        #[arg(long, value_name = "FILE")]
        key: Option<PathBuf>,
    },
    /// Recomputes every chain, compares it with signed heads, and adds up all accounts. Ends with status 4 where something is wrong.
    Verify {
        /// Files with heads that the auditor kept, as `audit sign --format json` printed them.
        #[arg(long, value_name = "FILE")]
        heads: Vec<PathBuf>,
        /// The public audit key, in PEM. By default that of the data directory.
        #[arg(long, value_name = "FILE")]
        key: Option<PathBuf>,
    },
}
