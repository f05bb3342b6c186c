//! The application as an [`apdu_app::App`], so that firmware which runs such applications can host it.
//!
//! Two things are the runner's: GET RESPONSE, and Le beyond the length of a file. The trait has no place for a warning with
//! data, so the data of a READ BINARY that asks for more than there is (6282) goes out as a plain success; without
//! secure messaging that is all the difference, and with it the runner's 9000 would not fit the R-MAC, so the warning goes out
//! alone.

use crate::card::{CardApplication, Reply};
use apdu_app::{CommandView, Interface, VecView};
use card_core::apdu::{Command, Le, StatusWord};
use card_core::id::AID;
use card_core::platform::Platform;
use iso7816::{Aid, Status};

impl<P> iso7816::App for CardApplication<P> {
    fn aid(&self) -> Aid {
        Aid::new(&AID)
    }
}

impl<P: Platform> apdu_app::App for CardApplication<P> {
    fn select(
        &mut self,
        interface: Interface,
        apdu: CommandView<'_>,
        reply: &mut VecView<u8>,
    ) -> apdu_app::Result {
        self.call(interface, apdu, reply)
    }

    fn deselect(&mut self) {
        Self::deselect(self);
    }

    fn call(&mut self, _: Interface, apdu: CommandView<'_>, reply: &mut VecView<u8>) -> apdu_app::Result {
        let cla = apdu.class().into_inner();
        if apdu.extended || apdu.data().len() > 255 {
            return Err(Status::from_u16(StatusWord::WRONG_LENGTH.0));
        }
        // 0 is "no Le", 256 is Le = 00; more cannot come with a short command.
        let le = match apdu.expected() {
            0 => None,
            expected => Some(Le::from_byte(u8::try_from(expected).unwrap_or(0))),
        };
        let command =
            Command { cla, ins: apdu.instruction().into(), p1: apdu.p1, p2: apdu.p2, data: apdu.data(), le };
        let mut answer = Reply::new();
        let status = self.execute(&command, &mut answer).unwrap_or_else(|status| {
            answer.clear();
            status
        });
        let sendable = status.is_ok() || (status.is_warning() && cla & 0x04 == 0);
        if !sendable {
            return Err(Status::from_u16(status.0));
        }
        reply.extend_from_slice(answer.as_slice()).map_err(|_| Status::from_u16(StatusWord::UNKNOWN.0))
    }
}
