import java.io.IOException;
import java.nio.file.Path;
import tools.jackson.databind.JsonNode;

/** A WebAuthn library with the records of a file, as the loader of its example gives them to it. */
interface Library {
    /** No record has the credential ID of the login. */
    final class Unknown extends Exception {
        private static final long serialVersionUID = 1;
    }

    /** The line lacks what this library needs, which says nothing about the login. */
    final class Incomplete extends Exception {
        private static final long serialVersionUID = 1;

        Incomplete(String message) {
            super(message);
        }
    }

    /** The library refuses the login. */
    final class Refused extends Exception {
        private static final long serialVersionUID = 1;

        Refused(String message) {
            super(message);
        }
    }

    /** Logs in and returns the new counter; the records stay as they are, so that several lines may run at a time. */
    long logIn(JsonNode line) throws Unknown, Incomplete, Refused;

    static Library load(String name, Path records) throws IOException {
        return switch (name) {
            case "webauthn4j" -> new WebAuthn4jLibrary(records);
            case "yubico" -> new YubicoLibrary(records);
            default -> throw new IOException("no library " + name);
        };
    }

    static String message(Throwable error) {
        return error.getClass().getSimpleName() + ": " + error.getMessage();
    }
}
