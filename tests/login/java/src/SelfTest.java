import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.yubico.webauthn.RegisteredCredential;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Objects;
import java.util.function.Consumer;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/**
 * {@code SelfTest}, or {@code SelfTest FOLDER} to write the files that the examples are tried with.
 *
 * <p>Proves that {@link Verify} can say no: it judges genuine logins and logins with one thing wrong, made with real
 * keys, against records as an import writes them and records with one thing wrong.
 *
 * <p>The records are also what is known of the two libraries: each says what an item means at a login.
 */
public final class SelfTest {
    private static final JsonMapper JSON = JsonMapper.shared();

    private record Case(String what, ObjectNode line, String verdict, String detail) {}

    private final String library;
    private final boolean isYubico;
    private final List<TestRecord> records = new ArrayList<>();
    private final List<Case> cases = new ArrayList<>();
    private static int passed;
    private static int failed;

    private SelfTest(String library) {
        this.library = library;
        isYubico = library.equals("yubico");
    }

    public static void main(String[] args) throws GeneralSecurityException, IOException {
        if (args.length == 1) {
            writeForExamples(Path.of(args[0]));
            return;
        }
        for (String library : List.of("webauthn4j", "yubico")) {
            new SelfTest(library).logins();
            new SelfTest(library).changedRecords();
            new SelfTest(library).rareKeys();
            new SelfTest(library).badLines();
            new SelfTest(library).badInputs();
            new SelfTest(library).badRecords();
        }
        yubicoWritesWhatItReads();
        System.out.println(passed + " passed, " + failed + " failed");
        System.exit(failed == 0 ? 0 : 1);
    }

    // ---- logins against a right record

    private void logins() throws GeneralSecurityException {
        String signature = isYubico ? "Invalid assertion signature" : "BadSignatureException";
        String count = isYubico ? "InvalidSignatureCountException" : "MaliciousCounterValueException";
        for (TestPasskey.Kind kind :
                List.of(TestPasskey.Kind.ES256, TestPasskey.Kind.ED25519, TestPasskey.Kind.RS256)) {
            TestRecord record = newRecord(kind, kind.name());
            TestRecord other = newRecord(kind, "other " + kind.name());
            login(record, "genuine", "ok", "", login -> {});
            login(record, "no user handle", "ok", "", login -> login.userHandle = null);
            login(record, "not backed up any more", "ok", "", login -> login.flags &= ~TestPasskey.BS);
            login(record, "highest counter", "ok", "", login -> login.count = 0xffff_ffffL);
            login(record, "wrong signature", "failed", signature, login -> login.signedBytes = new byte[69]);
            login(record, "another key", "failed", signature, login -> login.signer = other.passkey);
            login(record, "another credential's ID", "failed", isYubico ? "" : signature, login -> {
                login.id = other.id();
                login.credentialId = login.id;
                login.userHandle = null;
            });
            login(record, "another credential's ID and user", "failed", signature, login -> {
                login.id = other.id();
                login.credentialId = login.id;
                login.user = other.user;
                login.userHandle = other.handle;
            });
            login(record, "another user's handle", "failed", isYubico ? "by user handle: " : "user handle",
                    login -> login.userHandle = other.handle);
            login(record, "an unknown handle", "failed", isYubico ? "Unknown username" : "user handle",
                    login -> login.userHandle = "dW5rbm93bg");
            login(record, "counter equal", "failed", count, login -> login.count = 7);
            login(record, "counter lower", "failed", count, login -> login.count = 6);
            login(record, "counter gone back to 0", "failed", count, login -> login.count = 0);
            login(record, "flipped BE", "failed", isYubico ? "Backup eligibility" : "BadBackupEligibleFlagException",
                    login -> login.flags = TestPasskey.UP | TestPasskey.UV);
            login(record, "BS without BE", "failed", isYubico ? "BE=0, BS=1" : "IllegalBackupStateException",
                    login -> login.flags &= ~TestPasskey.BE);
            login(record, "user not verified", "failed", isYubico ? "erif" : "UserNotVerifiedException",
                    login -> login.flags &= ~TestPasskey.UV);
            login(record, "user not present", "failed", isYubico ? "resen" : "UserNotPresentException",
                    login -> login.flags &= ~TestPasskey.UP);
            login(record, "another origin", "failed", isYubico ? "rigin" : "BadOriginException",
                    login -> login.signedOrigin = "https://example.net");
            login(record, "another RP ID", "failed", isYubico ? "RP ID" : "BadRpIdException",
                    login -> login.signedRpId = "example.net");
            login(record, "another RP ID expected", "failed", isYubico ? "RP ID" : "BadRpIdException",
                    login -> login.rpId = "example.net");
            login(record, "another challenge", "failed", isYubico ? "hallenge" : "BadChallengeException",
                    login -> login.signedChallenge = "b3RoZXI");
            login(record, "a registration", "failed", isYubico ? "type" : "InconsistentClientDataTypeException",
                    login -> login.type = "webauthn.create");
            login(record, "unknown ID", "not-found", "", login -> login.id = "dW5rbm93bg");
            login(record, "another credential expected", "error", "response.id",
                    login -> login.credentialId = other.id());
            // By the user handle alone it would be genuine.
            login(record, "another user's name", isYubico ? "failed" : "ok", isYubico ? "by user name" : "",
                    login -> login.user = other.user);
            login(record, "genuine again, nothing was kept", "ok", "", login -> {});
        }
        judge();
    }

    // ---- a genuine login against a record with one thing changed

    private void changedRecords() throws GeneralSecurityException {
        String count = isYubico ? "InvalidSignatureCountException" : "MaliciousCounterValueException";
        changed("counter 0 stored and presented", "ok", "", record -> record.counter(0), login -> login.count = 0);
        changed("counter 4294967294", "ok", "", record -> record.counter(0xffff_fffeL),
                login -> login.count = 0xffff_ffffL);
        changed("counter 4294967295", "failed", count, record -> record.counter(0xffff_ffffL),
                login -> login.count = 0xffff_ffffL);
        changed("not eligible for backup", "ok", "",
                record -> record.credential.put("backupEligible", false).put("backupState", false),
                login -> login.flags = TestPasskey.UP | TestPasskey.UV);
        changed("synced, but written as not eligible", "failed", "",
                record -> record.credential.put("backupEligible", false).put("backupState", false), login -> {});
        changed("unknown whether eligible", "ok", "",
                record -> record.credential.without(List.of("backupEligible", "backupState")), login -> {});
        changed("unknown whether eligible, and it is not", "ok", "",
                record -> record.credential.without(List.of("backupEligible", "backupState")),
                login -> login.flags = TestPasskey.UP | TestPasskey.UV);
        changed("another backup state", "ok", "", record -> record.credential.put("backupState", false), login -> {});
        changed("no transports", "ok", "", record -> record.credential.remove("transports"), login -> {});
        changed("transports empty", "ok", "", record -> record.credential.putArray("transports"), login -> {});
        changed("what the application added", "ok", "", record -> record.json.put("label", "my phone"), login -> {});
        if (isYubico) {
            changed("added inside", "ok", "", record -> record.credential.put("label", "my phone"), login -> {});
        } else {
            changed("no user handle", "ok", "", record -> record.credential.remove("userHandle"), login -> {});
            for (boolean known : new boolean[] {true, false}) {
                changed("uvInitialized " + known, "ok", "",
                        record -> record.credential.put("uvInitialized", known), login -> {});
            }
        }
        for (int length : new int[] {1, 16, 64, 1023}) {
            TestRecord record = new TestRecord(
                    library, TestPasskey.generate(TestPasskey.Kind.ES256, id("long", length)), "ID of " + length);
            records.add(record);
            login(record, "ID", "ok", "", login -> {});
        }
        judge();
    }

    /** What the test kit of the Rust side cannot sign: the adapters' verdicts on these keys rest on this. */
    private void rareKeys() throws GeneralSecurityException {
        // As WebAuthn Level 3 has it in section 5.8.5, EdDSA is Ed25519 to both.
        login(newRecord(TestPasskey.Kind.ED448_EDDSA, "Ed448 as EdDSA"), "genuine", "failed", "", login -> {});
        login(newRecord(TestPasskey.Kind.ED448, "Ed448"), "genuine", "ok", "", login -> {});
        // Java takes exponents of more than 64 bits for a modulus of at most 3,072 bits.
        for (int[] sizes : new int[][] {{3072, 256}, {4096, 64}, {4096, 65}}) {
            String name = "RSA of " + sizes[0] + " bits with an exponent of " + sizes[1];
            TestRecord record =
                    new TestRecord(library, TestPasskey.withExponent(sizes[0], sizes[1], id(name, 32)), name);
            records.add(record);
            login(record, "genuine", sizes[1] == 65 ? "failed" : "ok", "", login -> {});
        }
        judge();
    }

    // ---- what cannot be judged

    private void badLines() throws GeneralSecurityException {
        TestRecord record = newRecord(TestPasskey.Kind.ES256, "line");
        for (String name : List.of("credentialId", "rpId", "origin", "challenge", "response")) {
            ObjectNode line = record.login().line();
            line.remove(name);
            cases.add(new Case("without " + name, line, "error", name));
        }
        ObjectNode line = record.login().line();
        line.remove("user");
        cases.add(new Case("without user", line, isYubico ? "error" : "ok", isYubico ? "user" : ""));
        line = record.login().line();
        ((ObjectNode) line.path("response")).remove("response");
        cases.add(new Case("without response.response", line, "failed", ""));
        TestRecord other = newRecord(TestPasskey.Kind.ES256, "other");
        line = record.login().line();
        ((ObjectNode) line.path("response")).put("id", other.id());
        line.put("credentialId", other.id());
        cases.add(new Case("the ID of one, the raw ID of another", line, isYubico ? "failed" : "error", ""));
        login(record, "challenge of base64", "error", "base64url", login -> login.challenge = "+/+/");
        judge();
    }

    private void badInputs() throws GeneralSecurityException {
        TestRecord record = newRecord(TestPasskey.Kind.ES256, "input");
        String good = file(".json", "[" + record.json + "]");
        String line = record.login().line() + "\n";
        String absent = Path.of(System.getProperty("java.io.tmpdir"), "absent.jsonl").toString();
        refused("too few arguments", library, good);
        refused("an unknown library", "unknown", good, file(".jsonl", line));
        refused("missing records", library, absent, file(".jsonl", line));
        refused("missing assertions", library, good, absent);
        refused("a line that is no JSON", library, good, file(".jsonl", line + "{\"user\":"));
        refused("an empty line", library, good, file(".jsonl", line + "\n" + line));
        refused("text that is not UTF-8", library, good, file(".jsonl", new byte[] {'"', (byte) 0xff, '"', '\n'}));
    }

    private void badRecords() throws GeneralSecurityException {
        String user = isYubico ? "username" : "user";
        String counter = isYubico ? "signatureCount" : "counter";
        List<String> needed = isYubico
                ? List.of("credentialId", "publicKeyCose", "userHandle", counter)
                : List.of("attestedCredentialData", counter);
        for (String name : needed) {
            badRecord("without " + name, record -> record.credential.remove(name));
            badRecord(name + " null", record -> record.credential.putNull(name));
        }
        badRecord("without " + user, record -> record.json.remove(user));
        badRecord(user + " null", record -> record.json.putNull(user));
        badRecord(user + " empty", record -> record.json.put(user, ""));
        badRecord("counter -1", record -> record.counter(-1));
        badRecord("counter 4294967296", record -> record.counter(0x1_0000_0000L));
        badRecord("counter a text", record -> record.credential.put(counter, "7"));
        badRecord("counter 0.5", record -> record.credential.put(counter, 0.5));
        badRecord("backupEligible a text", record -> record.credential.put("backupEligible", "true"));
        badRecord("transports a text", record -> record.credential.put("transports", "internal"));
        badRecord("userHandle of base64", record -> record.credential.put("userHandle", "+/+/"));
        if (isYubico) {
            badRecord("credentialId of base64", record -> record.credential.put("credentialId", "+/+/"));
            badRecord("another handle of the same user", record -> {
                record.json.put("username", "good");
                record.credential.put("userHandle", "b3RoZXI");
            });
            badRecord("the handle of another user", record -> record.credential.put(
                    "userHandle", TestPasskey.base64url("handle of good".getBytes(UTF_8))));
        } else {
            badRecord("attestedCredentialData cut short",
                    record -> record.credential.put("attestedCredentialData", "AAAA"));
            badRecord("attestedCredentialData padded", record -> record.credential.put(
                    "attestedCredentialData", record.credential.path("attestedCredentialData").asString() + "="));
        }
        TestRecord record = newRecord(TestPasskey.Kind.ES256, "twice");
        for (String text : List.of("[" + record.json + "," + record.json + "]", record.json + "\n" + record.json)) {
            refusedRecords("the same ID twice", "record 2: ", text);
        }
        refusedRecords("an array that does not end", "record 2: ", "[" + record.json + ",");
        refusedRecords("an object", "record 1: ", "{}");
        refusedRecords("null", "record 1: ", "[null]");
    }

    private void badRecord(String what, Consumer<TestRecord> change) throws GeneralSecurityException {
        TestRecord good = new TestRecord(library, TestPasskey.generate(TestPasskey.Kind.ES256, id("good", 32)), "good");
        TestRecord bad = new TestRecord(library, TestPasskey.generate(TestPasskey.Kind.ES256, id("bad", 32)), "bad");
        change.accept(bad);
        refusedRecords(what, "record 2: ", "[" + good.json + "," + bad.json + "]");
        refusedRecords(what + ", a line", "record 2: ", good.json + "\n" + bad.json + "\n");
    }

    /** The loader refuses the file and says which record it is. */
    private void refusedRecords(String what, String place, String text) {
        String message = "no refusal";
        try {
            Library.load(library, Path.of(file(".json", text)));
        } catch (IOException error) {
            message = error.getMessage();
        }
        check(what, message.contains(place), message);
    }

    private void refused(String what, String... args) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        ByteArrayOutputStream err = new ByteArrayOutputStream();
        int status = Verify.run(args, new PrintStream(out, true, UTF_8), new PrintStream(err, true, UTF_8));
        check(what, status == 2 && out.size() == 0 && err.size() > 0, "status " + status + " " + out);
    }

    /** One record, one login that is genuine, and one of each that is not, for the programs of the examples. */
    private static void writeForExamples(Path folder) throws GeneralSecurityException, IOException {
        for (String library : List.of("webauthn4j", "yubico")) {
            SelfTest test = new SelfTest(library);
            TestRecord record = test.newRecord(TestPasskey.Kind.ES256, "ana");
            test.login(record, "genuine", "ok", "", login -> {});
            String genuine = test.cases.get(0).line + "\n";
            test.login(record, "genuine again: the counter is kept", "failed", "", login -> {});
            test.login(record, "wrong signature", "failed", "", login -> login.signedBytes = new byte[69]);
            test.login(record, "unknown ID", "not-found", "", login -> login.id = "dW5rbm93bg");
            StringBuilder all = new StringBuilder();
            test.cases.forEach(one -> all.append(one.line).append('\n'));
            Files.writeString(folder.resolve(library + ".json"), "[" + record.json + "]\n");
            Files.writeString(folder.resolve(library + "-genuine.jsonl"), genuine);
            Files.writeString(folder.resolve(library + "-all.jsonl"), all);
        }
    }

    /** A file that the application writes back with the library's own types is still one that the adapter reads. */
    private static void yubicoWritesWhatItReads() throws GeneralSecurityException, IOException {
        TestRecord record =
                new TestRecord("yubico", TestPasskey.generate(TestPasskey.Kind.ES256, id("own", 32)), "own");
        ObjectMapper mapper = new ObjectMapper().findAndRegisterModules();
        RegisteredCredential read = mapper.readValue(record.credential.toString(), RegisteredCredential.class);
        JsonNode expected = JSON.readTree(record.credential.toString());
        JsonNode written = JSON.readTree(mapper.writeValueAsString(read));
        check("RegisteredCredential's own JSON", written.equals(expected), written.toString());
    }

    // ---- the rest

    /** Judges what has been collected, against the records as an array and as lines. */
    private void judge() {
        StringBuilder lines = new StringBuilder();
        cases.forEach(one -> lines.append(one.line).append('\n'));
        String assertions = file(".jsonl", lines.toString());
        List<String> texts = records.stream().map(record -> record.json.toString()).toList();
        List<String> files = List.of(
                file(".json", "[" + String.join(",\n", texts) + "]\n"),
                file(".jsonl", String.join("\n", texts) + "\n"));
        for (String file : files) {
            ByteArrayOutputStream out = new ByteArrayOutputStream();
            int status =
                    Verify.run(new String[] {library, file, assertions}, new PrintStream(out, true, UTF_8), System.err);
            String[] verdicts = out.toString(UTF_8).split("\n");
            check("all are judged", status == 0 && verdicts.length == cases.size(), "status " + status);
            for (int i = 0; i < Math.min(verdicts.length, cases.size()); i++) {
                check(cases.get(i), verdicts[i]);
            }
        }
    }

    private void check(Case one, String line) {
        JsonNode judged = JSON.readTree(line);
        String detail = judged.path("detail").asString();
        JsonNode data = one.line.path("response").path("response").path("authenticatorData");
        boolean right = judged.path("verdict").asString().equals(one.verdict)
                && detail.contains(one.detail)
                && detail.isEmpty() == List.of("ok", "not-found").contains(one.verdict)
                && Objects.equals(
                        judged.path("credentialId").asString(null), one.line.path("credentialId").asString(null))
                && (one.verdict.equals("ok")
                        ? judged.path("newCounter").asLong() == counterIn(data.asString())
                        : judged.path("newCounter").isNull());
        check(one.what, right, line);
        if (System.getenv("SHOW_VERDICTS") != null) {
            System.out.println(library + " " + one.what + ": " + line);
        }
    }

    private static long counterIn(String authenticatorData) {
        byte[] data = Base64.getUrlDecoder().decode(authenticatorData);
        return Integer.toUnsignedLong(ByteBuffer.wrap(data).getInt(33));
    }

    private void login(TestRecord record, String what, String verdict, String detail, Consumer<TestLogin> change)
            throws GeneralSecurityException {
        TestLogin login = record.login();
        change.accept(login);
        cases.add(new Case(record.user + ": " + what, login.line(), verdict, detail));
    }

    private void changed(
            String what, String verdict, String detail, Consumer<TestRecord> change, Consumer<TestLogin> login)
            throws GeneralSecurityException {
        TestRecord record = newRecord(TestPasskey.Kind.ES256, what);
        change.accept(record);
        login(record, "record", verdict, detail, login);
    }

    private TestRecord newRecord(TestPasskey.Kind kind, String user) throws GeneralSecurityException {
        TestRecord record = new TestRecord(library, TestPasskey.generate(kind, id(user, 32)), user);
        records.add(record);
        return record;
    }

    private static byte[] id(String user, int length) throws GeneralSecurityException {
        return Arrays.copyOf(TestPasskey.sha256(user.getBytes(UTF_8)), length);
    }

    private static String file(String ending, String content) {
        return file(ending, content.getBytes(UTF_8));
    }

    private static String file(String ending, byte[] content) {
        try {
            Path path = Files.createTempFile("keyferry-login", ending);
            path.toFile().deleteOnExit();
            return Files.write(path, content).toString();
        } catch (IOException error) {
            throw new IllegalStateException(error);
        }
    }

    private static void check(String what, boolean right, String seen) {
        if (right) {
            passed++;
        } else {
            failed++;
            System.out.println("FAILED " + what + ": " + seen);
        }
    }
}
