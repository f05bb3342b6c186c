//! Readers by their names.

use std::collections::BTreeSet;
use std::ffi::{CStr, CString};
use std::fmt;

use ::pcsc::{Context, Error};

use super::{TRIES, service_error};
use crate::reader_error::ReaderError;

/// A reader's name: bytes in whatever code page its driver has, which are what PC/SC is asked with. Shown and chosen by the text that
/// can be read of them, which is all of it where it is UTF-8.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ReaderName {
    bytes: CString,
    text: String,
}

impl ReaderName {
    pub(super) fn bytes(&self) -> &CStr {
        &self.bytes
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }
}

impl From<CString> for ReaderName {
    fn from(bytes: CString) -> Self {
        Self { text: bytes.to_string_lossy().into_owned(), bytes }
    }
}

impl fmt::Display for ReaderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// All readers that are attached; none is no error.
pub(super) fn list(context: &Context) -> Result<Vec<ReaderName>, ReaderError> {
    let mut tries = TRIES;
    loop {
        match context.list_readers_owned() {
            Ok(names) => return Ok(names.into_iter().map(ReaderName::from).collect()),
            Err(Error::NoReadersAvailable) => return Ok(Vec::new()),
            // A reader has come between asking how long the list is and reading it.
            Err(Error::InsufficientBuffer) if tries > 0 => tries -= 1,
            Err(error) => return Err(service_error(error, "listing the readers")),
        }
    }
}

/// The one with this name, or the only one with it in its name.
pub(super) fn choose(name: &str, present: &[ReaderName]) -> Result<ReaderName, ReaderError> {
    let wanted = name.to_lowercase();
    let exact = || present.iter().filter(|reader| reader.text == name);
    let matching: Vec<_> = match exact().next() {
        Some(_) => exact().collect(),
        None => present.iter().filter(|reader| reader.text.to_lowercase().contains(&wanted)).collect(),
    };
    match matching.as_slice() {
        _ if present.is_empty() => Err(ReaderError::NoReader),
        [only] => Ok((*only).clone()),
        [] => Err(ReaderError::UnknownReader { name: name.to_owned(), present: texts(present) }),
        _ => Err(ReaderError::AmbiguousReader { name: name.to_owned(), matching: texts(matching) }),
    }
}

/// Whether a reader is meant by this name: it has exactly that name, or, where none of all has, it has it in its name.
pub(super) fn fits(name: &str, reader: &str, all: &BTreeSet<String>) -> bool {
    if all.contains(name) {
        return reader == name;
    }
    reader.to_lowercase().contains(&name.to_lowercase())
}

/// The names as they are shown.
pub(super) fn texts<'a>(names: impl IntoIterator<Item = &'a ReaderName>) -> Vec<String> {
    names.into_iter().map(ToString::to_string).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&[u8]]) -> Vec<ReaderName> {
        names.iter().map(|name| CString::new(*name).unwrap().into()).collect()
    }

    fn chosen(name: &str, present: &[ReaderName]) -> Result<String, ReaderError> {
        choose(name, present).map(|reader| reader.to_string())
    }

    #[test]
    fn a_reader_is_found_by_an_unambiguous_part_of_its_name() {
        let present = names(&[b"ACME Reader 00 00", b"ACME Reader 00 01", b"Other 01 00"]);
        assert_eq!(chosen("other", &present).as_deref(), Ok("Other 01 00"));
        assert_eq!(chosen("ACME Reader 00 00", &present).as_deref(), Ok("ACME Reader 00 00"));
        let matching = texts(&present[..2]);
        assert_eq!(
            chosen("acme", &present),
            Err(ReaderError::AmbiguousReader { name: "acme".into(), matching })
        );
        assert_eq!(
            chosen("nobody", &present),
            Err(ReaderError::UnknownReader { name: "nobody".into(), present: texts(&present) })
        );
        assert!(matches!(chosen("", &present), Err(ReaderError::AmbiguousReader { .. })));
        assert_eq!(chosen("", &names(&[b"Other 01 00"])).as_deref(), Ok("Other 01 00"));
        assert_eq!(chosen("x", &[]), Err(ReaderError::NoReader));
        // One name that begins another is still exact.
        assert_eq!(chosen("R", &names(&[b"R", b"R 2"])).as_deref(), Ok("R"));
    }

    #[test]
    fn names_in_other_code_pages_keep_their_bytes() {
        let present = names(&[b"\xDE\xC7 00", b"\xD1\xC6 00", b"\xD1\xC6 01"]);
        assert_eq!(choose("01", &present).unwrap().bytes().to_bytes(), b"\xD1\xC6 01");
        assert_eq!(choose("\u{FFFD}\u{FFFD} 01", &present).unwrap(), present[2]);
        // Two that look alike are two.
        let error = choose("\u{FFFD}\u{FFFD} 00", &present).unwrap_err();
        assert!(
            matches!(&error, ReaderError::AmbiguousReader { matching, .. } if matching.len() == 2),
            "{error:?}"
        );
    }
}
