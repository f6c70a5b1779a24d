using System.Diagnostics;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using ChainOfSpot.Text;

namespace ChainOfSpot.EndToEnd;

/// <summary>
/// A server of OpenAI's chat completions (llama-server, vLLM, …): greedy, streamed, pictures as data URLs. Times are this
/// side's: from the request to the first token and from there to the last.
/// </summary>
internal sealed class ServerPeer : Peer
{
    private const string Route = "v1/chat/completions";
    private const string DataPrefix = "data:";
    private const string Done = "[DONE]";

    private static readonly HttpClient Client = new() { Timeout = TimeSpan.FromMinutes(30) };
    private readonly Uri _address;
    private readonly int _newTokens;
    private readonly JsonObject _fields;

    /// <param name="address">Where the server answers, such as http://localhost:8080.</param>
    /// <param name="newTokens">Tokens of an answer.</param>
    /// <param name="fields">
    /// A JSON object whose members every request gets: the model's name, or what a server needs to generate so many tokens
    /// whatever the model says (<c>{"ignore_eos": true}</c>).
    /// </param>
    /// <exception cref="ArgumentException"><paramref name="fields"/> is no JSON object.</exception>
    public ServerPeer(Uri address, int newTokens, string? fields)
    {
        _address = address;
        _newTokens = newTokens;
        try
        {
            _fields = fields is null ? [] : JsonNode.Parse(fields) as JsonObject ?? throw new JsonException($"{fields} is none.");
        }
        catch (JsonException e)
        {
            throw new ArgumentException($"--peer-fields: a JSON object was expected: {e.Message}", nameof(fields), e);
        }
    }

    public override string Name => _address.ToString();

    public override bool GoesOn => true;

    /// <inheritdoc/>
    public override async Task<PeerAnswer> AnswerAsync(IReadOnlyList<PeerTurn> turns)
    {
        using var content = new StringContent(Request(turns).ToJsonString(), Encoding.UTF8, MediaTypeHeaderValue.Parse("application/json"));
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(_address, Route)) { Content = content };
        long begin = Stopwatch.GetTimestamp();
        try
        {
            using HttpResponseMessage response =
                await Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead).ConfigureAwait(false);
            if (!response.IsSuccessStatusCode)
            {
                throw new InvalidOperationException(
                    $"The peer {Name} answered with {(int)response.StatusCode}: {await response.Content.ReadAsStringAsync().ConfigureAwait(false)}");
            }
            using Stream stream = await response.Content.ReadAsStreamAsync().ConfigureAwait(false);
            return await ReadAsync(stream, begin).ConfigureAwait(false);
        }
        catch (Exception e) when (e is HttpRequestException or IOException or OperationCanceledException)
        {
            throw new InvalidOperationException($"The peer {Name} gave no answer: {e.Message}", e);
        }
    }

    private JsonObject Request(IReadOnlyList<PeerTurn> turns)
    {
        var messages = new JsonArray { new JsonObject { ["role"] = "system", ["content"] = Conversation.System } };
        foreach (PeerTurn turn in turns)
        {
            string url = $"data:image/png;base64,{Convert.ToBase64String(File.ReadAllBytes(turn.PicturePath))}";
            messages.Add(new JsonObject
            {
                ["role"] = "user",
                ["content"] = new JsonArray(
                [
                    .. Text(turn.BeforePicture),
                    new JsonObject { ["type"] = "image_url", ["image_url"] = new JsonObject { ["url"] = url } },
                    .. Text(turn.AfterPicture),
                ]),
            });
            if (turn.Answer is { } answer)
                messages.Add(new JsonObject { ["role"] = "assistant", ["content"] = answer });
        }
        var request = new JsonObject
        {
            ["messages"] = messages,
            ["temperature"] = 0,
            ["max_tokens"] = _newTokens,
            ["stream"] = true,
            ["stream_options"] = new JsonObject { ["include_usage"] = true },
        };
        foreach ((string name, JsonNode? value) in _fields)
            request[name] = value?.DeepClone();
        return request;
    }

    private static IEnumerable<JsonNode> Text(string text) =>
        text.Length == 0 ? [] : [new JsonObject { ["type"] = "text", ["text"] = text }];

    private async Task<PeerAnswer> ReadAsync(Stream stream, long begin)
    {
        using var reader = new StreamReader(stream);
        TimeSpan? first = null;
        TimeSpan last = default;
        int pieces = 0;
        JsonNode? usage = null;
        while (await reader.ReadLineAsync().ConfigureAwait(false) is { } line)
        {
            if (!line.StartsWith(DataPrefix, StringComparison.Ordinal))
                continue;
            string data = line[DataPrefix.Length..].Trim();
            if (data == Done)
                break;
            JsonNode chunk = Parse(data);
            if (chunk["error"] is { } error)
                throw new InvalidOperationException($"The peer {Name} failed: {error.ToJsonString()}");
            usage = chunk["usage"] ?? usage;
            if (chunk["choices"] is not JsonArray { Count: > 0 } choices || choices[0]?["delta"]?["content"]?.ToString() is null or "")
                continue;
            last = Stopwatch.GetElapsedTime(begin);
            first ??= last;
            pieces++;
        }
        if (first is not { } firstToken)
            throw new InvalidOperationException($"The peer {Name} ended without a token.");
        return new PeerAnswer(
            Stopwatch.GetElapsedTime(begin).TotalSeconds,
            firstToken.TotalSeconds,
            (last - firstToken).TotalSeconds,
            Count(usage?["prompt_tokens"]),
            Count(usage?["prompt_tokens_details"]?["cached_tokens"]),
            usage is null ? pieces : Count(usage["completion_tokens"]));
    }

    private JsonNode Parse(string data)
    {
        try
        {
            return JsonNode.Parse(data) ?? throw new JsonException("null");
        }
        catch (JsonException e)
        {
            throw new InvalidOperationException($"The peer {Name} streamed what is no JSON: {data}", e);
        }
    }

    private static int Count(JsonNode? value) => value is JsonValue number && number.TryGetValue(out int count) ? count : 0;
}
