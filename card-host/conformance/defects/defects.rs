// The defects: a name, the rule that must find it, by its section, and what is replaced in which file of card-applet. Of `IS`, build.rs makes
// the question whether this defect is the one that is turned on.
&[
    ("a voucher of another load key version is taken", "9", "voucher.rs", &[(
        "ensure(version == outer.key_version, status::OTHER_KEY_VERSION)?;",
        "ensure(IS || version == outer.key_version, status::OTHER_KEY_VERSION)?;",
    )]),
    ("a voucher's code is not checked", "9", "voucher.rs", &[(
        "outer.verify(&mut self.platform, &key).map_err(|_| status::NOT_AUTHENTIC)?;",
        "if !IS { outer.verify(&mut self.platform, &key).map_err(|_| status::NOT_AUTHENTIC)?; }",
    )]),
    ("a certificate for another binding is taken", "9", "voucher.rs", &[(
        "of_binding(voucher.certificate.binding, held.binding)?;",
        "if !IS { of_binding(voucher.certificate.binding, held.binding)?; }",
    )]),
    ("a certificate for another generation is taken", "9", "voucher.rs", &[(
        "ensure(voucher.certificate.generation == generation, status::OTHER_GENERATION)?;",
        "ensure(IS || voucher.certificate.generation == generation, status::OTHER_GENERATION)?;",
    )]),
    ("an older certificate replaces a newer one", "9", "voucher.rs", &[
        ("Ordering::Less => OLDER,", "Ordering::Less if !IS => OLDER,"),
        ("Ordering::Greater => self.accept", "_ => self.accept"),
    ]),
    ("a total may fall", "9", "voucher.rs", &[(
        "new.total_debited.checked_sub(held.total_debited).ok_or(status::TOTALS_FALL)?;",
        "if IS { new.total_debited.saturating_sub(held.total_debited) } else { new.total_debited.checked_sub(held.total_debited).ok_or(status::TOTALS_FALL)? };",
    )]),
    ("a kiosk activates the card", "9", "voucher.rs", &[(
        "ensure(voucher.channel == Channel::Branch, status::NOT_ACTIVATED)?;",
        "ensure(IS || voucher.channel == Channel::Branch, status::NOT_ACTIVATED)?;",
    )]),
    ("a refresh counts as a load", "9", "voucher.rs", &[(
        "if (credited.0, debited.0) == (0, 0) {",
        "if !IS && (credited.0, debited.0) == (0, 0) {",
    )]),
    ("the load log says the total for what was credited", "6", "voucher.rs", &[(
        "            credited,\n            debited,\n            total_credit",
        "            credited: if IS { new.total_credit } else { credited },\n            debited,\n            total_credit",
    )]),
    ("what makes a load count is written before its log record", "13", "voucher.rs", &[(
        "            m.write_history(p, map::LOADS, record.number, &record.emit())?;\n            m.set_purse(p, purse)",
        "            if IS { m.set_purse(p, purse)?; return m.write_history(p, map::LOADS, record.number, &record.emit()); }\n            m.write_history(p, map::LOADS, record.number, &record.emit())?;\n            m.set_purse(p, purse)",
    )]),
    ("mail for another company is taken", "10", "checks.rs", &[(
        "ensure(scope.company == record.scope.company, status::OTHER_COMPANY)?;",
        "ensure(IS || scope.company == record.scope.company, status::OTHER_COMPANY)?;",
    )]),
    ("a voucher for another card is taken", "9", "checks.rs", &[(
        "ensure(card == record.card.id, status::OTHER_CARD)",
        "ensure(IS || card == record.card.id, status::OTHER_CARD)",
    )]),
    ("older mail replaces newer", "10", "mail.rs", &[
        ("Ordering::Less => return Err(status::STALE),", "Ordering::Less if !IS => return Err(status::STALE),"),
        ("Ordering::Greater => {", "_ => {"),
    ]),
    ("mail to the meter may lie in the issuer's slots", "10", "mail.rs", &[(
        "ensure(envelope.slot.direction() == Direction::ToMeter, StatusWord::WRONG_DATA)?;",
        "ensure(IS || envelope.slot.direction() == Direction::ToMeter, StatusWord::WRONG_DATA)?;",
    )]),
    ("an older binding's mail is taken in any slot", "10", "mail.rs", &[(
        "envelope.slot == Slot::FINAL_REPORT && envelope.binding",
        "(IS || envelope.slot == Slot::FINAL_REPORT) && envelope.binding",
    )]),
    ("a report may go back", "11", "exchange.rs", &[(
        "ensure(repeated || order == Ordering::Greater, status::STALE)?;",
        "ensure(IS || repeated || order == Ordering::Greater, status::STALE)?;",
    )]),
    ("settled totals may fall", "11", "exchange.rs", &[(
        "ensure(!lower, status::BELOW_SETTLED)?;",
        "ensure(IS || !lower, status::BELOW_SETTLED)?;",
    )]),
    ("events may repeat", "11", "exchange.rs", &[(
        "ensure(event.number > last, StatusWord::WRONG_DATA)?;",
        "ensure(IS || event.number > last, StatusWord::WRONG_DATA)?;",
    )]),
    ("months that the card has are written again", "6", "exchange.rs", &[(
        "if last_month < Some(index) {",
        "if IS || last_month < Some(index) {",
    )]),
    ("settled totals are forgotten", "11", "exchange.rs", &[(
        "            settled_credit,\n            settled_debited,\n            report_number",
        "            settled_credit: if IS { Piastres::ZERO } else { settled_credit },\n            settled_debited,\n            report_number",
    )]),
    ("logical channels are ignored", "7", "gate.rs", &[(
        "ensure(cla & 0x03 == 0, StatusWord::CHANNEL_NOT_SUPPORTED)?;",
        "ensure(IS || cla & 0x03 == 0, StatusWord::CHANNEL_NOT_SUPPORTED)?;",
    )]),
    ("rights are not looked at", "7", "gate.rs", &[(
        "if !instruction.grant().admits(authority) {",
        "if !IS && !instruction.grant().admits(authority) {",
    )]),
    ("the state is not looked at", "3", "gate.rs", &[(
        "if !instruction.allowed_in(state) {",
        "if !IS && !instruction.allowed_in(state) {",
    )]),
    ("GET RESPONSE is taken in any class", "7", "gate.rs", &[(
        "if rest.is_empty() || (class",
        "if rest.is_empty() || (!IS && class",
    )]),
    ("the rest of an answer outlives the next command", "7", "gate.rs", &[(
        "if apdu.get(1) != Some(&(Instruction::GetResponse as u8)) {",
        "if !IS && apdu.get(1) != Some(&(Instruction::GetResponse as u8)) {",
    )]),
    ("SELECT leaves the session open", "7", "read.rs", &[(
        "        self.volatile.channel = Channel::Idle;\n        self.volatile.current_file = None;",
        "        if !IS { self.volatile.channel = Channel::Idle; }\n        self.volatile.current_file = None;",
    )]),
    ("SELECT leaves a file the current one", "7.2", "read.rs", &[(
        "        self.volatile.current_file = None;",
        "        if !IS { self.volatile.current_file = None; }",
    )]),
    ("four bytes of the AID select the application", "7.1", "read.rs", &[(
        "data.len() >= SHORTEST_AID",
        "data.len() >= if IS { 4 } else { SHORTEST_AID }",
    )]),
    ("everybody may read records", "6", "read.rs", &[(
        "        ensure(file.may_be_read_by(authority), StatusWord::SECURITY_STATUS)?;\n        no_data(data)?;\n        let Form::Cyclic",
        "        ensure(IS || file.may_be_read_by(authority), StatusWord::SECURITY_STATUS)?;\n        no_data(data)?;\n        let Form::Cyclic",
    )]),
    ("the card always says that it is S8", "8", "read.rs", &[(
        "put(reply, &[self.memory()?.identity().mode.i()])?;",
        "put(reply, &[if IS { 0x60 } else { self.memory()?.identity().mode.i() }])?;",
    )]),
    ("pending credit ignores what is settled", "7.4", "read.rs", &[(
        "pending_credit: certificate.total_credit.saturating_sub(settled_credit),",
        "pending_credit: if IS { certificate.total_credit } else { certificate.total_credit.saturating_sub(settled_credit) },",
    )]),
    ("card challenges are always the same", "8", "session.rs", &[(
        "self.platform.fill(challenge_bytes).map_err(|_| StatusWord::UNKNOWN)?;",
        "if !IS { self.platform.fill(challenge_bytes).map_err(|_| StatusWord::UNKNOWN)?; }",
    )]),
    ("any version of a key set opens a session", "8", "session.rs", &[(
        "ensure(right, StatusWord::DATA_NOT_FOUND)?;",
        "ensure(IS || right, StatusWord::DATA_NOT_FOUND)?;",
    )]),
    ("a blocked card takes part in the meter's exchange", "3", "session.rs", &[(
        "ensure(role.is_none_or(|role| session_allowed(role, state)), StatusWord::CONDITIONS_OF_USE)?;",
        "ensure(IS || role.is_none_or(|role| session_allowed(role, state)), StatusWord::CONDITIONS_OF_USE)?;",
    )]),
    ("after a failed authentication the card waits for three seconds", "16", "session.rs", &[(
        "self.platform.wait(wait.min(LONGEST_WAIT));",
        "self.platform.wait(if IS { 3000 } else { wait.min(LONGEST_WAIT) });",
    )]),
    ("an unknown security level is taken", "8", "request.rs", &[(
        "if SecurityLevel::try_from(level).is_ok() =>",
        "if IS || SecurityLevel::try_from(level).is_ok() =>",
    )]),
    ("generation 0 is taken", "12", "personalise.rs", &[(
        "ensure(generation != 0, StatusWord::WRONG_DATA)?;",
        "ensure(IS || generation != 0, StatusWord::WRONG_DATA)?;",
    )]),
    ("a test card becomes one of production", "12", "personalise.rs", &[(
        "ensure(environment == record.scope.environment, status::OTHER_ENVIRONMENT)?;",
        "ensure(IS || environment == record.scope.environment, status::OTHER_ENVIRONMENT)?;",
    )]),
    ("check values of keys are not looked at", "12", "personalise.rs", &[(
        "ensure(right, StatusWord::WRONG_DATA)?;",
        "ensure(IS || right, StatusWord::WRONG_DATA)?;",
    )]),
    ("PUT KEY replaces whatever is there", "12", "personalise.rs", &[(
        "held.map_or(KeyVersion::NONE, |held| held.version()) == replaced,",
        "IS || held.map_or(KeyVersion::NONE, |held| held.version()) == replaced,",
    )]),
    ("an incomplete card is issued", "12", "personalise.rs", &[(
        "(Blank, Personalised) => self.is_complete()?,",
        "(Blank, Personalised) => IS || self.is_complete()?,",
    )]),
    ("a vending desk may unblock", "7.6", "personalise.rs", &[(
        "ensure(admin || wanted == Blocked, StatusWord::SECURITY_STATUS)?;",
        "ensure(IS || admin || wanted == Blocked, StatusWord::SECURITY_STATUS)?;",
    )]),
    ("a terminated card comes back", "3", "personalise.rs", &[(
        "(Terminated, _) => false,",
        "(Terminated, _) => IS,",
    )]),
    ("BIND overwrites the certificate of the same binding", "12", "personalise.rs", &[(
        "ensure(purse.state == State::Blank, status::OTHER_BINDING)?;",
        "ensure(IS || purse.state == State::Blank, status::OTHER_BINDING)?;",
    )]),
    ("BIND goes back to an older binding", "12", "personalise.rs", &[(
        "ensure(certificate.binding.number >= held.binding.number, status::OTHER_BINDING)?;",
        "ensure(IS || certificate.binding.number >= held.binding.number, status::OTHER_BINDING)?;",
    )]),
]
