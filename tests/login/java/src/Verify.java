import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.Base64;
import java.util.List;
import tools.jackson.databind.JsonNode;

/**
 * {@code Verify webauthn4j|yubico RECORDS ASSERTIONS}
 *
 * <p>Judges each line of ASSERTIONS against RECORDS with the loader of the library's example (so that the example is
 * what is proven). Prints one JSON line for each, in the same order: {"credentialId","verdict","detail","newCounter"}.
 *
 * <ul>
 *   <li>ok: the library logs the user in, user verification required
 *   <li>failed: the login is refused; detail says why
 *   <li>not-found: no record has the ID of the response
 *   <li>error: the line lacks what a judgement needs, or is about another credential than it says
 * </ul>
 *
 * Every line meets the counters of RECORDS: nothing is updated between lines.
 *
 * <p>Exit status: 0 all lines judged, 2 an input cannot be read (with a message on standard error).
 */
public final class Verify {
    private record Verdict(String credentialId, String verdict, String detail, Long newCounter) {}

    private Verify() {}

    public static void main(String[] args) {
        Proof.main(Verify::run, args);
    }

    static int run(String[] args, PrintStream out, PrintStream err) {
        if (args.length != 3) {
            err.println("usage: Verify webauthn4j|yubico RECORDS ASSERTIONS");
            return 2;
        }
        try {
            Library library = Library.load(args[0], Path.of(args[1]));
            List<JsonNode> lines = Proof.read(Path.of(args[2]));
            // Signatures on large curves take their time.
            for (Verdict verdict : lines.parallelStream().map(line -> judge(library, line)).toList()) {
                Proof.print(verdict, out);
            }
            return 0;
        } catch (IOException error) {
            err.println(Library.message(error));
            return 2;
        }
    }

    private static Verdict judge(Library library, JsonNode line) {
        String credentialId = line.path("credentialId").asString(null);
        String responseId = line.path("response").path("id").asString("");
        for (String name : List.of("credentialId", "challenge", "origin", "rpId")) {
            if (line.path(name).asString("").isEmpty()) {
                return new Verdict(credentialId, "error", "the line has no " + name, null);
            }
        }
        if (responseId.isEmpty()) {
            return new Verdict(credentialId, "error", "the line has no response.id", null);
        }
        try {
            Base64.getUrlDecoder().decode(line.path("challenge").asString());
        } catch (IllegalArgumentException error) {
            return new Verdict(credentialId, "error", "challenge is not base64url", null);
        }
        try {
            long counter = library.logIn(line);
            // Either of the two is what a library looks up.
            String rawId = line.path("response").path("rawId").asString("");
            if (!responseId.equals(credentialId) || !rawId.equals(credentialId)) {
                return new Verdict(
                        credentialId, "error", "response.id or rawId is not the credentialId of the line", null);
            }
            return new Verdict(credentialId, "ok", "", counter);
        } catch (Library.Unknown error) {
            return new Verdict(credentialId, "not-found", "", null);
        } catch (Library.Incomplete error) {
            return new Verdict(credentialId, "error", error.getMessage(), null);
        } catch (Library.Refused error) {
            return new Verdict(credentialId, "failed", error.getMessage(), null);
        }
    }
}
