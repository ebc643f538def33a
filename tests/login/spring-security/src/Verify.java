import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.util.List;
import java.util.Objects;
import tools.jackson.databind.JsonNode;

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
    private Verify() {}

    public static void main(String[] args) {
        Proof.main(Verify::run, args);
    }

    static int run(String[] args, PrintStream out, PrintStream err) {
        if (args.length != 3) {
            err.println("usage: Verify JDBC_URL USER ASSERTIONS (password in DB_PASSWORD)");
            return 2;
        }
        String password = Objects.requireNonNullElse(System.getenv("DB_PASSWORD"), "");
        try {
            List<JsonNode> lines = Proof.read(Path.of(args[2]));
            try (Connection connection = DriverManager.getConnection(args[0], args[1], password)) {
                SpringLogin login = new SpringLogin(connection);
                for (JsonNode line : lines) {
                    Proof.print(login.judge(line), out);
                }
            }
            return 0;
        } catch (IOException | SQLException | SpringLogin.Unreadable error) {
            err.println(error.getMessage());
            return 2;
        }
    }
}
