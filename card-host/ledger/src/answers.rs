//! Entries that set something: what was asked for, and the answer to it, in one JSON document.

use serde_json::Value;

use super::error::{LedgerError, Refusal};
use super::names::RequestId;

/// Where the answer stands in an entry that sets something.
pub(super) const ANSWER: &str = "answer";

/// What an entry that sets something says: what was asked for, and its answer where there is one.
pub(super) fn with_answer(asked: &Value, answer: &Value) -> Vec<u8> {
    let mut document = asked.clone();
    if let (Some(fields), false) = (document.as_object_mut(), answer.is_null()) {
        fields.insert(ANSWER.to_owned(), answer.clone());
    }
    document.to_string().into_bytes()
}

/// The answer in an entry, where the same was asked for.
pub(super) fn answered(payload: &[u8], asked: &Value) -> Option<Value> {
    let mut document: Value = serde_json::from_slice(payload).ok()?;
    let answer = document.as_object_mut()?.remove(ANSWER).unwrap_or_default();
    (document == *asked).then_some(answer)
}

/// A number in an answer. Entries of former versions have none, and cannot be repeated.
pub(super) fn number<N: TryFrom<u64>>(answer: &Value, name: &str, id: &RequestId) -> Result<N, LedgerError> {
    let number = answer.get(name).and_then(Value::as_u64).and_then(|number| N::try_from(number).ok());
    Ok(number.ok_or_else(|| Refusal::OtherRequest(id.clone()))?)
}
