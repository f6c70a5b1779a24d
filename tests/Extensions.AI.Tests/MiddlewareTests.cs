using System.Collections.Concurrent;
using System.Diagnostics;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.Caching.Distributed;
using Microsoft.Extensions.Caching.Memory;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using static ChainOfSpot.Extensions.AI.Tests.SpotTinyEngine;

namespace ChainOfSpot.Extensions.AI.Tests;

/// <summary>The library's middleware works over the client.</summary>
public sealed class MiddlewareTests(SpotTinyEngine spotTiny) : IClassFixture<SpotTinyEngine>
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task OpenTelemetry_sees_the_chat_and_the_engines_activities_in_it(bool streamed)
    {
        string source = $"chat-{streamed}-{Guid.NewGuid()}";
        var stopped = new ConcurrentQueue<Activity>();
        using var listener = new ActivityListener
        {
            ShouldListenTo = s => s.Name == source || s.Name == ChainOfSpotTelemetry.Name,
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
            ActivityStopped = stopped.Enqueue,
        };
        ActivitySource.AddActivityListener(listener);
        using IChatClient client = new ChainOfSpotChatClient(spotTiny.Engine).AsBuilder().UseOpenTelemetry(sourceName: source).Build();
        await AskAsync(client, streamed);

        Activity chat = Assert.Single(stopped, a => a.Source.Name == source);
        Activity[] ours = [.. stopped.Where(a => a.TraceId == chat.TraceId && a != chat)];
        Assert.Equal("chainofspot", chat.GetTagItem("gen_ai.provider.name"));
        Assert.Equal("spot-tiny", chat.GetTagItem("gen_ai.response.model"));
        Activity question = Assert.Single(ours, a => a.OperationName == "chainofspot.question");
        Assert.Equal(chat.SpanId, question.ParentSpanId);
        Assert.Equal(question.GetTagItem("chainofspot.tokens.input"), Convert.ToInt32(chat.GetTagItem("gen_ai.usage.input_tokens"), null));
        Assert.All(ours.Where(a => a != question), a => Assert.Equal(question.SpanId, a.ParentSpanId));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_cached_response_has_the_region_and_asks_nobody(bool streamed)
    {
        IDistributedCache cache = new MemoryDistributedCache(Options.Create(new MemoryDistributedCacheOptions()));
        int asked = 0;
        using IChatClient client = new ChainOfSpotChatClient(spotTiny.Engine).AsBuilder()
            .UseDistributedCache(cache)
            .Use((messages, options, next, cancellation) =>
            {
                asked++;
                return next(messages, options, cancellation);
            })
            .Build();
        ChatResponse first = await AskAsync(client, streamed);
        ChatResponse second = await AskAsync(client, streamed);
        Assert.Equal(1, asked);
        Assert.Equal((Number, Number), (first.Text, second.Text));
        Assert.Equal(first.Usage!.InputTokenCount, second.Usage!.InputTokenCount);
        Assert.Equal(
            first.Messages[0].AdditionalProperties![RegionProperties.Text],
            second.Messages[0].AdditionalProperties![RegionProperties.Text]!.ToString());

        // The cached message can go on as history.
        ChatMessage[] chat = [UserMessage(NumberQuestion, Picture()), second.Messages[0], UserMessage(CountQuestion)];
        var answer = (Answer)(await client.GetResponseAsync(chat, cancellationToken: Cancellation)).RawRepresentation!;
        Assert.Equal(2, answer.Passes[0].PromptIds.Count(id => id == Text.Conversation.ImageToken));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Logging_logs_the_call(bool streamed)
    {
        var lines = new ConcurrentQueue<string>();
        using var factory = new RecordingLoggerFactory(lines);
        using IChatClient client = new ChainOfSpotChatClient(spotTiny.Engine).AsBuilder().UseLogging(factory).UseFunctionInvocation(factory).Build();
        Assert.Equal(Number, (await AskAsync(client, streamed)).Text);
        Assert.Contains(lines, line => line.Contains("completed", StringComparison.Ordinal));
        Assert.DoesNotContain(lines, line => line.StartsWith(nameof(LogLevel.Error), StringComparison.Ordinal));
    }

    private static async Task<ChatResponse> AskAsync(IChatClient client, bool streamed)
    {
        ChatMessage[] chat = [UserMessage(NumberQuestion, Picture())];
        return streamed
            ? await client.GetStreamingResponseAsync(chat, cancellationToken: Cancellation).ToChatResponseAsync(Cancellation)
            : await client.GetResponseAsync(chat, cancellationToken: Cancellation);
    }
}
