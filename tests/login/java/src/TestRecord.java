import static java.nio.charset.StandardCharsets.UTF_8;

import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/** A record of one of the two files, as an import writes it; a test changes {@code json}. */
final class TestRecord {
    final TestPasskey passkey;
    final String user;
    final String handle;
    final ObjectNode json = JsonMapper.shared().createObjectNode();
    /** Where the items of the credential stand. */
    final ObjectNode credential;
    private final String counterName;

    TestRecord(String library, TestPasskey passkey, String user) {
        this.passkey = passkey;
        this.user = user;
        handle = TestPasskey.base64url(("handle of " + user).getBytes(UTF_8));
        if (library.equals("yubico")) {
            json.put("username", user);
            credential = json.putObject("credential");
            credential.put("credentialId", TestPasskey.base64url(passkey.id()));
            credential.put("publicKeyCose", TestPasskey.base64url(passkey.cose()));
            counterName = "signatureCount";
        } else {
            json.put("user", user);
            credential = json;
            credential.put("attestedCredentialData", TestPasskey.base64url(passkey.attestedCredentialData()));
            counterName = "counter";
        }
        credential.put("userHandle", handle).put("backupEligible", true).put("backupState", true);
        credential.putArray("transports").add("internal").add("hybrid").add("teleport");
        counter(7);
    }

    TestRecord counter(long counter) {
        credential.put(counterName, counter);
        return this;
    }

    TestLogin login() {
        return new TestLogin(passkey, user, handle);
    }

    String id() {
        return TestPasskey.base64url(passkey.id());
    }
}
