-- keyferry, schema version 1, for SQLite 3.38 or newer.
-- The credential record of WebAuthn Level 3, section 4, in its order. NULL: not known, which is never "no".

CREATE TABLE webauthn_credentials (
    credential_id            BLOB    NOT NULL PRIMARY KEY CHECK (length(credential_id) BETWEEN 1 AND 1023),
    public_key               BLOB    NOT NULL CHECK (length(public_key) > 0), -- COSE_Key, the bytes of the registration
    cose_algorithm           INTEGER NOT NULL, -- a copy for people and queries; the one inside the key counts
    sign_count               INTEGER NOT NULL CHECK (sign_count BETWEEN 0 AND 4294967295),
    transports               TEXT    CHECK (transports IS NULL OR -- older versions call NULL no valid JSON; '[]' is empty
        json_valid(transports) AND json_type(transports) = 'array'),
    uv_initialized           INTEGER CHECK (uv_initialized IN (0, 1)),
    backup_eligible          INTEGER CHECK (backup_eligible IN (0, 1)),
    backup_state             INTEGER CHECK (backup_state IN (0, 1)),
    aaguid                   BLOB    CHECK (length(aaguid) = 16),
    authenticator_attachment TEXT,
    attestation_format       TEXT,
    created_at               TEXT    CHECK (created_at GLOB -- UTC, always six digits, so that text order is time order
        '[0-9][0-9][0-9][0-9]-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-5][0-9].[0-9][0-9][0-9][0-9][0-9][0-9]Z'),
    status                   TEXT    NOT NULL, -- only 'active' may log in
    user_id                  TEXT    CHECK (user_id <> ''),
    external_user_id         TEXT    CHECK (external_user_id <> ''),
    user_handle              BLOB    CHECK (length(user_handle) BETWEEN 1 AND 64),
    rp_id                    TEXT    NOT NULL CHECK (rp_id <> ''),
    account                  TEXT    NOT NULL CHECK (account <> ''), -- names the account in your application
    CHECK ((backup_eligible IS NULL) = (backup_state IS NULL) AND backup_state <= backup_eligible)
) STRICT;

-- The two look-ups of a login: by account name, and by the handle that a discoverable credential gives back.
CREATE INDEX webauthn_credentials_account ON webauthn_credentials (account);
CREATE INDEX webauthn_credentials_user_handle ON webauthn_credentials (user_handle) WHERE user_handle IS NOT NULL;

-- One row: the version of the table above.
CREATE TABLE IF NOT EXISTS keyferry_schema (version INTEGER NOT NULL) STRICT;
DELETE FROM keyferry_schema;
INSERT INTO keyferry_schema (version) VALUES (1);
