import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.MapperFeature;
import com.fasterxml.jackson.databind.MappingIterator;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.yubico.webauthn.AssertionRequest;
import com.yubico.webauthn.AssertionResult;
import com.yubico.webauthn.CredentialRepository;
import com.yubico.webauthn.FinishAssertionOptions;
import com.yubico.webauthn.RegisteredCredential;
import com.yubico.webauthn.RelyingParty;
import com.yubico.webauthn.StartAssertionOptions;
import com.yubico.webauthn.data.ByteArray;
import com.yubico.webauthn.data.PublicKeyCredential;
import com.yubico.webauthn.data.PublicKeyCredentialDescriptor;
import com.yubico.webauthn.data.RelyingPartyIdentity;
import com.yubico.webauthn.data.UserVerificationRequirement;
import com.yubico.webauthn.data.exception.Base64UrlException;
import com.yubico.webauthn.exception.AssertionFailedException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * Loads the passkeys that keyferry wrote for the target {@code yubico:passkeys.json} and logs them in with Yubico's
 * java-webauthn-server.
 */
public final class YubicoPasskeys implements CredentialRepository {
    /** A record of the file. */
    public record Passkey(String username, RegisteredCredential credential) {
        public Passkey {
            if (username == null || username.isEmpty() || credential == null) {
                throw new IllegalArgumentException("no username or no credential");
            }
            if (credential.getSignatureCount() < 0 || credential.getSignatureCount() > 0xffff_ffffL) {
                throw new IllegalArgumentException("signatureCount is not 0 to 4294967295");
            }
        }
    }

    private static final JsonMapper JSON = JsonMapper.builder()
            .disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
            // Without them a signatureCount that is missing or a text would be a number.
            .enable(DeserializationFeature.FAIL_ON_NULL_FOR_PRIMITIVES)
            .disable(MapperFeature.ALLOW_COERCION_OF_SCALARS)
            .disable(DeserializationFeature.ACCEPT_FLOAT_AS_INT)
            .build();

    private final Map<ByteArray, Passkey> byCredentialId = new HashMap<>();
    private final Map<String, ByteArray> handles = new HashMap<>();
    private final Map<ByteArray, String> usernames = new HashMap<>();
    private final Map<String, List<RegisteredCredential>> credentials = new HashMap<>();

    /** Reads a JSON array or JSON Lines. Throws on the first malformed or repeated record and says which it is. */
    public static YubicoPasskeys load(Path path) throws IOException {
        YubicoPasskeys loaded = new YubicoPasskeys();
        int number = 1;
        // Gives the elements of an array, and values that stand one after the other, alike.
        try (MappingIterator<Passkey> records = JSON.readerFor(Passkey.class).readValues(Files.newInputStream(path))) {
            for (; records.hasNextValue(); number++) {
                loaded.add(records.nextValue());
            }
        } catch (JsonProcessingException error) {
            throw new IOException(path + ": record " + number + ": " + error.getOriginalMessage(), error);
        } catch (RuntimeException error) {
            throw new IOException(path + ": record " + number + ": " + error.getMessage(), error);
        }
        return loaded;
    }

    private void add(Passkey passkey) {
        String username = passkey.username();
        RegisteredCredential credential = passkey.credential();
        ByteArray handle = credential.getUserHandle();
        if (byCredentialId.putIfAbsent(credential.getCredentialId(), passkey) != null) {
            throw new IllegalArgumentException("its credential ID appeared before");
        }
        // The library asks for the handle of a name and for the name of a handle.
        ByteArray otherHandle = handles.putIfAbsent(username, handle);
        String otherName = usernames.putIfAbsent(handle, username);
        if (otherHandle != null && !otherHandle.equals(handle) || otherName != null && !otherName.equals(username)) {
            throw new IllegalArgumentException("its username has another user handle, or its user handle another name");
        }
        credentials.computeIfAbsent(username, name -> new ArrayList<>()).add(credential);
    }

    // The library calls what is still experimental deprecated, and transports are.
    @SuppressWarnings("deprecation")
    @Override
    public Set<PublicKeyCredentialDescriptor> getCredentialIdsForUsername(String username) {
        return credentials.getOrDefault(username, List.of()).stream()
                .map(credential -> PublicKeyCredentialDescriptor.builder()
                        .id(credential.getCredentialId())
                        .transports(credential.getTransports())
                        .build())
                .collect(Collectors.toSet());
    }

    @Override
    public Optional<ByteArray> getUserHandleForUsername(String username) {
        return Optional.ofNullable(handles.get(username));
    }

    @Override
    public Optional<String> getUsernameForUserHandle(ByteArray userHandle) {
        return Optional.ofNullable(usernames.get(userHandle));
    }

    @Override
    public Optional<RegisteredCredential> lookup(ByteArray credentialId, ByteArray userHandle) {
        return lookupAll(credentialId).stream()
                .filter(credential -> credential.getUserHandle().equals(userHandle))
                .findAny();
    }

    @Override
    public Set<RegisteredCredential> lookupAll(ByteArray credentialId) {
        Passkey passkey = byCredentialId.get(credentialId);
        return passkey == null ? Set.of() : Set.of(passkey.credential());
    }

    public Map<ByteArray, Passkey> all() {
        return Map.copyOf(byCredentialId);
    }

    public RelyingParty relyingParty(String rpId, String origin) {
        return RelyingParty.builder()
                .identity(RelyingPartyIdentity.builder().id(rpId).name(rpId).build())
                .credentialRepository(this)
                .origins(Set.of(origin))
                .build();
    }

    /** The options of a login; without a name for whoever the passkey belongs to. The session keeps them. */
    public static AssertionRequest startLogin(RelyingParty relyingParty, Optional<String> username) {
        return relyingParty.startAssertion(StartAssertionOptions.builder()
                .username(username)
                .userVerification(UserVerificationRequirement.REQUIRED)
                .build());
    }

    /**
     * Checks one login; {@code response} is the JSON of the browser's credential. The caller stores the signature count
     * and the backup flags of what it returns.
     *
     * @throws AssertionFailedException the login is not genuine
     */
    public static AssertionResult finishLogin(RelyingParty relyingParty, AssertionRequest request, String response)
            throws AssertionFailedException, IOException {
        return relyingParty.finishAssertion(FinishAssertionOptions.builder()
                .request(request)
                .response(PublicKeyCredential.parseAssertionResponseJson(response))
                .build());
    }

    /** What an application stores after a login, so that the same login is good for one time only. */
    @SuppressWarnings("deprecation")
    public void store(AssertionResult result) {
        RegisteredCredential credential = result.getCredential().toBuilder()
                .signatureCount(result.getSignatureCount())
                .backupEligible(result.isBackupEligible())
                .backupState(result.isBackedUp())
                .build();
        byCredentialId.put(credential.getCredentialId(), new Passkey(result.getUsername(), credential));
    }

    public static void main(String[] args) throws IOException, Base64UrlException {
        YubicoPasskeys passkeys = load(Path.of(args[0]));
        System.out.println("passkeys: " + passkeys.byCredentialId.size() + ", users: " + passkeys.handles.size());
        if (args.length == 1) {
            return;
        }
        int ok = 0;
        int refused = 0;
        int unknown = 0;
        for (String line : Files.readAllLines(Path.of(args[1]))) {
            JsonNode login = JSON.readTree(line);
            RelyingParty relyingParty =
                    passkeys.relyingParty(login.path("rpId").asText(), login.path("origin").asText());
            // The file tells the challenge that was used; a server takes the request from its session.
            AssertionRequest request = withChallenge(
                    startLogin(relyingParty, Optional.empty()),
                    ByteArray.fromBase64Url(login.path("challenge").asText()));
            String id = login.path("response").path("id").asText();
            if (passkeys.lookupAll(ByteArray.fromBase64Url(id)).isEmpty()) {
                System.err.println("no passkey has the ID " + id);
                unknown++;
                continue;
            }
            try {
                passkeys.store(finishLogin(relyingParty, request, login.path("response").toString()));
                ok++;
            } catch (AssertionFailedException | RuntimeException error) {
                System.err.println(id + ": " + error.getMessage());
                refused++;
            }
        }
        System.out.println("logins: " + ok + " ok, " + refused + " refused, " + unknown + " unknown");
        System.exit(refused + unknown == 0 ? 0 : 1);
    }

    /** For a login that was recorded; a server has no use for it. */
    static AssertionRequest withChallenge(AssertionRequest request, ByteArray challenge) {
        return request.toBuilder()
                .publicKeyCredentialRequestOptions(request.getPublicKeyCredentialRequestOptions().toBuilder()
                        .challenge(challenge)
                        .build())
                .build();
    }
}
