//! What the program `cardctl` shows that others may use too.

pub mod tour;
