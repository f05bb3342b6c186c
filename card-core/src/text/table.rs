//! The table. A line of it is written once, with its code and both languages; the list in [`Situation::ALL`] and the sentences of
//! [`Situation::text`] come from it.

use super::{Language, Text};

macro_rules! situations {
    ($(
        $(#[$doc:meta])+
        $name:ident $code:literal
            English $what_en:literal, $to_do_en:literal;
            Arabic $what_ar:literal, $to_do_ar:literal;
    )+) => {
        /// What a customer can meet at a kiosk, on a phone, at a branch or at the meter.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Situation {
            $($(#[$doc])+ $name,)+
        }

        impl Situation {
            /// All of them, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// What to tell the customer.
            pub const fn text(self, language: Language) -> Text {
                match (self, language) {
                    $(
                        (Self::$name, Language::English) => {
                            Text { code: $code, what: $what_en, to_do: $to_do_en }
                        }
                        (Self::$name, Language::Arabic) => {
                            Text { code: $code, what: $what_ar, to_do: $to_do_ar }
                        }
                    )+
                }
            }
        }
    };
}

situations! {
    // Loading (specification, section 9).

    /// A voucher is sold and has not been loaded yet.
    PaidNotLoaded "L00"
        English "the charge is paid for and is not on the card yet",
            "load it onto the card, with a phone or at a kiosk";
        Arabic "تم دفع قيمة الشحن ولم يصل إلى الكارت بعد",
            "يرجى تحميل الشحن على الكارت بالهاتف أو من أي منفذ شحن";
    /// LOAD VOUCHER, outcome 01.
    Loaded "L01"
        English "loaded",
            "take the card to your meter to add the credit";
        Arabic "تم شحن الكارت",
            "يرجى وضع الكارت في العداد لإضافة الرصيد";
    /// LOAD VOUCHER, outcome 02; also mail that is there already.
    AlreadyLoaded "L02"
        English "this charge is on the card already; nothing has changed",
            "take the card to your meter, if you have not done so yet";
        Arabic "هذا الشحن موجود على الكارت بالفعل، ولم يتغير شيء",
            "يرجى وضع الكارت في العداد إن لم يتم ذلك من قبل";
    /// LOAD VOUCHER, outcome 03.
    Older "L03"
        English "the card has a newer charge, which contains this one; nothing has changed",
            "take the card to your meter, if you have not done so yet";
        Arabic "يوجد على الكارت شحن أحدث يشمل هذا الشحن، ولم يتغير شيء",
            "يرجى وضع الكارت في العداد إن لم يتم ذلك من قبل";
    /// LOAD VOUCHER, outcome 04.
    Refreshed "L04"
        English "the card has been brought up to date; its credit is the same",
            "take the card to your meter";
        Arabic "تم تحديث الكارت، والرصيد كما هو",
            "يرجى وضع الكارت في العداد";

    // What the card answers (specification, section 15), or would answer.

    /// 9401.
    OtherCard "9401"
        English "this is for another card",
            "use the card that it was issued for";
        Arabic "هذا الشحن يخص كارتًا آخر",
            "يرجى استخدام الكارت الصادر له هذا الشحن";
    /// 9402.
    OtherCompany "9402"
        English "this is from another electricity company",
            "go to the company that issued the card";
        Arabic "هذا الشحن من شركة كهرباء أخرى",
            "يرجى التوجه إلى الشركة التي أصدرت الكارت";
    /// 9403; also what a meter says of such a card.
    OtherEnvironment "9403"
        English "test and production do not mix, and one of the two is for tests only",
            "use a card of the same kind, or ask your electricity company";
        Arabic "الكارت أو الجهاز مخصص للتجارب فقط",
            "يرجى استخدام كارت من النوع نفسه أو الاتصال بشركة الكهرباء";
    /// 9404.
    OtherMeter "9404"
        English "this is for another meter",
            "have it issued for the meter of this card";
        Arabic "هذا الشحن يخص عدادًا آخر",
            "يرجى طلب إصداره للعداد المسجل على هذا الكارت";
    /// 9405.
    OtherBinding "9405"
        English "this is for another contract of the meter, or for an earlier one",
            "fetch the present one from where you bought it, or go to a branch";
        Arabic "هذا الشحن يخص تعاقدًا آخر على العداد أو تعاقدًا سابقًا",
            "يرجى الحصول على الشحن الحالي من جهة الشراء أو التوجه إلى أقرب فرع";
    /// 9406.
    OtherGeneration "9406"
        English "this is for another issue of the card",
            "use the newest card, and fetch the charge again from where you bought it";
        Arabic "هذا الشحن يخص إصدارًا آخر من الكارت",
            "يرجى استخدام أحدث كارت والحصول على الشحن من جديد من جهة الشراء";
    /// 9407.
    TotalsFall "9407"
        English "this charge does not agree with what is on the card; nothing has changed",
            "report it to your electricity company";
        Arabic "هذا الشحن لا يتفق مع المسجل على الكارت، ولم يتغير شيء",
            "يرجى إبلاغ شركة الكهرباء";
    /// 9408.
    WrongCode "9408"
        English "this cannot be accepted, because its authentication code is wrong",
            "fetch it again from where you bought it";
        Arabic "تعذر قبول هذا الشحن لأن رمز التحقق غير صحيح",
            "يرجى الحصول عليه من جديد من جهة الشراء";
    /// 9409.
    OtherKeyVersion "9409"
        English "this was made for other keys than those on the card",
            "have the card brought up to date at a branch";
        Arabic "هذا الشحن لا يتوافق مع مفاتيح الكارت",
            "يرجى التوجه إلى أقرب فرع لتحديث الكارت";
    /// 940A.
    Stale "940A"
        English "this is older than what the card has; nothing has changed",
            "fetch the newest from where you got it";
        Arabic "هذه البيانات أقدم من الموجودة على الكارت، ولم يتغير شيء",
            "يرجى الحصول على أحدث البيانات من الجهة نفسها";
    /// 940B.
    Exhausted "940B"
        English "the card cannot take any more charges",
            "replace the card at a branch; its credit is on record at the company";
        Arabic "لا يمكن إضافة شحنات أخرى إلى هذا الكارت",
            "يرجى التوجه إلى أقرب فرع لاستبدال الكارت، والرصيد مسجل لدى الشركة";
    /// 940D; also a card in state 02.
    FirstCharge "940D"
        English "the card is not activated yet",
            "make the first charge at a branch";
        Arabic "لم يتم تفعيل الكارت بعد",
            "يرجى التوجه إلى فرع الشركة لإجراء أول شحن";
    /// 6581; also what a meter says of such a card.
    MemoryFailed "6581"
        English "the card's memory has failed",
            "replace the card at a branch; its credit is on record at the company";
        Arabic "ذاكرة الكارت لا تعمل",
            "يرجى التوجه إلى أقرب فرع لاستبدال الكارت، والرصيد مسجل لدى الشركة";
    /// 6985, where the state is not known; where it is, the state says more.
    NotInThisState "6985"
        English "the card's state does not allow this",
            "have the card looked at in a branch";
        Arabic "حالة الكارت لا تسمح بهذه العملية",
            "يرجى التوجه بالكارت إلى أقرب فرع";
    /// 6A82 to SELECT.
    NotOurs "6A82"
        English "this is not a prepaid electricity card",
            "use the card that the electricity company issued";
        Arabic "هذا ليس كارت كهرباء مسبق الدفع",
            "يرجى استخدام الكارت الصادر من شركة الكهرباء";
    /// Any other status word: a fault of a program or a card, which says nothing to a customer.
    Refused "E00"
        English "the card did not accept this",
            "try again; if it happens again, go to a branch";
        Arabic "لم يقبل الكارت العملية",
            "يرجى المحاولة مرة أخرى، وإذا تكرر ذلك يرجى التوجه إلى أقرب فرع";

    // States of the card (specification, section 3). State 02 is 940D.

    /// State 01.
    Blank "S01"
        English "the card has not been issued yet",
            "have it issued at a branch";
        Arabic "لم يصدر هذا الكارت لأي مشترك بعد",
            "يرجى التوجه إلى أقرب فرع لإصدار الكارت";
    /// State 03.
    Active "S03"
        English "the card is active",
            "charge it, and take it to your meter";
        Arabic "الكارت مفعل",
            "يرجى شحن الكارت ثم وضعه في العداد";
    /// State 04: lost, stolen or disputed.
    Blocked "S04"
        English "the card is blocked",
            "ask at a branch, also where it was reported lost and has been found";
        Arabic "الكارت موقوف",
            "يرجى التوجه إلى أقرب فرع، وكذلك إذا تم الإبلاغ عن فقد الكارت ثم العثور عليه";
    /// State 05.
    Terminated "S05"
        English "the card has been taken out of use",
            "use your new card, or get one at a branch";
        Arabic "انتهى العمل بهذا الكارت",
            "يرجى استخدام الكارت الجديد أو التوجه إلى أقرب فرع للحصول عليه";

    // What came of a visit at the meter (specification, section 11).

    /// Credit was added.
    Applied "T01"
        English "the meter has added the credit of this card",
            "take the card out";
        Arabic "تمت إضافة رصيد الكارت إلى العداد",
            "يرجى سحب الكارت";
    /// Nothing was new.
    NothingNew "T02"
        English "the meter has all credit of this card already",
            "take the card out";
        Arabic "رصيد هذا الكارت مضاف إلى العداد بالفعل",
            "يرجى سحب الكارت";
    /// Credit was added, and the balance is below zero still.
    DebtRemains "T03"
        English "the meter has added the credit of this card, and an amount is still due",
            "charge at least the amount that the meter shows";
        Arabic "تمت إضافة رصيد الكارت إلى العداد، وما زال هناك مبلغ مستحق",
            "يرجى شحن المبلغ المعروض على شاشة العداد على الأقل";
    /// No credit was added, and a correction was subtracted.
    Corrected "T04"
        English "the meter has entered a correction of an earlier charge",
            "take the card out; a branch can show you what was corrected";
        Arabic "تم تسجيل تسوية لشحن سابق في العداد",
            "يرجى سحب الكارت، ويمكن معرفة تفاصيل التسوية من أي فرع";

    // Why a meter refuses a card; the digits are those of the event. 02 is 9403, 03 is 6581, 04 are the states.

    /// The card is another company's.
    MeterOfOtherCompany "M01"
        English "the card is from another electricity company",
            "use a card of the company that runs this meter";
        Arabic "هذا الكارت من شركة كهرباء أخرى",
            "يرجى استخدام كارت الشركة التابع لها هذا العداد";
    /// The card has expired.
    Expired "M05"
        English "the card has expired",
            "replace the card at a branch; its credit is on record at the company";
        Arabic "انتهت صلاحية الكارت",
            "يرجى التوجه إلى أقرب فرع لاستبدال الكارت، والرصيد مسجل لدى الشركة";
    /// The meter does not have a key of the version that the card or its certificate names.
    UnknownKeys "M06"
        English "the meter does not know the keys of this card",
            "go to a branch, so that the card or the meter is brought up to date";
        Arabic "لا يتعرف العداد على مفاتيح هذا الكارت",
            "يرجى التوجه إلى أقرب فرع لتحديث الكارت أو العداد";
    /// The certificate is not the issuer's.
    NotVerified "M07"
        English "the meter cannot verify the credit on this card",
            "have the card brought up to date at a branch";
        Arabic "تعذر على العداد التحقق من رصيد هذا الكارت",
            "يرجى التوجه إلى أقرب فرع لتحديث الكارت";
    /// The card is another meter's.
    WrongMeter "M08"
        English "the card is for another meter",
            "use the card at the meter that it was issued for";
        Arabic "هذا الكارت يخص عدادًا آخر",
            "يرجى استخدام الكارت في العداد المسجل عليه";
    /// The certificate is of another generation of the card.
    GenerationMismatch "M09"
        English "the credit on this card was certified for another issue of the card",
            "have the card brought up to date at a branch";
        Arabic "الرصيد المسجل على الكارت يخص إصدارًا آخر منه",
            "يرجى التوجه إلى أقرب فرع لتحديث الكارت";
    /// The card is of an earlier binding.
    EarlierContract "M0A"
        English "the card is for an earlier contract of this meter",
            "use the card of the present contract";
        Arabic "هذا الكارت يخص تعاقدًا سابقًا على هذا العداد",
            "يرجى استخدام كارت التعاقد الحالي";
    /// The card's new binding is not proven.
    ContractNotProven "M0B"
        English "the meter cannot verify the new contract on this card",
            "have the card issued again for this meter at a branch";
        Arabic "تعذر على العداد التحقق من التعاقد الجديد على الكارت",
            "يرجى التوجه إلى أقرب فرع لإعادة إصدار الكارت لهذا العداد";
    /// A card of a higher generation has been here.
    Replaced "M0C"
        English "the card has been replaced by a newer one",
            "use the newest card";
        Arabic "تم استبدال هذا الكارت بكارت أحدث",
            "يرجى استخدام أحدث كارت";
    /// The meter has less than the card has proof of; 940C is the card's word for it.
    MeterWentBack "M0D"
        English "the meter's memory has gone back to an earlier time",
            "report it to your electricity company, which must inspect the meter";
        Arabic "رجعت ذاكرة العداد إلى بيانات سابقة",
            "يرجى إبلاغ شركة الكهرباء لفحص العداد";
    /// The certificate is newer, and a total in it is lower.
    Inconsistent "M0E"
        English "the credit on this card does not agree with what the meter has added before",
            "have the card looked at in a branch";
        Arabic "الرصيد المسجل على الكارت لا يتفق مع المسجل في العداد",
            "يرجى التوجه بالكارت إلى أقرب فرع";
    /// The balance does not fit.
    BalanceTooLarge "M0F"
        English "the balance would be more than the meter can hold",
            "report it to your electricity company";
        Arabic "الرصيد أكبر مما يمكن للعداد تسجيله",
            "يرجى إبلاغ شركة الكهرباء";

    // How the meter stands: the digits are the flag's (specification, 5.7). 20 is M0D.

    /// Below the first threshold.
    LowCredit "F01"
        English "the credit in the meter is low",
            "charge the card soon";
        Arabic "الرصيد في العداد منخفض",
            "يرجى شحن الكارت قريبًا";
    /// Below the second threshold.
    VeryLowCredit "F02"
        English "the credit in the meter is very low",
            "charge the card now, before the supply is cut";
        Arabic "الرصيد في العداد منخفض جدًا",
            "يرجى شحن الكارت الآن قبل انقطاع التيار";
    /// The supply is cut.
    SupplyCut "F04"
        English "the supply is cut",
            "charge the card and take it to your meter; where there is credit, call your electricity company";
        Arabic "التيار مقطوع",
            "يرجى شحن الكارت ووضعه في العداد، وإذا كان الرصيد كافيًا يرجى الاتصال بشركة الكهرباء";
    /// Tampering was seen: by whom, nobody knows.
    MeterNeedsInspection "F08"
        English "the meter needs an inspection",
            "call your electricity company";
        Arabic "العداد يحتاج إلى فحص",
            "يرجى الاتصال بشركة الكهرباء";
    /// The clock is doubtful.
    ClockDoubtful "F10"
        English "the clock of the meter needs to be set",
            "report it to your electricity company";
        Arabic "ساعة العداد تحتاج إلى ضبط",
            "يرجى إبلاغ شركة الكهرباء";
    /// The binding is closed.
    ContractClosed "F40"
        English "this contract of the meter has ended",
            "use the card of the present contract";
        Arabic "انتهى هذا التعاقد على العداد",
            "يرجى استخدام كارت التعاقد الحالي";
    /// The emergency loan is in use.
    LoanInUse "F80"
        English "the emergency loan is in use",
            "charge the card; the loan is taken from the next charge";
        Arabic "سلفة الطوارئ مستخدمة الآن",
            "يرجى شحن الكارت، وتخصم السلفة من الشحن التالي";

    // Where it was charged: the digits are the channel's (specification, section 2).

    /// A branch.
    AtBranch "C01"
        English "charged at a branch",
            "take the card to your meter to add the credit";
        Arabic "تم الشحن من فرع الشركة",
            "يرجى وضع الكارت في العداد لإضافة الرصيد";
    /// A kiosk.
    AtKiosk "C02"
        English "charged at a kiosk",
            "take the card to your meter to add the credit";
        Arabic "تم الشحن من منفذ شحن",
            "يرجى وضع الكارت في العداد لإضافة الرصيد";
    /// A bank's application.
    ByBank "C03"
        English "charged with a bank's application",
            "hold the card to the phone to load the charge, then take the card to your meter";
        Arabic "تم الشحن من تطبيق البنك",
            "يرجى تقريب الكارت من الهاتف لتحميل الشحن ثم وضعه في العداد";
    /// A mobile wallet.
    ByWallet "C04"
        English "charged with a mobile wallet",
            "hold the card to the phone to load the charge, then take the card to your meter";
        Arabic "تم الشحن من المحفظة الإلكترونية",
            "يرجى تقريب الكارت من الهاتف لتحميل الشحن ثم وضعه في العداد";
    /// The network.
    OverNetwork "C05"
        English "the charge was sent to the meter over the network",
            "look at the balance on the meter; the card is not needed for it";
        Arabic "تم إرسال الشحن إلى العداد عن طريق الشبكة",
            "يرجى متابعة الرصيد على شاشة العداد، ولا حاجة إلى الكارت";

    // The reader and the card in it.

    /// The reader is empty.
    NoCard "R01"
        English "there is no card in the reader",
            "insert the card, or lay it on the reader";
        Arabic "لا يوجد كارت في القارئ",
            "يرجى إدخال الكارت أو وضعه على القارئ";
    /// Something is there that does not answer: reversed, dirty, defective.
    Unreadable "R02"
        English "the card cannot be read",
            "wipe it with a dry cloth and insert it again, chip first and up; if it happens again, go to a branch";
        Arabic "تعذرت قراءة الكارت",
            "يرجى مسح الكارت بقطعة قماش جافة وإدخاله والشريحة إلى الأمام وإلى أعلى، وإذا تكرر ذلك يرجى التوجه إلى أقرب فرع";
    /// The card went away during a session.
    TakenOutEarly "R03"
        English "the card was taken out before the end",
            "insert it again, without paying again, and leave it in until the end; nothing is added twice";
        Arabic "تم سحب الكارت قبل انتهاء العملية",
            "يرجى إدخال الكارت مرة أخرى دون الدفع من جديد وتركه حتى النهاية، ولا يضاف الشحن مرتين";
    /// The card is there and the conversation broke off.
    Repeat "R04"
        English "the connection to the card broke off",
            "present the card again, without paying again; nothing is added twice";
        Arabic "انقطع الاتصال بالكارت",
            "يرجى وضع الكارت مرة أخرى دون الدفع من جديد، ولا يضاف الشحن مرتين";
    /// The reader or what is behind it does not work, or somebody else has it.
    OutOfService "R05"
        English "the card reader cannot be used now",
            "try again later, or use another place to charge";
        Arabic "لا يمكن استخدام قارئ الكروت الآن",
            "يرجى المحاولة لاحقًا أو استخدام منفذ شحن آخر";
}
