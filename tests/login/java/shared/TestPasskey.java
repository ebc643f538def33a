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
import java.security.interfaces.RSAPrivateCrtKey;
import java.security.interfaces.RSAPublicKey;
import java.security.spec.ECGenParameterSpec;
import java.security.spec.MGF1ParameterSpec;
import java.security.spec.PSSParameterSpec;
import java.util.Arrays;
import java.util.Base64;
import java.util.HashMap;
import java.util.Map;

/** A passkey with its private key, made for one run of the tests, and its public key in COSE. */
record TestPasskey(byte[] id, byte[] cose, Signer signer) {
    static final int UP = 0x01;
    static final int UV = 0x04;
    static final int BE = 0x08;
    static final int BS = 0x10;
    static final int AT = 0x40;

    /** By bits of the modulus: they take seconds to make. */
    private static final Map<Integer, RSAPrivateCrtKey> LARGE_KEYS = new HashMap<>();

    private static final int RSA = 0;
    private static final int OKP = 1;
    private static final int EC = 2;

    interface Signer {
        byte[] sign(byte[] data) throws GeneralSecurityException;
    }

    /** An algorithm of COSE and its names in Java; size is that of a coordinate in bytes or of a modulus in bits. */
    enum Kind {
        ES256(-7, "SHA256withECDSA", EC, "secp256r1", 1, 32),
        ES384(-35, "SHA384withECDSA", EC, "secp384r1", 2, 48),
        ES512(-36, "SHA512withECDSA", EC, "secp521r1", 3, 66),
        ESP256(-9, "SHA256withECDSA", EC, "secp256r1", 1, 32),
        ED25519(-8, "Ed25519", OKP, "Ed25519", 6, 32),
        ED448(-53, "Ed448", OKP, "Ed448", 7, 57),
        ED448_EDDSA(-8, "Ed448", OKP, "Ed448", 7, 57),
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
        PrivateKey privateKey = pair.getPrivate();
        return new TestPasskey(id, cose(kind, pair.getPublic()), data -> {
            Signature signature = Signature.getInstance(kind.signature);
            if (kind == Kind.PS256) {
                signature.setParameter(new PSSParameterSpec("SHA-256", "MGF1", MGF1ParameterSpec.SHA256, 32, 1));
            }
            signature.initSign(privateKey);
            signature.update(data);
            return signature.sign();
        });
    }

    /** RS256 with an exponent of so many bits, which Java neither makes nor signs with: by the formula. */
    static TestPasskey withExponent(int modulusBits, int exponentBits, byte[] id) throws GeneralSecurityException {
        RSAPrivateCrtKey key = LARGE_KEYS.get(modulusBits);
        if (key == null) {
            KeyPairGenerator generator = KeyPairGenerator.getInstance("RSA");
            generator.initialize(modulusBits);
            key = (RSAPrivateCrtKey) generator.generateKeyPair().getPrivate();
            LARGE_KEYS.put(modulusBits, key);
        }
        BigInteger n = key.getModulus();
        BigInteger phi = key.getPrimeP().subtract(BigInteger.ONE).multiply(key.getPrimeQ().subtract(BigInteger.ONE));
        BigInteger e = BigInteger.ONE.shiftLeft(exponentBits - 1).setBit(0);
        while (!e.gcd(phi).equals(BigInteger.ONE)) {
            e = e.add(BigInteger.TWO);
        }
        BigInteger d = e.modInverse(phi);
        return new TestPasskey(id, rsa(Kind.RS256, n, e), data -> {
            // PKCS #1, section 9.2: the DigestInfo of SHA-256, up to the hash.
            byte[] info = {
                0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, (byte) 0x86, 0x48,
                0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20
            };
            byte[] filling = new byte[modulusBits / 8 - 3 - info.length - 32];
            Arrays.fill(filling, (byte) 0xff);
            byte[] message = join(new byte[] {0, 1}, filling, new byte[1], info, sha256(data));
            byte[] signature = unsigned(new BigInteger(1, message).modPow(d, n));
            return join(new byte[modulusBits / 8 - signature.length], signature);
        });
    }

    private static byte[] cose(Kind kind, PublicKey key) {
        if (key instanceof RSAPublicKey rsa) {
            return rsa(kind, rsa.getModulus(), rsa.getPublicExponent());
        }
        // A SubjectPublicKeyInfo ends with the coordinates.
        byte[] info = key.getEncoded();
        byte[] last = bytes(Arrays.copyOfRange(info, info.length - kind.size, info.length));
        byte[] first = join(integer(3), integer(kind.algorithm), integer(-1), integer(kind.curve));
        if (kind.family == OKP) {
            return join(head(5, 4), integer(1), integer(1), first, integer(-2), last);
        }
        byte[] x = bytes(Arrays.copyOfRange(info, info.length - 2 * kind.size, info.length - kind.size));
        return join(head(5, 5), integer(1), integer(2), first, integer(-2), x, integer(-3), last);
    }

    private static byte[] rsa(Kind kind, BigInteger n, BigInteger e) {
        return join(
                head(5, 4), integer(1), integer(3), integer(3), integer(kind.algorithm),
                integer(-1), bytes(unsigned(n)), integer(-2), bytes(unsigned(e)));
    }

    /** AAGUID, credential ID and key, as WebAuthn Level 3 lays them out in section 6.5.1. */
    byte[] attestedCredentialData() {
        byte[] length = {(byte) (id.length >> 8), (byte) id.length};
        return join(new byte[16], length, id, cose);
    }

    /** An attestation object without a statement, as an importer makes it from the record. */
    byte[] attestationObject(String rpId, int flags, long count, byte[] after) throws GeneralSecurityException {
        byte[] data = join(authenticatorData(rpId, flags | AT, count), attestedCredentialData(), after);
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
