//! A trace as a capture that Wireshark reads. There is no link type for commands to a card: each is a packet of "upper PDU", which names the
//! dissector (ISO 7816) and the direction (epan/exported_pdu.h).

use card_host::transport::{Exchange, Recording, instruction_name};
use pcap_file::DataLink;
use pcap_file::pcapng::PcapNgWriter;
use pcap_file::pcapng::blocks::enhanced_packet::{EnhancedPacketBlock, EnhancedPacketOption};
use pcap_file::pcapng::blocks::interface_description::{
    InterfaceDescriptionBlock, InterfaceDescriptionOption,
};
use std::borrow::Cow;
use std::io;
use std::time::Duration;

const DISSECTOR: &[u8] = b"iso7816";
const TAG_DISSECTOR: u16 = 12;
const TAG_DIRECTION: u16 = 35;
const SENT: u32 = 0;
const RECEIVED: u32 = 1;
/// Times are in units of 10^-9 seconds.
const NANOSECONDS: u8 = 9;

/// The bytes of the file.
pub(super) fn written(recording: &Recording) -> io::Result<Vec<u8>> {
    let failed = |error: pcap_file::PcapError| io::Error::other(error.to_string());
    let mut writer = PcapNgWriter::new(Vec::new()).map_err(failed)?;
    let interface = InterfaceDescriptionBlock {
        linktype: DataLink::WIRESHARK_UPPER_PDU,
        snaplen: 0,
        options: vec![
            InterfaceDescriptionOption::IfName(Cow::Borrowed("card")),
            InterfaceDescriptionOption::IfTsResol(NANOSECONDS),
        ],
    };
    writer.write_pcapng_block(interface).map_err(failed)?;
    for exchange in recording.exchanges() {
        let meaning = meaning(exchange);
        let command = packet(SENT, &exchange.command, exchange.begun, meaning);
        writer.write_pcapng_block(command).map_err(failed)?;
        let (response, said) = match &exchange.response {
            Ok(response) => {
                (response.as_slice(), exchange.status().map(|status| status.to_string()).unwrap_or_default())
            }
            Err(error) => (&[][..], error.clone()),
        };
        let answered = exchange.begun.saturating_add(exchange.elapsed);
        writer.write_pcapng_block(packet(RECEIVED, response, answered, said)).map_err(failed)?;
    }
    Ok(writer.into_inner())
}

fn meaning(exchange: &Exchange) -> String {
    let (name, detail) = (instruction_name(&exchange.command), exchange.detail());
    let hidden = if exchange.hidden > 0 { ", its data are not kept" } else { "" };
    if detail.is_empty() { format!("{name}{hidden}") } else { format!("{name}: {detail}{hidden}") }
}

fn packet(
    direction: u32,
    bytes: &[u8],
    timestamp: Duration,
    comment: String,
) -> EnhancedPacketBlock<'static> {
    let mut data = Vec::new();
    let mut tagged = |tag: u16, value: &[u8]| {
        // Two short values: the lengths fit.
        let padded = value.len().next_multiple_of(4);
        data.extend_from_slice(&tag.to_be_bytes());
        data.extend_from_slice(&u16::try_from(padded).unwrap_or_default().to_be_bytes());
        data.extend_from_slice(value);
        data.resize(data.len() + padded - value.len(), 0);
    };
    tagged(TAG_DISSECTOR, DISSECTOR);
    tagged(TAG_DIRECTION, &direction.to_be_bytes());
    tagged(0, &[]);
    data.extend_from_slice(bytes);
    EnhancedPacketBlock {
        interface_id: 0,
        timestamp,
        original_len: u32::try_from(data.len()).unwrap_or(u32::MAX),
        data: Cow::Owned(data),
        options: vec![EnhancedPacketOption::Comment(Cow::Owned(comment))],
    }
}
