using System.Diagnostics;
using ChainOfSpot.Kernels;
using ChainOfSpot.Regions;
using ChainOfSpot.Runtime.Cache;
using ChainOfSpot.Runtime.Devices;
using ChainOfSpot.Text;

namespace ChainOfSpot.Sessions;

/// <summary>
/// One question from the prompt to the answer: encode, ask where to look, crop and encode, ask again behind the first pass'
/// cache. Pass 2's prompt is made from text, as in the official code; the cache is reused up to the first id that differs from
/// what pass 1 fed, so answers do not depend on reuse.
/// </summary>
internal sealed class QuestionFlow(
    ChainOfSpotEngine engine,
    SpotImage image,
    string question,
    AskOptions options,
    IReadOnlyList<ConversationTurn> turns,
    Action<AnswerUpdate>? report,
    CancellationToken cancellation)
{
    private readonly List<PassResult> _passes = [];

    /// <summary>Features of the regions that were looked at in the turns before.</summary>
    private readonly List<Tensor> _earlierRegions = [];

    public async Task<Answer> RunAsync()
    {
        try
        {
            return await AnswerAsync().ConfigureAwait(false);
        }
        finally
        {
            _earlierRegions.ForEach(features => features.Dispose());
        }
    }

    private async Task<Answer> AnswerAsync()
    {
        long start = Stopwatch.GetTimestamp();
        AnswerTimings timings = options.Direct
            ? await DirectAsync().ConfigureAwait(false)
            : await LookTwiceAsync().ConfigureAwait(false);
        return new Answer
        {
            Text = _passes[^1].Text,
            Region = _region,
            Passes = _passes,
            Usage = new TokenUsage(_passes.Sum(p => p.PromptTokens), _passes.Sum(p => p.CachedTokens), _passes.Sum(p => p.OutputIds.Count)),
            Timings = timings with { Total = Stopwatch.GetElapsedTime(start) },
        };
    }

    private AnswerRegion? _region;

    private async Task<AnswerTimings> DirectAsync()
    {
        (PassRun run, TimeSpan encode) = await FirstPassAsync(PassKind.Direct, engine.Prompts.Direct(question, turns).ToIds()).ConfigureAwait(false);
        run.Dispose();
        return new AnswerTimings
        {
            EncodeImage = encode,
            FirstPrefill = run.Generation.PrefillTime,
            FirstDecode = run.Generation.DecodeTime,
        };
    }

    private async Task<AnswerTimings> LookTwiceAsync()
    {
        int[] firstIds = engine.Prompts.Region(question, turns).ToIds();
        (PassRun first, TimeSpan encode) = await FirstPassAsync(PassKind.Region, firstIds).ConfigureAwait(false);
        using (first)
        {
            // Nobody goes on from it then: its cache is the second pass' to use.
            if (!options.Reuse)
                first.Dispose();
            string regionText = options.RegionText ?? _passes[0].Text;
            long start = Stopwatch.GetTimestamp();
            (Tensor encodedCrop, _region) = await LookAsync(regionText).ConfigureAwait(false);
            using Tensor cropFeatures = encodedCrop;
            report?.Invoke(new AnswerUpdate { Region = _region });
            TimeSpan encodeRegion = Stopwatch.GetElapsedTime(start);

            int[] secondIds = engine.Prompts.Answer(question, regionText, options.AnswerSuffix, turns).ToIds();
            using PassRun second = options.Reuse
                ? await ContinueAsync(first, secondIds, cropFeatures).ConfigureAwait(false)
                : await SecondFromScratchAsync(secondIds, cropFeatures).ConfigureAwait(false);
            return new AnswerTimings
            {
                EncodeImage = encode + second.Encode,
                FirstPrefill = first.Generation.PrefillTime,
                FirstDecode = first.Generation.DecodeTime,
                EncodeRegion = encodeRegion,
                SecondPrefill = second.Generation.PrefillTime,
                SecondDecode = second.Generation.DecodeTime,
            };
        }
    }

    /// <summary>Runs a pass over the whole picture, behind what is cached of the picture.</summary>
    private async Task<(PassRun Run, TimeSpan Encode)> FirstPassAsync(PassKind kind, int[] ids)
    {
        CheckLength(ids);
        long start = Stopwatch.GetTimestamp();
        Tensor features = options.Reuse
            ? await image.FeaturesAsync(cancellation).ConfigureAwait(false)
            : (await image.Encoder.EncodeAsync(box: null, cancellation).ConfigureAwait(false)).Features;
        foreach (ConversationTurn turn in turns.Where(turn => turn.RegionText is not null))
            _earlierRegions.Add((await LookAsync(turn.RegionText!).ConfigureAwait(false)).Features);
        TimeSpan encode = Stopwatch.GetElapsedTime(start);
        KvSequence sequence = options.Reuse
            ? await image.ForkPrefixAsync(cancellation).ConfigureAwait(false)
            : new KvSequence(engine.Pages);
        try
        {
            Generation generation = await GenerateAsync(kind, ids, sequence, [features, .. _earlierRegions]).ConfigureAwait(false);
            if (options.Reuse)
                await image.KeepPrefixAsync(sequence, PrefixLength(ids), cancellation).ConfigureAwait(false);
            return (new PassRun(sequence, generation, ids, features, encode, ownsFeatures: !options.Reuse), encode);
        }
        catch
        {
            sequence.Dispose();
            if (!options.Reuse)
                features.Dispose();
            throw;
        }
    }

    /// <summary>Crops, squares, resizes and encodes the region that a text names; the whole picture where it names none.</summary>
    private async Task<(Tensor Features, AnswerRegion Region)> LookAsync(string regionText)
    {
        var square = new PaddedSquare(image.Picture.Width, image.Picture.Height);
        if (!Region.TryParse(regionText, out Region region, out RegionProblem problem))
            region = Region.Full;
        PixelBox box = region.ToCropBox(square, out RegionProblem boxProblem);
        if (boxProblem != RegionProblem.None)
            region = Region.Full;
        EncodedRegion encoded = await image.Encoder.EncodeAsync(box, cancellation).ConfigureAwait(false);
        var found = new AnswerRegion
        {
            Text = regionText,
            Normalized = region,
            Pixels = square.ToPicture(box),
            Problem = problem != RegionProblem.None ? problem : boxProblem,
            Crop = encoded.Rgb,
            CropSide = engine.Config.Vision.ImageSize,
        };
        return (encoded.Features, found);
    }

    private async Task<PassRun> ContinueAsync(PassRun first, int[] ids, Tensor cropFeatures)
    {
        CheckLength(ids);
        int[] cachedIds = [.. first.Ids, .. first.Generation.Output];
        int common = ids.AsSpan().CommonPrefixLength(cachedIds);
        int cached = Math.Min(PromptRows.Count(ids.AsSpan(0, common), engine.Config.Vision.Patches), first.Sequence.Length);
        first.Sequence.Truncate(cached);
        Generation generation = await GenerateAsync(PassKind.Answer, ids, first.Sequence, [first.Features, .. _earlierRegions, cropFeatures]).ConfigureAwait(false);
        return new PassRun(sequence: null, generation, ids, first.Features, TimeSpan.Zero, ownsFeatures: false);
    }

    /// <summary>Everything anew, the whole picture's features too: what a second request to a server without a cache costs.</summary>
    private async Task<PassRun> SecondFromScratchAsync(int[] ids, Tensor cropFeatures)
    {
        CheckLength(ids);
        long start = Stopwatch.GetTimestamp();
        Tensor features = (await image.Encoder.EncodeAsync(box: null, cancellation).ConfigureAwait(false)).Features;
        TimeSpan encode = Stopwatch.GetElapsedTime(start);
        var sequence = new KvSequence(engine.Pages);
        try
        {
            Generation generation = await GenerateAsync(PassKind.Answer, ids, sequence, [features, .. _earlierRegions, cropFeatures]).ConfigureAwait(false);
            return new PassRun(sequence, generation, ids, features, encode, ownsFeatures: true);
        }
        catch
        {
            sequence.Dispose();
            features.Dispose();
            throw;
        }
    }

    /// <summary>Runs one pass: the region greedily, the answer with the options' sampling and stop texts.</summary>
    private async Task<Generation> GenerateAsync(PassKind kind, int[] ids, KvSequence sequence, params Tensor[] features)
    {
        var prompt = new PromptRows(ids, [.. features.Select(f => (TensorView)f)]);
        int room = engine.Config.Text.MaxPositions - prompt.Tokens.Length;
        bool answers = kind != PassKind.Region;
        var text = new AnswerText(engine.Tokenizer, answers ? options.StopTexts : []);
        bool listens = answers && (report is not null || options.StopTexts.Count > 0);
        var generation = new Generation(
            sequence, prompt, Math.Min(options.MaxNewTokens, room), options.IgnoreEndToken ? -1 : engine.Tokenizer.EosId, options.TopLogits, cancellation)
        {
            Sampler = answers ? Sampler.Of(options) : null,
            OnToken = listens ? id => Hear(text, id) : null,
        };
        await engine.Steps.GenerateAsync(generation).ConfigureAwait(false);
        if (!listens)
        {
            foreach (int id in generation.Output)
                text.Append(id, out _);
        }
        Report(text.Complete(), isAnswer: answers);
        _passes.Add(new PassResult
        {
            Kind = kind,
            PromptIds = ids,
            OutputIds = generation.Output,
            Text = text.Text,
            PromptTokens = prompt.Tokens.Length,
            CachedTokens = generation.CachedTokens,
            TopLogits = generation.TopLogits,
        });
        return generation;
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

    /// <summary>Positions up to and with the first image: the same for every question about the picture.</summary>
    private int PrefixLength(int[] ids)
    {
        int imageIndex = Array.IndexOf(ids, Conversation.ImageToken);
        return imageIndex + engine.Config.Vision.Patches;
    }

    private void CheckLength(int[] ids)
    {
        int patches = engine.Config.Vision.Patches;
        int needed = PromptRows.Count(ids, patches);
        if (needed >= engine.Config.Text.MaxPositions)
            throw new ContextLengthException(needed, patches, engine.Config.Text.MaxPositions);
    }

    /// <summary>A pass that was run, and what it holds on the device.</summary>
    private sealed class PassRun(
        KvSequence? sequence, Generation generation, int[] ids, Tensor features, TimeSpan encode, bool ownsFeatures) : IDisposable
    {
        public KvSequence Sequence { get; } = sequence!;

        public Generation Generation { get; } = generation;

        public int[] Ids { get; } = ids;

        public Tensor Features { get; } = features;

        public TimeSpan Encode { get; } = encode;

        public void Dispose()
        {
            Sequence?.Dispose();
            if (ownsFeatures)
                Features.Dispose();
        }
    }
}
