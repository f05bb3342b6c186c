//! What went wrong outside the ledger, in Arabic, by its code. Details are technical, and stand in English and in JSON.

use card_core::text::isolate;

use crate::ending::Ending;

/// What each code says: what it is, and what to do.
pub(super) const TEXTS: &[(&str, &str)] = &[
    ("in-use", "مجلد البيانات يستخدمه برنامج آخر: يرجى انتظار انتهائه"),
    ("no-simulated-card", "لا يوجد كارت محاكاة بعد: يرجى إصدار كارت أولًا"),
    ("no-simulated-meter", "لا يوجد عداد محاكاة بهذا الرقم: يرجى إصدار كارت له أولًا"),
    ("keys", "تعذر استخدام بيانات التشفير: يرجى وضع أحدث نسخة سليمة منها"),
    ("no-pin", "تعذر الحصول على الرقم السري لوحدة التشفير: يرجى كتابته أو وضعه في ملف خاص"),
    ("data-directory", "تعذر استخدام مجلد البيانات: يرجى التأكد من وجوده وإمكان الكتابة فيه"),
    ("reader", "تعذر الوصول إلى قارئ الكروت: يرجى مراجعة توصيله واسمه"),
    ("no-ledger", "لا توجد دفاتر هنا: يرجى تحديد المجلد الصحيح أو إنشاء دفاتر جديدة أو استعادة أحدث نسخة"),
    ("request-not-shown", "تعذر عرض رقم الطلب ولم يُنفذ شيء: يرجى تحديد رقم للطلب"),
    ("card", "لم يكتمل العمل مع الكارت: يرجى إعادة وضع الكارت والمحاولة من جديد"),
    ("other-card", "هذا كارت آخر غير المقصود: يرجى وضع الكارت المقصود"),
    ("paid-not-loaded", "سُجلت الشحنة ولم تصل إلى الكارت: يرجى عدم البيع مرة أخرى وتحميل الشحنة المحفوظة"),
    ("books-behind", "على الكارت أكثر مما في الدفاتر: يرجى وقف البيع واستعادة أحدث نسخة منها"),
    ("second-person", "هذا يحتاج إلى موافقة شخص ثان وقد سُجل: يرجى الموافقة عليه ثم إعادته بالرقم نفسه"),
    ("paid-not-certified", "سُجل المبلغ مدفوعًا ولم تصدر شحنته بعد: يرجى إعادة الطلب بالرقم نفسه أو رد المبلغ"),
    ("sold-to-former-card", "بيعت هذه الشحنة للكارت السابق: يرجى نقلها إلى هذا الكارت بالتحديث"),
    ("list-unreadable", "تعذرت قراءة قائمة القناة: يرجى تحديد الملف الصحيح"),
    ("audit-key", "تعذر استخدام بيانات توقيع المراجعة: يرجى مراجعة الملف وصلاحياته"),
    ("export", "تعذر تصدير القيود: يرجى اختيار مجلد جديد يمكن الكتابة فيه"),
    ("settlement-file", "تعذر استخدام ملف التسوية أو وصف أعمدته: يرجى تحديد الملف الصحيح"),
    ("server", "تعذر تشغيل الخادم: يرجى مراجعة العنوان وما يستخدمه غيره"),
    ("meter", "لم يكتمل العمل مع العداد: يرجى إعادة المحاولة"),
    ("profile", "تعذرت قراءة نمط الاستهلاك: يرجى تحديد ملف صحيح"),
    ("mail-content", "لا يقبل أي عداد هذه الرسالة ولم تُرسل: يرجى مراجعة قيمها"),
    ("voucher-file", "تعذر استخدام ملف الشحنة: يرجى تحديد ملف صحيح"),
    ("batch-list", "تعذر استخدام قائمة الكروت: يرجى مراجعة الملف وسطوره"),
    ("batch-results", "تعذر استخدام ملف النتائج: يرجى مراجعة مكانه وصلاحياته"),
    ("report", "تعذر إعداد التقرير: يرجى مراجعة الملف والمدة"),
    ("tour", "توقفت الجولة: يرجى إعادتها"),
    ("tariff-file", "ملف التعريفة غير صحيح: يرجى مراجعته"),
    ("paper", "لم تُكتب الصفحة: يرجى مراجعة رقم الطلب واسم الملف"),
    ("desk", "تعذر فتح شاشة الفرع: يرجى اختيار عنوان آخر على هذا الجهاز"),
    ("trace", "تعذر استخدام ملف الأثر ولم يُنفذ شيء: يرجى تحديد ملف آخر"),
    ("no-national-id", "تعذرت قراءة الرقم القومي: يرجى تحديد ملفه أو كتابته"),
    ("no-secret", "تعذر الحصول على الكلمة السرية: يرجى كتابتها أو تحديد ملفها"),
    ("custodian", "لم يتغير شيء في جهة التوقيع: يرجى مراجعة الاسم والكلمة السرية وموافقة شخص ثان"),
    ("answer-lost", "تم التنفيذ وتعذرت كتابة الرد: يرجى الإعادة بالرقم نفسه لعرضه"),
];

/// What has happened.
const fn happened(ending: Ending) -> &'static str {
    match ending {
        Ending::Done | Ending::Found | Ending::AnswerLost => "تم التنفيذ",
        Ending::Refused | Ending::Usage | Ending::NoCard | Ending::Busy => "لم يُنفذ شيء",
        Ending::Partly | Ending::Waits => "نُفذ جزء",
        Ending::Unknown => "لا يُعرف هل نُفذ",
    }
}

/// What a code says, and what has happened.
pub(super) fn of_code(code: &str, ending: Ending) -> String {
    let text = TEXTS
        .iter()
        .find(|(known, _)| *known == code)
        .map_or("حدث خطأ: يرجى إبلاغ من يصون البرنامج", |(_, text)| text);
    format!("{text}. {} ({})", happened(ending), isolate(code))
}

/// Which process of this computer it is, and since when in UTC.
pub(super) fn holder(process: u32, since: &str) -> String {
    format!(" العملية {} منذ {}", isolate(process), isolate(since))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each code that this program gives to errors has Arabic words, and no word of another script.
    #[test]
    fn each_code_has_words() {
        let source = include_str!("error.rs");
        let code = |line: &str| Some(line.split_once("=> \"")?.1.split_once('"')?.0.to_owned());
        let codes: Vec<_> = source.lines().filter_map(code).collect();
        assert!(codes.len() > 25, "{codes:?}");
        for code in &codes {
            assert!(TEXTS.iter().any(|(known, _)| known == code), "{code} has no words in Arabic");
        }
        for (code, text) in TEXTS {
            assert!(codes.iter().any(|known| known == code), "{code} is nobody's");
            assert!(text.contains("يرجى") && !text.chars().any(|c| c.is_ascii_alphanumeric()), "{text}");
        }
    }
}
