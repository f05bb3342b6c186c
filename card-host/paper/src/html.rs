//! A paper as a page for a browser: whole in itself, for a phone, a desk, A4 and a roll.

use card_core::text::Language;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use qrcode::QrCode;
use qrcode::render::svg;

use crate::PaperError;
use crate::chart;
use crate::look::Look;
use crate::sheet::{Block, Line, Run, Sheet, Table};

impl Sheet<'_> {
    /// The page.
    pub(crate) fn html(&self) -> Result<String, PaperError> {
        let Self { look, title, under, blocks } = self;
        let (language, direction) = match look.language {
            Language::English => ("en", "ltr"),
            Language::Arabic => ("ar", "rtl"),
        };
        let content: Vec<Markup> = blocks.iter().map(|block| part(block, look)).collect::<Result<_, _>>()?;
        let page = html! {
            (DOCTYPE)
            html lang=(language) dir=(direction) {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="referrer" content="no-referrer";
                    title { (title) }
                    style { (PreEscaped(STYLE)) }
                }
                body {
                    main {
                        header { h1 { (title) } p { (under) } }
                        @for part in &content { (part) }
                    }
                }
            }
        };
        Ok(page.into_string())
    }
}

fn part(block: &Block<'_>, look: &Look) -> Result<Markup, PaperError> {
    Ok(match block {
        Block::Heading(words) => html! { h2 { (words) } },
        Block::Lines(caption, lines) => of_lines(caption, lines),
        Block::Next(words) => html! { p.next { (words) } },
        Block::Plain(words) => html! { p { (words) } },
        Block::Note(words) => html! { p.note { (words) } },
        Block::Chart { about, restart, months, brackets } => {
            let drawn = chart::svg(months, brackets, look)?;
            html! {
                figure {
                    div role="img" aria-label=(about) { (PreEscaped(drawn)) }
                    figcaption.note {
                        (about)
                        @if brackets.iter().any(|bracket| bracket.restart) {
                            br; span style="color:#a61c00" { "━ " (restart) }
                        }
                    }
                }
            }
        }
        Block::Table(table) => of_table(table),
        Block::Proof { code, text, label } => of_proof(code, text, label),
    })
}

fn of_lines(caption: &str, lines: &[Line]) -> Markup {
    html! {
        table.lines {
            caption.heard { (caption) }
            tbody {
                @for line in lines {
                    tr.strong[line.strong] { th scope="row" { bdi { (line.what) } } td { (of_text(&line.value)) } }
                }
            }
        }
    }
}

fn of_table(Table { caption, columns, rows }: &Table) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label=(caption) {
            table.figures {
                thead { tr { @for column in columns { th.wide[column.wide] scope="col" { (column.head) } } } }
                tbody {
                    @for row in rows {
                        tr {
                            @for (place, (cell, column)) in row.iter().zip(columns).enumerate() {
                                @if place == 0 { th scope="row" { (of_text(cell)) } }
                                @else { td.wide[column.wide] { (of_text(cell)) } }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn of_text(text: &[Run]) -> Markup {
    html! {
        @for (place, run) in text.iter().enumerate() {
            @match run {
                Run::Words(words) => (words),
                Run::Number(number) => bdi dir="ltr" { (number) },
                Run::Id(id) => bdi.id dir="ltr" { (id) },
                Run::Own(words) => bdi { (words) },
                Run::Note(note) => { @if place > 0 { br; } span.note { (of_text(note)) } },
            }
        }
    }
}

fn of_proof(code: &QrCode, text: &str, label: &str) -> Markup {
    let svg = code.render::<svg::Color<'_>>().min_dimensions(160, 160).build();
    // A declaration of XML has no place within HTML.
    let drawn = svg.find("<svg").and_then(|begin| svg.get(begin..)).unwrap_or_default();
    html! {
        figure.proof {
            div role="img" aria-label=(label) { (PreEscaped(drawn)) }
            figcaption.note { (label) br; bdi.id dir="ltr" { (text) } }
        }
    }
}

/// Logical properties only: one style for both directions. Wide, phone, A4 and the roll of a receipt printer (80 mm, of which 72 print).
const STYLE: &str = "
:root { color-scheme: light; }
* { box-sizing: border-box; }
body { margin: 0; background: #fff; color: #1a1a1a; font: 1rem/1.5 'Noto Naskh Arabic', 'Noto Sans Arabic', 'Segoe UI', Tahoma, 'DejaVu Sans', sans-serif; }
main { max-inline-size: 46rem; margin-inline: auto; padding: 1rem; }
header { border-block-end: 3px solid #0b5394; margin-block-end: 1rem; }
h1 { font-size: 1.5rem; margin: 0; } h2 { font-size: 1.15rem; margin-block: 1.5rem .5rem; }
header p { margin: 0 0 .5rem; color: #444; }
table { border-collapse: collapse; inline-size: 100%; }
th, td { padding: .3rem .4rem; text-align: start; vertical-align: top; border-block-end: 1px solid #d0d0d0; }
.lines td, .figures td, .figures thead th { text-align: end; } .figures th:first-child { text-align: start; }
.lines th { font-weight: normal; } .strong th, .strong td { font-weight: bold; font-size: 1.2rem; }
.note { color: #444; font-size: .9rem; } .next { border-inline-start: 4px solid #0b5394; padding-inline-start: .75rem; }
.id { font-family: 'DejaVu Sans Mono', Consolas, monospace; font-size: .95em; overflow-wrap: anywhere; }
.heard { position: absolute; inline-size: 1px; block-size: 1px; overflow: hidden; clip-path: inset(50%); }
.scroll { overflow-x: auto; } figure { margin: 0; } svg { max-inline-size: 100%; block-size: auto; direction: ltr; }
.proof { text-align: center; break-inside: avoid; } .proof svg { inline-size: 12rem; }
@media screen and (max-width: 36rem) { .wide { display: none; } }
@media print {
  main { max-inline-size: none; padding: 0; } h2, figure, tr { break-inside: avoid; } .scroll { overflow: visible; }
  @page { margin: 12mm; }
}
@media print and (max-width: 90mm) {
  @page { margin: 2mm 4mm; }
  body { font-size: 9pt; } h1 { font-size: 12pt; } .strong th, .strong td { font-size: 11pt; }
  .wide { display: none; } th, td { padding: .1rem .15rem; }
}
";
