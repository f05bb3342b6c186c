//! Loading: what came of it, what the card answers, and in which state it is.

macro_rules! loading {
    ($next:ident $($further:ident)*; $($before:tt)*) => {
        $next! {
            $($further)*; $($before)*

            // Loading (specification, section 9).

            /// A voucher is sold and has not been loaded yet.
            PaidNotLoaded "L00"
                English "the charge is paid for and is not on the card yet",
                    "load it onto the card, with a phone or at a kiosk";
                Arabic "تم دفع قيمة الشحنة ولم تصل إلى الكارت بعد",
                    "يرجى تحميل الشحنة على الكارت بالهاتف أو من أي منفذ شحن";
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
                Arabic "هذه الشحنة موجودة على الكارت بالفعل، ولم يتغير شيء",
                    "يرجى وضع الكارت في العداد إن لم يتم ذلك من قبل";
            /// LOAD VOUCHER, outcome 03.
            Older "L03"
                English "the card has a newer charge, which contains this one; nothing has changed",
                    "take the card to your meter, if you have not done so yet";
                Arabic "توجد على الكارت شحنة أحدث تشمل هذه الشحنة، ولم يتغير شيء",
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
                Arabic "هذه الشحنة تخص كارتًا آخر",
                    "يرجى استخدام الكارت الصادرة له هذه الشحنة";
            /// 9402.
            OtherCompany "9402"
                English "this is from another electricity company",
                    "go to the company that issued the card";
                Arabic "هذه الشحنة من شركة كهرباء أخرى",
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
                Arabic "هذه الشحنة تخص عدادًا آخر",
                    "يرجى طلب إصدارها للعداد المسجل على هذا الكارت";
            /// 9405.
            OtherBinding "9405"
                English "this is for another contract of the meter, or for an earlier one",
                    "fetch the present one from where you bought it, or go to a branch";
                Arabic "هذه الشحنة تخص تعاقدًا آخر على العداد أو تعاقدًا سابقًا",
                    "يرجى الحصول على الشحنة الحالية من منفذ الشحن أو التوجه إلى أقرب فرع";
            /// 9406.
            OtherGeneration "9406"
                English "this is for another issue of the card",
                    "use the newest card, and fetch the charge again from where you bought it";
                Arabic "هذه الشحنة تخص إصدارًا آخر من الكارت",
                    "يرجى استخدام أحدث كارت والحصول على الشحنة من جديد من منفذ الشحن";
            /// 9407.
            TotalsFall "9407"
                English "this charge does not agree with what is on the card; nothing has changed",
                    "report it to your electricity company";
                Arabic "هذه الشحنة لا تتفق مع المسجل على الكارت، ولم يتغير شيء",
                    "يرجى إبلاغ شركة الكهرباء";
            /// 9408.
            WrongCode "9408"
                English "this cannot be accepted, because its authentication code is wrong",
                    "fetch it again from where you bought it";
                Arabic "تعذر قبول هذه الشحنة لأن رمز التحقق غير صحيح",
                    "يرجى الحصول عليها من جديد من منفذ الشحن";
            /// 9409.
            OtherKeyVersion "9409"
                English "this was made for other keys than those on the card",
                    "have the card brought up to date at a branch";
                Arabic "هذه الشحنة لا تتوافق مع بيانات تشفير الكارت",
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
                    "يرجى التوجه إلى فرع الشركة لشراء أول شحنة";
            /// 6581; also what a meter says of such a card.
            MemoryFailed "6581"
                English "the card's memory has failed",
                    "replace the card at a branch; its credit is on record at the company";
                Arabic "يوجد عطل في ذاكرة الكارت",
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
        }
    };
}
