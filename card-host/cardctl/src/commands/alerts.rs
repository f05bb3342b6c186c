//! `cardctl alerts`: who runs out of credit soon, and the queue for the gateway that tells them.

use clap::Subcommand;
use serde_json::json;

use crate::cli::Arguments;
use crate::commands::{Error, books};
use crate::context::workplace::Workplace;
use crate::view::{Output, time};

#[derive(Subcommand)]
pub(crate) enum AlertsCommand {
    /// Queues a message to every customer who runs out of credit soon, as far as reports of their meters show.
    Queue {
        /// Within so many days.
        #[arg(long, value_name = "N", default_value_t = 3)]
        days: u32,
    },
    /// Lists the messages that wait, oldest first.
    List {
        /// At most so many.
        #[arg(long, value_name = "N", default_value_t = 100)]
        most: u32,
    },
    /// Says that a gateway has taken messages: they do not wait any more.
    Taken {
        /// Their ids.
        #[arg(required = true)]
        ids: Vec<String>,
    },
}

pub(crate) fn run(arguments: &Arguments, command: &AlertsCommand) -> Result<Output, Error> {
    let workplace = Workplace::shared(arguments.data.as_deref())?;
    let books = books(arguments, &workplace)?;
    match command {
        AlertsCommand::Queue { days } => {
            let queued = books.office.queue_alerts(&books.who, *days)?;
            let text = format!(
                "{} contracts looked at, {} run out within {days} days: {} messages queued, {} customers have no telephone number",
                queued.looked_at, queued.low, queued.queued, queued.without_phone
            );
            let json = json!({
                "looked_at": queued.looked_at, "low": queued.low, "queued": queued.queued,
                "without_phone": queued.without_phone,
            });
            Ok(Output::new(text, json))
        }
        AlertsCommand::List { most } => {
            let messages = books.office.messages(*most)?;
            let lines: Vec<_> = messages
                .iter()
                .map(|message| {
                    format!("{}  {}  {}\n  {}", message.id, time(message.time), message.phone, message.text)
                })
                .collect();
            let list: Vec<_> = messages
                .iter()
                .map(|message| {
                    json!({
                        "id": message.id, "time": message.time.to_unix(), "phone": message.phone,
                        "text": message.text,
                    })
                })
                .collect();
            let text = if lines.is_empty() { "no message waits".to_owned() } else { lines.join("\n") };
            Ok(Output::new(text, json!({ "messages": list })))
        }
        AlertsCommand::Taken { ids } => {
            let taken = books.office.taken(&books.who, ids)?;
            Ok(Output::new(format!("{taken} messages do not wait any more"), json!({ "taken": taken })))
        }
    }
}
