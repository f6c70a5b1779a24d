using System.Diagnostics;
using ChainOfSpot.Images;
using ChainOfSpot.Models;
using ChainOfSpot.Regions;
using ChainOfSpot.Runtime.Cache;
using ChainOfSpot.Runtime.Devices;
using ChainOfSpot.Sessions;
using ChainOfSpot.Telemetry;
using ChainOfSpot.Text;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace ChainOfSpot;

/// <summary>
/// A LLaVA-1.5 model that answers questions about pictures by looking twice (Chain-of-Spot, arXiv 2403.12966). Thread-safe:
/// pictures and questions of many threads share its device.
/// </summary>
public sealed partial class ChainOfSpotEngine : IAsyncDisposable, IDisposable
{
    private const int MostSequencesOfStep = 16;

    private readonly Device _device;
    private readonly LlavaModel _model;
    private readonly KvPool _pool;
    private readonly ILogger _logger;
    private bool _disposed;
    private int _warnedOfUntuned;

    private ChainOfSpotEngine(Device device, LlavaModel model, EngineOptions options, ILogger logger)
    {
        _logger = logger;
        _device = device;
        _model = model;
        int page = device.PagePositions;
        int contextPages = DeviceBudget.ContextPages(model.Config.Text, page);
        _pool = device.AllocateKv(model.Language.KvShape with { Element = options.KvCache!.Value }, DeviceBudget.Pages(model.Config.Text, options, page));
        Pages = new KvPages(_pool, page);
        int stepRows = Math.Min(options.StepRows, model.Config.Text.MaxPositions);
        RegionTokens = RegionTokens.Of(model.Tokenizer);
        Cache = new PromptCache(Pages, options.ReuseMemory ?? _pool.ByteLength);
        Steps = new StepLoop(
            device, model.Language, Pages, Cache, new RaggedBatch(device, stepRows, MostSequencesOfStep, contextPages), RegionTokens)
        {
            LooksAhead = options.RegionLookahead,
        };
        Pictures = new PictureEncoder(device, model.Tower, model.Config, Steps, Cache);
        Prompts = new SpotPrompts(model.Tokenizer, options.AfterEosRule ?? model.TokenizerSettings.AfterEosRule, options.RegionWord);
        ModelName = NameOf(model.Path);
        Metrics = new EngineMetrics(this);
    }

    /// <summary>The folder or file of the model.</summary>
    public string ModelPath => _model.Path;

    /// <summary>What the model is called: see <see cref="NameOf"/>.</summary>
    public string ModelName { get; }

    /// <summary>The shape of the model.</summary>
    public LlavaConfig Config => _model.Config;

    /// <summary>The device that computes, for people.</summary>
    public string DeviceName => _device.Name;

    /// <summary>The model's tokenizer.</summary>
    public LlamaTokenizer Tokenizer => _model.Tokenizer;

    /// <summary>
    /// Positions of the key-value cache that no open question holds; those that are only kept for questions to come among them.
    /// </summary>
    public int FreeCachePositions => Cache.FreePages * Pages.Positions;

    /// <summary>Bytes that are kept for questions to come; see <see cref="EngineOptions.ReuseMemory"/>.</summary>
    public long ReusedBytes => Cache.KeptBytes;

    internal Device Device => _device;

    internal LlavaModel Model => _model;

    internal KvPages Pages { get; }

    /// <summary>How the model spells regions; null where it does not spell them digit by digit.</summary>
    internal RegionTokens? RegionTokens { get; }

    internal PromptCache Cache { get; }

    internal StepLoop Steps { get; }

    internal PictureEncoder Pictures { get; }

    internal SpotPrompts Prompts { get; }

    internal EngineMetrics Metrics { get; }

    /// <summary>What a model is called, by people, telemetry and chat clients: the last part of the path it is loaded from.</summary>
    /// <param name="model">Its folder or GGUF file, as <see cref="LoadAsync"/> takes it; it need not be there.</param>
    public static string NameOf(string model) => Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(model)));

    /// <summary>
    /// Loads a model: the folder of a LLaVA-1.5 checkpoint in the Hugging Face or the original layout; a GGUF language model with
    /// its <see cref="EngineOptions.MmprojFile"/>; or a folder that holds both of these.
    /// </summary>
    /// <param name="model">The folder or the GGUF file.</param>
    /// <param name="options">The engine's setup.</param>
    /// <param name="progress">Told how many bytes of weights are in memory.</param>
    /// <param name="cancellationToken">Stops loading.</param>
    /// <exception cref="ModelException">It is not a LLaVA-1.5 model, or not a whole one.</exception>
    /// <exception cref="Runtime.Weights.WeightFileException">A weight file is missing, corrupt or of an unknown layout.</exception>
    /// <exception cref="InvalidDataException">The tokenizer's files are corrupt.</exception>
    /// <exception cref="DeviceNotFoundException">The device that was asked for is not there.</exception>
    /// <exception cref="DeviceMemoryException">The device has too little memory; the message says how much is needed and what would fit.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A number of <paramref name="options"/> is out of range.</exception>
    public static Task<ChainOfSpotEngine> LoadAsync(
        string model,
        EngineOptions? options = null,
        IProgress<LoadProgress>? progress = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(model);
        options ??= new EngineOptions();
        options.Validate();
        return Task.Run(() => Load(model, options, progress, cancellationToken), cancellationToken);
    }

    /// <summary>A session on a picture. Nothing is computed before the first question.</summary>
    public SpotImage OpenImage(Picture picture)
    {
        ArgumentNullException.ThrowIfNull(picture);
        ObjectDisposedException.ThrowIf(_disposed, this);
        return new SpotImage(this, picture);
    }

    /// <summary>Decodes a picture and opens a session on it.</summary>
    /// <exception cref="PictureException">The file is missing or not a picture that can be decoded.</exception>
    public async Task<SpotImage> OpenImageAsync(string path, CancellationToken cancellationToken = default) =>
        OpenImage(await Task.Run(() => Picture.Decode(path), cancellationToken).ConfigureAwait(false));

    /// <summary>Gives up all that is kept for questions to come: the next question about any picture computes everything anew.</summary>
    public void ForgetReused() => Cache.Clear();

    /// <summary>Ends the device's thread and gives all memory back. Questions that are still open fail.</summary>
    public void Dispose()
    {
        if (_disposed)
            return;
        _disposed = true;
        Metrics.Dispose();
        Steps.Dispose();
        Cache.Clear();
        Pictures.Dispose();
        _pool.Dispose();
        _model.Dispose();
        _device.Dispose();
    }

    /// <inheritdoc cref="Dispose"/>
    public ValueTask DisposeAsync()
    {
        Dispose();
        return ValueTask.CompletedTask;
    }

    /// <summary>Warns, once, of a model that was not tuned for regions.</summary>
    internal void Note(AnswerRegion region)
    {
        if (region.IsUntuned && Interlocked.Exchange(ref _warnedOfUntuned, 1) == 0)
            LogUntuned(_logger, ModelPath, region.FirstTokenProbability!.Value);
        if (region.IsFallback)
            LogFallback(_logger, region.Text, region.Problem);
    }

    /// <summary>Logs how a question was answered.</summary>
    internal void Note(Answer answer) => LogAnswered(
        _logger,
        answer.Timings.Total.TotalMilliseconds,
        answer.Usage.InputTokens,
        answer.Usage.CachedInputTokens,
        answer.Usage.OutputTokens,
        answer.Region?.Text);

    private static ChainOfSpotEngine Load(
        string path, EngineOptions options, IProgress<LoadProgress>? progress, CancellationToken cancellation)
    {
        long start = Stopwatch.GetTimestamp();
        ILogger logger = (options.LoggerFactory ?? NullLoggerFactory.Instance).CreateLogger<ChainOfSpotEngine>();
        Arithmetic arithmetic = options.Arithmetic ?? (GgufFiles.AreAt(path) ? Arithmetic.Fast : Arithmetic.Exact);
        LogLoading(logger, path, options.Device);
        Device device = options.Device.Open(options.Threads, options.VectorBits, arithmetic);
        options = options with { KvCache = options.KvCache ?? device.UsualKvElement };
        if (options.OperationLog is { } log)
            device = new ProfilingDevice(device, log);
        LlavaModel? model = null;
        try
        {
            model = LlavaModel.Load(path, device, options, progress, cancellation);
            var engine = new ChainOfSpotEngine(device, model, options, logger);
            long weightBytes = model.Language.WeightBytes + model.Tower.WeightBytes;
            double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
            LogLoaded(logger, path, device.Name, arithmetic, weightBytes, seconds);
            return engine;
        }
        catch
        {
            model?.Dispose();
            device.Dispose();
            throw;
        }
    }

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "{Model} does not seem to be tuned for Chain-of-Spot: it would begin a region with a probability of {Probability}")]
    private static partial void LogUntuned(ILogger logger, string model, double probability);

    [LoggerMessage(
        Level = LogLevel.Information,
        Message = "The region \"{Region}\" gives no crop ({Problem}); the second pass looks at the whole picture")]
    private static partial void LogFallback(ILogger logger, string region, RegionProblem problem);

    [LoggerMessage(Level = LogLevel.Debug, Message = "Loading {Model} on {Device}")]
    private static partial void LogLoading(ILogger logger, string model, DeviceChoice device);

    [LoggerMessage(
        Level = LogLevel.Information,
        Message = "Loaded {Model} on {Device}, {Arithmetic} arithmetic: {WeightBytes} bytes of weights in {Seconds:0.0} s")]
    private static partial void LogLoaded(
        ILogger logger, string model, string device, Arithmetic arithmetic, long weightBytes, double seconds);

    [LoggerMessage(
        Level = LogLevel.Debug,
        Message = "Answered in {Milliseconds:0} ms: {InputTokens} input tokens, {CachedInputTokens} of them cached, {OutputTokens} decoded; looked at {Region}")]
    private static partial void LogAnswered(
        ILogger logger, double milliseconds, int inputTokens, int cachedInputTokens, int outputTokens, string? region);
}
