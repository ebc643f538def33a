import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** What every proof does alike: it reads lines of assertions and prints a line for each verdict. */
final class Proof {
    private static final JsonMapper JSON = JsonMapper.shared();

    interface Program {
        /** Returns the exit status. */
        int run(String[] args, PrintStream out, PrintStream err);
    }

    private Proof() {}

    static void main(Program program, String[] args) {
        // Names of users and details are not all ASCII, and the platform's encoding may be.
        PrintStream out = new PrintStream(new FileOutputStream(FileDescriptor.out), false, StandardCharsets.UTF_8);
        int status = program.run(args, out, System.err);
        out.flush();
        System.exit(out.checkError() ? 2 : status);
    }

    static void print(Record verdict, PrintStream out) {
        // Not println: the line end is not the platform's.
        out.print(JSON.writeValueAsString(verdict) + "\n");
    }

    /** Reads all lines before the first is judged, so that a broken file prints no verdict. */
    static List<JsonNode> read(Path path) throws IOException {
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
