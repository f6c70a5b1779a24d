using ChainOfSpot.Images;
using ChainOfSpot.Measurement;

namespace ChainOfSpot.Report;

/// <summary>A whole checkpoint through the engine: the stages of a question, with reuse and without.</summary>
internal static class EngineRun
{
    public const string Group = "Engine";

    private const string Question = "What is in the picture?";
    private const string RegionText = "[0.25, 0.25, 0.75, 0.75]";
    private const int NewTokens = 16;

    public static async Task<IReadOnlyList<Measured>> MeasureAsync(string model, EngineOptions options, int rounds, TextWriter progress)
    {
        using ChainOfSpotEngine engine = await ChainOfSpotEngine.LoadAsync(model, options).ConfigureAwait(false);
        var reused = new List<Answer>();
        var anew = new List<Answer>();
        Picture picture = Gradient(640, 480);
        // The first question of each kind only warms up.
        for (int round = -1; round < rounds; round++)
        {
            progress.Write($"\rengine: round {round + 1} of {rounds}");
            foreach ((List<Answer> answers, bool reuse) in ((List<Answer>, bool)[])[(reused, true), (anew, false)])
            {
                engine.ForgetReused();
                using SpotImage image = engine.OpenImage(picture);
                var ask = new AskOptions { RegionText = RegionText, MaxNewTokens = NewTokens, IgnoreEndToken = true, Reuse = reuse };
                Answer answer = await image.AskAsync(Question, ask).ConfigureAwait(false);
                if (round >= 0)
                    answers.Add(answer);
            }
        }
        progress.WriteLine();
        PassResult first = reused[0].Passes[0];
        PassResult second = reused[0].Passes[1];
        // The first token of a pass comes from its prompt's last row.
        return
        [
            Of("engine: encode image", engine.Config.Vision.Patches, reused, t => t.EncodeImage),
            Of("engine: prefill pass 1", first.PromptTokens - first.CachedTokens, reused, t => t.FirstPrefill),
            Of("engine: decode pass 1", first.OutputIds.Count - 1, reused, t => t.FirstDecode),
            Of("engine: prefill pass 2 behind the cache", second.PromptTokens - second.CachedTokens, reused, t => t.SecondPrefill),
            Of("engine: prefill pass 2 without reuse", second.PromptTokens, anew, t => t.SecondPrefill),
            Of("engine: decode pass 2", second.OutputIds.Count - 1, reused, t => t.SecondDecode),
            Of("engine: whole question, with reuse", 0, reused, t => t.Total),
            Of("engine: whole question, without reuse", 0, anew, t => t.Total),
        ];
    }

    private static Measured Of(string name, int tokens, IEnumerable<Answer> answers, Func<AnswerTimings, TimeSpan> stage) =>
        new(name, Group, tokens, default, Sample.Of([.. answers.Select(a => stage(a.Timings).TotalSeconds)]));

    private static Picture Gradient(int width, int height)
    {
        byte[] rgb = new byte[3 * width * height];
        for (int i = 0; i < rgb.Length; i++)
            rgb[i] = (byte)((i % 3 * 80) + (i / 3 % width * 90 / width));
        return Picture.FromRgb(width, height, rgb);
    }
}
