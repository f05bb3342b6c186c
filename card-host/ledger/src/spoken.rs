//! Why the ledger did not do it, as a code for programs and in Arabic. English is the `Display` of the errors.

use core::fmt::Display;

use card_core::text::isolate;

use super::error::{AnchorError, ClockError, LedgerError, MastersError, Refusal, StoreError};

impl LedgerError {
    /// What it is called by programs.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Refused(refusal) => refusal.code(),
            Self::Store(StoreError::Unavailable(_)) => "store-unavailable",
            Self::Store(StoreError::OutcomeUnknown(_)) => "outcome-unknown",
            Self::Store(StoreError::Other(_)) => "other-ledger",
            Self::Store(StoreError::Unfit(_)) => "store-unfit",
            Self::Store(StoreError::Exists(_)) => "file-exists",
            Self::Store(StoreError::Corrupt(_)) => "ledger-damaged",
            Self::Store(StoreError::ReadOnly) | Self::NotRun => "mistake-in-program",
            Self::Issuer(_) => "cannot-sign",
            Self::Anchor(AnchorError::Behind { .. }) => "older-ledger",
            Self::Anchor(_) => "anchor-unusable",
            Self::Masters(MastersError::Others(_)) => "other-keys",
            Self::Masters(MastersError::Older(_)) => "older-keys",
            Self::Clock(_) => "clock-doubtful",
            Self::Name(_) => "malformed-name",
        }
    }

    /// In Arabic, with the codes and names that belong to it.
    pub fn arabic(&self) -> String {
        match self {
            Self::Refused(refusal) => refusal.arabic(),
            Self::Store(error) => error.arabic().to_owned(),
            Self::NotRun => "خطأ في البرنامج: يرجى إبلاغ من يصونه".to_owned(),
            Self::Issuer(_) => {
                "تعذر التوقيع ولم يُسجل شيء: يرجى مراجعة الساعة وبيانات التشفير".to_owned()
            }
            Self::Anchor(AnchorError::Behind { point, number, .. }) => format!(
                "هذه نسخة قديمة من الدفاتر، فالقيد {} لمنفذ الشحن {} غير موجود فيها، ولم يُنفذ شيء: يرجى وضع أحدث نسخة مكانها أو الإعلان عن استعادتها",
                isolate(number),
                isolate(point)
            ),
            Self::Anchor(AnchorError::Memory(_)) => {
                "تعذر سؤال جهة التوقيع عن آخر ما وصلت إليه الدفاتر، ولم يُنفذ شيء: يرجى مراجعتها ثم الإعادة".to_owned()
            }
            Self::Masters(MastersError::Others(version) | MastersError::Older(version)) => format!(
                "بيانات التشفير {} ليست بيانات هذه الدفاتر أو أقدم منها، ولم يُنفذ شيء: يرجى استخدام أحدث نسخة منها",
                isolate(version)
            ),
            Self::Clock(ClockError::Behind { point, .. }) => format!(
                "ساعة هذا الجهاز قبل آخر قيد لمنفذ الشحن {}، ولم يُنفذ شيء: يرجى ضبط الساعة، وإن كانت صحيحة فيؤكدها شخصان",
                isolate(point)
            ),
            Self::Clock(ClockError::Ahead { .. }) => {
                "ساعة هذا الجهاز بعد أحدث قيد بمدة طويلة، ولم يُنفذ شيء: يرجى ضبط الساعة، وإن كانت صحيحة فيؤكدها شخصان"
                    .to_owned()
            }
            Self::Name(_) => "الاسم أو الرقم غير مكتوب كما يجب: يرجى مراجعته".to_owned(),
        }
    }
}

impl StoreError {
    const fn arabic(&self) -> &'static str {
        match self {
            Self::Unavailable(_) => {
                "لا يمكن استخدام الدفاتر الآن ولم يُسجل شيء: يرجى مراجعة قاعدة البيانات ثم الإعادة"
            }
            Self::OutcomeUnknown(_) => {
                "تعطلت الدفاتر أثناء التسجيل، ولا يُعرف هل سُجل الطلب: يرجى إعادته بالرقم نفسه، ولن يُنفذ مرتين"
            }
            Self::Other(_) => "هذه ليست الدفاتر المقصودة، ولم يتغير شيء: يرجى مراجعة ما فُتح منها",
            Self::Unfit(_) => "إعداد قاعدة البيانات لا يصلح لهذا، ولم يُسجل شيء: يرجى تعديله ثم الإعادة",
            Self::Exists(_) => "الملف موجود من قبل ولم يُستبدل: يرجى اختيار اسم آخر",
            Self::Corrupt(_) => "الدفاتر متناقضة: يرجى وقف البيع وفحصها ثم استعادة نسخة سليمة",
            Self::ReadOnly => "خطأ في البرنامج: يرجى إبلاغ من يصونه",
        }
    }
}

impl Refusal {
    /// What it is called by programs. Each has its own.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::OtherRequest(_) => "other-request",
            Self::NoRequest(_) => "no-request",
            Self::UnknownPoint(_) => "unknown-point",
            Self::PointClosed(_) => "point-closed",
            Self::UnknownParty(_) => "unknown-party",
            Self::UnknownCard(_) => "unknown-card",
            Self::UnknownMeter(_) => "unknown-meter",
            Self::UnknownAccount(_) => "unknown-account",
            Self::MeterInUse { .. } => "meter-in-use",
            Self::HasCard { .. } => "has-card",
            Self::CardInUse(_) => "card-in-use",
            Self::UnknownBinding(_) => "unknown-binding",
            Self::MonthUnknown(_) => "month-unknown",
            Self::Replaced(..) => "card-replaced",
            Self::Engineering(_) => "engineering-card",
            Self::Blocked(_) => "card-blocked",
            Self::Closed(_) => "contract-closed",
            Self::NotEnded(_) => "not-ended",
            Self::EvidenceNeeded(_) => "evidence-needed",
            Self::LostCard(_) => "lost-card",
            Self::WentBack(_) => "meter-went-back",
            Self::AboveExpectation { .. } => "above-expectation",
            Self::MayBeMoved { .. } => "may-be-moved",
            Self::NothingRestored => "nothing-restored",
            Self::CardServes(_) => "card-serves",
            Self::OlderContract { .. } => "older-contract",
            Self::OtherContract(_) => "other-contract",
            Self::NotNewer { .. } => "card-not-newer",
            Self::BooksBehind(_) => "books-behind",
            Self::TooLittle { .. } => "too-little",
            Self::TooMuch { .. } => "too-much",
            Self::DailyLimit { .. } => "daily-limit",
            Self::CashLimit { .. } => "cash-limit",
            Self::NothingLeft(_) => "nothing-left",
            Self::NoPolicy => "no-rules",
            Self::NotLinked(_) => "not-linked",
            Self::LinkedToOther(_) => "linked-to-other",
            Self::ApprovalNeeded { .. } => "approval-needed",
            Self::NotAllowed { .. } => "not-allowed",
            Self::NotStaff(_) => "not-staff",
            Self::NoStaff(_) => "no-staff",
            Self::StaffThere(_) => "staff-there",
            Self::SecretGone(_) => "secret-gone",
            Self::SingleUser => "single-user",
            Self::NotSecondPerson { .. } => "not-second-person",
            Self::SecondPerson(_) => "second-person",
            Self::MoreThanAllowed { .. } => "more-than-allowed",
            Self::MoreThanLeft { .. } => "more-than-left",
            Self::Cancelled => "cancelled",
            Self::AlreadyConfirmed => "already-confirmed",
            Self::Refunded => "refunded",
            Self::WrongStep(_) => "wrong-step",
            Self::MoreThanCertified { .. } => "more-than-certified",
            Self::BadEvidence(_) => "bad-evidence",
            Self::NoReason => "no-reason",
            Self::Papers(refusal) => refusal.code(),
            Self::Invalid(_) => "invalid",
        }
    }

    /// In Arabic: what it is, and what to do.
    pub fn arabic(&self) -> String {
        match self {
            Self::OtherRequest(id) => {
                says("الطلب {} استُخدم لشيء آخر: يرجى إعادة ما طُلب به أولًا أو اختيار رقم جديد", &[id])
            }
            Self::NoRequest(id) => says("لا يوجد طلب {} لهذه الجهة: يرجى تسجيل البيع أولًا", &[id]),
            Self::UnknownPoint(point) => {
                says("منفذ الشحن {} غير معروف أو ليس لكم: يرجى أن تسجله الشركة", &[point])
            }
            Self::PointClosed(point) => says("منفذ الشحن {} موقوف عن البيع: يرجى سؤال الشركة", &[point]),
            Self::UnknownParty(party) => {
                says("الجهة {} غير معروفة أو موقوفة عن البيع: يرجى سؤال الشركة", &[party])
            }
            Self::UnknownCard(card) => says("الكارت {} لم يصدر هنا: يرجى مراجعة رقمه", &[card]),
            Self::UnknownAccount(account) => {
                says("لا يوجد مشترك بالحساب {}: يرجى مراجعة الرقم في العقد", &[account])
            }
            Self::UnknownMeter(meter) => says("العداد {} لا يخدم أي مشترك: يرجى مراجعة رقمه", &[meter]),
            Self::MeterInUse { meter, card } => says(
                "العداد {} يخدم مشتركًا آخر بالكارت {}: يرجى مراجعة الأرقام، وإن كان قد ترك المكان فيرجى تسجيل انتقال الساكن الجديد",
                &[meter, card],
            ),
            Self::HasCard { meter, card } => says(
                "لهذا الحساب كارت {1} على العداد {0}: يرجى استبداله مع بيان السبب (مفقود أو تالف أو تحديث أو مرتجع)",
                &[meter, card],
            ),
            Self::CardInUse(card) => says("الكارت {} صدر من قبل: يرجى استخدام كارت فارغ", &[card]),
            Self::UnknownBinding(binding) => says(
                "لا يوجد هنا تعاقد رقم {} على العداد {}: يرجى مراجعة الرقم والدفاتر المفتوحة",
                &[&binding.number, &binding.meter],
            ),
            Self::MonthUnknown(binding) => says(
                "استهلاك الشهر في التعاقد {} على العداد {} غير معروف: يرجى طلب قراءة العداد واستلامها ثم الإعادة",
                &[&binding.number, &binding.meter],
            ),
            Self::Replaced(card, by) => {
                says("حل الكارت {1} محل الكارت {0}: يرجى استخدام الكارت الجديد", &[card, by])
            }
            Self::Engineering(card) => says("الكارت {} كارت فني ولا يُشحن: يرجى استخدام كارت المشترك", &[card]),
            Self::Blocked(card) => {
                says("الكارت {} موقوف: يرجى أن يستلم المشترك كارتًا جديدًا من الفرع", &[card])
            }
            Self::Closed(_) => "انتهى تعاقد هذا الكارت: يرجى استخدام كارت المشترك الجديد".to_owned(),
            Self::NotEnded(binding) => says(
                "التعاقد {} على العداد {} لم ينته بعد: يرجى إنهاؤه أولًا ثم رد المتبقي",
                &[&binding.number, &binding.meter],
            ),
            Self::EvidenceNeeded(_) => {
                "استُعيدت الدفاتر من نسخة ولم يُقرأ هذا التعاقد بعدها: يرجى قراءة الكارت في الفرع أولًا"
                    .to_owned()
            }
            Self::LostCard(card) => says(
                "الكارت {} غير معروف في الدفاتر التي استُعيدت من نسخة: يرجى مراجعة رقمه وأن تسجل الشركة ما عليه",
                &[card],
            ),
            Self::WentBack(binding) => says(
                "يوجد خلل في ذاكرة العداد {}، فتقريره الأخير عن التعاقد {} لا يكفي: يرجى اقتراح تقدير على شخص ثان",
                &[&binding.meter, &binding.number],
            ),
            Self::AboveExpectation { from, left, expected } => says(
                "يذكر التقرير الأخير للتعاقد {} على العداد {} أن المتبقي {} جنيه، ولا يزيد بحسب ما قبله على {} جنيه: يرجى فحص العداد واقتراح الصحيح على شخص ثان",
                &[&from.number, &from.meter, left, expected],
            ),
            Self::MayBeMoved { from, to } => says(
                "استُعيدت الدفاتر من نسخة، وربما نُقل متبقي التعاقد {} على العداد {} من قبل: يرجى مراجعة ما دفعه المشترك ثم اقتراح نقله إلى العداد {} على شخص ثان",
                &[&from.number, &from.meter, &to.meter],
            ),
            Self::NothingRestored => {
                "لم يُعلن عن استعادة هذه الدفاتر، فالكارت غير المعروف ليس منها: يرجى مراجعة الدفاتر المفتوحة"
                    .to_owned()
            }
            Self::CardServes(card) => {
                says("الكارت {} معروف هنا ويخدم هذا التعاقد: يرجى استلام ما عليه فقط", &[card])
            }
            Self::OlderContract { binding, newest } => says(
                "أنهى التعاقد {2} التعاقد {0} على العداد {1}: يرجى استخدام كارت التعاقد الأحدث",
                &[&binding.number, &binding.meter, newest],
            ),
            Self::OtherContract(binding) => says(
                "التعاقد {} على العداد {} هنا لمشترك آخر أو من وقت آخر: يرجى فتح تعاقد جديد",
                &[&binding.number, &binding.meter],
            ),
            Self::NotNewer { card, present } => says(
                "الكارت {} ليس أحدث من الكارت {} الذي يخدم هذا التعاقد: يرجى استخدام الأخير أو إصدار كارت جديد",
                &[card, present],
            ),
            Self::BooksBehind(binding) => says(
                "على الكارت أو العداد {} أكثر مما في الدفاتر: يرجى الإعلان عن الاستعادة إن كانت من نسخة، وإلا ففحص العداد",
                &[&binding.meter],
            ),
            Self::TooLittle { amount, least } => {
                says("المبلغ {} جنيه أقل مما يباع هنا: الحد الأدنى {} جنيه", &[amount, least])
            }
            Self::TooMuch { amount, most } => {
                says("المبلغ {} جنيه أكثر مما يباع هنا مرة واحدة: الحد الأقصى {} جنيه", &[amount, most])
            }
            Self::DailyLimit { point, sold, most } => says(
                "باع منفذ الشحن {} اليوم {} جنيه وحده {} جنيه: يرجى المتابعة غدًا أو سؤال الشركة",
                &[point, sold, most],
            ),
            Self::CashLimit { point, most } => {
                says("سيزيد النقد في منفذ الشحن {} على {} جنيه: يرجى توريد النقد أولًا", &[point, most])
            }
            Self::NothingLeft(amount) => {
                says("لا يتبقى رصيد من {} جنيه بعد الرسوم: يرجى شحن مبلغ أكبر", &[amount])
            }
            Self::NoPolicy => "لا توجد قواعد للبيع من هذه القناة: يرجى أن تسجلها الشركة".to_owned(),
            Self::NotLinked(card) => {
                says("الكارت {} غير مربوط بحساب في هذا البنك: يرجى موافقة صاحبه أولًا", &[card])
            }
            Self::LinkedToOther(card) => {
                says("الكارت {} مربوط بحساب آخر في هذا البنك: يرجى أن ينهي صاحبه ذلك أولًا", &[card])
            }
            Self::ApprovalNeeded { amount } => says(
                "مبلغ {} جنيه يحتاج إلى موافقة شخص ثان: يرجى تسجيله ثم الموافقة عليه ثم المتابعة",
                &[amount],
            ),
            Self::NotAllowed { actor, power } => says(
                "{} غير مصرح له بهذا، فهو يحتاج إلى صلاحية {}: يرجى أن ينفذه من له هذه الصلاحية",
                &[actor, &power.code()],
            ),
            Self::NotStaff(name) => says(
                "{} غير معروف هنا بهذه الكلمة السرية: يرجى مراجعة الاسم والكلمة السرية، وإن فُقدت يرجى طلب تجديدها",
                &[name],
            ),
            Self::NoStaff(name) => says("{} ليس من العاملين: يرجى مراجعة قائمتهم", &[name]),
            Self::StaffThere(name) => {
                says("{} من العاملين بالفعل: يرجى اختيار اسم آخر أو تعديل صلاحياته", &[name])
            }
            Self::SecretGone(name) => {
                says("حصل {} على كلمة سرية بهذا الطلب ولا تُحفظ في أي مكان: إن فُقدت يرجى طلب تجديدها", &[name])
            }
            Self::SingleUser => {
                "أُنشئت هذه الدفاتر لمستخدم واحد يقوم بكل شيء: يرجى إنشاء دفاتر بها عاملون إن لزم ذلك"
                    .to_owned()
            }
            Self::NotSecondPerson { actor } => {
                says("لا يصلح {} شخصًا ثانيًا لهذا: يرجى أن يوافق شخص آخر له ذلك", &[actor])
            }
            Self::SecondPerson(id) => says(
                "هذا يحتاج إلى شخصين وسُجل بالرقم {}: يرجى أن يوافق عليه شخص آخر ثم إعادته بالرقم نفسه",
                &[id],
            ),
            Self::MoreThanAllowed { amount, most } => {
                says("المبلغ {} جنيه أكثر مما تسمح به القواعد دون دفع: الحد الأقصى {} جنيه", &[amount, most])
            }
            Self::MoreThanLeft { amount, left } => says(
                "المبلغ {} جنيه أكثر من المتبقي {} جنيه بحسب أحدث تقرير للعداد: يرجى رد المتبقي فقط",
                &[amount, left],
            ),
            Self::Cancelled => "أُلغي هذا البيع: يرجى رد ما دُفع إلى المشترك".to_owned(),
            Self::AlreadyConfirmed => "تأكد هذا البيع: يرجى تصحيحه في الفرع".to_owned(),
            Self::Refunded => "رُد ما دُفع: يرجى البيع من جديد".to_owned(),
            Self::WrongStep(id) => says("هذه الخطوة لا تناسب الطلب {}: يرجى مراجعة حالته", &[id]),
            Self::MoreThanCertified { amount, certified } => says(
                "المبلغ {} جنيه أكثر مما للمشترك في الدفاتر وهو {} جنيه: يرجى تصحيح المبلغ",
                &[amount, certified],
            ),
            Self::BadEvidence(_) => {
                "البيانات المسلمة غير صحيحة أو ليست لنا ولم تُحفظ: يرجى اعتبارها مزورة".to_owned()
            }
            Self::NoReason => "يرجى كتابة السبب في سطر واحد: يبقى في الدفاتر دائمًا".to_owned(),
            Self::Papers(refusal) => refusal.arabic(),
            Self::Invalid(_) => "إحدى القيم غير صحيحة ولم يُنفذ شيء: يرجى مراجعة ما كُتب".to_owned(),
        }
    }
}

/// A sentence with its names and amounts, each kept in one piece: `{}` is the next, `{0}` a certain one.
fn says(sentence: &str, values: &[&dyn Display]) -> String {
    let (mut text, mut rest, mut next) = (String::new(), sentence, 0);
    while let Some((before, after)) = rest.split_once('{') {
        let (place, behind) = after.split_once('}').unwrap_or((after, ""));
        text.push_str(before);
        let at = place.parse().unwrap_or(next);
        next += 1;
        if let Some(value) = values.get(at) {
            text.push_str(&isolate(value).to_string());
        }
        rest = behind;
    }
    text.push_str(rest);
    text
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what is wrong by failing")]

    use card_core::id::{Binding, CardId, MeterId};
    use card_core::units::{Balance, Piastres};

    use super::*;
    use crate::policy::PaperRefusal;

    /// One of each.
    fn refusals() -> Vec<Refusal> {
        let (card, meter) = (CardId([0xA1; 8]), MeterId([0, 0, 0, 0, 0, 0, 0, 7]));
        let binding = Binding { meter, number: 3 };
        let (id, point) = ("r-1".parse().unwrap(), "p1".parse().unwrap());
        let (amount, most) = (Piastres(1_050), Piastres(900));
        let request = |id: &crate::RequestId| id.clone();
        vec![
            Refusal::OtherRequest(request(&id)),
            Refusal::NoRequest(request(&id)),
            Refusal::UnknownPoint("p1".parse().unwrap()),
            Refusal::PointClosed("p1".parse().unwrap()),
            Refusal::UnknownParty("p1".parse().unwrap()),
            Refusal::UnknownCard(card),
            Refusal::UnknownMeter(meter),
            Refusal::UnknownAccount(7),
            Refusal::MeterInUse { meter, card },
            Refusal::HasCard { meter, card },
            Refusal::CardInUse(card),
            Refusal::UnknownBinding(binding),
            Refusal::MonthUnknown(binding),
            Refusal::Replaced(card, CardId([0xB2; 8])),
            Refusal::Engineering(card),
            Refusal::Blocked(card),
            Refusal::Closed(binding),
            Refusal::NotEnded(binding),
            Refusal::EvidenceNeeded(binding),
            Refusal::LostCard(card),
            Refusal::WentBack(binding),
            Refusal::AboveExpectation { from: binding, left: Balance(5), expected: Balance(3) },
            Refusal::MayBeMoved { from: binding, to: binding },
            Refusal::NothingRestored,
            Refusal::CardServes(card),
            Refusal::OlderContract { binding, newest: 4 },
            Refusal::OtherContract(binding),
            Refusal::NotNewer { card, present: CardId([0xB2; 8]) },
            Refusal::BooksBehind(binding),
            Refusal::TooLittle { amount, least: most },
            Refusal::TooMuch { amount, most },
            Refusal::DailyLimit { point, sold: amount, most },
            Refusal::CashLimit { point: "p1".parse().unwrap(), most },
            Refusal::NothingLeft(amount),
            Refusal::NoPolicy,
            Refusal::NotLinked(card),
            Refusal::LinkedToOther(card),
            Refusal::ApprovalNeeded { amount },
            Refusal::NotAllowed { actor: "a".to_owned(), power: crate::Power::Approve },
            Refusal::NotStaff("a".to_owned()),
            Refusal::NoStaff("a".to_owned()),
            Refusal::StaffThere("a".to_owned()),
            Refusal::SecretGone("a".to_owned()),
            Refusal::SingleUser,
            Refusal::NotSecondPerson { actor: "7".to_owned() },
            Refusal::SecondPerson(request(&id)),
            Refusal::MoreThanAllowed { amount, most },
            Refusal::MoreThanLeft { amount, left: most },
            Refusal::Cancelled,
            Refusal::AlreadyConfirmed,
            Refusal::Refunded,
            Refusal::WrongStep(request(&id)),
            Refusal::MoreThanCertified { amount, certified: most },
            Refusal::BadEvidence("text".to_owned()),
            Refusal::NoReason,
            Refusal::Papers(PaperRefusal::NoValidity),
            Refusal::Invalid("text".to_owned()),
        ]
    }

    /// What is not between isolates, which hold identifiers and amounts.
    fn words(text: &str) -> String {
        let parts =
            text.split('\u{2068}').map(|part| part.split_once('\u{2069}').map_or(part, |(_, rest)| rest));
        parts.collect()
    }

    /// Each refusal of the source is in the walk, has a code of its own, and words in both languages.
    #[test]
    fn each_refusal_has_a_code_and_both_languages() {
        let source = include_str!("error.rs");
        let (_, variants) = source.split_once("pub enum Refusal {").unwrap();
        let known = |line: &&str| {
            line.starts_with("    ") && line.as_bytes().get(4).is_some_and(u8::is_ascii_uppercase)
        };
        let all = refusals();
        assert_eq!(variants.lines().filter(known).count(), all.len(), "the walk has not all of them");
        let mut codes = Vec::new();
        for refusal in &all {
            let (english, arabic) = (refusal.to_string(), refusal.arabic());
            assert!(!codes.contains(&refusal.code()), "{} twice", refusal.code());
            codes.push(refusal.code());
            assert!(arabic != english && words(&arabic).chars().any(|c| matches!(c, 'ء'..='ي')), "{arabic}");
            assert!(!words(&arabic).chars().any(|c| c.is_ascii_alphanumeric() || c == '{'), "{arabic}");
            assert!(arabic.contains("يرجى") || arabic.contains("الحد"), "what to do: {arabic}");
        }
    }

    #[test]
    fn names_stand_where_they_belong() {
        let text = Refusal::Replaced(CardId([0xA1; 8]), CardId([0xB2; 8])).arabic();
        assert!(text.find("B2B2").unwrap() < text.find("A1A1").unwrap(), "{text}");
        let text = Refusal::TooLittle { amount: Piastres(1_050), least: Piastres(2_000) }.arabic();
        assert!(
            text.contains("\u{2068}10.50\u{2069} جنيه") && text.contains("\u{2068}20.00\u{2069}"),
            "{text}"
        );
    }
}
