import static java.nio.charset.StandardCharsets.UTF_8;

import java.security.GeneralSecurityException;
import java.sql.Timestamp;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.Map;
import org.springframework.jdbc.core.JdbcTemplate;

/** The rows of one passkey in the four tables; a test changes what it likes before they are inserted. */
final class TestRow {
    final TestPasskey passkey;
    final String user;
    final String handle;
    final Map<String, Object> credential = new LinkedHashMap<>();
    final Map<String, Object> entity = new LinkedHashMap<>();
    /** null: the user is unknown. */
    Boolean enabled = true;
    boolean authority = true;

    /** A passkey that is backed up and has been used 7 times. */
    TestRow(TestPasskey passkey, String user) throws GeneralSecurityException {
        this.passkey = passkey;
        this.user = user;
        handle = TestPasskey.base64url(("handle of " + user).getBytes(UTF_8));
        Timestamp created = Timestamp.from(Instant.parse("2026-01-15T12:00:00Z"));
        credential.put("credential_id", TestPasskey.base64url(passkey.id()));
        credential.put("user_entity_user_id", handle);
        credential.put("public_key", passkey.cose());
        credential.put("signature_count", 7L);
        credential.put("uv_initialized", false);
        credential.put("backup_eligible", true);
        credential.put("authenticator_transports", "internal,hybrid");
        credential.put("public_key_credential_type", "public-key");
        credential.put("backup_state", true);
        credential.put("attestation_client_data_json", null);
        credential.put("created", created);
        credential.put("last_used", created);
        credential.put("label", "Imported passkey");
        attested(TestPasskey.UP | TestPasskey.BE | TestPasskey.BS, 7);
        entity.put("id", handle);
        entity.put("name", user);
        entity.put("display_name", null);
    }

    TestRow attested(int flags, long count) throws GeneralSecurityException {
        return with("attestation_object", passkey.attestationObject("example.com", flags, count, new byte[0]));
    }

    TestRow with(String column, Object value) {
        credential.put(column, value);
        return this;
    }

    TestLogin login() {
        return new TestLogin(passkey, user, handle);
    }

    void insert(JdbcTemplate jdbc) {
        insert(jdbc, "user_credentials", credential);
        if (!entity.isEmpty()) {
            insert(jdbc, "user_entities", entity);
        }
        if (enabled != null) {
            jdbc.update("insert into users values (?, '{noop}', ?)", user, enabled);
            if (authority) {
                jdbc.update("insert into authorities values (?, 'ROLE_USER')", user);
            }
        }
    }

    private static void insert(JdbcTemplate jdbc, String table, Map<String, Object> row) {
        String marks = String.join(", ", row.keySet().stream().map(column -> "?").toList());
        jdbc.update(
                "insert into " + table + " (" + String.join(", ", row.keySet()) + ") values (" + marks + ")",
                row.values().toArray());
    }
}
