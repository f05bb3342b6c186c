//! What a reconciliation says, in Arabic. English is the `Display` of an exception.

use card_core::text::isolate;

use super::{Exception, ExceptionKind, Severity};

impl ExceptionKind {
    /// In Arabic: what it is, and what to do.
    pub const fn arabic(self) -> [&'static str; 2] {
        match self {
            Self::MeterAbove => [
                "أضاف العداد أكثر مما في الدفاتر",
                "بعد استعادة نسخة سلّم شحنات القنوات، وإلا فأوقف الكارت وابحث عن بيانات التشفير المستخدمة",
            ],
            Self::SignedAbove => [
                "وقّعت جهة التوقيع أكثر مما في الدفاتر",
                "أعد الفحص بعد اكتمال البيع الجاري، وإلا فأوقف البيع وابحث عن الفاعل",
            ],
            Self::Signer => {
                ["إنذار من جهة التوقيع", "ابحث عمن طلب ذلك، فإن كان صحيحًا يرفع أمينان الحد الأقصى"]
            }
            Self::CardAbove => [
                "على الكارت شهادة أحدث مما في الدفاتر",
                "بعد استعادة نسخة اقرأ الكارت وسلّم ما عليه، وإلا فأوقف الكارت وابحث عن بيانات التشفير المستخدمة",
            ],
            Self::WentBack => {
                ["رجعت قراءة العداد أو ما أضافه إلى الوراء", "افحص العداد: استُبدلت ذاكرته أو قراءته"]
            }
            Self::BeganAnew => [
                "بدأت أرقام تقارير العداد من جديد",
                "افحص العداد: استُبدلت ذاكرته أو مُسحت ما لم تُضبط ساعته إلى الوراء بأمر، ثم افتح تعاقدًا جديدًا",
            ],
            Self::Regressed => [
                "يوجد خلل في ذاكرة العداد: عادت إلى ما قبل",
                "افحص العداد وافتح له تعاقدًا جديدًا، فهو لا يقبل شحنًا قبله، ويقدّر شخصان المتبقي",
            ],
            Self::BalanceAbove => {
                ["رصيد العداد أكبر من الممكن", "افحص العداد، فلا يؤخذ بما يقوله، ويقدّر شخصان المتبقي فيه"]
            }
            Self::FreeEnergy => ["استهلاك بلا مقابل", "راجع تعريفة العداد، فإن كانت صحيحة فافحص العداد"],
            Self::SupersededUsed => [
                "استهلاك على تعاقد حل محله أحدث منه",
                "ضع كارت التعاقد الجديد في العداد، ثم انقل المتبقي بالتقرير الأخير",
            ],
            Self::Tampering => ["سجل العداد تلاعبًا", "افحص العداد ثم امسح التلاعب بأمر"],
            Self::Debt => ["الرصيد أقل من الحد", "نبّه المشترك إلى الشحن أو اتفق معه على أقساط"],
            Self::Silent => ["لا خبر عن العداد منذ مدة", "اقرأ العداد أو اطلب من المشترك إحضار الكارت"],
            Self::NotCarried => {
                ["لم تصل الشحنة إلى الكارت منذ مدة", "نبّه المشترك إلى تحميل الشحنة ثم وضع الكارت في العداد"]
            }
            Self::PaidWaits => ["مدفوع ولم تصدر شحنته", "أكد البيع من جديد أو رد المبلغ"],
            Self::AnnouncedWaits => ["مسجل ولم يُدفع ولم يُلغ", "اسأل القناة هل معها المبلغ، ثم أكد أو ألغ"],
            Self::ProposedWaits => ["مقترح ينتظر شخصًا ثانيًا", "يوافق عليه شخص ثان أو يُسحب"],
            Self::NotMoved => [
                "لم يُنقل المتبقي من تعاقد منتهٍ",
                "اجمع التقرير الأخير من العداد ثم انقل المتبقي، فإن لم يوجد فبتقدير يوافق عليه شخص ثان. وبعد استعادة نسخة تأكد أولًا أنه لم يُنقل",
            ],
            Self::CashAbove => ["في منفذ الشحن نقد أكثر من المسموح", "اطلب توريد النقد وسجله"],
            Self::NotClosed => ["لم يُغلق يوم منفذ الشحن", "عُد النقد وأغلق اليوم"],
            Self::WithoutPayment => ["رصيد بلا مقابل مدفوع", "تأكد من صحة السبب ومن علم الشخصين به"],
            Self::CashShort => ["نقد ناقص عند إغلاق اليوم", "ابحث عن النقد مع من عدّه"],
            Self::EvidenceNeeded => {
                ["لم يُر التعاقد منذ استعادة النسخة", "اقرأ الكارت أو سلّم تقرير العداد أو شحنة من القناة"]
            }
        }
    }
}

impl Severity {
    /// In Arabic.
    pub const fn arabic(self) -> &'static str {
        match self {
            Self::Alarm => "إنذار",
            Self::Warning => "تنبيه",
            Self::Notice => "للعلم",
        }
    }
}

impl Exception {
    /// In Arabic, with the codes and numbers that belong to it, and what to do; without the details of `what`, which are in English.
    pub fn arabic(&self) -> String {
        let [what, to_do] = self.kind.arabic();
        let binding = self.binding.map(|binding| {
            format!("، التعاقد {} للعداد {}", isolate(binding.number), isolate(binding.meter))
        });
        let account = (self.account != 0).then(|| format!("، المشترك {}", isolate(self.account)));
        let request = self
            .request
            .as_ref()
            .map(|request| format!("، الطلب {} من {}", isolate(&request.id), isolate(&request.party)));
        let point = self.point.as_ref().map(|point| format!("، منفذ الشحن {}", isolate(point)));
        let about: String = [binding, account, request, point].into_iter().flatten().collect();
        format!("{}: {what}{about}. المطلوب: {to_do}", self.severity.arabic())
    }
}
