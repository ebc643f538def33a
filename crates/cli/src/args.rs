//! The arguments of the command; what they mean is decided elsewhere.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use keyferry_core::{AccountRule, Authority, RpId, UserHandleRule};
use keyferry_sources::Crc64Nvme;

use crate::{tables::TableArgs, targets::Target};

/// Moves passkeys from one WebAuthn server to another and proves that they log in
#[derive(Parser)]
#[command(version, about, max_term_width = 100, after_help = EXIT_CODES)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXIT_CODES: &str = "\
Exit code: 0 all rows imported, unchanged or left out on purpose; 1 finished, but rows were refused
or in conflict, or verify found a difference; 2 stopped";

const PROBE: &str = "\
Says whether one real login fits an export: RP ID, user handle, key, backup flags, counter

Takes the row of the credential, verifies the signature with its key, and follows WebAuthn Level 3,
section 7.2. A challenge that is not given is taken from the login itself.

Exit code: 0 all fits; 1 something does not, or no row has the credential; 2 stopped

--json prints {\"command\", \"source\", \"row\", \"rows_found\", \"status\", \"algorithm\", \"rp_id\",
\"user_handle\": {\"present\", \"rules\", \"encoding\"}, \"checks\": [{\"step\", \"check\", \"outcome\", \"reason\",
\"message\"}], \"fits\", \"arguments\", \"seconds\"}, where an outcome is passed, open or failed";

const REPLAY: &str = "\
Says how many recorded logins would succeed with what a target holds, and why the others would not

Each is verified as WebAuthn Level 3, section 7.2, says; a challenge that does not stand in the line is
taken from the login itself. Several logins of one credential move its counter along, in memory.
Nothing is written.

Exit code: 0 all would succeed; 1 some would not; 2 stopped

--json prints {\"command\", \"source\", \"target\", \"counts\": {\"read\", \"would_succeed\", \"would_fail\",
\"uncheckable\"}, \"reasons\": [{\"reason\", \"count\", \"lines\"}], \"open\": [{\"reason\", \"count\"}], \"seconds\"}";

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Shows what is in an export, what is wrong with it, and who could log in where
    #[command(
        after_help = "Example:\n  keyferry inspect 2025-09-30-7476.csv.gz --checksum CRC64NVME:RxXB2MJnfhc="
    )]
    Inspect(InspectArgs),
    /// Says what an import would do; writes nothing
    #[command(
        after_help = "Example:\n  keyferry plan 2025-09-30-7476.csv.gz --rp-id example.com --to sqlite:passkeys.db"
    )]
    Plan(TransferArgs),
    /// Imports an export into a target
    #[command(
        after_help = "Example:\n  keyferry import 2025-09-30-7476.csv.gz --rp-id example.com --to sqlite:passkeys.db \\\n    --rejects rejects.csv"
    )]
    Import(TransferArgs),
    /// Reads everything back from a target and compares it field by field
    #[command(
        after_help = "Example:\n  keyferry verify 2025-09-30-7476.csv.gz --rp-id example.com --to sqlite:passkeys.db"
    )]
    Verify(TransferArgs),
    /// Says whether one real login fits an export: RP ID, user handle, key, backup flags, counter
    #[command(
        long_about = PROBE,
        after_help = "Example:\n  keyferry probe 2025-09-30-7476.csv.gz --assertion login.json --rp-id example.com"
    )]
    Probe(ProbeArgs),
    /// Says how many recorded logins would succeed with what a target holds, and why the others would not
    #[command(
        long_about = REPLAY,
        after_help = "Example:\n  keyferry replay logins.jsonl --to sqlite:passkeys.db --rp-id example.com"
    )]
    Replay(ReplayArgs),
    /// Prints the CRC64NVME of a file as the vendor's console shows it
    #[command(after_help = "Example:\n  keyferry checksum 2025-09-30-7476.csv.gz")]
    Checksum(ChecksumArgs),
    /// Prints the DDL of the table `webauthn_credentials`
    #[command(after_help = "Example:\n  keyferry schema postgres | psql")]
    Schema(SchemaArgs),
    /// Prints the maps of applications' own tables, for --table-map
    #[command(after_help = "Example:\n  keyferry maps spring-security > my-table.toml")]
    Maps(MapsArgs),
    /// Makes a synthetic export with known private keys, and assertions signed by them
    #[command(after_help = "Example:\n  keyferry generate --rows 1000 --seed 1 --out 2026-01-15-1000.csv.gz")]
    Generate(GenerateArgs),
}

#[derive(Args)]
pub(crate) struct SourceArgs {
    /// The export: a .csv or .csv.gz file, or - for standard input
    pub(crate) export: PathBuf,
    /// The CRC64NVME that the vendor shows for the file as delivered, such as 5yuiJSxKKnU=
    #[arg(long, value_name = "CRC64NVME")]
    pub(crate) checksum: Option<Crc64Nvme>,
    /// The number of rows [default: from a file name such as 2025-09-30-7476.csv.gz]
    #[arg(long, value_name = "N")]
    pub(crate) rows: Option<u64>,
    /// Which user handle lies inside the passkeys; no export has it
    #[arg(long, value_enum, default_value_t, value_name = "RULE")]
    pub(crate) user_handle: UserHandle,
    /// Which identifier names the account in the target
    #[arg(long, value_enum, default_value_t, value_name = "COLUMN")]
    pub(crate) account: Account,
    /// Writes the refused and conflicting rows to a CSV file that can be mended and fed in again
    #[arg(long, value_name = "FILE")]
    pub(crate) rejects: Option<PathBuf>,
    /// Prints one JSON object instead of text
    #[arg(long)]
    pub(crate) json: bool,
    /// The most GiB that the export may unpack to
    #[arg(long, default_value_t = 8, value_name = "GIB", value_parser = clap::value_parser!(u64).range(1..=1024))]
    pub(crate) max_unpacked: u64,
}

#[derive(Args)]
pub(crate) struct InspectArgs {
    #[command(flatten)]
    pub(crate) source: SourceArgs,
    /// The RP ID that the passkeys are bound to, such as example.com
    #[arg(long, value_parser = RpId::parse, value_name = "DOMAIN")]
    pub(crate) rp_id: Option<RpId>,
}

#[derive(Args)]
pub(crate) struct TransferArgs {
    #[command(flatten)]
    pub(crate) source: SourceArgs,
    /// The RP ID that the passkeys are bound to, such as example.com; no export has it
    #[arg(long, value_parser = RpId::parse, value_name = "DOMAIN")]
    pub(crate) rp_id: RpId,
    /// The target, ADAPTER:WHERE, such as sqlite:passkeys.db or simplewebauthn:passkeys.json, or the URL of a database,
    /// such as postgres://user@host/database; leave the password to PGPASSWORD, ~/.pgpass, MYSQL_PWD or ~/.my.cnf
    #[arg(long, value_name = "TARGET")]
    pub(crate) to: Target,
    #[command(flatten)]
    pub(crate) tables: TableArgs,
    /// Who is in charge of credentials that are in the target already; `target` only adds new ones
    #[arg(long, value_enum, default_value_t, value_name = "WHO")]
    pub(crate) authority: Charge,
}

#[derive(Args)]
pub(crate) struct ProbeArgs {
    /// The export: a .csv or .csv.gz file, or - for standard input
    pub(crate) export: PathBuf,
    /// The login, as JSON: what PublicKeyCredential.toJSON() gives, or a line of assertions; - for standard input
    #[arg(long, value_name = "FILE")]
    pub(crate) assertion: PathBuf,
    /// The RP ID that the server will be set up with [default: the one that fits the login, from its origin]
    #[arg(long, value_parser = RpId::parse, value_name = "DOMAIN")]
    pub(crate) rp_id: Option<RpId>,
    /// The challenge of the login, base64url without padding [default: taken from the login itself]
    #[arg(long, value_name = "B64URL", value_parser = challenge)]
    pub(crate) challenge: Option<Challenge>,
    /// The one origin that the server will expect, such as `https://login.example.com`
    #[arg(long, value_name = "URL")]
    pub(crate) origin: Option<String>,
    /// The CRC64NVME that the vendor shows for the file as delivered, such as 5yuiJSxKKnU=
    #[arg(long, value_name = "CRC64NVME")]
    pub(crate) checksum: Option<Crc64Nvme>,
    /// The number of rows [default: from a file name such as 2025-09-30-7476.csv.gz]
    #[arg(long, value_name = "N")]
    pub(crate) rows: Option<u64>,
    /// Which identifier names the account in the target
    #[arg(long, value_enum, default_value_t, value_name = "COLUMN")]
    pub(crate) account: Account,
    /// Prints one JSON object instead of text
    #[arg(long)]
    pub(crate) json: bool,
    /// The most GiB that the export may unpack to
    #[arg(long, default_value_t = 8, value_name = "GIB", value_parser = clap::value_parser!(u64).range(1..=1024))]
    pub(crate) max_unpacked: u64,
}

#[derive(Args)]
pub(crate) struct ReplayArgs {
    /// The logins, one JSON object a line, in the order in which they happened; - for standard input
    pub(crate) assertions: PathBuf,
    /// The target, as import takes it; it is only read
    #[arg(long, value_name = "TARGET")]
    pub(crate) to: Target,
    #[command(flatten)]
    pub(crate) tables: TableArgs,
    /// The RP ID of the server [default: the one that the target holds, or else the one that stands in the line]
    #[arg(long, value_parser = RpId::parse, value_name = "DOMAIN")]
    pub(crate) rp_id: Option<RpId>,
    /// Counts logins without user verification as failed
    #[arg(long)]
    pub(crate) require_uv: bool,
    /// Prints one JSON object instead of text
    #[arg(long)]
    pub(crate) json: bool,
}

/// The bytes of a challenge.
#[derive(Clone)]
pub(crate) struct Challenge(pub(crate) Vec<u8>);

fn challenge(text: &str) -> Result<Challenge, &'static str> {
    match keyferry_assertion::decode_base64url(text) {
        Some(bytes) if !bytes.is_empty() => Ok(Challenge(bytes)),
        _ => Err("expected base64url without padding"),
    }
}

#[derive(Args)]
pub(crate) struct ChecksumArgs {
    /// The file, or - for standard input
    pub(crate) file: PathBuf,
}

#[derive(Args)]
pub(crate) struct SchemaArgs {
    /// The database
    #[arg(value_enum)]
    pub(crate) dialect: Dialect,
    /// Another name of the table, such as auth.webauthn_credentials
    #[arg(long, value_name = "TABLE")]
    pub(crate) table: Option<keyferry_sql::TableName>,
}

#[derive(Args)]
pub(crate) struct MapsArgs {
    /// The map to print; without it, the names of all
    pub(crate) name: Option<String>,
}

#[derive(Args)]
pub(crate) struct GenerateArgs {
    /// The number of rows
    #[arg(long, value_name = "N")]
    pub(crate) rows: u64,
    /// The seed; the same one makes the same files
    #[arg(long, value_name = "S")]
    pub(crate) seed: u64,
    /// The file to write, .csv or .csv.gz, or a folder in which it gets the vendor's form of name
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// The RP ID that the assertions are signed for
    #[arg(long, value_parser = RpId::parse, value_name = "DOMAIN", default_value = "example.com")]
    pub(crate) rp_id: RpId,
    /// Writes the export and its checksum only: no private keys, no assertions
    #[arg(long)]
    pub(crate) no_assertions: bool,
}

#[derive(Clone, Copy, Default, ValueEnum)]
pub(crate) enum UserHandle {
    /// The UTF-8 text of the user ID
    UserId,
    /// The UTF-8 text of the external user ID
    ExternalUserId,
    /// The 16 bytes of the user ID, a UUID
    UserIdUuid,
    /// The 16 bytes of the external user ID, a UUID
    ExternalUserIdUuid,
    /// Not known
    #[default]
    None,
}

impl From<UserHandle> for UserHandleRule {
    fn from(rule: UserHandle) -> Self {
        match rule {
            UserHandle::UserId => Self::UserId,
            UserHandle::ExternalUserId => Self::ExternalUserId,
            UserHandle::UserIdUuid => Self::UserIdUuid,
            UserHandle::ExternalUserIdUuid => Self::ExternalUserIdUuid,
            UserHandle::None => Self::None,
        }
    }
}

#[derive(Clone, Copy, Default, ValueEnum)]
pub(crate) enum Account {
    #[default]
    ExternalUserId,
    UserId,
}

impl From<Account> for AccountRule {
    fn from(account: Account) -> Self {
        match account {
            Account::ExternalUserId => Self::ExternalUserId,
            Account::UserId => Self::UserId,
        }
    }
}

#[derive(Clone, Copy, Default, ValueEnum)]
pub(crate) enum Charge {
    #[default]
    Export,
    Target,
}

impl From<Charge> for Authority {
    fn from(charge: Charge) -> Self {
        match charge {
            Charge::Export => Self::Export,
            Charge::Target => Self::Target,
        }
    }
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Dialect {
    Sqlite,
    Postgres,
    Mysql,
}

impl From<Dialect> for keyferry_sql::Dialect {
    fn from(dialect: Dialect) -> Self {
        match dialect {
            Dialect::Sqlite => Self::Sqlite,
            Dialect::Postgres => Self::Postgres,
            Dialect::Mysql => Self::MySql,
        }
    }
}
