//! What a meter's events say that no other situation says (meter, section 13).

macro_rules! events {
    ($next:ident $($further:ident)*; $($before:tt)*) => {
        $next! {
            $($further)*; $($before)*

            // The balance.

            /// Credit was applied.
            CreditAdded "B07"
                English "a charge has been added to the balance",
                    "look at the balance on the meter";
                Arabic "تمت إضافة الشحنة إلى الرصيد",
                    "يرجى متابعة الرصيد على شاشة العداد";
            /// A correction was applied.
            CorrectionTaken "B08"
                English "a correction of an earlier charge has been taken from the balance",
                    "look at the balance on the meter; a branch can show you what was corrected";
                Arabic "تم خصم تسوية لشحنة سابقة من الرصيد",
                    "يرجى متابعة الرصيد على شاشة العداد، ويمكن معرفة تفاصيل التسوية من أي فرع";
            /// The month so far came from another contract.
            MonthBrought "B09"
                English "the month's consumption in an earlier contract has been counted, and the difference settled with the balance",
                    "look at the balance on the meter";
                Arabic "تم احتساب استهلاك الشهر في التعاقد السابق وتسوية الفرق مع الرصيد",
                    "يرجى متابعة الرصيد على شاشة العداد";

            // Fees of the month that has ended: the digits are 10 and the charge's code (tariff, section 6). Others are B04.

            /// The service fee.
            ServiceFeeTaken "B10"
                English "the service fee of the month that has ended has been taken",
                    "look at the balance on the meter; a branch can show you the fees";
                Arabic "تم خصم مقابل خدمة العملاء عن الشهر المنتهي",
                    "يرجى متابعة الرصيد على شاشة العداد، ويمكن معرفة تفاصيل الرسوم من أي فرع";
            /// Charge 01.
            CleaningFeeTaken "B11"
                English "the cleaning fee of the month that has ended has been taken",
                    "look at the balance on the meter; a branch can show you the fees";
                Arabic "تم خصم رسم النظافة عن الشهر المنتهي",
                    "يرجى متابعة الرصيد على شاشة العداد، ويمكن معرفة تفاصيل الرسوم من أي فرع";
            /// Charge 02.
            StampDutyTaken "B12"
                English "the stamp duty of the month that has ended has been taken",
                    "look at the balance on the meter; a branch can show you the fees";
                Arabic "تم خصم رسم الدمغة عن الشهر المنتهي",
                    "يرجى متابعة الرصيد على شاشة العداد، ويمكن معرفة تفاصيل الرسوم من أي فرع";
            /// Charge 03.
            LevyTaken "B13"
                English "a levy of the state for the month that has ended has been taken",
                    "look at the balance on the meter; a branch can show you the fees";
                Arabic "تم خصم رسوم مقررة للدولة عن الشهر المنتهي",
                    "يرجى متابعة الرصيد على شاشة العداد، ويمكن معرفة تفاصيل الرسوم من أي فرع";
            /// Charge 04.
            RadioFeeTaken "B14"
                English "the radio fee of the month that has ended has been taken",
                    "look at the balance on the meter; a branch can show you the fees";
                Arabic "تم خصم رسم الإذاعة عن الشهر المنتهي",
                    "يرجى متابعة الرصيد على شاشة العداد، ويمكن معرفة تفاصيل الرسوم من أي فرع";
            /// Charge 05.
            VatTaken "B15"
                English "the value added tax of the month that has ended has been taken",
                    "look at the balance on the meter; a branch can show you the fees";
                Arabic "تم خصم ضريبة القيمة المضافة عن الشهر المنتهي",
                    "يرجى متابعة الرصيد على شاشة العداد، ويمكن معرفة تفاصيل الرسوم من أي فرع";
            /// Charge 06.
            StandingChargeTaken "B16"
                English "the standing charge of the month that has ended has been taken",
                    "look at the balance on the meter; a branch can show you the fees";
                Arabic "تم خصم المقابل الثابت عن الشهر المنتهي",
                    "يرجى متابعة الرصيد على شاشة العداد، ويمكن معرفة تفاصيل الرسوم من أي فرع";
            /// Charge 07.
            MinimumTaken "B17"
                English "what the month that has ended was below the minimum bill has been taken",
                    "look at the balance on the meter; a branch can show you the fees";
                Arabic "تم خصم ما يكمل الحد الأدنى لقيمة استهلاك الشهر المنتهي",
                    "يرجى متابعة الرصيد على شاشة العداد، ويمكن معرفة تفاصيل الرسوم من أي فرع";
            /// Any charge below zero.
            RebateGiven "B18"
                English "a rebate for the month that has ended has been added to the balance",
                    "look at the balance on the meter; a branch can show you the fees";
                Arabic "تمت إضافة تخفيض عن الشهر المنتهي إلى الرصيد",
                    "يرجى متابعة الرصيد على شاشة العداد، ويمكن معرفة تفاصيل الرسوم من أي فرع";

            // The supply.

            /// A loan is over: the balance is above zero.
            LoanRepaid "V06"
                English "the emergency loan has been repaid",
                    "look at the balance on the meter";
                Arabic "تم سداد خدمة سلفني",
                    "يرجى متابعة الرصيد على شاشة العداد";
            /// A loan is over: its amount is used up.
            LoanUsedUp "V07"
                English "the amount of the emergency loan is used up",
                    "charge the card and take it to your meter; what was used is taken from that charge";
                Arabic "نفد مبلغ خدمة سلفني",
                    "يرجى شحن الكارت ووضعه في العداد، ويخصم الاستهلاك من هذه الشحنة";
            /// Power went.
            PowerOff "V08"
                English "power went, and the meter was off",
                    "call your electricity company where neighbours have power";
                Arabic "انقطعت التغذية عن العداد",
                    "يرجى الاتصال بشركة الكهرباء إذا كانت التغذية متاحة لدى الجيران";
            /// Power is back.
            PowerOn "V09"
                English "power is back at the meter",
                    "look at the display of the meter";
                Arabic "عادت التغذية إلى العداد",
                    "يرجى متابعة شاشة العداد";
            /// The relay does not obey.
            RelayStuck "X100"
                English "the meter cannot switch the supply as it should",
                    "call your electricity company, whose technician inspects the meter";
                Arabic "تعذر على العداد فصل التيار أو توصيله كما يجب",
                    "يرجى الاتصال بشركة الكهرباء لفحص العداد";

            // The meter itself.

            /// A binding was opened.
            ContractOpened "H01"
                English "a new contract began at the meter",
                    "look at the display of the meter";
                Arabic "بدأ تعاقد جديد على العداد",
                    "يرجى متابعة شاشة العداد";
            /// A command or a certificate has moved time.
            ClockSet "H02"
                English "the date and time of the meter were set",
                    "look at the display of the meter";
                Arabic "تم ضبط تاريخ ووقت العداد",
                    "يرجى متابعة شاشة العداد";
            /// Keys were changed.
            KeysChanged "H03"
                English "the meter has new keys",
                    "look at the display of the meter";
                Arabic "تم تحديث بيانات التشفير في العداد",
                    "يرجى متابعة شاشة العداد";
            /// A tariff that waited was replaced.
            TariffReplaced "H04"
                English "announced electricity prices were replaced by newer ones before they came into force",
                    "look at the display of the meter";
                Arabic "تم استبدال أسعار معلنة للكهرباء بأسعار أحدث قبل بدء العمل بها",
                    "يرجى متابعة شاشة العداد";
            /// An event with a code that this program does not know.
            UnknownEvent "H00"
                English "the meter has recorded something that this program does not know",
                    "a branch can show you what it was";
                Arabic "سجل العداد حدثًا غير معروف لهذا البرنامج",
                    "يرجى معرفة التفاصيل من أي فرع";
        }
    };
}
