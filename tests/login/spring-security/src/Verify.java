import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * {@code Verify JDBC_URL USER ASSERTIONS}, with the password in the environment variable DB_PASSWORD.
 *
 * <p>Sends each line of ASSERTIONS to Spring Security's own login (see {@link SpringLogin}), which reads the tables of
 * the database. Prints one JSON line for each, in the same order: {"credentialId","verdict","detail","principal"}.
 *
 * <ul>
 *   <li>ok: authenticated, and the principal's name is the line's user
 *   <li>failed: the framework refuses the login; detail says why
 *   <li>not-found: the framework finds no row of user_credentials for response.rawId
 *   <li>error: the line lacks what a judgement needs, or somebody else was logged in
 * </ul>
 *
 * Every line meets the rows as they are stored: what a login changes is rolled back.
 *
 * <p>Exit status: 0 all lines judged, 2 an input cannot be read (with a message on standard error).
 */
public final class Verify {
    private static final JsonMapper JSON = JsonMapper.shared();

    private Verify() {}

    public static void main(String[] args) {
        // The names of users are not ASCII, and the platform's encoding may be.
        PrintStream out = new PrintStream(new FileOutputStream(FileDescriptor.out), false, StandardCharsets.UTF_8);
        int status = run(args, out, System.err);
        out.flush();
        System.exit(out.checkError() ? 2 : status);
    }

    static int run(String[] args, PrintStream out, PrintStream err) {
        if (args.length != 3) {
            err.println("usage: Verify JDBC_URL USER ASSERTIONS (password in DB_PASSWORD)");
            return 2;
        }
        String password = Objects.requireNonNullElse(System.getenv("DB_PASSWORD"), "");
        try {
            // All lines are read first, so that a broken file prints no verdict.
            List<JsonNode> lines = read(Path.of(args[2]));
            try (Connection connection = DriverManager.getConnection(args[0], args[1], password)) {
                SpringLogin login = new SpringLogin(connection);
                for (JsonNode line : lines) {
                    // Not println: the line end is not the platform's.
                    out.print(JSON.writeValueAsString(login.judge(line)) + "\n");
                }
            }
            return 0;
        } catch (IOException | SQLException | SpringLogin.Unreadable error) {
            err.println(error.getMessage());
            return 2;
        }
    }

    private static List<JsonNode> read(Path path) throws IOException {
        List<String> texts;
        try {
            texts = Files.readAllLines(path);
        } catch (CharacterCodingException error) {
            throw new IOException(path + ": not valid UTF-8", error);
        } catch (IOException error) {
            throw new IOException(path + ": cannot be read", error);
        }
        List<JsonNode> lines = new ArrayList<>();
        for (String text : texts) {
            String place = path + ": assertion " + (lines.size() + 1) + ": ";
            try {
                lines.add(JSON.readTree(text));
            } catch (JacksonException error) {
                throw new IOException(place + error.getOriginalMessage(), error);
            }
            if (lines.get(lines.size() - 1).isMissingNode()) {
                throw new IOException(place + "an empty line");
            }
        }
        return lines;
    }
}
