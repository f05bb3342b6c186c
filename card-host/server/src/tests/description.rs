//! The description of the protocol says all of it.

use super::*;
use std::collections::BTreeSet;

#[test]
fn the_description_is_complete() {
    let api: Value = serde_json::from_str(&openapi()).unwrap();
    assert_eq!(api["openapi"], "3.1.0");
    let mut operations = BTreeSet::new();
    for (path, item) in api["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let name = operation["operationId"].as_str().unwrap().to_owned();
            let open = path == "/v1/status" || path == "/v1/openapi.json";
            assert!(path.starts_with("/v1/") && operation["summary"].is_string(), "{name}");
            let responses = operation["responses"].as_object().unwrap();
            for (status, response) in responses {
                let problem = response.pointer("/content/application~1problem+json/schema/$ref");
                let is_problem = problem == Some(&"#/components/schemas/Problem".into());
                assert_eq!(is_problem, status.as_str() >= "400", "{name} {status}");
                let again = response.pointer("/headers/Retry-After").is_some();
                assert_eq!(again, matches!(status.as_str(), "408" | "429" | "503"), "{name} {status}");
            }
            assert_eq!(responses.contains_key("405"), open, "{name}");
            for status in ["400", "401", "403", "404", "409", "422", "429", "500", "503"] {
                assert_eq!(responses.contains_key(status), !open, "{name} {status}");
            }
            for status in ["408", "413", "415"] {
                assert_eq!(
                    responses.contains_key(status),
                    matches!(method.as_str(), "post" | "put"),
                    "{name}"
                );
            }
            // An empty requirement is one that is met without a token.
            let security = operation.get("security");
            assert_eq!(security.is_some(), open, "{name}: {security:?}");
            assert!(operations.insert(name.clone()), "{name} twice");
        }
    }
    assert_eq!(operations.len(), 15);
    assert_eq!(api["security"], serde_json::json!([{ "token": [] }]));
    assert_eq!(api["components"]["securitySchemes"]["token"]["scheme"], "bearer");
    // What is sent has patterns and limits, and nothing beside it.
    let schemas = api["components"]["schemas"].as_object().unwrap();
    for name in [
        "SaleRequest",
        "ConfirmRequest",
        "PointRequest",
        "RefundRequest",
        "EvidenceRequest",
        "LinkRequest",
        "Consent",
        "ToCard",
        "ToMeter",
    ] {
        let schema = schemas.get(name).unwrap_or_else(|| panic!("{name} is not described"));
        assert_eq!(schema["additionalProperties"], false, "{name}");
    }
    for (name, schema) in schemas {
        if schema["type"] == "string" && schema.get("enum").is_none() {
            assert!(schema["pattern"].is_string() && schema["maxLength"].is_number(), "{name}");
        }
    }
}
