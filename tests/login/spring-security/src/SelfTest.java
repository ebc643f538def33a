import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.EnumSet;
import java.util.List;
import java.util.Objects;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import org.springframework.core.io.ClassPathResource;
import org.springframework.core.io.FileSystemResource;
import org.springframework.dao.DataIntegrityViolationException;
import org.springframework.jdbc.core.JdbcTemplate;
import org.springframework.jdbc.datasource.SingleConnectionDataSource;
import org.springframework.jdbc.datasource.init.ScriptUtils;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/**
 * {@code SelfTest DDL JDBC_URL USER}, with the password in DB_PASSWORD and a database that has none of the tables.
 *
 * <p>Proves that {@link Verify} can say no: it judges genuine logins and logins with one thing wrong, made with real
 * keys, against rows as an importer writes them and rows with one thing wrong. The rows are also what is known of the
 * framework: each says what a column means at a login.
 */
public final class SelfTest {
    private static final JsonMapper JSON = JsonMapper.shared();
    private static final int BACKED_UP = TestPasskey.UP | TestPasskey.BE | TestPasskey.BS;

    private record Case(String what, ObjectNode line, String verdict, String detail) {}

    private final String[] database;
    private final JdbcTemplate jdbc;
    private final List<Case> cases = new ArrayList<>();
    private int passed;
    private int failed;

    private SelfTest(String[] database, JdbcTemplate jdbc) {
        this.database = database;
        this.jdbc = jdbc;
    }

    public static void main(String[] args) throws SQLException, IOException, GeneralSecurityException {
        if (args.length != 3) {
            System.err.println("usage: SelfTest DDL JDBC_URL USER (password in DB_PASSWORD)");
            System.exit(2);
        }
        String password = Objects.requireNonNullElse(System.getenv("DB_PASSWORD"), "");
        int failed;
        try (Connection connection = DriverManager.getConnection(args[1], args[2], password)) {
            ScriptUtils.executeSqlScript(connection, new FileSystemResource(args[0]));
            JdbcTemplate jdbc = new JdbcTemplate(new SingleConnectionDataSource(connection, true));
            SelfTest test = new SelfTest(new String[] {args[1], args[2]}, jdbc);
            try {
                test.shippedDdl(Path.of(args[0]));
                test.logins();
                test.rows();
                test.judge();
                test.longIds();
                test.badLines();
                test.badInputs();
            } finally {
                for (String table : List.of("authorities", "users", "user_credentials", "user_entities")) {
                    jdbc.execute("drop table " + table);
                }
            }
            System.out.println(test.passed + " passed, " + test.failed + " failed");
            failed = test.failed;
        }
        System.exit(failed == 0 ? 0 : 1);
    }

    /** The DDL is what this version of the framework ships, but for what its comments say. */
    private void shippedDdl(Path path) throws IOException {
        String ddl = Files.readString(path);
        boolean postgres = path.endsWith("postgres.sql");
        List<String> shipped = List.of(
                "user-entities-schema.sql",
                postgres ? "user-credentials-schema-postgres.sql" : "user-credentials-schema.sql",
                "core/userdetails/jdbc/users.ddl");
        for (String name : shipped) {
            String text = new ClassPathResource("org/springframework/security/" + name).getContentAsString(UTF_8);
            String here = ddl.replace(" character set ascii collate ascii_bin", "");
            if (!path.endsWith("sqlite.sql")) {
                text = text.replace("varchar_ignorecase", "varchar");
            }
            check(name + " is as it was", here.contains(text.strip()), "");
        }
    }

    // ---- logins against a right row

    private void logins() throws GeneralSecurityException {
        // EdDSA means Ed25519 alone to webauthn4j, as the proofs in tests/login/java know.
        EnumSet<TestPasskey.Kind> kinds = EnumSet.complementOf(EnumSet.of(TestPasskey.Kind.ED448_EDDSA));
        for (TestPasskey.Kind kind : kinds) {
            TestRow row = newRow(kind, kind.name());
            TestRow other = newRow(kind, "other " + kind.name());
            row.insert(jdbc);
            other.insert(jdbc);
            String signature = "BadSignatureException";
            String count = "MaliciousCounterValueException";
            login(row, "genuine", "ok", "", login -> {});
            login(row, "no user handle", "ok", "", login -> login.userHandle = null);
            login(row, "another user's handle is not looked at", "ok", "", login -> login.userHandle = other.handle);
            login(row, "not backed up any more", "ok", "", login -> login.flags &= ~TestPasskey.BS);
            login(row, "wrong signature", "failed", signature, login -> login.signedBytes = new byte[69]);
            login(row, "another key", "failed", signature, login -> login.signer = other.passkey);
            login(row, "another credential's ID", "failed", signature, login -> {
                login.id = TestPasskey.base64url(other.passkey.id());
                login.credentialId = login.id;
            });
            login(row, "counter equal", "failed", count, login -> login.count = 7);
            login(row, "counter lower", "failed", count, login -> login.count = 6);
            login(row, "counter gone back to 0", "failed", count, login -> login.count = 0);
            login(row, "highest counter", "ok", "", login -> login.count = 0xffff_ffffL);
            login(row, "flipped BE", "failed", "BadBackupEligibleFlagException",
                    login -> login.flags = TestPasskey.UP | TestPasskey.UV);
            login(row, "BS without BE", "failed", "IllegalBackupStateException",
                    login -> login.flags &= ~TestPasskey.BE);
            login(row, "user not verified", "failed", "UserNotVerifiedException",
                    login -> login.flags &= ~TestPasskey.UV);
            login(row, "user not present", "failed", "UserNotPresentException",
                    login -> login.flags &= ~TestPasskey.UP);
            login(row, "another origin", "failed", "BadOriginException",
                    login -> login.signedOrigin = "https://example.net");
            login(row, "another RP ID", "failed", "BadRpIdException", login -> login.signedRpId = "example.net");
            login(row, "another RP ID expected", "failed", "BadRpIdException", login -> login.rpId = "example.net");
            login(row, "another challenge", "failed", "BadChallengeException",
                    login -> login.signedChallenge = "b3RoZXI");
            login(row, "a registration", "failed", "InconsistentClientDataTypeException",
                    login -> login.type = "webauthn.create");
            login(row, "unknown ID", "not-found", "", login -> login.id = "dW5rbm93bg");
            login(row, "another user expected", "error", "somebody else", login -> login.user = other.user);
            login(row, "another credential expected", "error", "response.rawId",
                    login -> login.credentialId = TestPasskey.base64url(other.passkey.id()));
            login(row, "genuine again, nothing was kept", "ok", "", login -> {});
        }
    }

    // ---- a genuine login against a row with one thing changed

    private void rows() throws GeneralSecurityException {
        row("counter 0 stored and presented", "ok", "", row -> row.attested(BACKED_UP, 0),
                login -> login.count = 0);
        row("counter 4294967294", "ok", "", row -> row.attested(BACKED_UP, 0xffff_fffeL),
                login -> login.count = 0xffff_ffffL);
        row("counter 4294967295", "failed", "MaliciousCounter", row -> row.attested(BACKED_UP, 0xffff_ffffL),
                login -> login.count = 0xffff_ffffL);
        row("not eligible for backup", "ok", "", row -> row.attested(TestPasskey.UP, 7),
                login -> login.flags = TestPasskey.UP | TestPasskey.UV);
        row("the object without UP", "ok", "", row -> row.attested(TestPasskey.BE, 7));
        row("the object without BE", "failed", "BadBackupEligible", row -> row.attested(TestPasskey.UP, 7));
        row("the object with BS but not BE", "ok", "", row -> row.attested(TestPasskey.UP | TestPasskey.BS, 7),
                login -> login.flags = TestPasskey.UP | TestPasskey.UV);
        row("the object of another RP ID", "ok", "",
                row -> object(row, "example.net", BACKED_UP, new byte[0]));
        row("the object with a byte after the key", "failed", "DataConversion",
                row -> object(row, "example.com", BACKED_UP, new byte[1]));
        row("a byte after the object", "failed", "Trailing token",
                row -> change(row, object -> Arrays.copyOf(object, object.length + 1)));
        row("the object cut short", "failed", "",
                row -> change(row, object -> Arrays.copyOf(object, object.length - 1)));
        row("attestation_object null", "failed", "attestationObject cannot be null",
                row -> row.with("attestation_object", null));

        // The object decides, not the columns of the same name.
        row("public_key of nonsense", "ok", "", row -> row.with("public_key", new byte[] {1}));
        row("signature_count higher", "ok", "", row -> row.with("signature_count", 1000L));
        row("signature_count null", "ok", "", row -> row.with("signature_count", null));
        row("backup_eligible false", "ok", "", row -> row.with("backup_eligible", false));
        row("backup_state false", "ok", "", row -> row.with("backup_state", false));
        row("uv_initialized null", "ok", "", row -> row.with("uv_initialized", null));

        row("no transports", "ok", "", row -> row.with("authenticator_transports", ""));
        row("unknown transports", "ok", "", row -> row.with("authenticator_transports", "cable,future"));
        row("transports null", "failed", "NullPointerException", row -> row.with("authenticator_transports", null));
        row("type null", "ok", "", row -> row.with("public_key_credential_type", null));
        row("created null", "failed", "created cannot be null", row -> row.with("created", null));
        row("last_used null", "failed", "last_used cannot be null", row -> row.with("last_used", null));
        row("padded credential_id", "not-found", "", row -> row.with("credential_id", padded(row.passkey.id())));
        row("padded user_entity_user_id", "ok", "",
                row -> row.with("user_entity_user_id", padded(("handle of " + row.user).getBytes(UTF_8))));
        row("base64 in user_entity_user_id", "failed", "IllegalArgumentException",
                row -> row.with("user_entity_user_id", "a+/b"));

        row("no user_entities", "failed", "Unable to find UserEntity", row -> row.entity.clear());
        row("padded user_entities.id", "failed", "Unable to find UserEntity",
                row -> row.entity.put("id", padded(("handle of " + row.user).getBytes(UTF_8))));
        row("no users", "failed", "UsernameNotFoundException", row -> row.enabled = null);
        row("no authorities", "failed", "UsernameNotFoundException", row -> row.authority = false);
        row("a disabled user", "ok", "", row -> row.enabled = false);
        row("user_entities.name of another user", "error", "somebody else", row -> row.entity.put("name", "ES256"));
    }

    // ---- the rest

    private void longIds() throws GeneralSecurityException {
        TestRow longest = new TestRow(TestPasskey.generate(TestPasskey.Kind.ES256, id("longest", 750)), "longest");
        longest.insert(jdbc);
        login(longest, "longest ID", "ok", "", login -> {});
        judge();
        TestRow longer = new TestRow(TestPasskey.generate(TestPasskey.Kind.ES256, id("longer", 751)), "longer");
        boolean refused = false;
        try {
            longer.insert(jdbc);
        } catch (DataIntegrityViolationException tooLong) {
            refused = true;
        }
        // SQLite does not count.
        check("an ID of 751 bytes does not fit", refused != database[0].startsWith("jdbc:sqlite:"), "");
    }

    private void badLines() throws GeneralSecurityException {
        TestRow row = newRow(TestPasskey.Kind.ES256, "line");
        row.insert(jdbc);
        for (String name : List.of("credentialId", "user", "rpId", "origin", "challenge", "response")) {
            ObjectNode line = row.login().line();
            line.remove(name);
            cases.add(new Case("without " + name, line, "error", name));
        }
        login(row, "challenge of base64", "error", "base64url", login -> login.challenge = "+/+/");
        ObjectNode line = row.login().line();
        ((ObjectNode) line.path("response")).remove("response");
        cases.add(new Case("without response.response", line, "failed", ""));
        judge();
    }

    private void badInputs() {
        Path folder = Path.of(System.getProperty("java.io.tmpdir"));
        refused("a missing file", database[0], database[1], folder.resolve("absent.jsonl").toString());
        refused("an unknown database", "jdbc:unknown:", database[1], file("{}\n".getBytes(UTF_8)));
        refused("a line that is no JSON", database[0], database[1], file("{}\n{\"user\":".getBytes(UTF_8)));
        refused("an empty line", database[0], database[1], file("{}\n\n{}\n".getBytes(UTF_8)));
        refused("text that is not UTF-8", database[0], database[1], file(new byte[] {'"', (byte) 0xff, '"'}));
        refused("too few arguments", database[0], database[1]);
        jdbc.execute("alter table user_credentials rename to hidden");
        refused("a missing table", database[0], database[1], file("{}\n".getBytes(UTF_8)));
        jdbc.execute("alter table hidden rename to user_credentials");
    }

    private void refused(String what, String... args) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        ByteArrayOutputStream err = new ByteArrayOutputStream();
        int status = Verify.run(args, new PrintStream(out, true, UTF_8), new PrintStream(err, true, UTF_8));
        check(what, status == 2 && out.size() == 0 && err.size() > 0, "status " + status + " " + out);
    }

    /** Judges what has been collected, and demands that the tables are afterwards as they were. */
    private void judge() {
        List<String> before = contents();
        StringBuilder lines = new StringBuilder();
        cases.forEach(one -> lines.append(one.line).append('\n'));
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        String[] args = {database[0], database[1], file(lines.toString().getBytes(UTF_8))};
        int status = Verify.run(args, new PrintStream(out, true, UTF_8), System.err);
        String[] verdicts = out.toString(UTF_8).split("\n");
        check("all are judged", status == 0 && verdicts.length == cases.size(), "status " + status);
        for (int i = 0; i < Math.min(verdicts.length, cases.size()); i++) {
            Case one = cases.get(i);
            JsonNode judged = JSON.readTree(verdicts[i]);
            String detail = judged.path("detail").asString();
            String principal = judged.path("principal").asString(null);
            boolean right = judged.path("verdict").asString().equals(one.verdict)
                    && detail.contains(one.detail)
                    && detail.isEmpty() == List.of("ok", "not-found").contains(one.verdict)
                    && Objects.equals(
                            judged.path("credentialId").asString(null), one.line.path("credentialId").asString(null))
                    && (!one.verdict.equals("ok") || one.line.path("user").asString().equals(principal));
            check(one.what, right, verdicts[i]);
        }
        check("nothing is written", before.equals(contents()), "");
        cases.clear();
    }

    private List<String> contents() {
        List<String> contents = new ArrayList<>();
        for (String table : List.of("user_credentials", "user_entities", "users", "authorities")) {
            jdbc.query("select * from " + table + " order by 1", rows -> {
                StringBuilder row = new StringBuilder(table);
                for (int i = 1; i <= rows.getMetaData().getColumnCount(); i++) {
                    row.append('|').append(rows.getString(i));
                }
                contents.add(row.toString());
            });
        }
        return contents;
    }

    private void login(TestRow row, String what, String verdict, String detail, Consumer<TestLogin> change)
            throws GeneralSecurityException {
        TestLogin login = row.login();
        change.accept(login);
        cases.add(new Case(row.user + ": " + what, login.line(), verdict, detail));
    }

    private interface RowChange {
        void accept(TestRow row) throws GeneralSecurityException;
    }

    private void row(String what, String verdict, String detail, RowChange change) throws GeneralSecurityException {
        row(what, verdict, detail, change, login -> {});
    }

    private void row(
            String what, String verdict, String detail, RowChange change, Consumer<TestLogin> login)
            throws GeneralSecurityException {
        TestRow row = newRow(TestPasskey.Kind.ES256, "ana: " + what);
        change.accept(row);
        row.insert(jdbc);
        login(row, "row", verdict, detail, login);
    }

    private static TestRow newRow(TestPasskey.Kind kind, String user) throws GeneralSecurityException {
        return new TestRow(TestPasskey.generate(kind, id(user, 32)), user);
    }

    private static void object(TestRow row, String rpId, int flags, byte[] after) throws GeneralSecurityException {
        row.with("attestation_object", row.passkey.attestationObject(rpId, flags, 7, after));
    }

    private static void change(TestRow row, UnaryOperator<byte[]> change) {
        row.with("attestation_object", change.apply((byte[]) row.credential.get("attestation_object")));
    }

    private static byte[] id(String user, int length) throws GeneralSecurityException {
        return Arrays.copyOf(TestPasskey.sha256(user.getBytes(UTF_8)), length);
    }

    private static String padded(byte[] data) {
        return Base64.getUrlEncoder().encodeToString(data);
    }

    private static String file(byte[] content) {
        try {
            Path path = Files.createTempFile("keyferry-login", ".jsonl");
            path.toFile().deleteOnExit();
            return Files.write(path, content).toString();
        } catch (IOException error) {
            throw new IllegalStateException(error);
        }
    }

    private void check(String what, boolean right, String seen) {
        if (right) {
            passed++;
        } else {
            failed++;
            System.out.println("FAILED " + what + ": " + seen);
        }
    }
}
