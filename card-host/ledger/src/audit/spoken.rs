//! What an audit says, in Arabic. English is the `Display` of a finding.

use card_core::text::isolate;
use core::fmt::Display;

use super::finding::Egp;
use super::{AuditFinding, RowFault};
use crate::entry::EntryId;

fn at(id: &EntryId) -> String {
    format!("القيد {} لمنفذ الشحن {}", isolate(id.number), isolate(&id.point))
}

fn amount(amount: i128) -> impl Display {
    format!("{} جنيه", isolate(Egp(amount)))
}

impl AuditFinding {
    /// In Arabic, with what to do. Names of rows and accounts stay as they are.
    pub fn arabic(&self) -> String {
        let keep = "أوقف البيع واحتفظ بالدفاتر كما هي وقارنها بآخر تصدير وبنسخة أقدم";
        let (what, to_do) = match self {
            Self::Changed(id) => (format!("تغير {}", at(id)), keep),
            Self::Unchained(id) => (format!("{} لا يتبع ما قبله", at(id)), keep),
            Self::Missing(id) => (format!("{} غير موجود", at(id)), keep),
            Self::PointHead { point, last, expected } => (
                format!(
                    "قيود منفذ الشحن {} تنتهي عند {}، وهو مسجل عند {}",
                    isolate(point),
                    isolate(last),
                    isolate(expected)
                ),
                keep,
            ),
            Self::TimeWentBack(id) => (format!("{} أقدم من سابقه ولم يؤكد شخصان صحة ذلك", at(id)), keep),
            Self::BadSignature(id) => (
                format!("توقيع {} ليس ببيانات توقيع المراجعة هذه", at(id)),
                "تأكد أن لدى المراجع البيانات الحالية، فإن كانت هي فالتوقيع مزور",
            ),
            Self::Truncated { head, last } => (
                format!("وُقع {} والقيود تنتهي عند {}", at(head), isolate(last)),
                "أعلن استعادة النسخة إن حدثت، وإلا فأوقف البيع وابحث عمن حذف القيود",
            ),
            Self::Rewritten(id) => (
                format!("{} يخالف ما وُقع", at(id)),
                "إن استُعيدت نسخة فقارن بقوائم القنوات، وإلا فأوقف البيع وابحث عمن غيّر القيود",
            ),
            Self::Misfit { entry, kind, what } => (
                format!("{} من نوع {} ومبالغه لا تناسبه ({})", at(entry), isolate(kind.code()), isolate(what)),
                "ابحث عن البرنامج الذي كتبه، وصححه بقيد جديد لا بتغييره",
            ),
            Self::Differs { what, entries, row } => {
                (format!("{}: بالقيود {} وفي السطر {}", isolate(what), isolate(entries), isolate(row)), keep)
            }
            Self::Row { what, fault } => {
                let how = match fault {
                    RowFault::Missing => "موجود في القيود وسطره غير موجود",
                    RowFault::Added => "سطر لم يكتبه أي قيد",
                    RowFault::Changed => "السطر يخالف القيود",
                };
                (format!("{}: {how}", isolate(what)), keep)
            }
            Self::MovedAbove { from, moved, most } => (
                format!(
                    "نُقل {} من التعاقد {} للعداد {}، وأقصى متبقٍ {}",
                    amount(*moved),
                    isolate(from.number),
                    isolate(from.meter),
                    amount(*most)
                ),
                "افحص العداد وابحث عمن نقله واسترد الزيادة بتصحيح من شخصين",
            ),
            Self::Identity { received, accounted } => (
                format!("المحصل {} والمثبت منه {}", amount(*received), amount(*accounted)),
                "راجع القيود التي لا تناسب مبالغها نوعها",
            ),
        };
        format!("{what}. المطلوب: {to_do}")
    }
}
