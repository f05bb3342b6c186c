//! Local time, months and friendly times from zone rules that are data (docs/meter.md, section 3 and 7.2).
