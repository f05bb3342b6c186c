//! The card at the meter: what came of it, why it is refused, and how the meter stands.

macro_rules! meter {
    ($next:ident $($further:ident)*; $($before:tt)*) => {
        $next! {
            $($further)*; $($before)*

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
                    "charge more than the amount that the meter shows";
                Arabic "تمت إضافة رصيد الكارت إلى العداد، وما زال هناك مبلغ مستحق",
                    "يرجى شحن مبلغ أكبر من المعروض على شاشة العداد";
            /// No credit was added, and a correction was subtracted.
            Corrected "T04"
                English "the meter has entered a correction of an earlier charge",
                    "take the card out; a branch can show you what was corrected";
                Arabic "تم تسجيل تسوية لشحنة سابقة في العداد",
                    "يرجى سحب الكارت، ويمكن معرفة تفاصيل التسوية من أي فرع";

            /// Credit that came without a card was added; what was sold over the network is C05 until then.
            AddedOverNetwork "T05"
                English "the meter has added a charge that came over the network",
                    "look at the balance on the meter; the card catches up when it is next in the meter";
                Arabic "أضاف العداد شحنة وصلت عن طريق الشبكة",
                    "يرجى متابعة الرصيد على شاشة العداد، ويتم تحديث الكارت عند وضعه في العداد";
            /// What a card is told of a charge that the meter got over the network.
            CardBehind "T06"
                English "this charge is in the meter already, and the card does not show it yet",
                    "put the card in the meter to bring it up to date; nothing is added twice";
                Arabic "هذه الشحنة مضافة إلى العداد بالفعل ولم تظهر على الكارت بعد",
                    "يرجى وضع الكارت في العداد لتحديثه، ولا تضاف الشحنة مرتين";

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
                Arabic "لا يتعرف العداد على بيانات تشفير هذا الكارت",
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
                Arabic "يوجد خلل في ذاكرة العداد",
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
                Arabic "رصيد العداد أوشك على النفاد",
                    "يرجى شحن الكارت قريبًا";
            /// Below the second threshold.
            VeryLowCredit "F02"
                English "the credit in the meter is very low",
                    "charge the card now, before the supply is cut";
                Arabic "رصيد العداد على وشك النفاد",
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
                Arabic "تاريخ ووقت العداد يحتاجان إلى ضبط",
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
                Arabic "خدمة سلفني مستخدمة الآن",
                    "يرجى شحن الكارت، ويخصم ما استخدم منها من الشحنة التالية";
            /// 0100.
            BatteryLow "F100"
                English "the meter's battery is low",
                    "call your electricity company, which replaces it; the credit stays as it is";
                Arabic "بطارية العداد ضعيفة",
                    "يرجى الاتصال بشركة الكهرباء لاستبدالها، ولا يتأثر الرصيد";
        }
    };
}
