//! Files for SQLite that fail on demand and forget what was not synced.
