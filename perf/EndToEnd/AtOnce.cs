using System.Diagnostics;
using ChainOfSpot.Images;
using ChainOfSpot.Measurement;

namespace ChainOfSpot.EndToEnd;

/// <summary>How the time of a decoded token falls with the questions that decode at a time.</summary>
internal static class AtOnce
{
    private static readonly int[] Counts = [1, 2, 4, 8, 16];

    /// <summary>
    /// Asks direct questions about one picture that is cached, several at once. What is no decoding, which is all that questions
    /// of one token do, is taken off.
    /// </summary>
    public static async Task<IReadOnlyList<AtOnceResult>> MeasureAsync(ChainOfSpotEngine engine, Picture picture, int newTokens, int rounds)
    {
        newTokens = Math.Max(2, newTokens);
        using SpotImage image = engine.OpenImage(picture);
        var seconds = Counts.ToDictionary(count => count, _ => new List<double>());
        // The first round only warms up.
        for (int round = -1; round < rounds; round++)
        {
            foreach (int count in Counts)
            {
                double prompts = await SecondsAsync(image, count, 1).ConfigureAwait(false);
                double all = await SecondsAsync(image, count, newTokens).ConfigureAwait(false);
                if (round >= 0)
                    seconds[count].Add(Math.Max(all - prompts, 1e-9) / (count * (newTokens - 1)));
            }
        }
        return [.. Counts.Select(count => new AtOnceResult(count, Sample.Of(seconds[count])))];
    }

    private static async Task<double> SecondsAsync(SpotImage image, int count, int newTokens)
    {
        var ask = new AskOptions { Direct = true, IgnoreEndToken = true, MaxNewTokens = newTokens };
        long start = Stopwatch.GetTimestamp();
        await Task.WhenAll(Enumerable.Range(0, count).Select(i => image.AskAsync($"What is number {i}?", ask))).ConfigureAwait(false);
        return Stopwatch.GetElapsedTime(start).TotalSeconds;
    }
}
