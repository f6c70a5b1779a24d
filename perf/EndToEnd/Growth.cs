using System.Diagnostics;
using ChainOfSpot.Measurement;
using ChainOfSpot.Text;

namespace ChainOfSpot.EndToEnd;

/// <summary>
/// How the time grows with the work: with questions about one picture, with pictures, and with the context's length. Every point
/// is measured once a round, in rounds over all points, so that a slow spell of the machine falls on all of them.
/// </summary>
internal sealed class Growth
{
    /// <summary>A second pass of LLaVA-1.5 7B stands here: two pictures and both texts.</summary>
    private const int LongestContext = 1300;

    private const string FillerWord = " the";

    private readonly ChainOfSpotEngine _engine;
    private readonly FreshPictures _pictures;
    private readonly int _newTokens;
    private readonly int _points;
    private readonly Samples _reuse;
    private readonly Samples _noReuse;
    private readonly Samples _inTurn;
    private readonly Samples _atOnce;
    private readonly Samples _prefill;
    private readonly Samples _decode;
    private readonly int[] _promptTokens;

    private Growth(ChainOfSpotEngine engine, FreshPictures pictures, int newTokens, int points)
    {
        _engine = engine;
        _pictures = pictures;
        _newTokens = newTokens;
        _points = points;
        _reuse = new(points);
        _noReuse = new(points);
        _inTurn = new(points);
        _atOnce = new(points);
        _prefill = new(points);
        _decode = new(points);
        _promptTokens = new int[points];
    }

    /// <summary>Measures all three in rounds. Nothing warms up: the jobs before have done that.</summary>
    /// <param name="engine">The engine.</param>
    /// <param name="pictures">Where pictures come from that it has not seen.</param>
    /// <param name="newTokens">Tokens that each pass decodes.</param>
    /// <param name="points">Points of each curve.</param>
    /// <param name="rounds">How often each point is measured.</param>
    /// <param name="progress">Told the round.</param>
    public static async Task<GrowthResult> MeasureAsync(
        ChainOfSpotEngine engine, FreshPictures pictures, int newTokens, int points, int rounds, TextWriter progress)
    {
        var growth = new Growth(engine, pictures, newTokens, points);
        for (int round = 0; round < rounds; round++)
        {
            progress.Write($"\rgrowth: round {round + 1} of {rounds}");
            await growth.RoundAsync().ConfigureAwait(false);
        }
        progress.WriteLine();
        return growth.ToResult();
    }

    private async Task RoundAsync()
    {
        await QuestionsAsync().ConfigureAwait(false);
        await PicturesAsync().ConfigureAwait(false);
        await ContextsAsync().ConfigureAwait(false);
    }

    private GrowthResult ToResult() => new(
        [.. Enumerable.Range(0, _points).Select(i => new QuestionCountResult(i + 1, _reuse[i], _noReuse[i]))],
        [.. Enumerable.Range(0, _points).Select(i => new PictureCountResult(i + 1, _inTurn[i], _atOnce[i]))],
        [.. Enumerable.Range(0, _points).Select(i => new ContextResult(_promptTokens[i], _prefill[i], _newTokens > 1 ? _decode[i] : null))]);

    /// <summary>1, 2, … questions about one new picture, with reuse and without.</summary>
    private async Task QuestionsAsync()
    {
        _engine.ForgetReused();
        using SpotImage reused = _engine.OpenImage(_pictures.Next());
        using SpotImage anew = _engine.OpenImage(_pictures.Next());
        double reuse = 0;
        double noReuse = 0;
        for (int point = 0; point < _points; point++)
        {
            string question = $"{Job.Question} ({point + 1})";
            reuse += await SecondsAsync(() => reused.AskAsync(question, Job.Reuse(_newTokens).AskOther(point))).ConfigureAwait(false);
            noReuse += await SecondsAsync(() => anew.AskAsync(question, Job.NoReuse(_newTokens).AskOther(point))).ConfigureAwait(false);
            _reuse.Add(point, reuse);
            _noReuse.Add(point, noReuse);
        }
    }

    /// <summary>One question about each of 1, 2, … new pictures: one after the other, and all asked at once.</summary>
    private async Task PicturesAsync()
    {
        double inTurn = 0;
        for (int point = 0; point < _points; point++)
        {
            _engine.ForgetReused();
            inTurn += await SecondsAsync(AskOneAsync).ConfigureAwait(false);
            _inTurn.Add(point, inTurn);
            _engine.ForgetReused();
            int together = point + 1;
            _atOnce.Add(point, await SecondsAsync(
                () => Task.WhenAll(Enumerable.Range(0, together).Select(_ => Task.Run(AskOneAsync)))).ConfigureAwait(false));
        }

        async Task AskOneAsync()
        {
            using SpotImage image = _engine.OpenImage(_pictures.Next());
            await image.AskAsync(Job.Question, Job.Reuse(_newTokens).Ask).ConfigureAwait(false);
        }
    }

    /// <summary>Prefill, and a decoded token behind it, of longer and longer questions, asked directly.</summary>
    private async Task ContextsAsync()
    {
        var prompts = new SpotPrompts(_engine.Tokenizer, AfterEosRule.PrefixKept);
        int shortest = PromptTokens("");
        int longest = Math.Min(LongestContext, _engine.Config.Text.MaxPositions) - _newTokens;
        double tokensPerWord = (PromptTokens(Filler(64)) - shortest) / 64.0;
        for (int point = 0; point < _points; point++)
        {
            double share = _points == 1 ? 0 : (double)point / (_points - 1);
            string filler = Filler((int)((longest - shortest) * share / tokensPerWord));
            _engine.ForgetReused();
            using SpotImage image = _engine.OpenImage(_pictures.Next());
            Answer answer = await image.AskAsync(Job.Question + filler, Job.Direct(_newTokens).Ask).ConfigureAwait(false);
            PassResult pass = answer.Passes[0];
            _promptTokens[point] = pass.PromptTokens;
            _prefill.Add(point, answer.Timings.FirstPrefill.TotalSeconds);
            if (_newTokens > 1)
                _decode.Add(point, answer.Timings.FirstDecode.TotalSeconds / (pass.OutputIds.Count - 1));
        }

        // The picture's mark in the prompt stands for all of its patches.
        int PromptTokens(string filler) => prompts.Direct(Job.Question + filler).ToIds().Length - 1 + _engine.Config.Vision.Patches;

        static string Filler(int words) => string.Concat(Enumerable.Repeat(FillerWord, Math.Max(words, 0)));
    }

    private static async Task<double> SecondsAsync(Func<Task> work)
    {
        long start = Stopwatch.GetTimestamp();
        await work().ConfigureAwait(false);
        return Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    /// <summary>The times of each point of a curve.</summary>
    private sealed class Samples(int points)
    {
        private readonly List<double>[] _seconds = [.. Enumerable.Range(0, points).Select(_ => new List<double>())];

        public Sample this[int point] => Sample.Of(_seconds[point]);

        public void Add(int point, double seconds) => _seconds[point].Add(seconds);
    }
}
