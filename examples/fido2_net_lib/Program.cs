// dotnet run -- passkeys.json                     how many passkeys, of how many users
// dotnet run -- passkeys.json assertions.jsonl    and how many of these logins verify

using System.Text.Json;
using Fido2NetLib;

if (args.Length is not (1 or 2))
{
    Console.Error.WriteLine("usage: dotnet run -- passkeys.json [assertions.jsonl]");
    return 2;
}
try
{
    var passkeys = Passkeys.Load(args[0]);
    Console.WriteLine($"passkeys: {passkeys.Count}, users: {passkeys.Users}");
    if (args.Length == 1)
    {
        return 0;
    }
    var web = new JsonSerializerOptions(JsonSerializerDefaults.Web);
    int ok = 0, refused = 0, unknown = 0;
    foreach (var text in File.ReadLines(args[1]).Where(text => !string.IsNullOrWhiteSpace(text)))
    {
        var login = JsonSerializer.Deserialize<Login>(text, web)
            ?? throw new FormatException("a login is null");
        if (login is not { Challenge: not null, Origin: not null, RpId: not null }
            || login.Response.ValueKind != JsonValueKind.Object)
        {
            throw new FormatException("a login lacks challenge, origin, rpId or response");
        }
        try
        {
            // The library's types name their JSON members themselves.
            var response = login.Response.Deserialize<AuthenticatorAssertionRawResponse>()
                ?? throw new RefusedException("the response is null");
            await passkeys.CheckLogin(response, FromBase64Url(login.Challenge), login.Origin, login.RpId);
            ok++;
        }
        catch (UnknownPasskeyException)
        {
            unknown++;
            Console.Error.WriteLine($"{login.CredentialId}: unknown");
        }
        catch (Exception error) when (error is RefusedException or JsonException)
        {
            refused++;
            Console.Error.WriteLine($"{login.CredentialId}: {error.Message}");
        }
    }
    Console.WriteLine($"logins: {ok} ok, {refused} refused, {unknown} unknown");
    return refused + unknown == 0 ? 0 : 1;
}
catch (Exception error) when (error is IOException or UnauthorizedAccessException or FormatException or JsonException)
{
    Console.Error.WriteLine(error.Message);
    return 2;
}

static byte[] FromBase64Url(string text) =>
    Convert.FromBase64String(text.Replace('-', '+').Replace('_', '/') + new string('=', (4 - text.Length % 4) % 4));

internal sealed record Login(string CredentialId, string Challenge, string Origin, string RpId, JsonElement Response);
