//! What the tests must know of each framework beside its map.

use keyferry_core::CredentialRecord;
use keyferry_sqlx::Dialect;

use crate::database::{Database, dialects};

pub(crate) struct Framework {
    pub(crate) name: &'static str,
    /// The tables that an import writes to.
    pub(crate) tables: &'static [&'static str],
    /// How a user is added whose name stands in the place of `{}`; empty where the map makes accounts.
    user: &'static str,
    /// Whether a row can be barred; where it cannot, only active credentials stand there.
    pub(crate) keeps_status: bool,
}

pub(crate) const ALL: &[Framework] = &[
    Framework {
        name: "aspnet-identity",
        tables: &["AspNetUserPasskeys"],
        user: r#"INSERT INTO "AspNetUsers" ("Id", "EmailConfirmed", "PhoneNumberConfirmed", "TwoFactorEnabled",
            "LockoutEnabled", "AccessFailedCount") VALUES ('{}', false, false, false, false, 0);"#,
        keeps_status: false,
    },
    Framework {
        name: "authjs",
        tables: &["authenticator", "account"],
        user: r#"INSERT INTO "user" ("id") VALUES ('{}');"#,
        keeps_status: false,
    },
    Framework {
        name: "better-auth",
        tables: &["passkey"],
        user: r#"INSERT INTO "user" ("id", "name", "email", "emailVerified", "createdAt", "updatedAt")
            VALUES ('{}', 'a user', '{}', true, '2024-01-01 00:00:00', '2024-01-01 00:00:00');"#,
        keeps_status: false,
    },
    Framework {
        name: "devise-webauthn",
        tables: &["webauthn_credentials"],
        user: "INSERT INTO users (email, created_at, updated_at)
            VALUES ('{}', '2024-01-01 00:00:00', '2024-01-01 00:00:00');",
        keeps_status: false,
    },
    Framework {
        name: "django-otp-webauthn",
        tables: &["django_otp_webauthn_webauthncredential"],
        user: "INSERT INTO auth_user (password, is_superuser, username, first_name, last_name, email, is_staff, is_active,
            date_joined) VALUES ('', false, '{}', '', '', '', false, true, '2024-01-01 00:00:00');",
        keeps_status: true,
    },
    Framework {
        name: "laravel-passkeys",
        tables: &["passkeys"],
        user: "INSERT INTO users (name, email, password) VALUES ('a user', '{}', '');",
        keeps_status: false,
    },
    Framework {
        name: "spring-security",
        tables: &["user_credentials", "user_entities"],
        user: "",
        keeps_status: false,
    },
    Framework {
        name: "supabase",
        tables: &["auth.webauthn_credentials"],
        user: "INSERT INTO auth.users (id) VALUES ('{}');",
        keeps_status: false,
    },
];

pub(crate) fn framework(name: &str) -> &'static Framework {
    ALL.iter().find(|framework| framework.name == name).unwrap()
}

impl Framework {
    /// Adds the users of these records to a database.
    pub(crate) fn add_users(&self, database: &Database, records: &[CredentialRecord]) {
        let names: std::collections::BTreeSet<_> =
            records.iter().map(|record| record.account.as_str()).collect();
        let statements: Vec<_> = names.iter().map(|name| self.user.replace("{}", name)).collect();
        if !self.user.is_empty() {
            database.sql(&statements.join("\n"));
        }
    }

    /// Makes a database with the framework's tables and the users of these records.
    pub(crate) fn database(&self, dialect: Dialect, records: &[CredentialRecord]) -> Option<Database> {
        let database = Database::of(self.name, dialect)?;
        self.add_users(&database, records);
        Some(database)
    }

    /// Makes one in each database that the framework supports.
    pub(crate) fn databases(&self, records: &[CredentialRecord]) -> Vec<Database> {
        dialects().into_iter().filter_map(|dialect| self.database(dialect, records)).collect()
    }
}
