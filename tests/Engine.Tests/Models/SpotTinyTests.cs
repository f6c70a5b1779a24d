using System.Text.Json;
using ChainOfSpot.TestSupport;

namespace ChainOfSpot.Engine.Tests.Models;

/// <summary>The demonstration model on 113 questions about 40 pictures that it has not seen, against the reference.</summary>
public sealed class SpotTinyTests(SpotTinyTests.AnsweredQuestions answered) : IClassFixture<SpotTinyTests.AnsweredQuestions>
{
    /// <summary>Tokens of the direct pass may differ where the reference itself was this close to another one.</summary>
    private const double SmallestMargin = 0.001;

    [Fact]
    public void Every_region_answer_and_token_equals_the_reference()
    {
        Assert.Equal(113, answered.All.Count);
        Assert.All(answered.All, a =>
        {
            (Question question, Answer twice, Answer direct) = a;
            Assert.Equal(question.RegionIds, twice.Passes[0].OutputIds);
            Assert.Equal(question.ReferenceRegion, twice.Region!.Text);
            Assert.Equal(question.Fallback, twice.Region.IsFallback);
            Assert.Equal(question.AnswerIds, twice.Passes[1].OutputIds);
            Assert.Equal(question.ReferenceAnswer, twice.Text);
            if (question.Margins[2] > SmallestMargin)
            {
                Assert.Equal(question.DirectIds, direct.Passes[0].OutputIds);
                Assert.Equal(question.ReferenceDirect, direct.Text);
            }
        });
        // Blind guesses of numbers are close calls; looking twice has none.
        Assert.Equal(10, answered.All.Count(a => a.Question.Margins[2] <= SmallestMargin));
        Assert.DoesNotContain(answered.All, a => Math.Min(a.Question.Margins[0], a.Question.Margins[1]) <= SmallestMargin);
    }

    [Fact]
    public void Looking_twice_answers_all_questions_and_one_direct_pass_sixteen()
    {
        Assert.Equal(113, answered.All.Count(a => a.Twice.Text == a.Question.Answer));
        Assert.Equal(16, answered.All.Count(a => a.Direct.Text == a.Question.Answer));
    }

    [Fact]
    public void Pass_2_goes_on_behind_all_of_pass_1() => Assert.All(answered.All, a =>
    {
        // Everything that pass 1 was fed: its prompt and its output, but for what is there from the last choice on, which is a
        // third digit, the 1 of 1.0 or the bracket, up to the end token.
        PassResult first = a.Twice.Passes[0];
        string last = a.Twice.Region!.Text.Split(", ")[^1].TrimEnd(']');
        int unfed = last == "1.0" ? 5 : last.Length == 5 ? 3 : 2;
        Assert.Equal(first.PromptTokens + first.OutputIds.Count - unfed, a.Twice.Passes[1].CachedTokens);
    });

    [Fact]
    public void The_model_is_sure_of_itself() => Assert.All(answered.All, a =>
    {
        Assert.InRange(a.Twice.Region!.FirstTokenProbability!.Value, 0.9, 1);
        Assert.False(a.Twice.Region.IsUntuned);
        Assert.InRange(a.Twice.Region.Probability!.Value, 0.01, 1);
        Assert.InRange(a.Twice.Probability, 0.1, 1);
        Assert.InRange(a.Direct.Probability, 0, a.Twice.Probability + 0.9);
    });

    public sealed record Question(
        string Image, string Text, string Answer, string ReferenceRegion, string ReferenceAnswer, string ReferenceDirect,
        int[] RegionIds, int[] AnswerIds, int[] DirectIds, bool Fallback, double[] Margins)
    {
        public static IReadOnlyList<Question> All { get; } =
            [.. File.ReadLines(Fixtures.Path("spot-tiny", "questions.jsonl")).Select(line => Parse(JsonDocument.Parse(line).RootElement))];

        private static Question Parse(JsonElement json)
        {
            return new Question(
                Text("image"), Text("question"), Text("answer"), Text("reference_region"), Text("reference_answer"), Text("reference_direct"),
                Ids("region_ids"), Ids("answer_ids"), Ids("direct_ids"), json.GetProperty("fallback").GetBoolean(),
                [.. json.GetProperty("margins").EnumerateArray().Select(m => m.GetDouble())]);

            string Text(string name) => json.GetProperty(name).GetString()!;

            int[] Ids(string name) => [.. json.GetProperty(name).EnumerateArray().Select(id => id.GetInt32())];
        }
    }

    /// <summary>All questions, asked once for all tests of the class.</summary>
    public sealed class AnsweredQuestions : IAsyncLifetime
    {
        internal List<(Question Question, Answer Twice, Answer Direct)> All { get; } = [];

        public async ValueTask InitializeAsync()
        {
            await using ChainOfSpotEngine engine = await TestEngine.LoadAsync(TestEngine.SpotTiny);
            foreach (IGrouping<string, Question> questions in Question.All.GroupBy(q => q.Image))
            {
                await using SpotImage image = await engine.OpenImageAsync(Fixtures.Path("spot-tiny", questions.Key));
                foreach (Question question in questions)
                {
                    Answer twice = await image.AskForTestAsync(question.Text);
                    Answer direct = await image.AskForTestAsync(question.Text, new AskOptions { Direct = true });
                    All.Add((question, twice, direct));
                }
            }
        }

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
