using System.Text.Json;
using ChainOfSpot.Images;
using ChainOfSpot.TestSupport;
using Microsoft.Extensions.AI;
using static ChainOfSpot.Extensions.AI.Tests.SpotTinyEngine;

namespace ChainOfSpot.Extensions.AI.Tests;

/// <summary>A chat asks what the engine is asked, and says all that it answered.</summary>
public sealed class ChatClientTests(SpotTinyEngine spotTiny) : IClassFixture<SpotTinyEngine>
{
    private readonly ChainOfSpotChatClient _client = spotTiny.Client;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_picture_and_a_question_give_the_engines_answer()
    {
        ChatResponse response = await _client.GetResponseAsync(UserMessage(NumberQuestion, Picture()), cancellationToken: Cancellation);
        Answer answer = Assert.IsType<Answer>(response.RawRepresentation);
        Assert.Equal(Number, response.Text);
        Assert.Equal(Number, answer.Text);
        Assert.Equal("spot-tiny", response.ModelId);
        Assert.Equal(ChatFinishReason.Stop, response.FinishReason);
        Assert.Equal(answer.Usage.InputTokens, response.Usage!.InputTokenCount);
        Assert.Equal(answer.Usage.CachedInputTokens, response.Usage.CachedInputTokenCount);
        Assert.Equal(answer.Usage.OutputTokens, response.Usage.OutputTokenCount);
        Assert.Equal(answer.Usage.InputTokens + answer.Usage.OutputTokens, response.Usage.TotalTokenCount);
        AssertRegion(answer.Region!, response.AdditionalProperties);
        AssertRegion(answer.Region!, Assert.Single(response.Messages).AdditionalProperties);
    }

    [Fact]
    public async Task A_stream_tells_the_region_first_then_the_text_and_at_last_the_usage()
    {
        var updates = new List<ChatResponseUpdate>();
        await foreach (ChatResponseUpdate update in _client.GetStreamingResponseAsync(
            [UserMessage(NumberQuestion, Picture())], cancellationToken: Cancellation))
        {
            updates.Add(update);
        }
        Answer answer = ((AnswerUpdate)updates[^1].RawRepresentation!).Answer!;
        AssertRegion(answer.Region!, updates[0].AdditionalProperties);
        Assert.Empty(updates[0].Text);
        Assert.Equal(Number, string.Concat(updates.Select(u => u.Text)));
        Assert.All(updates.Skip(1), u => Assert.Null(u.AdditionalProperties));
        Assert.IsType<UsageContent>(Assert.Single(updates[^1].Contents));
        Assert.Equal(ChatFinishReason.Stop, updates[^1].FinishReason);

        ChatResponse response = updates.ToChatResponse();
        Assert.Equal(Number, response.Text);
        Assert.Equal("spot-tiny", response.ModelId);
        Assert.Equal(answer.Usage.InputTokens, response.Usage!.InputTokenCount);
        AssertRegion(answer.Region!, Assert.Single(response.Messages).AdditionalProperties);
    }

    [Theory]
    [InlineData(false, false)]
    [InlineData(false, true)]
    [InlineData(true, false)]
    [InlineData(true, true)]
    public async Task Messages_before_are_the_turns_of_the_engines_conversation(bool streamed, bool throughJson)
    {
        var chat = new List<ChatMessage> { UserMessage(NumberQuestion, Picture()) };
        if (streamed)
            await chat.AddMessagesAsync(_client.GetStreamingResponseAsync(chat, cancellationToken: Cancellation), cancellationToken: Cancellation);
        else
            chat.AddMessages(await _client.GetResponseAsync(chat, cancellationToken: Cancellation));
        chat.Add(UserMessage(CountQuestion));
        if (throughJson)
            chat = JsonSerializer.Deserialize<List<ChatMessage>>(JsonSerializer.Serialize(chat, AIJsonUtilities.DefaultOptions), AIJsonUtilities.DefaultOptions)!;
        ChatResponse response = await _client.GetResponseAsync(chat, cancellationToken: Cancellation);

        using SpotImage image = await spotTiny.Engine.OpenImageAsync(Path.Combine(Folder, "samples", "shapes-1.png"), Cancellation);
        SpotConversation conversation = image.StartConversation();
        await conversation.AskAsync(NumberQuestion, cancellationToken: Cancellation);
        Answer expected = await conversation.AskAsync(CountQuestion, cancellationToken: Cancellation);
        var answer = (Answer)response.RawRepresentation!;
        Assert.Equal(expected.Passes.Select(p => p.PromptIds), answer.Passes.Select(p => p.PromptIds));
        Assert.Equal(expected.Text, response.Text);
        // All of the first turn is found again.
        Assert.True(answer.Passes[0].CachedTokens > answer.Passes[0].PromptTokens / 2);
    }

    [Fact]
    public async Task A_turn_without_its_region_was_asked_directly()
    {
        ChatMessage[] chat =
        [
            new(ChatRole.User, [Picture()]), UserMessage("Is there"), UserMessage("a circle?"), new(ChatRole.Assistant, "Yes"), UserMessage(CountQuestion, Picture()),
        ];
        var answer = (Answer)(await _client.GetResponseAsync(chat, cancellationToken: Cancellation)).RawRepresentation!;
        using SpotImage image = spotTiny.Engine.OpenImage(ChainOfSpot.Images.Picture.Decode(Path.Combine(Folder, "samples", "shapes-1.png")));
        Answer expected = await image
            .StartConversation([new ConversationTurn { Question = "Is there\na circle?", RegionText = null, Answer = "Yes" }])
            .AskAsync(CountQuestion, cancellationToken: Cancellation);
        Assert.Equal(expected.Passes.Select(p => p.PromptIds), answer.Passes.Select(p => p.PromptIds));
    }

    [Fact]
    public async Task The_same_picture_again_is_found_in_the_cache()
    {
        await using ChainOfSpotEngine engine = await ChainOfSpotEngine.LoadAsync(Folder, Setup, cancellationToken: Cancellation);
        using var client = new ChainOfSpotChatClient(engine);
        ChatResponse first = await client.GetResponseAsync(UserMessage(NumberQuestion, Picture()), cancellationToken: Cancellation);
        ChatResponse second = await client.GetResponseAsync(
            UserMessage(CountQuestion, new UriContent(Picture().Uri, "image/png")), cancellationToken: Cancellation);
        int patches = engine.Config.Vision.Patches;
        Assert.True(((Answer)second.RawRepresentation!).Passes[0].CachedTokens > patches);
        Assert.Equal(0, ((Answer)first.RawRepresentation!).Passes[0].CachedTokens);
    }

    [Fact]
    public async Task An_answer_is_cut_at_the_most_tokens_or_ends_at_a_stop_sequence()
    {
        ChatMessage message = UserMessage(NumberQuestion, Picture());
        ChatResponse cut = await _client.GetResponseAsync(message, new ChatOptions { MaxOutputTokens = 1 }, Cancellation);
        Assert.Equal(ChatFinishReason.Length, cut.FinishReason);
        ChatResponse stopped = await _client.GetResponseAsync(message, new ChatOptions { StopSequences = [Number[1..]] }, Cancellation);
        Assert.Equal(Number[..1], stopped.Text);
        Assert.Equal(ChatFinishReason.Stop, stopped.FinishReason);
    }

    [Fact]
    public async Task A_seed_repeats_what_is_drawn()
    {
        ChatMessage message = UserMessage(NumberQuestion, Picture());
        var texts = new List<string>();
        foreach (long seed in (long[])[1, 1, 2, 3, 4, 5])
        {
            var options = new ChatOptions { Temperature = 50, TopP = 0.99f, Seed = seed, MaxOutputTokens = 8 };
            texts.Add((await _client.GetResponseAsync(message, options, Cancellation)).Text);
        }
        Assert.Equal(texts[0], texts[1]);
        Assert.True(texts.Distinct().Count() > 2);
    }

    [Fact]
    public async Task The_engines_own_options_come_by_the_raw_representation()
    {
        ChatMessage message = UserMessage(NumberQuestion, Picture());
        var options = new ChatOptions { RawRepresentationFactory = _ => new AskOptions { Direct = true, MaxNewTokens = 2 } };
        ChatResponse direct = await _client.GetResponseAsync(message, options, Cancellation);
        Assert.Null(direct.AdditionalProperties);
        var answer = (Answer)direct.RawRepresentation!;
        Assert.Equal(PassKind.Direct, Assert.Single(answer.Passes).Kind);
        Assert.True(answer.Passes[0].OutputIds.Count <= 2);
        options.RawRepresentationFactory = _ => "direct";
        await Assert.ThrowsAsync<NotSupportedException>(() => _client.GetResponseAsync(message, options, Cancellation));
    }

    [Fact]
    public void Its_services_are_itself_its_metadata_and_its_engine()
    {
        Assert.Same(_client, _client.GetService<IChatClient>());
        Assert.Same(spotTiny.Engine, _client.GetService<ChainOfSpotEngine>());
        ChatClientMetadata metadata = _client.GetService<ChatClientMetadata>()!;
        Assert.Equal((ChainOfSpotChatClient.ProviderName, "spot-tiny"), (metadata.ProviderName, metadata.DefaultModelId));
        Assert.Null(_client.GetService<string>());
        Assert.Null(_client.GetService<IChatClient>("key"));
    }

    [Fact]
    public async Task A_cancelled_question_gives_its_place_back()
    {
        int free = spotTiny.Engine.FreeCachePositions;
        ChatMessage[] chat = [UserMessage(NumberQuestion, Picture("shapes-2.png"))];
        using (var cancellation = CancellationTokenSource.CreateLinkedTokenSource(Cancellation))
        {
            await cancellation.CancelAsync();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => _client.GetResponseAsync(chat, cancellationToken: cancellation.Token));
        }
        await foreach (ChatResponseUpdate update in _client.GetStreamingResponseAsync(chat, cancellationToken: Cancellation))
            break;
        Assert.Equal(free, spotTiny.Engine.FreeCachePositions);
    }

    [Fact]
    public async Task Pictures_are_turned_upright_and_limited_in_size()
    {
        using var limited = new ChainOfSpotChatClient(spotTiny.Engine, new PictureOptions { MaxPixels = 100 });
        ChatMessage message = UserMessage(NumberQuestion, Picture());
        PictureException error = await Assert.ThrowsAsync<PictureException>(() => limited.GetResponseAsync(message, cancellationToken: Cancellation));
        Assert.StartsWith("messages[0]", error.Message, StringComparison.Ordinal);

        DataContent turned = await DataContent.LoadFromAsync(Fixtures.Path("images", "exif6-128x64.jpg"), "image/jpeg", Cancellation);
        var everything = new ChatOptions { RawRepresentationFactory = _ => new AskOptions { RegionText = "[0.0, 0.0, 1.0, 1.0]" } };
        ChatResponse response = await _client.GetResponseAsync(UserMessage(CountQuestion, turned), everything, Cancellation);
        Assert.Equal(new[] { 0, 0, 64, 128 }, response.AdditionalProperties![RegionProperties.Pixels]);
    }

    private static void AssertRegion(AnswerRegion region, AdditionalPropertiesDictionary? properties)
    {
        Assert.NotNull(properties);
        Assert.Equal(region.Text, properties[RegionProperties.Text]);
        Assert.Equal(
            new[] { region.Normalized.Left, region.Normalized.Top, region.Normalized.Right, region.Normalized.Bottom },
            Assert.IsType<double[]>(properties[RegionProperties.Normalized]));
        Assert.Equal(
            new[] { region.Pixels.Left, region.Pixels.Top, region.Pixels.Right, region.Pixels.Bottom },
            Assert.IsType<int[]>(properties[RegionProperties.Pixels]));
        Assert.Equal(region.IsFallback, properties[RegionProperties.Fallback]);
        Assert.Equal(region.Probability, properties[RegionProperties.Probability]);
        Assert.Equal(5, properties.Count);
    }
}
