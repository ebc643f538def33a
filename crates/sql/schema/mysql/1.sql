-- keyferry, schema version 1, for MySQL 8.0.17 or newer and MariaDB 10.5 or newer.
-- The credential record of WebAuthn Level 3, section 4, in its order. NULL: not known, which is never "no".

CREATE TABLE webauthn_credentials (
    credential_id            VARBINARY(1023) NOT NULL PRIMARY KEY CHECK (length(credential_id) >= 1),
    public_key               VARBINARY(4096) NOT NULL CHECK (length(public_key) > 0), -- COSE_Key, the bytes of the registration
    cose_algorithm           INTEGER         NOT NULL, -- a copy for people and queries; the one inside the key counts
    sign_count               BIGINT          NOT NULL CHECK (sign_count BETWEEN 0 AND 4294967295),
    transports               TEXT            CHECK (json_valid(transports) AND json_type(transports) = 'ARRAY'), -- '[]' is empty
    uv_initialized           BOOLEAN         CHECK (uv_initialized IN (0, 1)),
    backup_eligible          BOOLEAN         CHECK (backup_eligible IN (0, 1)),
    backup_state             BOOLEAN         CHECK (backup_state IN (0, 1)),
    aaguid                   VARBINARY(16)   CHECK (length(aaguid) = 16), -- BINARY would fill a short one up with zeros
    authenticator_attachment TEXT,
    attestation_format       TEXT,
    created_at               DATETIME(6), -- UTC
    status                   TEXT            NOT NULL, -- only 'active' may log in
    user_id                  VARCHAR(1024)   CHECK (length(user_id) > 0),
    external_user_id         VARCHAR(1024)   CHECK (length(external_user_id) > 0),
    user_handle              VARBINARY(64)   CHECK (length(user_handle) >= 1),
    rp_id                    VARCHAR(253)    NOT NULL CHECK (length(rp_id) > 0),
    account                  VARCHAR(1024)   NOT NULL CHECK (length(account) > 0), -- names the account in your application
    CHECK ((backup_eligible IS NULL) = (backup_state IS NULL) AND backup_state <= backup_eligible),
    -- The two look-ups of a login: by account name, and by the handle that a discoverable credential gives back.
    INDEX webauthn_credentials_account (account(255)), -- a prefix: 1024 characters are longer than an index entry may be
    INDEX webauthn_credentials_user_handle (user_handle)
)
-- Texts are compared byte for byte, trailing spaces too: no other collation does. Each server reads its own name for it,
-- and one that knows neither stops at the semicolon.
ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE /*!80017 utf8mb4_0900_bin */ /*M! utf8mb4_nopad_bin */;

-- One row: the version of the table above.
CREATE TABLE IF NOT EXISTS keyferry_schema (version INTEGER NOT NULL) ENGINE = InnoDB;
DELETE FROM keyferry_schema;
INSERT INTO keyferry_schema (version) VALUES (1);
