//! `cardctl serve`: its limits.

use card_server::Options;
use clap::{Args, value_parser};
use std::num::NonZeroU32;
use std::time::Duration;

use crate::commands::serve::Within;

/// How much the server does at a time. Of the desk nothing of it holds.
#[derive(Args)]
pub(crate) struct Limits {
    /// The most connections.
    #[arg(long, value_name = "COUNT", default_value_t = 1024, value_parser = value_parser!(u32).range(1..=100_000))]
    connections: u32,
    /// The most connections from one address (of IPv6: from a network of 64 bits); the proxy on this computer may have all.
    #[arg(long, value_name = "COUNT", default_value_t = 256, value_parser = value_parser!(u32).range(1..=100_000))]
    per_address: u32,
    /// The largest body of a request, in bytes.
    #[arg(long, value_name = "BYTES", default_value_t = 16_384, value_parser = value_parser!(u32).range(1024..=1_048_576))]
    body: u32,
    /// How long a connection may wait for its next request, and how long headers and a body may take.
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = value_parser!(u64).range(1..=3600))]
    idle: u64,
    /// Connections to the database. Four less are the requests that are worked on at a time, a quarter of these for one party.
    #[arg(long, value_name = "COUNT", default_value_t = 40, value_parser = value_parser!(u32).range(5..=10_000))]
    pool: u32,
    /// Requests of a token in a second.
    #[arg(long, value_name = "COUNT", default_value = "100")]
    rate: NonZeroU32,
    /// Requests of a token at once.
    #[arg(long, value_name = "COUNT", default_value = "200")]
    burst: NonZeroU32,
    /// Wrong tokens from an address in a minute; those after it are not looked up.
    #[arg(long, value_name = "COUNT", default_value = "30")]
    wrong_tokens: NonZeroU32,
}

impl Limits {
    pub(crate) fn within(self) -> Within {
        let count = |number| usize::try_from(number).unwrap_or(usize::MAX);
        let work = self.pool.saturating_sub(Within::BESIDE);
        let options = Options {
            connections: count(self.connections),
            per_address: count(self.per_address),
            body: count(self.body),
            read_timeout: Duration::from_secs(self.idle),
            work: count(work),
            rate: self.rate,
            burst: self.burst,
            failures: self.wrong_tokens,
            ..Options::default()
        };
        Within { options, pool: self.pool }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what is wrong by failing")]

    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Alone {
        #[command(flatten)]
        limits: Limits,
    }

    fn within(arguments: &[&str]) -> Within {
        Alone::try_parse_from([&["serve"], arguments].concat()).unwrap().limits.within()
    }

    #[test]
    fn what_is_not_said_is_what_the_server_does_by_itself() {
        let (said, own) = (within(&[]), Options::default());
        let of = |options: &Options| {
            let Options { connections, per_address, body, work, read_timeout, .. } = *options;
            (
                connections,
                per_address,
                body,
                work,
                read_timeout,
                options.rate,
                options.burst,
                options.failures,
            )
        };
        assert_eq!(of(&said.options), of(&own));
    }

    #[test]
    fn two_servers_and_the_commands_beside_them_fit_into_the_connections_of_postgresql() {
        let (all, reserved) = (100, 3);
        assert!(2 * within(&[]).pool + crate::context::books::CONNECTIONS <= all - reserved);
    }

    #[test]
    fn each_connection_but_four_works_for_a_request() {
        let small = within(&["--pool", "12", "--idle", "60", "--per-address", "5"]);
        assert_eq!((small.pool, small.options.work, small.options.per_address), (12, 8, 5));
        assert_eq!(small.options.read_timeout, Duration::from_secs(60));
        assert!(Alone::try_parse_from(["serve", "--pool", "4"]).is_err());
    }
}
