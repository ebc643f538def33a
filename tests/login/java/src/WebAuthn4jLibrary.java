import com.webauthn4j.util.Base64UrlUtil;
import java.io.IOException;
import java.nio.file.Path;
import tools.jackson.databind.JsonNode;

/** webauthn4j: each login meets a new CredentialRecordImpl, made from the record of the file. */
final class WebAuthn4jLibrary implements Library {
    private final WebAuthn4jPasskeys passkeys;

    WebAuthn4jLibrary(Path records) throws IOException {
        passkeys = WebAuthn4jPasskeys.load(records);
    }

    @Override
    public long logIn(JsonNode line) throws Unknown, Refused {
        try {
            return passkeys.checkLogin(
                            line.path("response").toString(),
                            Base64UrlUtil.decode(line.path("challenge").asString()),
                            line.path("origin").asString(),
                            line.path("rpId").asString())
                    .updated()
                    .getCounter();
        } catch (WebAuthn4jPasskeys.UnknownPasskey error) {
            throw new Unknown();
        } catch (RuntimeException error) {
            throw new Refused(Library.message(error));
        }
    }
}
