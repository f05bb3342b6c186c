//! What the issuer sent to the meter.

macro_rules! issuer {
    ($next:ident $($further:ident)*; $($before:tt)*) => {
        $next! {
            $($further)*; $($before)*

            // What the meter did with what the issuer sent it, by card or network: the digits are the refusal's, 01 is none
            // (meter, section 7). For technicians and clerks, and for customers who see it on the display.

            /// Taken.
            MailTaken "P01"
                English "the meter has taken what the company sent it",
                    "take the card out when the meter has finished, if there is one in it";
                Arabic "تسلم العداد البيانات المرسلة من الشركة",
                    "يرجى سحب الكارت، إن وجد، بعد انتهاء العملية";
            /// For another meter.
            MailOtherMeter "P02"
                English "the data sent is for another meter; nothing has changed",
                    "have it issued for this meter at a branch";
                Arabic "البيانات المرسلة تخص عدادًا آخر، ولم يتغير شيء",
                    "يرجى طلب إصدارها لهذا العداد من أقرب فرع";
            /// For another binding.
            MailOtherBinding "P03"
                English "the data sent is for another contract of this meter; nothing has changed",
                    "have it issued for the present contract at a branch";
                Arabic "البيانات المرسلة تخص تعاقدًا آخر على هذا العداد، ولم يتغير شيء",
                    "يرجى طلب إصدارها للتعاقد الحالي من أقرب فرع";
            /// Not above the version taken last.
            MailStale "P04"
                English "the meter has this data already, or newer; nothing has changed",
                    "ask at a branch for the newest, if a change is still to come";
                Arabic "هذه البيانات أو أحدث منها موجودة في العداد بالفعل، ولم يتغير شيء",
                    "يرجى طلب أحدث البيانات من أقرب فرع إن كان هناك تغيير منتظر";
            /// A key version that is neither the current nor the previous one.
            MailUnknownKeys "P05"
                English "the data sent was made with keys that the meter does not have",
                    "ask a branch to bring the meter's keys up to date, and present it again then";
                Arabic "البيانات المرسلة صادرة ببيانات تشفير غير موجودة في العداد",
                    "يرجى طلب تحديث بيانات تشفير العداد من أقرب فرع ثم إرسال البيانات من جديد";
            /// The tag is wrong.
            MailNotVerified "P06"
                English "the meter cannot verify the data sent; nothing has changed",
                    "fetch it again from a branch";
                Arabic "تعذر على العداد التحقق من البيانات المرسلة، ولم يتغير شيء",
                    "يرجى الحصول عليها من جديد من أقرب فرع";
            /// Genuine, and not of its slot's form.
            MailMalformed "P07"
                English "the data sent is genuine, and the meter cannot read its form",
                    "report it to the electricity company, which must issue it anew";
                Arabic "تم التحقق من البيانات المرسلة، ولكن العداد لا يتعرف على صيغتها",
                    "يرجى إبلاغ شركة الكهرباء لإصدار البيانات من جديد";
            /// A tariff that is not newer than the one in force.
            MailTariffNotNewer "P08"
                English "the tariff sent is not newer than the one in force, which remains",
                    "report it to the electricity company, if a newer one was expected";
                Arabic "التعريفة المرسلة ليست أحدث من التعريفة السارية، وتبقى السارية كما هي",
                    "يرجى إبلاغ شركة الكهرباء إن كانت هناك تعريفة أحدث منتظرة";
            /// A command whose counter counts as executed.
            CommandRepeated "P09"
                English "the meter has dealt with this command before; nothing has changed",
                    "ask at a branch for a new command, if it is to be executed again";
                Arabic "سبق للعداد التعامل مع هذا الأمر، ولم يتغير شيء",
                    "يرجى طلب أمر جديد من أقرب فرع إن كان التنفيذ مطلوبًا مرة أخرى";
            /// A command that has expired.
            CommandExpired "P0A"
                English "the command has expired, and was not executed",
                    "ask at a branch for a new command";
                Arabic "انتهت صلاحية الأمر ولم يتم تنفيذه",
                    "يرجى طلب أمر جديد من أقرب فرع";
            /// A command that names another card than the one that brought it.
            CommandOtherCard "P0B"
                English "the command is for another card, and was not executed",
                    "use the card that the command was issued for";
                Arabic "هذا الأمر يخص كارتًا آخر ولم يتم تنفيذه",
                    "يرجى استخدام الكارت الصادر له هذا الأمر";
            /// A command of an unknown kind, without the card that it needs, or with a value out of its range.
            CommandUnknown "P0C"
                English "the meter does not know this command, or cannot execute it as it was issued",
                    "report it to the electricity company";
                Arabic "لا يتعرف العداد على هذا الأمر أو لا يمكنه تنفيذه بصورته الحالية",
                    "يرجى إبلاغ شركة الكهرباء";
            /// Keys that are not for this meter, not wrapped rightly, or others of the current version.
            KeysUnusable "P0D"
                English "the new keys cannot be used, and the meter keeps its present ones",
                    "report it to the electricity company, which must issue them anew";
                Arabic "لا يمكن استخدام بيانات التشفير الجديدة، ويستمر العداد في العمل ببيانات التشفير الحالية",
                    "يرجى إبلاغ شركة الكهرباء لإصدار بيانات التشفير من جديد";
            /// A command that comes after a later one of its kind.
            CommandSuperseded "P0E"
                English "the meter has executed a newer command of this kind already; nothing has changed",
                    "have a new command issued, if this one is still wanted";
                Arabic "نفذ العداد بالفعل أمرًا أحدث من النوع نفسه، ولم يتغير شيء",
                    "يرجى طلب إصدار أمر جديد إذا كان مطلوبًا";

            // The company's notices on the display: the digits are the template's (meter, section 7.4; messages.md has the values).

            /// Template 0000; also shown for one that this program does not know.
            Notice "N00"
                English "there is a message from your electricity company",
                    "ask for it at a branch";
                Arabic "توجد رسالة من شركة الكهرباء",
                    "يرجى الاستفسار عنها من أقرب فرع";
            /// Template 0001.
            PlannedOutage "N01"
                English "the supply will be off during planned work",
                    "switch sensitive appliances off before it begins";
                Arabic "سيتم فصل التيار لإجراء أعمال صيانة",
                    "يرجى إطفاء الأجهزة الحساسة قبل بدء أعمال الصيانة";
            /// Template 0002.
            VisitBranch "N02"
                English "your electricity company asks for a visit to a branch",
                    "go to a branch with your card, when it is convenient";
                Arabic "تطلب شركة الكهرباء زيارة أحد الفروع",
                    "يرجى التوجه بالكارت إلى أقرب فرع في الوقت المناسب";
            /// Template 0003.
            TariffChanges "N03"
                English "the electricity prices are going to change",
                    "ask for the new prices at a branch";
                Arabic "سيتم تغيير أسعار الكهرباء",
                    "يرجى الاستفسار عن الأسعار الجديدة من أقرب فرع";
            /// Template 0004.
            InspectionPlanned "N04"
                English "an inspection of the meter is planned",
                    "see to it that the technician can reach the meter";
                Arabic "تم تحديد موعد لفحص العداد",
                    "يرجى تسهيل وصول الفني إلى العداد";
            /// Template 0005.
            ReplaceCard "N05"
                English "the card is to be replaced by a new one",
                    "replace it at a branch; its credit is on record at the company";
                Arabic "حان موعد استبدال الكارت بكارت جديد",
                    "يرجى التوجه إلى أقرب فرع لاستبدال الكارت، والرصيد مسجل لدى الشركة";
            /// Template 0006.
            InstalmentsEnded "N06"
                English "the instalment plan has ended; no more instalments of it are taken",
                    "ask at a branch for the details, if you need them";
                Arabic "تم سداد جميع الأقساط، ولا تخصم أقساط أخرى",
                    "يرجى الاستفسار عن التفاصيل من أقرب فرع عند الحاجة";
        }
    };
}
