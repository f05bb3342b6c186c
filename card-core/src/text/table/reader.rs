//! Where it was charged; the reader, and the card in it.

macro_rules! reader {
    ($next:ident $($further:ident)*; $($before:tt)*) => {
        $next! {
            $($further)*; $($before)*

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
                    "يرجى تقريب الكارت من الهاتف لتحميل الشحنة ثم وضعه في العداد";
            /// A mobile wallet.
            ByWallet "C04"
                English "charged with a mobile wallet",
                    "hold the card to the phone to load the charge, then take the card to your meter";
                Arabic "تم الشحن من المحفظة الإلكترونية",
                    "يرجى تقريب الكارت من الهاتف لتحميل الشحنة ثم وضعه في العداد";
            /// The network.
            OverNetwork "C05"
                English "the charge was sent to the meter over the network",
                    "look at the balance on the meter; the card is not needed for it";
                Arabic "تم إرسال الشحنة إلى العداد عن طريق الشبكة",
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
                    "يرجى مسح الكارت بقطعة قماش جافة وإدخاله والشريحة الذهبية إلى الأمام وإلى أعلى، وإذا تكرر ذلك يرجى التوجه إلى أقرب فرع";
            /// The card went away during a session.
            TakenOutEarly "R03"
                English "the card was taken out before the end",
                    "insert it again, without paying again, and leave it in until the end; nothing is added twice";
                Arabic "تم سحب الكارت قبل انتهاء العملية",
                    "يرجى إدخال الكارت مرة أخرى دون الدفع من جديد وتركه حتى النهاية، ولا تضاف الشحنة مرتين";
            /// The card is there and the conversation broke off.
            Repeat "R04"
                English "the connection to the card broke off",
                    "present the card again, without paying again; nothing is added twice";
                Arabic "انقطع الاتصال بالكارت",
                    "يرجى وضع الكارت مرة أخرى دون الدفع من جديد، ولا تضاف الشحنة مرتين";
            /// The reader or what is behind it does not work, or somebody else has it.
            OutOfService "R05"
                English "the card reader cannot be used now",
                    "try again later, or use another place to charge";
                Arabic "لا يمكن استخدام قارئ الكروت الآن",
                    "يرجى المحاولة لاحقًا أو استخدام منفذ شحن آخر";
        }
    };
}
