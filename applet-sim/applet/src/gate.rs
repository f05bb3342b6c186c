//! The one gate of the card: class, secure messaging, instruction and parameters, rights, state; then the handler, then how the
//! answer leaves (specification, sections 7 and 16).

use crate::card::{CardApplication, Protocol, Reply};
use crate::checks::{ensure, no_data, put};
use crate::request::Request;
use card_core::apdu::{Command, Le, StatusWord};
use card_core::bytes::{Buffer, WrongLength};
use card_core::layout::{Authority, Instruction};
use card_core::platform::Platform;
use zeroize::Zeroize;

impl<P: Platform> CardApplication<P> {
    /// Answers one command: data and status word, always at least two bytes.
    pub fn process(&mut self, apdu: &[u8], reply: &mut Reply) {
        reply.clear();
        let command = Command::parse(apdu);
        // Also one that is refused, whatever for, loses nothing.
        if apdu.get(1) != Some(&(Instruction::GetResponse as u8)) {
            self.volatile.pending.clear();
        }
        let status = match command {
            Ok(command) => self.answer(&command, reply),
            Err(error) => error.status(),
        };
        // Two bytes are always left: answers are at most 256 bytes long.
        reply.truncate(256);
        let _ = reply.put(&status.to_bytes());
    }

    fn answer(&mut self, command: &Command<'_>, reply: &mut Reply) -> StatusWord {
        let result = self.execute(command, reply);
        let status = result.unwrap_or_else(|status| status);
        if result.is_err() {
            reply.clear();
        }
        if command.ins == Instruction::GetResponse as u8 {
            return status;
        }
        self.deliver(command, status, reply)
    }

    /// The checks of the specification's section 7, in their order, then the handler.
    pub(crate) fn execute(
        &mut self,
        command: &Command<'_>,
        reply: &mut Reply,
    ) -> Result<StatusWord, StatusWord> {
        let secured = class(command.cla)?;
        let instruction = Instruction::known(command.cla & !0x04, command.ins);
        let unwrapped = match instruction {
            Some(Instruction::Select | Instruction::InitializeUpdate) if secured => {
                return Err(StatusWord::CLASS_NOT_SUPPORTED);
            }
            Some(Instruction::ExternalAuthenticate) if !secured => {
                return Err(StatusWord::INSTRUCTION_NOT_SUPPORTED);
            }
            Some(Instruction::ExternalAuthenticate | Instruction::GetResponse) => true,
            _ => !secured,
        };
        if unwrapped {
            return self.dispatch(instruction, None, command, command.data, reply);
        }
        let mut clear = Buffer::<255>::new();
        clear.put(command.data).map_err(|WrongLength| StatusWord::WRONG_LENGTH)?;
        let (authority, len) = self.unwrap(command, clear.as_mut_slice())?;
        let data = clear.as_slice().get(..len).unwrap_or_default();
        let result = self.dispatch(instruction, Some(authority), command, data, reply);
        clear.as_mut_slice().zeroize();
        let status = result.unwrap_or_else(|status| status);
        if result.is_err() {
            reply.clear();
        }
        self.wrap(reply, status)?;
        result
    }

    /// Steps 4 to 9: instruction, P1 and P2, role and level, state; then the handler, which begins with the length.
    fn dispatch(
        &mut self,
        instruction: Option<Instruction>,
        authority: Option<Authority>,
        command: &Command<'_>,
        data: &[u8],
        reply: &mut Reply,
    ) -> Result<StatusWord, StatusWord> {
        let instruction = instruction.ok_or(StatusWord::INSTRUCTION_NOT_SUPPORTED)?;
        let request = Request::try_from((instruction, command))?;
        if !instruction.grant().admits(authority) {
            return Err(StatusWord::SECURITY_STATUS);
        }
        // Also where the memory has failed: the answer says so.
        if let Request::Select { answer } = request {
            return self.select(answer, data, reply);
        }
        let state = self.memory()?.purse().state;
        if !instruction.allowed_in(state) {
            return Err(StatusWord::CONDITIONS_OF_USE);
        }
        match request {
            Request::Select { answer } => self.select(answer, data, reply),
            Request::ReadBinary(place, le) => self.read_binary(authority, place, le, data, reply),
            Request::ReadRecord { file, number, how } => {
                self.read_record(authority, file, (number, how), data, reply)
            }
            Request::GetData(object) => self.get_data(authority, object, data, reply),
            Request::GetResponse(le) => self.get_response(command.cla, le, data, reply),
            Request::InitializeUpdate(keys) => self.initialize_update(keys, data, reply),
            Request::ExternalAuthenticate => self.external_authenticate(command.header(), data),
            Request::LoadVoucher => self.load_voucher(data, reply),
            Request::PutMail => self.put_mail(data, reply),
            Request::GetMail(slot) => self.get_mail(slot, data, reply),
            Request::ReadCertificate(proof) => self.read_certificate(proof, data, reply),
            Request::Settle => self.settle(data, reply),
            Request::PutHistory => self.put_history(data, reply),
            Request::PutMeterMail => self.put_meter_mail(data, reply),
            Request::Bind => self.bind(data),
            Request::StoreData(what) => self.store_data(authority, what, data),
            Request::PutKey { replaced, kind } => self.put_key(replaced, kind, data, reply),
            Request::SetStatus(wanted) => self.set_status(authority, wanted, data),
        }
    }

    /// Ne, GET RESPONSE and the ways of T=0 (specification, sections 7 and 16).
    fn deliver(&mut self, command: &Command<'_>, status: StatusWord, reply: &mut Reply) -> StatusWord {
        let available = reply.len();
        if available == 0 {
            return status;
        }
        let at_once = match (self.protocol, command.data.is_empty(), command.le) {
            (Protocol::T0, true, le) if le.map(Le::bytes) != Some(available) => {
                reply.clear();
                return StatusWord::wrong_le(remaining(available));
            }
            (Protocol::T0, false, _) => 0,
            (_, _, Some(le)) if command.cla & 0x04 == 0 => available.min(le.bytes()),
            _ => available,
        };
        if at_once == available {
            return status;
        }
        self.volatile.pending = reply.clone();
        self.volatile.pending_class = command.cla;
        self.volatile.sent = at_once;
        self.volatile.pending_status = status;
        reply.truncate(at_once);
        StatusWord::more_data(remaining(available - at_once))
    }

    fn get_response(
        &mut self,
        class: u8,
        le: Option<Le>,
        data: &[u8],
        reply: &mut Reply,
    ) -> Result<StatusWord, StatusWord> {
        no_data(data)?;
        let rest = self.volatile.pending.as_slice().get(self.volatile.sent..).unwrap_or_default();
        // Hosts fetch in class 00, or in the class of their command.
        if rest.is_empty() || (class != 0x00 && class != self.volatile.pending_class) {
            return Err(StatusWord::CONDITIONS_OF_USE);
        }
        let wanted = le.map_or(rest.len(), Le::bytes);
        if self.protocol == Protocol::T0 && wanted != rest.len() {
            return Err(StatusWord::wrong_le(remaining(rest.len())));
        }
        let now = rest.get(..wanted.min(rest.len())).unwrap_or_default();
        put(reply, now)?;
        let left = rest.len() - now.len();
        self.volatile.sent += now.len();
        if left > 0 {
            return Ok(StatusWord::more_data(remaining(left)));
        }
        self.volatile.pending.clear();
        Ok(self.volatile.pending_status)
    }
}

/// Step 2: whether the class byte has GlobalPlatform's secure messaging.
fn class(cla: u8) -> Result<bool, StatusWord> {
    ensure(cla != 0xFF, StatusWord::CLASS_NOT_SUPPORTED)?;
    ensure(cla & 0x40 == 0, StatusWord::CHANNEL_NOT_SUPPORTED)?;
    ensure(cla & 0x20 == 0, StatusWord::CLASS_NOT_SUPPORTED)?;
    ensure(cla & 0x03 == 0, StatusWord::CHANNEL_NOT_SUPPORTED)?;
    ensure(cla & 0x08 == 0, StatusWord::SECURE_MESSAGING_NOT_SUPPORTED)?;
    ensure(cla & 0x10 == 0, StatusWord::CHAINING_NOT_SUPPORTED)?;
    Ok(cla & 0x04 != 0)
}

/// The second byte of 61xx and 6Cxx: 00 stands for 256.
fn remaining(bytes: usize) -> u8 {
    u8::try_from(bytes).unwrap_or(0)
}
