//! The whole command against real servers, and against what real servers do: other sessions, cut connections, full disks,
//! roles that may do little, tables that are not as they should be.
#![allow(clippy::unwrap_used, reason = "clippy.toml exempts test functions, not their helpers")]

/// Makes a test of each function for each kind of server: `postgres::name` and `mysql::name`.
macro_rules! on_both {
    ($($name:ident),+ $(,)?) => {
        mod postgres {
            $(#[test] fn $name() { super::$name(keyferry_testkit::servers::Kind::Postgres); })+
        }
        mod mysql {
            $(#[test] fn $name() { super::$name(keyferry_testkit::servers::Kind::MySql); })+
        }
    };
}

#[path = "../command/exports.rs"]
#[allow(dead_code, reason = "the other tests of the command use the rest")]
mod exports;
#[path = "../command/random.rs"]
mod random;
#[path = "../command/support.rs"]
#[allow(dead_code, reason = "the other tests of the command use the rest")]
mod support;

mod contract;
mod disk;
mod drops;
mod flood;
mod items;
mod kill;
mod load;
mod lock;
mod names;
mod neighbours;
mod passwords;
mod proxy;
mod roles;
mod site;
mod tables;
mod tls;
mod unfinished;
