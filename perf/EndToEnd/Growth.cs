using System.Diagnostics;
using ChainOfSpot.Text;

namespace ChainOfSpot.EndToEnd;

/// <summary>How the time grows with the work: with questions about one picture, with pictures, and with the context's length.</summary>
internal sealed class Growth(ChainOfSpotEngine engine, FreshPictures pictures, int newTokens, int points)
{
    /// <summary>A second pass of LLaVA-1.5 7B stands here: two pictures and both texts.</summary>
    private const int LongestContext = 1300;

    private const string FillerWord = " the";

    /// <summary>Seconds of 1, 2, … questions about one new picture.</summary>
    public async Task<IReadOnlyList<QuestionCountResult>> QuestionsAsync()
    {
        var results = new List<QuestionCountResult>();
        engine.ForgetReused();
        using SpotImage reused = engine.OpenImage(pictures.Next());
        using SpotImage anew = engine.OpenImage(pictures.Next());
        (double Reuse, double NoReuse) sum = default;
        for (int questions = 1; questions <= points; questions++)
        {
            string question = $"{Job.Question} ({questions})";
            sum.Reuse += await SecondsAsync(() => reused.AskAsync(question, Job.Reuse(newTokens).Ask)).ConfigureAwait(false);
            sum.NoReuse += await SecondsAsync(() => anew.AskAsync(question, Job.NoReuse(newTokens).Ask)).ConfigureAwait(false);
            results.Add(new QuestionCountResult(questions, sum.Reuse, sum.NoReuse));
        }
        return results;
    }

    /// <summary>Seconds of one question about each of 1, 2, … new pictures: one after the other, and all asked at once.</summary>
    public async Task<IReadOnlyList<PictureCountResult>> PicturesAsync()
    {
        var results = new List<PictureCountResult>();
        double inTurn = 0;
        for (int count = 1; count <= points; count++)
        {
            inTurn += await SecondsAsync(AskOneAsync).ConfigureAwait(false);
            int together = count;
            double atOnce = await SecondsAsync(
                () => Task.WhenAll(Enumerable.Range(0, together).Select(_ => Task.Run(AskOneAsync)))).ConfigureAwait(false);
            results.Add(new PictureCountResult(count, inTurn, atOnce));
        }
        return results;

        async Task AskOneAsync()
        {
            using SpotImage image = engine.OpenImage(pictures.Next());
            await image.AskAsync(Job.Question, Job.Reuse(newTokens).Ask).ConfigureAwait(false);
        }
    }

    /// <summary>Seconds of prefill and of a decoded token behind longer and longer questions, asked directly.</summary>
    public async Task<IReadOnlyList<ContextResult>> ContextsAsync()
    {
        var prompts = new SpotPrompts(engine.Tokenizer, AfterEosRule.PrefixKept);
        int shortest = PromptTokens("");
        int longest = Math.Min(LongestContext, engine.Config.Text.MaxPositions) - newTokens;
        double tokensPerWord = (PromptTokens(Filler(64)) - shortest) / 64.0;
        var results = new List<ContextResult>();
        for (int point = 0; point < points; point++)
        {
            double share = points == 1 ? 0 : (double)point / (points - 1);
            string filler = Filler((int)((longest - shortest) * share / tokensPerWord));
            using SpotImage image = engine.OpenImage(pictures.Next());
            Answer answer = await image.AskAsync(Job.Question + filler, Job.Direct(newTokens).Ask).ConfigureAwait(false);
            PassResult pass = answer.Passes[0];
            results.Add(new ContextResult(
                pass.PromptTokens,
                answer.Timings.FirstPrefill.TotalSeconds,
                pass.OutputIds.Count > 1 ? answer.Timings.FirstDecode.TotalSeconds / (pass.OutputIds.Count - 1) : null));
        }
        return results;

        // The picture's mark in the prompt stands for all of its patches.
        int PromptTokens(string filler) => prompts.Direct(Job.Question + filler).ToIds().Length - 1 + engine.Config.Vision.Patches;

        static string Filler(int words) => string.Concat(Enumerable.Repeat(FillerWord, Math.Max(words, 0)));
    }

    private static async Task<double> SecondsAsync(Func<Task> work)
    {
        long start = Stopwatch.GetTimestamp();
        await work().ConfigureAwait(false);
        return Stopwatch.GetElapsedTime(start).TotalSeconds;
    }
}
