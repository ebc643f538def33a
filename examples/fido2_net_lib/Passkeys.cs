using System.Text.Json;
using System.Text.Json.Serialization;
using Fido2NetLib;
using Fido2NetLib.Objects;

/// <summary>What to store of a credential. The library leaves this type to the application; the members are those of the
/// one in its own demo.</summary>
public sealed class StoredCredential
{
    public required byte[] Id { get; init; }

    public required byte[] PublicKey { get; init; }

    // Required, since a count that is not there would pass for 0, which switches clone detection off.
    public required uint SignCount { get; set; }

    public AuthenticatorTransport[]? Transports { get; init; }

    public bool? IsBackupEligible { get; init; }

    public bool? IsBackedUp { get; set; }

    public byte[]? UserId { get; init; }

    public byte[]? UserHandle { get; init; }

    public string? AttestationFormat { get; init; }

    public DateTimeOffset? RegDate { get; init; }

    public Guid? AaGuid { get; init; }

    /// <summary>What <c>GetAssertionOptions</c> takes.</summary>
    [JsonIgnore]
    public PublicKeyCredentialDescriptor Descriptor => new(PublicKeyCredentialType.PublicKey, Id, Transports);
}

/// <summary>A passkey: the credential, whose it is, and the RP ID that it was made for.</summary>
public sealed record Passkey(string User, string RpId, StoredCredential Credential);

/// <summary>No loaded passkey has the id of this login.</summary>
public sealed class UnknownPasskeyException(string message) : Exception(message);

/// <summary>The login is not genuine.</summary>
public sealed class RefusedException(string message, Exception? cause = null) : Exception(message, cause);

/// <summary>The passkeys of a file that <c>keyferry</c> wrote for the target <c>fido2-net-lib:passkeys.json</c>.</summary>
public sealed class Passkeys
{
    // By the credential ID in base64: arrays of bytes are compared by reference.
    private readonly Dictionary<string, Passkey> _byId = new();

    public int Count => _byId.Count;

    public int Users => _byId.Values.DistinctBy(passkey => passkey.User).Count();

    /// <summary>The passkeys of one account; the options of a login name the <c>Credential.Descriptor</c> of each.</summary>
    public IEnumerable<Passkey> Of(string user) => _byId.Values.Where(passkey => passkey.User == user);

    /// <summary>Reads a JSON array, or JSON Lines if the name ends in <c>.jsonl</c>.</summary>
    /// <exception cref="FormatException">a record is malformed or repeated; they are counted from 1</exception>
    public static Passkeys Load(string path)
    {
        var passkeys = new Passkeys();
        var number = 0;
        foreach (var text in RecordsOf(path))
        {
            number++;
            try
            {
                var passkey = Parse(text);
                if (!passkeys._byId.TryAdd(Convert.ToBase64String(passkey.Credential.Id), passkey))
                {
                    throw new FormatException("its Id appeared before");
                }
            }
            catch (Exception error) when (error is JsonException or FormatException)
            {
                throw new FormatException($"{path}: record {number}: {error.Message}", error);
            }
        }
        return passkeys;
    }

    /// <summary>Checks one login. Returns the passkey and what the library found; store its <c>SignCount</c> and
    /// <c>IsBackedUp</c> in the credential.</summary>
    /// <param name="response">what the browser sent</param>
    /// <param name="challenge">what it was asked to sign</param>
    /// <exception cref="UnknownPasskeyException">there is no such passkey</exception>
    /// <exception cref="RefusedException">the login is not genuine</exception>
    public async Task<(Passkey Passkey, VerifyAssertionResult Found)> CheckLogin(
        AuthenticatorAssertionRawResponse response, byte[] challenge, string origin, string rpId)
    {
        if (response.RawId is null || !_byId.TryGetValue(Convert.ToBase64String(response.RawId), out var passkey))
        {
            throw new UnknownPasskeyException("no passkey has this id");
        }
        var stored = passkey.Credential;
        var fido2 = new Fido2(new Fido2Configuration
        {
            ServerDomain = rpId,
            ServerName = rpId,
            Origins = new HashSet<string> { origin },
        });
        VerifyAssertionResult found;
        try
        {
            found = await fido2.MakeAssertionAsync(new MakeAssertionParams
            {
                AssertionResponse = response,
                OriginalOptions = new AssertionOptions
                {
                    Challenge = challenge,
                    RpId = rpId,
                    UserVerification = UserVerificationRequirement.Required,
                },
                StoredPublicKey = stored.PublicKey,
                StoredSignatureCounter = stored.SignCount,
                // The library asks only if the browser sent a handle; the lookup by id is what binds the login.
                IsUserHandleOwnerOfCredentialIdCallback = (login, _) => Task.FromResult(
                    stored.UserHandle is null || stored.UserHandle.AsSpan().SequenceEqual(login.UserHandle)),
            });
        }
        // A key or a response that the library cannot use raises whatever its parsers raise.
        catch (Exception error)
        {
            throw new RefusedException($"{error.GetType().Name}: {error.Message}", error);
        }
        // WebAuthn Level 3, section 7.2, steps that the library leaves out.
        if (found.SignCount == 0 && stored.SignCount > 0)
        {
            throw new RefusedException("the sign count fell to 0");
        }
        var flags = response.Response.AuthenticatorData[32];
        if ((flags & 0x18) == 0x10)
        {
            throw new RefusedException("backed up, but not backup eligible");
        }
        return (passkey, found);
    }

    private static IEnumerable<string> RecordsOf(string path)
    {
        if (path.EndsWith(".jsonl", StringComparison.Ordinal))
        {
            foreach (var line in File.ReadLines(path).Where(line => !string.IsNullOrWhiteSpace(line)))
            {
                yield return line;
            }
            yield break;
        }
        using var document = ParseFile(path);
        foreach (var element in document.RootElement.EnumerateArray())
        {
            yield return element.GetRawText();
        }
    }

    private static JsonDocument ParseFile(string path)
    {
        JsonDocument document;
        try
        {
            document = JsonDocument.Parse(File.ReadAllBytes(path));
        }
        catch (JsonException error)
        {
            throw new FormatException($"{path}: {error.Message}", error);
        }
        return document.RootElement.ValueKind == JsonValueKind.Array
            ? document
            : throw new FormatException($"{path}: not a JSON array");
    }

    private static Passkey Parse(string text)
    {
        using var document = JsonDocument.Parse(text);
        var record = document.RootElement;
        if (record.ValueKind != JsonValueKind.Object)
        {
            throw new FormatException("not a JSON object");
        }
        var user = TextOf(record, "user");
        var rpId = TextOf(record, "rpId");
        var credential = record.Deserialize<StoredCredential>();
        return credential is { Id.Length: > 0, PublicKey.Length: > 0 }
            ? new Passkey(user, rpId, credential)
            : throw new FormatException("no Id or no PublicKey");
    }

    private static string TextOf(JsonElement record, string name) =>
        record.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String
            && value.GetString() is { Length: > 0 } text
            ? text
            : throw new FormatException($"no {name}");
}
