import com.fasterxml.jackson.annotation.JsonProperty;
import com.webauthn4j.WebAuthnManager;
import com.webauthn4j.converter.AttestedCredentialDataConverter;
import com.webauthn4j.converter.util.ObjectConverter;
import com.webauthn4j.credential.CredentialRecord;
import com.webauthn4j.credential.CredentialRecordImpl;
import com.webauthn4j.data.AuthenticationData;
import com.webauthn4j.data.AuthenticationParameters;
import com.webauthn4j.data.AuthenticatorTransport;
import com.webauthn4j.data.client.Origin;
import com.webauthn4j.data.client.challenge.DefaultChallenge;
import com.webauthn4j.server.ServerProperty;
import com.webauthn4j.util.Base64UrlUtil;
import com.webauthn4j.util.exception.WebAuthnException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import tools.jackson.core.Base64Variants;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.MapperFeature;
import tools.jackson.databind.MappingIterator;
import tools.jackson.databind.json.JsonMapper;

/**
 * Loads the passkeys that keyferry wrote for the target {@code webauthn4j:passkeys.json} and logs them in with
 * webauthn4j.
 */
public final class WebAuthn4jPasskeys {
    /** A record of the file; what the export did not say is null. */
    public record Passkey(
            @JsonProperty(required = true) String user,
            byte[] userHandle,
            @JsonProperty(required = true) byte[] attestedCredentialData,
            @JsonProperty(required = true) long counter,
            Boolean uvInitialized,
            Boolean backupEligible,
            Boolean backupState,
            Set<String> transports) {
        public Passkey {
            if (user == null || user.isEmpty() || attestedCredentialData == null) {
                throw new IllegalArgumentException("user or attestedCredentialData is empty");
            }
            if (counter < 0 || counter > 0xffff_ffffL) {
                throw new IllegalArgumentException("counter is not 0 to 4294967295");
            }
        }

        public String credentialId() {
            return Base64UrlUtil.encodeToString(ATTESTED.extractCredentialId(attestedCredentialData));
        }

        /** The library's own type. Fails for a key of an algorithm that the library does not know. */
        public CredentialRecord toCredentialRecord() {
            return new CredentialRecordImpl(
                    null, uvInitialized, backupEligible, backupState, counter,
                    ATTESTED.convert(attestedCredentialData), null, null, null,
                    transports == null
                            ? null
                            : transports.stream().map(AuthenticatorTransport::create).collect(Collectors.toSet()));
        }
    }

    /** A login that is genuine. The caller stores the counter and the flags of {@code updated}. */
    public record Login(Passkey passkey, CredentialRecord updated) {}

    /** No loaded passkey has the ID of this login. */
    public static final class UnknownPasskey extends Exception {
        private static final long serialVersionUID = 1;

        UnknownPasskey(String id) {
            super("no passkey has the ID " + id);
        }
    }

    private static final AttestedCredentialDataConverter ATTESTED =
            new AttestedCredentialDataConverter(new ObjectConverter());
    // Strict, so that a text is no number and a key has one spelling.
    private static final JsonMapper JSON = JsonMapper.builder()
            .defaultBase64Variant(Base64Variants.MODIFIED_FOR_URL)
            .disable(MapperFeature.ALLOW_COERCION_OF_SCALARS)
            .disable(DeserializationFeature.ACCEPT_FLOAT_AS_INT)
            .build();

    private final WebAuthnManager manager = WebAuthnManager.createNonStrictWebAuthnManager();
    private final Map<String, Passkey> passkeys = new HashMap<>();

    /** Reads a JSON array or JSON Lines. Throws on the first malformed or repeated record and says which it is. */
    public static WebAuthn4jPasskeys load(Path path) throws IOException {
        WebAuthn4jPasskeys loaded = new WebAuthn4jPasskeys();
        int number = 1;
        // Gives the elements of an array, and values that stand one after the other, alike.
        try (MappingIterator<Passkey> records = JSON.readerFor(Passkey.class).readValues(Files.newInputStream(path))) {
            for (; records.hasNextValue(); number++) {
                Passkey passkey = records.nextValue();
                if (loaded.passkeys.putIfAbsent(passkey.credentialId(), passkey) != null) {
                    throw new IllegalArgumentException("its credential ID appeared before");
                }
            }
        } catch (JacksonException error) {
            throw new IOException(path + ": record " + number + ": " + error.getOriginalMessage(), error);
        } catch (RuntimeException error) {
            throw new IOException(path + ": record " + number + ": " + error.getMessage(), error);
        }
        return loaded;
    }

    public Map<String, Passkey> all() {
        return Map.copyOf(passkeys);
    }

    /**
     * Checks one login; {@code response} is the JSON of the browser's credential.
     *
     * <p>The look-up by ID is what binds the login to an account: the library does not compare the user handle.
     *
     * @throws WebAuthnException the login is not genuine
     */
    public Login checkLogin(String response, byte[] challenge, String origin, String rpId) throws UnknownPasskey {
        AuthenticationData data = manager.parseAuthenticationResponseJSON(response);
        String id = Base64UrlUtil.encodeToString(data.getCredentialId());
        Passkey passkey = passkeys.get(id);
        if (passkey == null) {
            throw new UnknownPasskey(id);
        }
        byte[] handle = data.getUserHandle();
        if (handle != null && passkey.userHandle() != null && !Arrays.equals(handle, passkey.userHandle())) {
            throw new WebAuthnException("the user handle is not the one of this passkey");
        }
        ServerProperty server = ServerProperty.builder()
                .origin(new Origin(origin))
                .rpId(rpId)
                .challenge(new DefaultChallenge(challenge))
                .build();
        CredentialRecord record = passkey.toCredentialRecord();
        boolean userVerificationRequired = true;
        manager.verify(data, new AuthenticationParameters(server, record, null, userVerificationRequired));
        // The library has put the new counter and flags into the record.
        return new Login(passkey, record);
    }

    /** What an application stores after a login, so that the same login is good for one time only. */
    public void store(Login login) {
        Passkey old = login.passkey();
        CredentialRecord updated = login.updated();
        passkeys.put(old.credentialId(), new Passkey(
                old.user(), old.userHandle(), old.attestedCredentialData(), updated.getCounter(),
                updated.isUvInitialized(), updated.isBackupEligible(), updated.isBackedUp(), old.transports()));
    }

    public static void main(String[] args) throws IOException {
        WebAuthn4jPasskeys passkeys = load(Path.of(args[0]));
        long users = passkeys.all().values().stream().map(Passkey::user).distinct().count();
        System.out.println("passkeys: " + passkeys.all().size() + ", users: " + users);
        if (args.length == 1) {
            return;
        }
        int ok = 0;
        int refused = 0;
        int unknown = 0;
        for (String line : Files.readAllLines(Path.of(args[1]))) {
            JsonNode login = JSON.readTree(line);
            try {
                passkeys.store(passkeys.checkLogin(
                        login.path("response").toString(),
                        Base64UrlUtil.decode(login.path("challenge").asString()),
                        login.path("origin").asString(),
                        login.path("rpId").asString()));
                ok++;
            } catch (UnknownPasskey error) {
                System.err.println(error.getMessage());
                unknown++;
            } catch (WebAuthnException error) {
                System.err.println(login.path("response").path("id").asString() + ": " + error.getMessage());
                refused++;
            }
        }
        System.out.println("logins: " + ok + " ok, " + refused + " refused, " + unknown + " unknown");
        System.exit(refused + unknown == 0 ? 0 : 1);
    }
}
