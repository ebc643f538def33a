import com.yubico.webauthn.AssertionRequest;
import com.yubico.webauthn.AssertionResult;
import com.yubico.webauthn.RelyingParty;
import com.yubico.webauthn.data.ByteArray;
import com.yubico.webauthn.data.exception.Base64UrlException;
import com.yubico.webauthn.exception.AssertionFailedException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import tools.jackson.databind.JsonNode;

/**
 * Yubico's java-webauthn-server: each login runs with the user's name, as after a form that asks for it, and without,
 * as after a button "sign in with a passkey", where the user handle tells who it is. A response without user handle
 * runs with the name only: it comes from a credential that is not discoverable.
 */
final class YubicoLibrary implements Library {
    private final YubicoPasskeys passkeys;
    /** By RP ID and origin: each takes milliseconds to make. */
    private final Map<List<String>, RelyingParty> relyingParties = new ConcurrentHashMap<>();

    YubicoLibrary(Path records) throws IOException {
        passkeys = YubicoPasskeys.load(records);
    }

    @Override
    public long logIn(JsonNode line) throws Unknown, Incomplete, Refused {
        String user = line.path("user").asString("");
        if (user.isEmpty()) {
            throw new Incomplete("the line has no user");
        }
        try {
            if (passkeys.lookupAll(ByteArray.fromBase64Url(line.path("response").path("id").asString())).isEmpty()) {
                throw new Unknown();
            }
        } catch (Base64UrlException error) {
            throw new Unknown();
        }
        List<String> refusals = new ArrayList<>();
        Optional<AssertionResult> byName = logIn(line, Optional.of(user), "by user name: ", refusals);
        boolean isDiscoverable = line.path("response").path("response").path("userHandle").isString();
        Optional<AssertionResult> byHandle =
                isDiscoverable ? logIn(line, Optional.empty(), "by user handle: ", refusals) : byName;
        if (!refusals.isEmpty()) {
            throw new Refused(String.join("; ", refusals));
        }
        AssertionResult result = byName.orElseThrow();
        if (!result.equals(byHandle.orElseThrow())) {
            throw new Refused("by user name and by user handle are not the same login");
        }
        return result.getSignatureCount();
    }

    private Optional<AssertionResult> logIn(
            JsonNode line, Optional<String> username, String way, List<String> refusals) {
        try {
            RelyingParty relyingParty = relyingParties.computeIfAbsent(
                    List.of(line.path("rpId").asString(), line.path("origin").asString()),
                    names -> passkeys.relyingParty(names.get(0), names.get(1)));
            AssertionRequest request = YubicoPasskeys.withChallenge(
                    YubicoPasskeys.startLogin(relyingParty, username),
                    ByteArray.fromBase64Url(line.path("challenge").asString()));
            AssertionResult result =
                    YubicoPasskeys.finishLogin(relyingParty, request, line.path("response").toString());
            if (result.isSuccess() && result.isUserVerified()) {
                return Optional.of(result);
            }
            refusals.add(way + "no success");
        } catch (AssertionFailedException | Base64UrlException | IOException | RuntimeException error) {
            refusals.add(way + Library.message(error));
        }
        return Optional.empty();
    }
}
