//! What the meter does by itself: cutting and restoring the supply, loans, what it notices, what it takes.

macro_rules! supply {
    ($next:ident $($further:ident)*; $($before:tt)*) => {
        $next! {
            $($further)*; $($before)*

            // Why the supply is cut: the digits are the reason's (meter, section 5).

            /// No reason: the supply is on.
            SupplyOn "U00"
                English "the supply is on",
                    "charge the card before the credit is used up";
                Arabic "التيار متصل",
                    "يرجى شحن الكارت قبل نفاد الرصيد";
            /// The balance is not above zero.
            CutNoCredit "U01"
                English "the supply is cut, because the credit is used up",
                    "charge the card with more than any amount due and take it to your meter; the supply comes back at once";
                Arabic "التيار مقطوع لنفاد الرصيد",
                    "يرجى شحن الكارت بما يزيد على أي مبلغ مستحق ثم وضعه في العداد، ويعود التيار فورًا";
            /// Tampering was seen, of a kind that cuts.
            CutForInspection "U02"
                English "the supply is cut until the meter has been inspected",
                    "call your electricity company, whose technician restores the supply";
                Arabic "التيار مقطوع لحين فحص العداد",
                    "يرجى الاتصال بشركة الكهرباء لفحص العداد وإعادة التيار";
            /// Overload: a pause.
            OverloadPause "U04"
                English "the supply is paused, because all appliances together need more than the contracted power",
                    "switch some appliances off; the supply comes back by itself";
                Arabic "تم فصل التيار مؤقتًا لأن الأحمال تزيد على القدرة المتعاقد عليها",
                    "يرجى إطفاء بعض الأجهزة، ويعود التيار تلقائيًا";
            /// Overload: locked after the pauses.
            OverloadLocked "U08"
                English "the supply is cut, because the contracted power was exceeded several times",
                    "switch some appliances off and call your electricity company, which restores the supply";
                Arabic "التيار مقطوع لتكرار زيادة الأحمال على القدرة المتعاقد عليها",
                    "يرجى إطفاء بعض الأجهزة والاتصال بشركة الكهرباء لإعادة التيار";
            /// A command of the company.
            CutByCompany "U10"
                English "the supply is cut by order of the electricity company",
                    "call your electricity company, or go to a branch";
                Arabic "التيار مقطوع بأمر من شركة الكهرباء",
                    "يرجى الاتصال بشركة الكهرباء أو التوجه إلى أقرب فرع";
            /// The meter has no binding.
            CutNoContract "U20"
                English "the supply is cut, because the meter has no contract",
                    "take the card of the new contract to the meter, or have it issued at a branch";
                Arabic "التيار مقطوع لعدم وجود تعاقد مسجل على العداد",
                    "يرجى وضع كارت التعاقد الجديد في العداد أو التوجه إلى أقرب فرع لإصداره";
            /// There is credit or a loan again, and the supply waits for the button.
            WaitsForButton "U40"
                English "the supply is ready, and waits for the meter's button",
                    "switch stoves and heaters off, then press the button";
                Arabic "التيار جاهز للعودة وفي انتظار الضغط على زر العداد",
                    "يرجى إطفاء أجهزة الطهي والتدفئة ثم الضغط على الزر";

            // Supply without credit (meter, sections 5.1 and 5.2). That a loan is in use is F80.

            /// The loan was asked for, and begins.
            LoanGiven "V01"
                English "the emergency loan has been given, and there is supply until it ends",
                    "charge the card before then; what is used is taken from the next charge";
                Arabic "تم تفعيل خدمة سلفني، والتيار متاح حتى انتهاء مدتها",
                    "يرجى شحن الكارت قبل ذلك، ويخصم الاستهلاك من الشحنة التالية";
            /// There was a loan since the balance was above zero.
            LoanNotAgain "V02"
                English "the emergency loan was given before, and is given again only after a charge",
                    "charge the card and take it to your meter";
                Arabic "سبق تفعيل خدمة سلفني، ولا تتاح مرة أخرى إلا بعد الشحن",
                    "يرجى شحن الكارت ووضعه في العداد";
            /// The hours of the loan are over.
            LoanOver "V03"
                English "the emergency loan has ended",
                    "charge the card and take it to your meter; what was used is taken from that charge";
                Arabic "انتهت مدة خدمة سلفني",
                    "يرجى شحن الكارت ووضعه في العداد، ويخصم الاستهلاك من هذه الشحنة";
            /// A friendly time, without credit.
            FriendlyTime "V04"
                English "the credit is used up, and the supply goes on until the end of the friendly time",
                    "charge the card before then; what is used is taken from the next charge";
                Arabic "نفد الرصيد، ويستمر التيار حتى نهاية الوقت الصديق",
                    "يرجى شحن الكارت قبل ذلك، ويخصم الاستهلاك من الشحنة التالية";

            /// A loan can be had; and a card that asked once is to ask again.
            LoanOffered "V05"
                English "an emergency loan can be had",
                    "present your card twice, one time right after the other, or press the button for it";
                Arabic "خدمة سلفني متاحة",
                    "يرجى وضع الكارت في العداد مرتين متتاليتين أو الضغط على زر الخدمة";

            // What the meter has noticed: the digits are the bit's (meter, section 6). By whom, nobody knows.

            /// Cover opened.
            CoverOpened "X01"
                English "the meter has recorded that its cover was opened",
                    "call your electricity company, whose technician inspects the meter";
                Arabic "سجل العداد فتح الغطاء",
                    "يرجى الاتصال بشركة الكهرباء لفحص العداد";
            /// Terminal cover opened.
            TerminalCoverOpened "X02"
                English "the meter has recorded that the cover of its terminals was opened",
                    "call your electricity company, whose technician inspects the meter";
                Arabic "سجل العداد فتح غطاء أطراف التوصيل",
                    "يرجى الاتصال بشركة الكهرباء لفحص العداد";
            /// Magnetic field.
            MagneticField "X04"
                English "the meter has recorded a strong magnetic field",
                    "keep magnets away from the meter, and call your electricity company";
                Arabic "سجل العداد مجالًا مغناطيسيًا قويًا",
                    "يرجى إبعاد أي مغناطيس عن العداد والاتصال بشركة الكهرباء";
            /// Reverse current.
            ReverseCurrent "X08"
                English "the meter has recorded a current in the reverse direction",
                    "call your electricity company, whose technician inspects the wiring";
                Arabic "سجل العداد تيارًا في الاتجاه العكسي",
                    "يرجى الاتصال بشركة الكهرباء لفحص التوصيلات";
            /// Bypass.
            Bypass "X10"
                English "the meter has recorded a current that does not pass through it",
                    "call your electricity company, whose technician inspects the wiring";
                Arabic "سجل العداد تيارًا لا يمر من خلاله",
                    "يرجى الاتصال بشركة الكهرباء لفحص التوصيلات";

            // What is taken from the balance besides energy, and its prices (meter, sections 4.1 and 7.3; tariff, section 1).

            /// An adjustment above zero.
            MonthRatedAgain "B01"
                English "the month's consumption has reached a higher bracket, by which the whole month is priced; the difference has been taken",
                    "look at the balance and the present price on the meter";
                Arabic "وصل استهلاك الشهر إلى شريحة أعلى يحاسب بها الشهر كله، وتم خصم فرق الشرائح",
                    "يرجى متابعة الرصيد والسعر الحالي على شاشة العداد";
            /// An adjustment below zero: the prices after the restart are lower.
            MonthRatedLower "B02"
                English "the month's consumption has reached a bracket by which the whole month is priced; the difference is in the balance",
                    "look at the balance and the present price on the meter";
                Arabic "وصل استهلاك الشهر إلى شريحة جديدة يحاسب بها الشهر كله، وتمت إضافة فرق الشرائح إلى الرصيد",
                    "يرجى متابعة الرصيد والسعر الحالي على شاشة العداد";
            /// An instalment of a debt was taken at the month's beginning.
            InstalmentTaken "B03"
                English "an instalment has been taken from the balance",
                    "look at the balance on the meter; a branch can show you the plan";
                Arabic "تم خصم قسط من الرصيد",
                    "يرجى متابعة الرصيد على شاشة العداد، ويمكن معرفة تفاصيل الأقساط من أي فرع";
            /// A month was closed, and its fees were taken.
            FeesTaken "B04"
                English "the fees of the month that has ended have been taken from the balance",
                    "look at the balance on the meter; a branch can show you the fees";
                Arabic "تم خصم مقابل خدمة العملاء ورسوم الشهر المنتهي من الرصيد",
                    "يرجى متابعة الرصيد على شاشة العداد، ويمكن معرفة تفاصيل الرسوم من أي فرع";
            /// A waiting tariff has come into force; that one will is N03.
            TariffInForce "B05"
                English "new electricity prices are in force",
                    "look at the present price on the meter";
                Arabic "بدأ العمل بأسعار جديدة للكهرباء",
                    "يرجى متابعة السعر الحالي على شاشة العداد";
            /// A restart is near (meter, event 0310).
            RestartNear "B06"
                English "a little more consumption takes the month to a higher bracket, and all of it is charged again at that price",
                    "use less until the month ends, or charge the card with enough for the difference";
                Arabic "اقترب استهلاك الشهر من شريحة أعلى، وعند الوصول إليها يعاد حساب الشهر كله ويخصم فرق الشرائح",
                    "يرجى ترشيد الاستهلاك حتى نهاية الشهر أو شحن الكارت بما يكفي فرق الشرائح";
        }
    };
}
