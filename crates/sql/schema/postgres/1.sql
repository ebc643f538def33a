-- keyferry, schema version 1, for PostgreSQL 12 or newer.
-- The credential record of WebAuthn Level 3, section 4, in its order. NULL: not known, which is never "no".

CREATE TABLE webauthn_credentials (
    credential_id            bytea       NOT NULL PRIMARY KEY CHECK (octet_length(credential_id) BETWEEN 1 AND 1023),
    public_key               bytea       NOT NULL CHECK (octet_length(public_key) > 0), -- COSE_Key, the bytes of the registration
    cose_algorithm           integer     NOT NULL, -- a copy for people and queries; the one inside the key counts
    sign_count               bigint      NOT NULL CHECK (sign_count BETWEEN 0 AND 4294967295),
    transports               text        CHECK (json_typeof(transports::json) = 'array'), -- '[]' is empty
    uv_initialized           boolean,
    backup_eligible          boolean,
    backup_state             boolean,
    aaguid                   bytea       CHECK (octet_length(aaguid) = 16),
    authenticator_attachment text        COLLATE "C",
    attestation_format       text        COLLATE "C",
    created_at               timestamptz,
    status                   text        COLLATE "C" NOT NULL, -- only 'active' may log in
    user_id                  text        COLLATE "C" CHECK (user_id <> ''),
    external_user_id         text        COLLATE "C" CHECK (external_user_id <> ''),
    user_handle              bytea       CHECK (octet_length(user_handle) BETWEEN 1 AND 64),
    rp_id                    text        COLLATE "C" NOT NULL CHECK (rp_id <> ''),
    account                  text        COLLATE "C" NOT NULL CHECK (account <> ''), -- names the account in your application
    CHECK ((backup_eligible IS NULL) = (backup_state IS NULL) AND backup_state <= backup_eligible)
);

-- The two look-ups of a login: by account name, and by the handle that a discoverable credential gives back.
CREATE INDEX webauthn_credentials_account ON webauthn_credentials (account);
CREATE INDEX webauthn_credentials_user_handle ON webauthn_credentials (user_handle) WHERE user_handle IS NOT NULL;

-- One row: the version of the table above.
CREATE TABLE IF NOT EXISTS keyferry_schema (version integer NOT NULL);
DELETE FROM keyferry_schema;
INSERT INTO keyferry_schema (version) VALUES (1);
