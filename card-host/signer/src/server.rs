//! The signer as a process of its own: who may ask, and what is answered.

use card_core::id::{Binding, CardId, MeterId, Scope};
use card_core::message::{BindingCertificate, Certificate, Slot, Voucher};
use card_core::role::{KeyVersion, Role};
use card_core::units::CardTime;
use card_host::keystore::{CardKey, DerivingKeyStore, Extent, KeyStore, KeyStoreError, Masters, Memory as _};
use card_host::national_id::NationalId;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use zeroize::Zeroizing;

use crate::signer::Signer;
use crate::wire::{Answer, Ask, Hex, Unclear, WireAlarm, WireExtent, WireTotals, totals};

/// The longest line: what books hold comes in pages of 200.
const LONGEST: u64 = 1 << 20;
/// So many may be connected.
const MOST: usize = 512;

/// Answers whoever connects and is one of these users of the operating system, until the process ends.
pub fn serve<M: Masters + 'static>(
    listener: &UnixListener,
    signer: &Arc<Signer<DerivingKeyStore<M>>>,
    users: &[u32],
) -> io::Result<()> {
    let connected = Arc::new(AtomicUsize::new(0));
    for stream in listener.incoming() {
        let stream = stream?;
        let user = rustix::net::sockopt::socket_peercred(&stream)?.uid.as_raw();
        if !users.contains(&user) || connected.load(Ordering::SeqCst) >= MOST {
            continue;
        }
        connected.fetch_add(1, Ordering::SeqCst);
        let (signer, connected) = (Arc::clone(signer), Arc::clone(&connected));
        std::thread::spawn(move || {
            // Who is gone needs no answer.
            let _ = answer_all(&stream, &signer);
            connected.fetch_sub(1, Ordering::SeqCst);
        });
    }
    Ok(())
}

fn answer_all<M: Masters>(stream: &UnixStream, signer: &Signer<DerivingKeyStore<M>>) -> io::Result<()> {
    let mut lines = BufReader::new(stream);
    let mut to = stream;
    loop {
        let mut line = Zeroizing::new(String::new());
        if (&mut lines).take(LONGEST).read_line(&mut line)? == 0 {
            return Ok(());
        }
        let answer = match serde_json::from_str(&line) {
            Ok(ask) => answer(signer, ask).unwrap_or_else(|failed| failed.0),
            Err(_) => Answer::Refused(Unclear.to_string()),
        };
        let mut said = Zeroizing::new(serde_json::to_vec(&answer)?);
        said.push(b'\n');
        to.write_all(&said)?;
    }
}

/// Why there is no other answer.
struct Failed(Answer);

impl<E: Into<KeyStoreError>> From<E> for Failed {
    fn from(error: E) -> Self {
        Self(error.into().into())
    }
}

fn unclear<E: std::fmt::Display>(error: E) -> Failed {
    Failed(Answer::Refused(error.to_string()))
}

fn answer<M: Masters>(signer: &Signer<DerivingKeyStore<M>>, ask: Ask) -> Result<Answer, Failed> {
    let (keys, memory) = (signer.keys(), signer.remembers());
    let scope = |of| Scope::try_from(of).map_err(unclear);
    let version = KeyVersion::from_byte;
    let bytes = |of: &Hex| of.bytes().map_err(unclear);
    Ok(match ask {
        Ask::About => Answer::About {
            environment: signer.environment().code(),
            warning: signer.warning().map(str::to_owned),
            length: keys.key_length().bytes(),
        },
        Ask::Current(role) => {
            let role = KeyVersion::from_byte(role).role().ok_or_else(|| unclear(Unclear))?;
            Answer::Version(signer.current(role)?.byte())
        }
        Ask::CheckValue(of, key) => Answer::Bytes(Hex::of(&signer.check_value(scope(of)?, version(key))?)),
        Ask::Person(of, key, digits) => {
            let digits = bytes(&digits)?;
            let text = std::str::from_utf8(&digits).map_err(unclear)?;
            let national_id = NationalId::parse(text).map_err(unclear)?;
            Answer::Bytes(Hex::of(&signer.person(scope(of)?, version(key), &national_id)?.code))
        }
        Ask::CardKeys(key) => {
            let set = signer.card_key_set(&CardKey::try_from(key).map_err(unclear)?)?;
            Answer::Keys([set.enc(), set.mac(), set.dek()].map(|key| Hex::of(key.expose())).into())
        }
        Ask::ChipKey(of, key, card) => {
            let (version, card) = (version(key), CardId(card.array().map_err(unclear)?));
            let role = version.role().filter(|role| matches!(role, Role::Load | Role::Receipt));
            let role = role.ok_or(KeyStoreError::WrongRole(version))?;
            Answer::Keys(vec![Hex::of(keys.chip_key(scope(of)?, version, role, card)?.expose())])
        }
        Ask::ReportKeys(of, key, meter) => {
            let meter = MeterId(meter.array().map_err(unclear)?);
            let (mail, receipt) = keys.report_keys(scope(of)?, version(key), meter)?;
            Answer::Keys([&mail.mac, &mail.enc, &receipt].map(|key| Hex::of(key.expose())).into())
        }
        Ask::Certificate(of, body) => {
            let certificate = Certificate::parse(&bytes(&body)?).map_err(unclear)?;
            Answer::Bytes(Hex::of(&signer.sign_certificate(scope(of)?, certificate)?.emit()))
        }
        Ask::VerifyCertificate(of, body) => {
            let certificate = Certificate::parse(&bytes(&body)?).map_err(unclear)?;
            signer.verify_certificate(scope(of)?, &certificate)?;
            Answer::Done
        }
        Ask::Binding(of, body) => {
            let certificate = BindingCertificate::parse(&bytes(&body)?).map_err(unclear)?;
            Answer::Bytes(Hex::of(&signer.sign_binding(scope(of)?, certificate)?.emit()))
        }
        Ask::VerifyBinding(of, body) => {
            let certificate = BindingCertificate::parse(&bytes(&body)?).map_err(unclear)?;
            signer.verify_binding(scope(of)?, &certificate)?;
            Answer::Done
        }
        Ask::Voucher(body) => {
            let voucher = Voucher::parse(&bytes(&body)?).map_err(unclear)?;
            Answer::Bytes(Hex::of(&signer.sign_voucher(voucher)?.emit()))
        }
        Ask::Mail { scope: of, key, binding, slot, version: number, plaintext } => {
            let binding = Binding::try_from(&binding).map_err(unclear)?;
            let slot = Slot::new(slot).ok_or_else(|| unclear(Unclear))?;
            let plaintext = bytes(&plaintext)?;
            let mail = signer.seal_mail(scope(of)?, version(key), binding, slot, number, &plaintext)?;
            Answer::Bytes(Hex::of(mail.as_bytes()))
        }
        Ask::MeterKeys { scope: of, meter, version: key, transport } => {
            let meter = MeterId(meter.array().map_err(unclear)?);
            let change = signer.wrapped_meter_keys(scope(of)?, meter, version(key), version(transport))?;
            Answer::Bytes(Hex::of(change.emit().as_slice()))
        }
        Ask::Extent => Answer::Extent(memory.extent()?.as_ref().map(WireExtent::from)),
        Ask::Learn(extent, held) => {
            let extent = Extent::try_from(extent).map_err(unclear)?;
            memory.learn(&extent, &totals(&held).map_err(unclear)?)?;
            Answer::Done
        }
        Ask::Adopt(held) => {
            memory.adopt(&totals(&held).map_err(unclear)?)?;
            Answer::Done
        }
        Ask::Begin => {
            memory.begin()?;
            Answer::Done
        }
        Ask::Signed(after, most) => {
            let after = after.as_ref().map(Binding::try_from).transpose().map_err(unclear)?;
            Answer::Totals(memory.signed(after, most.min(1000))?.iter().map(WireTotals::from).collect())
        }
        Ask::Alarms(since) => {
            let alarms = memory.alarms(CardTime(since))?.into_iter().map(|alarm| {
                let WireAlarm(time, what) = alarm.into();
                (time, what)
            });
            Answer::Alarms(alarms.collect())
        }
    })
}
