//! Where the program works: the data directory, the ledger with its keys, and files with vouchers.

pub(crate) mod books;
pub(crate) mod voucher_file;
pub(crate) mod workplace;
