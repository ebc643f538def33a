import java.io.ByteArrayOutputStream;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.MessageDigest;
import java.security.PrivateKey;
import java.security.PublicKey;
import java.security.Signature;
import java.security.interfaces.RSAPublicKey;
import java.security.spec.ECGenParameterSpec;
import java.security.spec.MGF1ParameterSpec;
import java.security.spec.PSSParameterSpec;
import java.util.Arrays;
import java.util.Base64;

/** A passkey with its private key, and the few bytes of CBOR that a server stores of it. */
record TestPasskey(Kind kind, byte[] id, byte[] cose, PrivateKey privateKey) {
    static final int UP = 0x01;
    static final int UV = 0x04;
    static final int BE = 0x08;
    static final int BS = 0x10;
    static final int AT = 0x40;

    private static final int RSA = 0;
    private static final int OKP = 1;
    private static final int EC = 2;

    /** An algorithm of COSE and its names in Java; size is that of a coordinate in bytes or of a modulus in bits. */
    enum Kind {
        ES256(-7, "SHA256withECDSA", EC, "secp256r1", 1, 32),
        ES384(-35, "SHA384withECDSA", EC, "secp384r1", 2, 48),
        ES512(-36, "SHA512withECDSA", EC, "secp521r1", 3, 66),
        ED25519(-8, "Ed25519", OKP, "Ed25519", 6, 32),
        ED448(-53, "Ed448", OKP, "Ed448", 7, 57),
        ESP256(-9, "SHA256withECDSA", EC, "secp256r1", 1, 32),
        RS256(-257, "SHA256withRSA", RSA, "RSA", 0, 2048),
        RS256_4096(-257, "SHA256withRSA", RSA, "RSA", 0, 4096),
        RS384(-258, "SHA384withRSA", RSA, "RSA", 0, 2048),
        RS512(-259, "SHA512withRSA", RSA, "RSA", 0, 2048),
        RS1(-65535, "SHA1withRSA", RSA, "RSA", 0, 2048),
        PS256(-37, "RSASSA-PSS", RSA, "RSA", 0, 2048);

        private final int algorithm;
        private final String signature;
        private final int family;
        private final String name;
        private final int curve;
        private final int size;

        Kind(int algorithm, String signature, int family, String name, int curve, int size) {
            this.algorithm = algorithm;
            this.signature = signature;
            this.family = family;
            this.name = name;
            this.curve = curve;
            this.size = size;
        }
    }

    static TestPasskey generate(Kind kind, byte[] id) throws GeneralSecurityException {
        KeyPairGenerator generator = KeyPairGenerator.getInstance(kind.family == EC ? "EC" : kind.name);
        switch (kind.family) {
            case EC -> generator.initialize(new ECGenParameterSpec(kind.name));
            case RSA -> generator.initialize(kind.size);
            default -> { }
        }
        KeyPair pair = generator.generateKeyPair();
        return new TestPasskey(kind, id, cose(kind, pair.getPublic()), pair.getPrivate());
    }

    private static byte[] cose(Kind kind, PublicKey key) {
        byte[] algorithm = join(integer(3), integer(kind.algorithm));
        if (kind.family == RSA) {
            RSAPublicKey rsa = (RSAPublicKey) key;
            return join(
                    head(5, 4), integer(1), integer(3), algorithm,
                    integer(-1), bytes(unsigned(rsa.getModulus())),
                    integer(-2), bytes(unsigned(rsa.getPublicExponent())));
        }
        // A SubjectPublicKeyInfo ends with the coordinates.
        byte[] info = key.getEncoded();
        byte[] last = bytes(Arrays.copyOfRange(info, info.length - kind.size, info.length));
        byte[] curve = join(integer(-1), integer(kind.curve));
        if (kind.family == OKP) {
            return join(head(5, 4), integer(1), integer(1), algorithm, curve, integer(-2), last);
        }
        byte[] x = bytes(Arrays.copyOfRange(info, info.length - 2 * kind.size, info.length - kind.size));
        return join(head(5, 5), integer(1), integer(2), algorithm, curve, integer(-2), x, integer(-3), last);
    }

    byte[] sign(byte[] data) throws GeneralSecurityException {
        Signature signature = Signature.getInstance(kind.signature);
        if (kind == Kind.PS256) {
            signature.setParameter(new PSSParameterSpec("SHA-256", "MGF1", MGF1ParameterSpec.SHA256, 32, 1));
        }
        signature.initSign(privateKey);
        signature.update(data);
        return signature.sign();
    }

    /** An attestation object without a statement, as an importer makes it from the record. */
    byte[] attestationObject(String rpId, int flags, long count, byte[] after) throws GeneralSecurityException {
        byte[] length = {(byte) (id.length >> 8), (byte) id.length};
        byte[] data = join(authenticatorData(rpId, flags | AT, count), new byte[16], length, id, cose, after);
        return join(head(5, 3), text("fmt"), text("none"), text("attStmt"), head(5, 0), text("authData"), bytes(data));
    }

    static byte[] authenticatorData(String rpId, int flags, long count) throws GeneralSecurityException {
        return join(
                sha256(rpId.getBytes(StandardCharsets.UTF_8)), new byte[] {(byte) flags},
                ByteBuffer.allocate(4).putInt((int) count).array());
    }

    static byte[] sha256(byte[] data) throws GeneralSecurityException {
        return MessageDigest.getInstance("SHA-256").digest(data);
    }

    static String base64url(byte[] data) {
        return Base64.getUrlEncoder().withoutPadding().encodeToString(data);
    }

    static byte[] join(byte[]... parts) {
        ByteArrayOutputStream all = new ByteArrayOutputStream();
        for (byte[] part : parts) {
            all.writeBytes(part);
        }
        return all.toByteArray();
    }

    // ---- CBOR

    private static byte[] head(int major, int value) {
        if (value < 24) {
            return new byte[] {(byte) (major << 5 | value)};
        }
        if (value < 256) {
            return new byte[] {(byte) (major << 5 | 24), (byte) value};
        }
        return new byte[] {(byte) (major << 5 | 25), (byte) (value >> 8), (byte) value};
    }

    private static byte[] integer(int value) {
        return value < 0 ? head(1, -1 - value) : head(0, value);
    }

    private static byte[] bytes(byte[] value) {
        return join(head(2, value.length), value);
    }

    private static byte[] text(String value) {
        return join(head(3, value.length()), value.getBytes(StandardCharsets.US_ASCII));
    }

    private static byte[] unsigned(BigInteger value) {
        byte[] signed = value.toByteArray();
        return signed[0] == 0 ? Arrays.copyOfRange(signed, 1, signed.length) : signed;
    }
}
