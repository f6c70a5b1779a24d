using System.Diagnostics;
using ChainOfSpot.Images;
using ChainOfSpot.Kernels;
using ChainOfSpot.Regions;
using ChainOfSpot.Runtime.Devices;
using ChainOfSpot.Telemetry;
using ChainOfSpot.Text;

namespace ChainOfSpot.Sessions;

/// <summary>
/// One question from the prompt to the answer: encode, ask where to look, crop and encode, ask again behind the first pass'
/// cache. Every prompt is made from text, as in the official code; what is cached is used up to the first position that differs
/// from what was fed, so answers do not depend on reuse.
/// </summary>
internal sealed class QuestionFlow(
    ChainOfSpotEngine engine,
    Picture picture,
    string question,
    AskOptions options,
    IReadOnlyList<ConversationTurn> turns,
    Action<AnswerUpdate>? report,
    CancellationToken cancellation)
{
    /// <summary>Positions that an answer may have beyond its decoded ids: an end mark, and ids that its text is read as.</summary>
    private const int RereadPositions = 8;

    private readonly List<PassResult> _passes = [];

    /// <summary>Features that this question uses, until its end.</summary>
    private readonly List<Shared<EncodedRegion>> _encoded = [];
    private readonly PaddedSquare _square = new(picture.Width, picture.Height);

    private readonly long _start = Stopwatch.GetTimestamp();

    /// <summary>Of the last pass.</summary>
    private Generation? _last;

    private int ContextPositions => engine.Config.Text.MaxPositions;

    private int Patches => engine.Config.Vision.Patches;

    /// <summary>How the region is spelt where it is constrained; null where it is decoded freely.</summary>
    private RegionTokens? Constraint => options.FreeRegion || options.IgnoreEndToken ? null : engine.RegionTokens;

    public async Task<Answer> RunAsync()
    {
        using Activity? activity = EngineActivities.StartQuestion(engine.ModelName, options.Direct, turns.Count);
        try
        {
            Answer answer = await AnswerAsync().ConfigureAwait(false);
            engine.Note(answer);
            engine.Metrics.Answered(answer, options.Direct, Stopwatch.GetElapsedTime(_start, _last!.FirstTokenTimestamp));
            EngineActivities.Answered(activity, answer);
            return answer;
        }
        catch (Exception error)
        {
            engine.Metrics.Failed(error, options.Direct, Stopwatch.GetElapsedTime(_start));
            EngineActivities.Failed(activity, error);
            throw;
        }
    }

    private async Task<Answer> AnswerAsync()
    {
        int[] firstIds = (options.Direct ? engine.Prompts.Direct(question, turns) : engine.Prompts.Region(question, turns)).ToIds();
        CheckLength(PromptRows.Count(firstIds, Patches));
        int mostPositions = MostPositions(firstIds);
        PromptKey first = new(firstIds, await ShownBeforeAsync().ConfigureAwait(false), Patches);
        using CacheLease lease = await engine.Cache
            .OpenAsync(engine.Steps, first, mostPositions, options.Reuse, cancellation).ConfigureAwait(false);
        try
        {
            (AnswerTimings timings, AnswerRegion? region) = options.Direct
                ? (await DirectAsync(lease).ConfigureAwait(false), null)
                : await LookTwiceAsync(lease).ConfigureAwait(false);
            return new Answer
            {
                Text = _passes[^1].Text,
                Probability = Math.Exp(_last!.LogProbability),
                IsTruncated = _last.IsTruncated,
                Region = region,
                Passes = _passes,
                Usage = new TokenUsage(_passes.Sum(p => p.PromptTokens), _passes.Sum(p => p.CachedTokens), _passes.Sum(p => p.OutputIds.Count)),
                Timings = timings with { Total = Stopwatch.GetElapsedTime(_start) },
            };
        }
        finally
        {
            _encoded.ForEach(region => region.Dispose());
        }
    }

    private async Task<AnswerTimings> DirectAsync(CacheLease lease)
    {
        (Generation generation, TimeSpan encode) = await RunPassAsync(PassKind.Direct, lease.Prompt, lease).ConfigureAwait(false);
        lease.Complete(Said(lease.Prompt, generation));
        return new AnswerTimings { EncodeImage = encode, FirstPrefill = generation.PrefillTime, FirstDecode = generation.DecodeTime };
    }

    private async Task<(AnswerTimings Timings, AnswerRegion Region)> LookTwiceAsync(CacheLease lease)
    {
        (Generation first, TimeSpan encode) = await RunPassAsync(PassKind.Region, lease.Prompt, lease).ConfigureAwait(false);
        string regionText = options.RegionText ?? _passes[0].Text;
        long start = Stopwatch.GetTimestamp();
        PixelBox box = BoxOf(regionText, out Region region, out RegionProblem problem);
        ImageKey crop = lease.Prompt.Images[0] with { Box = box };
        EncodedRegion seen = await EncodeAsync(crop).ConfigureAwait(false);
        TimeSpan encodeRegion = Stopwatch.GetElapsedTime(start);
        var looked = new AnswerRegion
        {
            Text = regionText,
            Normalized = region,
            Pixels = _square.ToPicture(box),
            Problem = problem,
            Probability = options.RegionText is null ? Math.Exp(first.LogProbability) : null,
            FirstTokenProbability = engine.RegionTokens is null || first.Output.Count == 0 ? null : Math.Exp(first.ProbedLogProbability),
            Crop = seen.Rgb,
            CropSide = engine.Config.Vision.ImageSize,
        };
        engine.Note(looked);
        report?.Invoke(new AnswerUpdate { Region = looked });

        int[] ids = engine.Prompts.Answer(question, regionText, options.AnswerSuffix, turns).ToIds();
        CheckLength(PromptRows.Count(ids, Patches));
        PromptKey second = new(ids, [.. lease.Prompt.Images, crop], Patches);
        int cached = options.Reuse ? Math.Min(second.CommonPositions(Said(lease.Prompt, first)), lease.Sequence.Length) : 0;
        await engine.Steps.RunAsync(() => Truncate(lease, cached), cancellation).ConfigureAwait(false);
        (Generation answer, TimeSpan encodeAgain) = await RunPassAsync(PassKind.Answer, second, lease, seen).ConfigureAwait(false);
        lease.Complete(Said(second, answer));
        var timings = new AnswerTimings
        {
            EncodeImage = encode + encodeAgain,
            FirstPrefill = first.PrefillTime,
            FirstDecode = first.DecodeTime,
            EncodeRegion = encodeRegion,
            SecondPrefill = answer.PrefillTime,
            SecondDecode = answer.DecodeTime,
        };
        return (timings, looked);
    }

    /// <summary>
    /// Encodes what the lease's sequence has not cached of a prompt's images, feeds what it has not cached of the prompt, and
    /// decodes: the region greedily, the answer with the options' sampling and stop texts.
    /// </summary>
    /// <param name="kind">Which pass.</param>
    /// <param name="prompt">The prompt, of which the sequence holds a beginning.</param>
    /// <param name="lease">The question's place in the cache.</param>
    /// <param name="last">The prompt's last image, where it is encoded already.</param>
    private async Task<(Generation Generation, TimeSpan Encode)> RunPassAsync(
        PassKind kind, PromptKey prompt, CacheLease lease, EncodedRegion? last = null)
    {
        long start = Stopwatch.GetTimestamp();
        var features = new Tensor?[prompt.Images.Length];
        for (int i = 0; i < features.Length; i++)
        {
            if (last is not null && i == features.Length - 1)
                features[i] = last.Features;
            else if (prompt.PositionOfImage(i) >= lease.Sequence.Length)
                features[i] = (await EncodeAsync(prompt.Images[i]).ConfigureAwait(false)).Features;
        }
        TimeSpan encode = Stopwatch.GetElapsedTime(start);

        bool answers = kind != PassKind.Region;
        var text = new AnswerText(engine.Tokenizer, answers ? options.StopTexts : []);
        bool listens = answers && (report is not null || options.StopTexts.Count > 0);
        RegionDecoding? region = !answers && Constraint is { } tokens ? new RegionDecoding(tokens) : null;
        var generation = new Generation(
            lease.Sequence,
            new PromptRows(prompt.Ids, Patches, features),
            region is null ? Math.Min(options.MaxNewTokens, ContextPositions - prompt.Positions) : RegionPrefix.Longest.Length,
            options.IgnoreEndToken ? -1 : engine.Tokenizer.EosId,
            options.TopLogits,
            cancellation,
            region)
        {
            ProbedToken = answers ? -1 : engine.RegionTokens?.FirstId ?? -1,
            Sampler = answers ? Sampler.Of(options) : null,
            OnToken = listens ? id => Hear(text, id) : null,
            OnFed = lease.FillsPicture ? () => engine.Cache.KeepPicture(engine.Device, lease) : null,
            OnFedPositions = prompt.PicturePositions,
        };
        _last = generation;
        try
        {
            await engine.Steps.GenerateAsync(generation).ConfigureAwait(false);
        }
        finally
        {
            EngineActivities.Generated(kind, generation);
        }
        if (!listens)
        {
            foreach (int id in generation.Output)
                text.Append(id, out _);
        }
        Report(text.Complete(), answers);
        _passes.Add(new PassResult
        {
            Kind = kind,
            PromptIds = prompt.Ids,
            OutputIds = generation.Output,
            Text = text.Text,
            PromptTokens = prompt.Positions,
            CachedTokens = generation.CachedTokens,
            TopLogits = generation.TopLogits,
        });
        return (generation, encode);
    }

    /// <summary>What the images of the first prompt show: the picture, and the regions of earlier turns.</summary>
    private async Task<ImageKey[]> ShownBeforeAsync()
    {
        var whole = new ImageKey(await Task.Run(() => picture.Hash, cancellation).ConfigureAwait(false), Box: null);
        return
        [
            whole,
            .. turns.Where(turn => turn.RegionText is not null).Select(turn => whole with { Box = BoxOf(turn.RegionText!, out _, out _) }),
        ];
    }

    /// <summary>The box of the padded square that a text names; all of it where it names none.</summary>
    private PixelBox BoxOf(string regionText, out Region region, out RegionProblem problem)
    {
        if (!Region.TryParse(regionText, out region, out problem))
            return _square.Box;
        PixelBox box = region.ToCropBox(_square, out RegionProblem boxProblem);
        if (boxProblem == RegionProblem.None)
            return box;
        region = Region.Full;
        problem = boxProblem;
        return box;
    }

    private async Task<EncodedRegion> EncodeAsync(ImageKey key)
    {
        using Activity? activity = EngineActivities.StartEncode(key.Box is null);
        Shared<EncodedRegion> region = await engine.Pictures.EncodeAsync(picture, key, options.Reuse, cancellation).ConfigureAwait(false);
        _encoded.Add(region);
        return region.Value;
    }

    private bool Hear(AnswerText text, int id)
    {
        bool isLast = text.Append(id, out string more);
        Report(more, isAnswer: true);
        return isLast;
    }

    private void Report(string more, bool isAnswer)
    {
        if (isAnswer && more.Length > 0)
            report?.Invoke(new AnswerUpdate { Text = more });
    }

    private PromptKey Said(PromptKey prompt, Generation generation) => new([.. prompt.Ids, .. generation.Output], prompt.Images, Patches);

    private static bool Truncate(CacheLease lease, int positions)
    {
        lease.Sequence.Truncate(positions);
        return true;
    }

    /// <summary>The most positions that the question's sequence comes to have, as far as that is known before pass 1 has answered.</summary>
    private int MostPositions(int[] firstIds)
    {
        int newTokens = Math.Min(options.MaxNewTokens, ContextPositions);
        int most = PromptRows.Count(firstIds, Patches) + newTokens;
        if (!options.Direct)
        {
            bool isBounded = options.RegionText is null && Constraint is not null;
            CheckLength(SecondPositions(options.RegionText ?? (isBounded ? RegionPrefix.Shortest : "")));
            int second = SecondPositions(options.RegionText ?? (isBounded ? RegionPrefix.Longest : ""));
            bool isUnknown = options.RegionText is null && !isBounded;
            most = Math.Max(most, second + newTokens + (isUnknown ? newTokens + RereadPositions : 0));
        }
        return Math.Min(most, ContextPositions);
    }

    private int SecondPositions(string regionText) =>
        PromptRows.Count(engine.Prompts.Answer(question, regionText, options.AnswerSuffix, turns).ToIds(), Patches);

    private void CheckLength(int needed)
    {
        if (needed >= ContextPositions)
            throw new ContextLengthException(needed, Patches, ContextPositions);
    }
}
