// dotnet out/verify.dll RECORDS ASSERTIONS     (after ./build)
//
// Judges each line of ASSERTIONS against RECORDS with the loader of examples/fido2_net_lib, so that the example is what
// is proven. Prints one JSON line for each, in the same order: {"credentialId","verdict","detail","newCounter"}. Verdicts:
//
//   ok         MakeAssertionAsync returned, user verification required
//   failed     the login is refused: wrong signature, user handle, or an error of the library
//   not-found  no record has exactly this response.id
//   error      the line lacks what a judgement needs, or is about another credential than it says
//
// Every line meets the counters of RECORDS: nothing is updated between lines.
// Exit status: 0 all lines judged, 2 an input cannot be read (with a message on standard error).

using System.Text.Json;
using Fido2NetLib;

if (args.Length != 2)
{
    Console.Error.WriteLine("usage: verify RECORDS ASSERTIONS");
    return 2;
}
try
{
    var passkeys = Passkeys.Load(args[0]);
    var number = 0;
    foreach (var text in File.ReadLines(args[1]).Where(text => !string.IsNullOrWhiteSpace(text)))
    {
        number++;
        JsonDocument line;
        try
        {
            line = JsonDocument.Parse(text);
        }
        catch (JsonException error)
        {
            throw new FormatException($"{args[1]}: assertion {number}: {error.Message}", error);
        }
        using (line)
        {
            Console.WriteLine(JsonSerializer.Serialize(await Judge(passkeys, line.RootElement)));
        }
    }
    return 0;
}
catch (Exception error) when (error is IOException or UnauthorizedAccessException or FormatException)
{
    Console.Error.WriteLine(error.Message);
    return 2;
}

static async Task<Verdict> Judge(Passkeys passkeys, JsonElement line)
{
    var id = TextOf(line, "credentialId");
    if (id is null) return new(null, "error", "the line has no credentialId");
    if (TextOf(line, "challenge") is not { } challenge) return new(id, "error", "the line has no challenge");
    if (TextOf(line, "origin") is not { } origin) return new(id, "error", "the line has no origin");
    if (TextOf(line, "rpId") is not { } rpId) return new(id, "error", "the line has no rpId");
    if (!line.TryGetProperty("response", out var sent) || TextOf(sent, "id") is not { } responseId)
    {
        return new(id, "error", "the line has no response.id");
    }
    byte[] bytes;
    try
    {
        bytes = FromBase64Url(challenge);
    }
    catch (FormatException)
    {
        return new(id, "error", "challenge is not base64url");
    }
    try
    {
        var response = sent.Deserialize<AuthenticatorAssertionRawResponse>()!;
        // The loader looks for the bytes of rawId; the line is about its text.
        if (response.RawId is null || ToBase64Url(response.RawId) != responseId)
        {
            return new(id, "error", "response.rawId is not response.id");
        }
        var (_, found) = await passkeys.CheckLogin(response, bytes, origin, rpId);
        return responseId == id
            ? new(id, "ok", "", found.SignCount)
            : new(id, "error", "response.id is not the credentialId of the line");
    }
    catch (UnknownPasskeyException)
    {
        return new(id, "not-found");
    }
    catch (RefusedException error)
    {
        return new(id, "failed", error.Message);
    }
    // A response that the library's types cannot hold.
    catch (Exception error) when (error is JsonException or FormatException)
    {
        return new(id, "failed", $"{error.GetType().Name}: {error.Message}");
    }
}

static string? TextOf(JsonElement record, string name) =>
    record.ValueKind == JsonValueKind.Object && record.TryGetProperty(name, out var value)
        && value.ValueKind == JsonValueKind.String && value.GetString() is { Length: > 0 } text
        ? text
        : null;

static byte[] FromBase64Url(string text) =>
    Convert.FromBase64String(text.Replace('-', '+').Replace('_', '/') + new string('=', (4 - text.Length % 4) % 4));

static string ToBase64Url(byte[] bytes) =>
    Convert.ToBase64String(bytes).TrimEnd('=').Replace('+', '-').Replace('/', '_');

#pragma warning disable IDE1006 // the names are those of the lines that are printed
internal sealed record Verdict(string? credentialId, string verdict, string detail = "", uint? newCounter = null);
