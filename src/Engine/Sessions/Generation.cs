using ChainOfSpot.Models;
using ChainOfSpot.Runtime.Cache;
using ChainOfSpot.Runtime.Devices;

namespace ChainOfSpot.Sessions;

/// <summary>
/// Decoding behind a prompt, as the <see cref="StepLoop"/> sees it: rows still to be fed, then one token a step until an
/// end token or a limit. It goes on from what its sequence has cached.
/// </summary>
internal sealed class Generation
{
    private readonly TaskCompletionSource _done = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly PromptRows _prompt;
    private readonly List<int> _output;
    private readonly int[] _last = new int[1];
    private int _fed;
    private bool _isStopped;
    private bool _saidFed;

    /// <summary>Feeds the rows of <paramref name="prompt"/> that <paramref name="sequence"/> has not cached, then decodes.</summary>
    public Generation(KvSequence sequence, PromptRows prompt, int mostNewTokens, int endToken, int topLogits, CancellationToken cancellation)
    {
        Sequence = sequence;
        _prompt = prompt;
        _fed = sequence.Length;
        CachedTokens = sequence.Length;
        MostNewTokens = mostNewTokens;
        EndToken = endToken;
        TopLogitsCount = topLogits;
        Cancellation = cancellation;
        _output = new List<int>(mostNewTokens);
    }

    public KvSequence Sequence { get; }

    public int MostNewTokens { get; }

    /// <summary>The id that ends decoding, or -1.</summary>
    public int EndToken { get; }

    public int TopLogitsCount { get; }

    public CancellationToken Cancellation { get; }

    /// <summary>Draws the tokens; null for the most likely ones.</summary>
    public Sampler? Sampler { get; init; }

    /// <summary>Is told each token, on the loop's thread, and says whether it is the last; null where nobody listens.</summary>
    public Func<int, bool>? OnToken { get; init; }

    /// <summary>Positions of the prompt that were there before.</summary>
    public int CachedTokens { get; }

    /// <summary>Is called once, on the loop's thread, when so many positions are fed; null where nobody waits for them.</summary>
    public Action? OnFed { get; init; }

    /// <summary>The positions that <see cref="OnFed"/> waits for.</summary>
    public int OnFedPositions { get; init; }

    /// <summary>The tokens decoded so far, the end token included.</summary>
    public IReadOnlyList<int> Output => _output;

    /// <summary>The largest logits behind the last row of the prompt, largest first.</summary>
    public IReadOnlyList<TokenLogit> TopLogits { get; set; } = [];

    /// <summary>Time of the steps that fed the prompt.</summary>
    public TimeSpan PrefillTime { get; private set; }

    /// <summary>Time of the steps behind.</summary>
    public TimeSpan DecodeTime { get; private set; }

    /// <summary>Ends with the decoding, with its error or with its cancellation.</summary>
    public Task Completion => _done.Task;

    public bool IsPrefilling => _fed < _prompt.Tokens.Length;

    /// <summary>Whether the step that was just collected ends the prompt.</summary>
    public bool EndsPrompt { get; private set; }

    /// <summary>Adds this generation's rows to a step, at most <paramref name="room"/>.</summary>
    public void Collect(RaggedBatch batch, List<FeatureRows> features, int room)
    {
        if (!IsPrefilling)
        {
            EndsPrompt = false;
            _last[0] = _output[^1];
            batch.Add(Sequence, _last, outputs: 1);
            return;
        }
        int count = Math.Min(room, _prompt.Tokens.Length - _fed);
        EndsPrompt = _fed + count == _prompt.Tokens.Length;
        int outputs = EndsPrompt && MostNewTokens > 0 ? 1 : 0;
        int first = batch.Add(Sequence, _prompt.Tokens.Slice(_fed, count), outputs);
        foreach (PromptFeatures block in _prompt.Features)
        {
            int start = Math.Max(block.Start, _fed);
            int end = Math.Min(block.Start + block.Rows.Rows, _fed + count);
            if (start < end)
                features.Add(new FeatureRows(block.Rows.Slice(start - block.Start, end - start), first + start - _fed));
        }
        _fed += count;
    }

    /// <summary>Takes the token that the step gave, where it gave one.</summary>
    public void Accept(int? token, TimeSpan stepTime)
    {
        if (EndsPrompt || IsPrefilling)
            PrefillTime += stepTime;
        else
            DecodeTime += stepTime;
        if (OnFed is not null && !_saidFed && Sequence.Length >= OnFedPositions)
        {
            _saidFed = true;
            OnFed();
        }
        if (token is { } id)
        {
            _output.Add(id);
            _isStopped = OnToken?.Invoke(id) ?? false;
        }
    }

    public bool IsFinished => !IsPrefilling && (_isStopped || _output.Count >= MostNewTokens || (_output.Count > 0 && _output[^1] == EndToken));

    public void Complete() => _done.TrySetResult();

    public void Cancel() => _done.TrySetCanceled(Cancellation);

    public void Fail(Exception error) => _done.TrySetException(error);
}
