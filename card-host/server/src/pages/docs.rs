//! The description of the protocol as a page: made from the same document as `/v1/openapi.json`, for people, without script or network.

use axum::response::Response;
use maud::{Markup, html};
use serde_json::Value;

use super::page;

/// The page.
pub(super) async fn docs() -> Response {
    // The description is written by this program.
    let api: Value = serde_json::from_str(crate::describe::text()).unwrap_or_default();
    let content = html! {
        p { (text(&api, "/info/description")) }
        p { a href="/v1/openapi.json" { "As OpenAPI" } ", " a href="/problems" { "the problems" } }
        h2 { "Operations" }
        @for (path, item) in entries(&api, "/paths") {
            @for (method, operation) in entries(item, "") {
                (operation_of(path, method, operation))
            }
        }
        h2 { "Schemas" }
        @for (name, schema) in entries(&api, "/components/schemas") {
            h3 id=(name) { code { (name) } }
            p { (text(schema, "/description")) }
            (schema_of(schema))
        }
    };
    page(&text(&api, "/info/title"), &content)
}

fn operation_of(path: &str, method: &str, operation: &Value) -> Markup {
    html! {
        h3 id=(text(operation, "/operationId")) { code { (method.to_uppercase()) " " (path) } }
        p { (text(operation, "/summary")) " " (text(operation, "/description")) }
        table {
            @for parameter in items(operation, "/parameters") {
                tr {
                    td { code { (text(parameter, "/name")) } " (" (text(parameter, "/in")) ")" }
                    td { (text(parameter, "/description")) " " (kind_of(parameter.get("schema"))) }
                }
            }
            @if let Some(schema) = operation.pointer("/requestBody/content/application~1json/schema") {
                tr { td { "body" } td { (kind_of(Some(schema))) } }
            }
            @for (status, response) in entries(operation, "/responses") {
                tr {
                    td { (status) }
                    td {
                        (text(response, "/description"))
                        @for (media, content) in entries(response, "/content") {
                            br; code { (media) } " " (kind_of(content.get("schema")))
                        }
                        @for (name, header) in entries(response, "/headers") {
                            br; code { (name) } " " (text(header, "/description"))
                        }
                    }
                }
            }
        }
    }
}

fn schema_of(schema: &Value) -> Markup {
    let required: Vec<&str> = items(schema, "/required").iter().filter_map(Value::as_str).collect();
    html! {
        @if schema.get("properties").is_some() {
            table {
                @for (name, property) in entries(schema, "/properties") {
                    tr {
                        td { code { (name) } @if !required.contains(&name.as_str()) { " (may be left out)" } }
                        td { (text(property, "/description")) " " (kind_of(Some(property))) }
                    }
                }
            }
        } @else {
            p { (kind_of(Some(schema))) }
        }
    }
}

/// What a value is: a link to its schema, or its type with its limits.
fn kind_of(schema: Option<&Value>) -> Markup {
    let Some(schema) = schema else { return html! {} };
    if let Some(name) = schema.get("$ref").and_then(Value::as_str).and_then(|to| to.rsplit('/').next()) {
        return html! { a href={ "#" (name) } { code { (name) } } };
    }
    let choices = [items(schema, "/oneOf"), items(schema, "/anyOf"), items(schema, "/allOf")].concat();
    if !choices.is_empty() {
        return html! { @for (index, choice) in choices.iter().enumerate() { @if index > 0 { " or " } (kind_of(Some(choice))) } };
    }
    let kind = match schema.get("type") {
        Some(Value::Array(kinds)) => kinds.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" or "),
        Some(Value::String(kind)) => kind.clone(),
        _ => String::new(),
    };
    let limits = ["pattern", "minimum", "maximum", "minLength", "maxLength", "enum", "const"];
    let limits = limits.iter().filter_map(|limit| Some((*limit, schema.get(*limit)?)));
    html! {
        code {
            (kind)
            @for (limit, value) in limits { " " (limit) " " (value.to_string()) }
        }
        @if let Some(of) = schema.get("items") { " of " (kind_of(Some(of))) }
    }
}

fn text(of: &Value, pointer: &str) -> String {
    of.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn entries<'a>(of: &'a Value, pointer: &str) -> Vec<(&'a String, &'a Value)> {
    of.pointer(pointer).and_then(Value::as_object).map(|map| map.iter().collect()).unwrap_or_default()
}

fn items<'a>(of: &'a Value, pointer: &str) -> &'a [Value] {
    of.pointer(pointer).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}
