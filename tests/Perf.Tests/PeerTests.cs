using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using ChainOfSpot.EndToEnd;
using ChainOfSpot.TestSupport;

namespace ChainOfSpot.Perf.Tests;

public sealed class PeerTests
{
    private const string Events = """
        data: {"choices":[{"index":0,"delta":{"role":"assistant","content":null}}]}

        data: {"choices":[{"index":0,"delta":{"content":"A"}}]}

        : a comment
        data: {"choices":[{"index":0,"delta":{"content":" hexagon"}}]}

        data: {"choices":[{"index":0,"delta":{},"finish_reason":"length"}]}

        data: {"choices":[],"usage":{"prompt_tokens":617,"completion_tokens":2,"prompt_tokens_details":{"cached_tokens":35}}}

        data: [DONE]


        """;

    private static readonly string Picture = Path.Combine(Fixtures.Repository, "models", "spot-tiny", "samples", "shapes-1.png");

    [Fact]
    public void A_peer_command_keeps_quoted_words_together()
    {
        var peer = new CommandPeer("run --image={image} -p \"{question} Answer shortly.\" \"\"");
        Assert.Equal(["run", "--image=a b.png", "-p", "Why? Answer shortly.", ""], peer.Words("a b.png", "Why?"));
        Assert.Throws<ArgumentException>(() => new CommandPeer("run it"));
    }

    [Theory]
    [InlineData("llama_perf_context_print: ", "runs  ")]
    [InlineData("main: ", "tokens")]
    public void The_timings_that_a_command_prints_are_read(string prefix, string unit)
    {
        string printed = $"""
            {prefix}       load time =    1000.00 ms
            {prefix}prompt eval time =    9211.05 ms /   617 tokens (   14.93 ms per token,    66.98 tokens per second)
            {prefix}       eval time =    1508.13 ms /    15 {unit} (  100.54 ms per token,     9.95 tokens per second)
            {prefix}      total time =   11000.00 ms /   632 tokens
            """;
        PeerAnswer answer = PrintedTimings.Read(printed, seconds: 12);
        Assert.Equal(12, answer.Seconds);
        Assert.Equal(9.21105, answer.BeforeFirstToken!.Value, 9);
        Assert.Equal(1.50813, answer.Decode!.Value, 9);
        Assert.Equal((617, 0, 16), (answer.PromptTokens, answer.CachedTokens, answer.OutputTokens));
    }

    [Fact]
    public async Task A_command_that_fails_is_named_with_what_it_said()
    {
        var peer = new CommandPeer("sh -c \"echo no model >&2; exit 3\" {image}");
        Exception failure = await Assert.ThrowsAsync<InvalidOperationException>(() => peer.AnswerAsync([new PeerTurn("", Picture, "\nWhy?")]));
        Assert.Equal("sh ended with 3: no model", failure.Message);
    }

    [Fact]
    public async Task A_server_gets_the_conversation_and_its_stream_is_counted()
    {
        using var server = new StubServer(200, Events);
        var peer = new ServerPeer(server.Address, newTokens: 2, """{"ignore_eos": true, "temperature": 0.5}""");
        PeerAnswer answer = await peer.AnswerAsync([new PeerTurn("", Picture, "\nWhere?", "[0.0, 0.5]"), new PeerTurn("Here: ", Picture, "\nWhat?")]);

        JsonNode request = JsonNode.Parse(await server.Request)!;
        Assert.Equal(["system", "user", "assistant", "user"], request["messages"]!.AsArray().Select(m => m!["role"]!.ToString()));
        JsonArray last = request["messages"]![3]!["content"]!.AsArray();
        Assert.Equal(["text", "image_url", "text"], last.Select(part => part!["type"]!.ToString()));
        string url = last[1]!["image_url"]!["url"]!.ToString();
        Assert.Equal(File.ReadAllBytes(Picture), Convert.FromBase64String(url["data:image/png;base64,".Length..]));
        Assert.Equal(2, (int)request["max_tokens"]!);
        Assert.True((bool)request["stream"]!);
        Assert.True((bool)request["ignore_eos"]!);
        Assert.Equal(0.5, (double)request["temperature"]!);

        Assert.Equal((617, 35, 2), (answer.PromptTokens, answer.CachedTokens, answer.OutputTokens));
        Assert.True(answer.BeforeFirstToken > 0 && answer.BeforeFirstToken + answer.Decode <= answer.Seconds);
    }

    [Theory]
    [InlineData(400, "no such model", "no such model")]
    [InlineData(200, "data: {\"error\":{\"message\":\"full\"}}\n\n", "full")]
    [InlineData(200, "data: {\n\n", "no JSON")]
    [InlineData(200, "data: [DONE]\n\n", "without a token")]
    public async Task A_server_that_fails_is_named(int status, string body, string message)
    {
        using var server = new StubServer(status, body);
        var peer = new ServerPeer(server.Address, newTokens: 2, fields: null);
        Exception failure = await Assert.ThrowsAsync<InvalidOperationException>(() => peer.AnswerAsync([new PeerTurn("", Picture, "\nWhy?")]));
        Assert.Contains(message, failure.Message, StringComparison.Ordinal);
        Assert.Contains(server.Address.ToString(), failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Fields_have_to_be_an_object() =>
        Assert.Contains("--peer-fields", Assert.Throws<ArgumentException>(() => new ServerPeer(new Uri("http://localhost"), 2, "[1]")).Message, StringComparison.Ordinal);

    [Fact]
    public async Task A_server_looks_twice_beside_the_engine()
    {
        using var server = new StubServer(200, Events);
        DirectoryInfo folder = Directory.CreateTempSubdirectory("cos-end-to-end-");
        try
        {
            string[] args =
            [
                "--model", Path.Combine(Fixtures.Repository, "models", "spot-tiny"), "--picture", Picture, "--output", folder.FullName,
                "--threads", "1", "--rounds", "1", "--tokens", "2", "--points", "0", "--peer", server.Address.ToString(),
            ];
            Assert.Equal(0, await EndToEnd.Program.RunAsync(args, TextWriter.Null));
            string json = await File.ReadAllTextAsync(Path.Combine(folder.FullName, "end-to-end.json"), TestContext.Current.CancellationToken);
            EndToEndResult result = EndToEndResult.FromJson(json);
            Assert.Null(result.Growth);
            Assert.Equal(["with reuse", "direct"], result.Peer!.Jobs.Select(j => j.Job));
            Assert.Equal([2 * 617, 617], result.Peer.Jobs.Select(j => j.PromptTokens));
            Assert.All(result.Peer.Jobs, j => Assert.True(j.BeforeFirstToken!.Ratios.Median > 0));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    /// <summary>Gives every request one answer.</summary>
    private sealed class StubServer : IDisposable
    {
        private readonly HttpListener _listener = new();
        private readonly TaskCompletionSource<string> _request = new();

        public StubServer(int status, string body)
        {
            // A port that was free a moment ago; another process may have taken it since.
            for (int port = 20_000 + (Environment.ProcessId % 20_000); ; port++)
            {
                Address = new Uri($"http://127.0.0.1:{port}/");
                _listener.Prefixes.Clear();
                _listener.Prefixes.Add(Address.ToString());
                try
                {
                    _listener.Start();
                    break;
                }
                catch (HttpListenerException)
                {
                    continue;
                }
            }
            _ = ServeAsync(status, Encoding.UTF8.GetBytes(body));
        }

        public Uri Address { get; }

        /// <summary>The body of the first request.</summary>
        public Task<string> Request => _request.Task;

        public void Dispose() => _listener.Close();

        private async Task ServeAsync(int status, byte[] body)
        {
            try
            {
                while (true)
                {
                    HttpListenerContext context = await _listener.GetContextAsync();
                    using var reader = new StreamReader(context.Request.InputStream);
                    string request = await reader.ReadToEndAsync();
                    _request.TrySetResult(context.Request.Url!.AbsolutePath == "/v1/chat/completions" ? request : context.Request.Url.AbsolutePath);
                    context.Response.StatusCode = status;
                    await context.Response.OutputStream.WriteAsync(body);
                    context.Response.Close();
                }
            }
            catch (Exception e) when (e is HttpListenerException or ObjectDisposedException)
            {
                // Closed.
            }
        }
    }
}
