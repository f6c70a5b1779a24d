using ChainOfSpot.Engine.Tests.Models;
using ChainOfSpot.TestSupport;
using ChainOfSpot.Text;

namespace ChainOfSpot.Engine.Tests.Sessions;

/// <summary>Follow-up questions.</summary>
public sealed class ConversationFlowTests
{
    private const string Region = "[0.1, 0.2, 0.7, 0.8]";

    [Fact]
    public async Task A_question_is_asked_behind_the_turns_before_it()
    {
        await using ChainOfSpotEngine engine = await TestEngine.LoadAsync(Fixtures.Path("llava", "hf-mha"));
        await using SpotImage image = await engine.OpenImageAsync(
            Fixtures.Path("images", "rgb-640x427.png"), TestContext.Current.CancellationToken);
        var options = new AskOptions { MaxNewTokens = 4, RegionText = Region };
        SpotConversation conversation = image.StartConversation();
        Answer first = await conversation.AskAsync("What is it?", options, TestContext.Current.CancellationToken);
        Answer second = await conversation.AskAsync("And that?", options, TestContext.Current.CancellationToken);
        Answer third = await conversation.AskAsync("Why?", options with { Direct = true }, TestContext.Current.CancellationToken);
        Answer fourth = await conversation.AskAsync("Really?", options with { Direct = true }, TestContext.Current.CancellationToken);
        Assert.Equal(["What is it?", "And that?", "Why?", "Really?"], conversation.Turns.Select(t => t.Question));
        Assert.Equal([Region, Region, null, null], conversation.Turns.Select(t => t.RegionText));
        Assert.Equal([first.Text, second.Text, third.Text, fourth.Text], conversation.Turns.Select(t => t.Answer));

        int[] said = engine.Prompts.Answer("What is it?", Region).Answer(first.Text).ToIds();
        Assert.Equal(said, second.Passes[0].PromptIds.Take(said.Length));
        Assert.Equal(1 + 1, Images(second.Passes[0]));
        Assert.Equal(1 + 2, Images(second.Passes[1]));
        said = engine.Prompts.Answer("And that?", Region, "", conversation.Turns[0]).Answer(second.Text).ToIds();
        Assert.Equal(said, third.Passes[0].PromptIds.Take(said.Length));
        Assert.Equal(1 + 2, Images(third.Passes[0]));
        Assert.Contains(": Now answer the following questions based on the raw image: Why? ASSISTANT:", Text(engine, third), StringComparison.Ordinal);
        Assert.EndsWith(": Really? ASSISTANT:", Text(engine, fourth), StringComparison.Ordinal);
        Assert.Equal(2, Text(engine, fourth).Split("raw image").Length);

        static int Images(PassResult pass) => pass.PromptIds.Count(id => id == Conversation.ImageToken);

        static string Text(ChainOfSpotEngine engine, Answer answer) =>
            engine.Tokenizer.Decode([.. answer.Passes[0].PromptIds.Where(id => id >= 0)]);
    }

    [Fact]
    public async Task Reuse_changes_no_bit_of_a_later_turn_and_a_conversation_goes_on_from_its_turns()
    {
        await using ChainOfSpotEngine engine = await TestEngine.LoadAsync(Fixtures.Path("llava", "hf-mha"));
        await using SpotImage image = await engine.OpenImageAsync(
            Fixtures.Path("images", "rgb-640x427.png"), TestContext.Current.CancellationToken);
        var options = new AskOptions { MaxNewTokens = 4, RegionText = Region, TopLogits = engine.Config.Text.VocabularySize };
        int[][]? expected = null;
        foreach (bool reuse in (bool[])[true, false, true])
        {
            SpotConversation conversation = image.StartConversation();
            var bits = new List<int[]>();
            foreach (bool direct in (bool[])[false, true, false])
            {
                conversation = image.StartConversation(conversation.Turns);
                Answer answer = await conversation.AskAsync(
                    "What is it?", options with { Reuse = reuse, Direct = direct }, TestContext.Current.CancellationToken);
                bits.AddRange(answer.Passes.Select(p => TestEngine.Bits(p.ToLogits())));
                if (!reuse)
                    Assert.Equal(0, answer.Usage.CachedInputTokens);
            }
            expected ??= [.. bits];
            Assert.Equal(expected, bits);
        }
    }

    [Fact]
    public async Task A_question_that_fails_is_no_turn_and_two_at_once_are_refused()
    {
        await using SpotQuestions questions = await SpotQuestions.OpenAsync(new EngineOptions { Threads = 1 });
        SpotTinyTests.Question question = questions.All[0];
        SpotConversation conversation = questions.ImageOf(question).StartConversation();
        await Assert.ThrowsAsync<ContextLengthException>(
            () => conversation.AskAsync(new string('x', 5000), cancellationToken: TestContext.Current.CancellationToken));
        Assert.Empty(conversation.Turns);
        await foreach (AnswerUpdate update in conversation.AskStreamingAsync(question.Text, cancellationToken: TestContext.Current.CancellationToken))
        {
            await Assert.ThrowsAsync<InvalidOperationException>(
                () => conversation.AskAsync("What is it?", cancellationToken: TestContext.Current.CancellationToken));
        }
        Assert.Equal(question.ReferenceAnswer, Assert.Single(conversation.Turns).Answer);
        questions.CloseImages();
    }
}
