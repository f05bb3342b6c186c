//! Clients that ask once, while a part of the company dies under them: PostgreSQL, the server, the program over SQLite. Whatever each of
//! them was told is compared with the books afterwards. Done: it is there. Refused, "nothing was done": it never is. Unknown: either.

mod company;
mod failover;
mod killed;
mod standby;
