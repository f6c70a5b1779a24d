using ChainOfSpot.Images;

namespace ChainOfSpot.Cli.Ask;

/// <summary>What <c>cos ask</c> found out.</summary>
internal sealed record AskResult
{
    /// <summary>The question that was asked.</summary>
    public required string Question { get; init; }

    /// <summary>The picture as the engine saw it.</summary>
    public required Picture Picture { get; init; }

    /// <summary>The engine's answer.</summary>
    public required Answer Answer { get; init; }

    /// <summary>The device that computed.</summary>
    public required string Device { get; init; }

    /// <summary>The model's folder.</summary>
    public required string Model { get; init; }

    /// <summary>Loading the model.</summary>
    public required TimeSpan LoadTime { get; init; }

    /// <summary>Reading and decoding the picture, beside the loading.</summary>
    public required TimeSpan PictureTime { get; init; }

    /// <summary>From the command to the answer.</summary>
    public required TimeSpan TotalTime { get; init; }

    /// <summary>Where the time went, in the order of the work.</summary>
    public IReadOnlyList<AskStage> Stages
    {
        get
        {
            AnswerTimings times = Answer.Timings;
            PassResult first = Answer.Passes[0];
            List<AskStage> stages =
            [
                new("load", LoadTime),
                new("decode_picture", PictureTime),
                new("encode_image", times.EncodeImage),
                Prefill(first, times.FirstPrefill),
                Decode(first, times.FirstDecode),
            ];
            if (Answer.Passes.Count > 1)
            {
                PassResult second = Answer.Passes[1];
                stages.Add(new("encode_region", times.EncodeRegion));
                stages.Add(Prefill(second, times.SecondPrefill));
                stages.Add(Decode(second, times.SecondDecode));
            }
            stages.Add(new("total", TotalTime));
            return stages;
        }
    }

    /// <summary>
    /// An estimate of what pass 2 did not compute again: its cached tokens at the faster one of this run's two prefill rates, and
    /// one encoding of a picture, the faster one too, so that start-up cost is not taken for a gain. Zero where nothing was reused.
    /// </summary>
    public TimeSpan ReuseSaving
    {
        get
        {
            if (Answer.Passes.Count < 2 || Answer.Passes[1].CachedTokens == 0)
                return TimeSpan.Zero;
            AnswerTimings times = Answer.Timings;
            double rate = Math.Max(
                Prefill(Answer.Passes[0], times.FirstPrefill).TokensPerSecond ?? 0,
                Prefill(Answer.Passes[1], times.SecondPrefill).TokensPerSecond ?? 0);
            TimeSpan prefill = rate > 0 ? TimeSpan.FromSeconds(Answer.Passes[1].CachedTokens / rate) : TimeSpan.Zero;
            return prefill + (times.EncodeImage < times.EncodeRegion ? times.EncodeImage : times.EncodeRegion);
        }
    }

    private static AskStage Prefill(PassResult pass, TimeSpan time) =>
        new($"{Output.CliJson.NameOf(pass.Kind)}_prefill", time, pass.PromptTokens - pass.CachedTokens);

    // The first token comes with the prompt's last step.
    private static AskStage Decode(PassResult pass, TimeSpan time) =>
        new($"{Output.CliJson.NameOf(pass.Kind)}_decode", time, Math.Max(0, pass.OutputIds.Count - 1));
}

/// <summary>A stage of the work.</summary>
/// <param name="Name">Its name in JSON; people see it with blanks.</param>
/// <param name="Time">How long it took.</param>
/// <param name="Tokens">Rows that went through the language model, where it is about them.</param>
internal sealed record AskStage(string Name, TimeSpan Time, int? Tokens = null)
{
    /// <summary>The rate, where there is one.</summary>
    public double? TokensPerSecond => Tokens > 0 && Time > TimeSpan.Zero ? Tokens / Time.TotalSeconds : null;
}
