import static java.nio.charset.StandardCharsets.UTF_8;

import java.security.GeneralSecurityException;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/** One line of an assertions file: a genuine login, but for what a test changes. */
final class TestLogin {
    String rpId = "example.com";
    String signedRpId = "example.com";
    String signedOrigin = "https://example.com";
    String challenge = TestPasskey.base64url("challenge".getBytes(UTF_8));
    String signedChallenge = challenge;
    String type = "webauthn.get";
    int flags = TestPasskey.UP | TestPasskey.UV | TestPasskey.BE | TestPasskey.BS;
    long count = 8;
    String user;
    String credentialId;
    /** Both IDs of the response. */
    String id;
    String userHandle;
    TestPasskey signer;
    /** What is signed in place of the response; null for the response. */
    byte[] signedBytes;

    TestLogin(TestPasskey passkey, String user, String userHandle) {
        this.user = user;
        this.userHandle = userHandle;
        signer = passkey;
        id = TestPasskey.base64url(passkey.id());
        credentialId = id;
    }

    ObjectNode line() throws GeneralSecurityException {
        JsonMapper json = JsonMapper.shared();
        byte[] clientData = json.createObjectNode()
                .put("type", type)
                .put("challenge", signedChallenge)
                .put("origin", signedOrigin)
                .put("crossOrigin", false)
                .toString()
                .getBytes(UTF_8);
        byte[] data = TestPasskey.authenticatorData(signedRpId, flags, count);
        byte[] message = TestPasskey.join(data, TestPasskey.sha256(clientData));
        byte[] signed = signedBytes == null ? message : signedBytes;
        ObjectNode line = json.createObjectNode()
                .put("credentialId", credentialId)
                .put("user", user)
                .put("rpId", rpId)
                .put("origin", "https://example.com")
                .put("challenge", challenge);
        ObjectNode response = line.putObject("response").put("id", id).put("rawId", id).put("type", "public-key");
        response.putObject("clientExtensionResults");
        ObjectNode inner = response.putObject("response")
                .put("authenticatorData", TestPasskey.base64url(data))
                .put("clientDataJSON", TestPasskey.base64url(clientData))
                .put("signature", TestPasskey.base64url(signer.signer().sign(signed)));
        if (userHandle != null) {
            inner.put("userHandle", userHandle);
        }
        return line;
    }
}
