//! The protocol of what was done with masters: a page for paper, to be signed, in both languages.

use card_core::id::Scope;
use card_core::units::CardTime;
use maud::{DOCTYPE, html};

use super::{Delivered, Drawn, Master, MasterList, Taken};
use crate::view::table::time;

const STYLE: &str = "body{font:11pt/1.5 'Noto Sans','Noto Naskh Arabic',sans-serif;max-width:18cm;margin:1cm auto}\
    table{border-collapse:collapse;width:100%}td,th{border:1px solid #555;padding:2mm;text-align:start}\
    code{font-size:11pt;overflow-wrap:anywhere}.sign td{height:14mm}h1{font-size:15pt}";

/// A name in both languages.
type Words = [&'static str; 2];

/// What was done, with what, and who was there.
pub(crate) struct Protocol {
    title: Words,
    company: u16,
    environment: String,
    rows: Vec<(Words, String)>,
    masters: Vec<Master>,
    persons: Vec<String>,
}

impl Protocol {
    /// Of the first masters.
    pub(crate) fn drawn(place: String, list: &MasterList, persons: &[String]) -> Self {
        Self::of_list(["Masters drawn", "إنشاء بيانات التشفير الأساسية"], place, list, persons)
    }

    /// Of a next one.
    pub(crate) fn rotated(place: String, list: &MasterList, drawn: &Drawn, persons: &[String]) -> Self {
        let mut told =
            Self::of_list(["A next master drawn", "إنشاء بيانات تشفير أساسية جديدة"], place, list, persons);
        told.rows.push((["Drawn", "ما أُنشئ"], format!("{} {}", drawn.version, drawn.check)));
        told
    }

    /// Of keys that went to a factory.
    pub(crate) fn delivered(scope: Scope, place: String, of: &Delivered, persons: &[String]) -> Self {
        let mut told =
            Self::new(["Meter keys delivered", "تسليم بيانات تشفير العدادات"], scope, place, persons);
        told.rows.extend([
            (["Meters", "عدد العدادات"], of.meters.to_string()),
            (["For", "المستلم"], of.to.clone()),
            (["SHA-256 of the file", "بصمة الملف"], of.sha256.clone()),
        ]);
        told
    }

    /// Of a card maker's key.
    pub(crate) fn taken(scope: Scope, place: String, of: &Taken, persons: &[String]) -> Self {
        let title = ["A card maker's key taken in", "استلام بيانات تشفير مصنع الكروت"];
        let mut told = Self::new(title, scope, place, persons);
        told.rows.push((["Check value", "قيمة التحقق"], of.check.clone()));
        told
    }

    fn of_list(title: Words, place: String, list: &MasterList, persons: &[String]) -> Self {
        let (company, environment) = (list.company, list.environment.clone());
        let rows = vec![(PLACE, place)];
        Self { title, company, environment, rows, masters: list.masters.clone(), persons: persons.to_vec() }
    }

    fn new(title: Words, scope: Scope, place: String, persons: &[String]) -> Self {
        let (company, environment) = (scope.company.0, scope.environment.to_string());
        let rows = vec![(PLACE, place)];
        Self { title, company, environment, rows, masters: Vec::new(), persons: persons.to_vec() }
    }

    /// The page, done at this time.
    pub(crate) fn page(&self, now: CardTime) -> String {
        let both = |[english, arabic]: Words| html! { (english) " · " bdi lang="ar" dir="rtl" { (arabic) } };
        let row = |words, value: &str| html! { tr { th { (both(words)) } td { bdi { code { (value) } } } } };
        let page = html! {
            (DOCTYPE)
            html lang="en" {
                head { meta charset="utf-8"; title { (self.title[0]) } style { (maud::PreEscaped(STYLE)) } }
                body {
                    h1 { (both(self.title)) }
                    table {
                        (row(["Time", "الوقت"], &time(now)))
                        (row(["Company", "رقم الشركة"], &self.company.to_string()))
                        (row(["Environment", "البيئة"], &self.environment))
                        @for (words, value) in &self.rows { (row(*words, value)) }
                    }
                    @if !self.masters.is_empty() {
                        h2 { (both(["Masters and their check values", "بيانات التشفير الأساسية وقيم التحقق"])) }
                        table {
                            @for master in &self.masters {
                                tr { th { bdi { (master.version) " " (master.role) } } td { bdi { code { (master.check) } } } }
                            }
                        }
                    }
                    h2 { (both(["Who was there", "الحاضرون"])) }
                    table class="sign" {
                        tr { th { (both(["Name", "الاسم"])) } th { (both(["Date", "التاريخ"])) } th { (both(["Signature", "التوقيع"])) } }
                        @for person in &self.persons { tr { td { bdi { (person) } } td {} td {} } }
                        @if self.persons.len() < 2 { @for _ in self.persons.len()..2 { tr { td {} td {} td {} } } }
                    }
                    p { (both([
                        "By these check values anybody can see later that the masters are the same: they tell nothing of the masters.",
                        "تبيّن قيم التحقق هذه لاحقًا أن بيانات التشفير لم تتغير، ولا تكشف شيئًا منها.",
                    ])) }
                }
            }
        };
        page.into_string()
    }
}

const PLACE: Words = ["Where they are", "مكان حفظها"];
