using System.Diagnostics;
using System.Runtime.InteropServices;
using ChainOfSpot.Models;
using ChainOfSpot.Regions;
using ChainOfSpot.Runtime.Cache;
using ChainOfSpot.Runtime.Devices;

namespace ChainOfSpot.Sessions;

/// <summary>What a generation feeds in a step.</summary>
internal enum StepKind
{
    /// <summary>Rows of a prompt.</summary>
    Prompt,

    /// <summary>The token that was decoded last.</summary>
    Token,

    /// <summary>Tokens of a constrained region, behind which only its choices are open: no other logits are needed.</summary>
    Choice,
}

/// <summary>
/// Decoding behind a prompt, as the <see cref="StepLoop"/> sees it: rows still to be fed, then rows behind the last of which a
/// token is chosen, until an end token or a limit. It goes on from what its sequence has cached.
/// </summary>
internal sealed class Generation
{
    private readonly TaskCompletionSource _done = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly PromptRows _prompt;
    private readonly RegionDecoding? _region;

    /// <summary>All that is to be fed: the prompt and behind it what every region text begins with, then what was decoded.</summary>
    private readonly List<int> _rows;
    private readonly int _promptRows;
    private readonly List<int> _output;
    private int _fed;

    /// <summary>The forks that a step with lookahead runs, each with the choice that it goes on behind.</summary>
    private readonly List<RegionFork> _forks = [];

    /// <summary>The first row whose logits are read: the prompt's last one, then that behind which a token is chosen.</summary>
    private int _firstOutput;
    private bool _isStopped;
    private bool _saidFed;

    /// <summary>Feeds the rows of <paramref name="prompt"/> that <paramref name="sequence"/> has not cached, then decodes.</summary>
    /// <param name="sequence">What is cached of the prompt.</param>
    /// <param name="prompt">The prompt.</param>
    /// <param name="mostNewTokens">The most tokens that are decoded; a constrained region is as long as it comes to be.</param>
    /// <param name="endToken">The id that ends decoding, or -1.</param>
    /// <param name="topLogits">How many of the largest logits behind the prompt are wanted.</param>
    /// <param name="cancellation">Ends it.</param>
    /// <param name="region">Decodes a region that is constrained to legal ones; null for free decoding.</param>
    public Generation(
        KvSequence sequence,
        PromptRows prompt,
        int mostNewTokens,
        int endToken,
        int topLogits,
        CancellationToken cancellation,
        RegionDecoding? region = null)
    {
        Sequence = sequence;
        _prompt = prompt;
        _region = region;
        _rows = new List<int>(prompt.Tokens.Length + mostNewTokens);
        _rows.AddRange(prompt.Tokens);
        if (region is not null)
            _rows.AddRange(region.Next);
        _promptRows = _rows.Count;
        _firstOutput = prompt.Tokens.Length - 1;
        _fed = sequence.Length;
        CachedTokens = sequence.Length;
        MostNewTokens = mostNewTokens;
        EndToken = endToken;
        TopLogitsCount = topLogits;
        Cancellation = cancellation;
        _output = region is null ? new List<int>(mostNewTokens) : [.. region.Next];
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

    /// <summary>Is called once, on the loop's thread, when so many positions are fed; null where nobody waits for them.</summary>
    public Action? OnFed { get; init; }

    /// <summary>The positions that <see cref="OnFed"/> waits for.</summary>
    public int OnFedPositions { get; init; }

    /// <summary>A token whose probability behind the prompt is wanted; -1 for none.</summary>
    public int ProbedToken { get; init; } = -1;

    /// <summary>Positions of the prompt that were there before.</summary>
    public int CachedTokens { get; }

    /// <summary>The tokens decoded so far, the end token included.</summary>
    public IReadOnlyList<int> Output => _output;

    /// <summary>The natural logarithm of the probability of the output; of a constrained region among legal ones.</summary>
    public double LogProbability { get; private set; }

    /// <summary>The natural logarithm of the probability of <see cref="ProbedToken"/>.</summary>
    public double ProbedLogProbability { get; private set; }

    /// <summary>The largest logits behind the last row of the prompt, largest first.</summary>
    public IReadOnlyList<TokenLogit> TopLogits { get; set; } = [];

    /// <summary>Time of the steps that fed the prompt.</summary>
    public TimeSpan PrefillTime { get; private set; }

    /// <summary>Time of the steps behind.</summary>
    public TimeSpan DecodeTime { get; private set; }

    /// <summary>When it was made, in ticks of <see cref="Stopwatch"/>.</summary>
    public long StartTimestamp { get; } = Stopwatch.GetTimestamp();

    /// <summary>When the first token was chosen; 0 before.</summary>
    public long FirstTokenTimestamp { get; private set; }

    /// <summary>Whether it ended for want of room and not with an end token, a stop text or a whole region.</summary>
    public bool IsTruncated => _region is null && !_isStopped && (_output.Count == 0 || _output[^1] != EndToken);

    /// <summary>Ends with the decoding, with its error or with its cancellation.</summary>
    public Task Completion => _done.Task;

    /// <summary>What is fed next.</summary>
    public StepKind NextKind => _fed < _promptRows ? StepKind.Prompt : _region is null ? StepKind.Token : StepKind.Choice;

    /// <summary>What the step that was just collected feeds.</summary>
    public StepKind Kind { get; private set; }

    /// <summary>Rows of the step that was just collected whose logits are read; they are consecutive.</summary>
    public int Outputs { get; private set; }

    /// <summary>Whether the first of these is the last row of the prompt.</summary>
    public bool EndsPrompt { get; private set; }

    /// <summary>Whether a token is chosen by the last of these.</summary>
    public bool GivesToken => Outputs > 0 && _fed == _rows.Count;

    public bool IsFinished => _fed >= _promptRows
        && (_region?.IsComplete ?? (_isStopped || _output.Count >= MostNewTokens || (_output.Count > 0 && _output[^1] == EndToken)));

    /// <summary>
    /// Adds, to an empty step, the rows of every way in which a region can go on, so that the step settles two choices; adds
    /// nothing where the step or the cache has no room for all of them.
    /// </summary>
    public bool TryCollectForks(RaggedBatch batch, Device device)
    {
        int[] present = [.. CollectionsMarshal.AsSpan(_rows)[_fed..]];
        (int Choice, RegionDecoding Behind)[] ways = [.. _region!.Alternatives()];
        if (ways.Sum(way => present.Length + way.Behind.Next.Count) > batch.MostRows || ways.Length > batch.MostSequences)
            return false;
        try
        {
            foreach ((int choice, RegionDecoding behind) in ways)
            {
                KvSequence fork = Sequence.Fork(device);
                _forks.Add(new RegionFork(fork, choice, behind.Next));
                batch.Add(fork, [.. present, .. behind.Next], behind.Next.Count + 1);
            }
        }
        catch (KvCacheFullException)
        {
            DropForks();
            batch.Clear();
            return false;
        }
        Kind = StepKind.Choice;
        EndsPrompt = false;
        Outputs = batch.Outputs;
        _fed = _rows.Count;
        return true;
    }

    /// <summary>Gives back what the last step's forks hold.</summary>
    public void DropForks()
    {
        foreach (RegionFork fork in _forks)
            fork.Sequence.Dispose();
        _forks.Clear();
    }

    /// <summary>Adds this generation's rows to a step, at most <paramref name="room"/>.</summary>
    public void Collect(RaggedBatch batch, List<FeatureRows> features, int room)
    {
        Kind = NextKind;
        int end = Math.Min(_fed + room, _rows.Count);
        int lastOfPrompt = _prompt.Tokens.Length - 1;
        EndsPrompt = _fed <= lastOfPrompt && end > lastOfPrompt;
        Outputs = MostNewTokens > 0 ? Math.Max(0, end - Math.Max(_fed, _firstOutput)) : 0;
        int first = batch.Add(Sequence, CollectionsMarshal.AsSpan(_rows)[_fed..end], Outputs);
        foreach (PromptFeatures block in _prompt.Features)
        {
            int start = Math.Max(block.Start, _fed);
            int blockEnd = Math.Min(block.Start + block.Rows.Rows, end);
            if (start < blockEnd)
                features.Add(new FeatureRows(block.Rows.Slice(start - block.Start, blockEnd - start), first + start - _fed));
        }
        _fed = end;
    }

    /// <summary>Takes the token that was chosen by logits [vocabulary].</summary>
    public void Accept(int token, ReadOnlySpan<float> logits)
    {
        NoteFirstToken();
        if (token >= 0)
            LogProbability += Probability.LogOf(logits, token);
        _output.Add(token);
        _rows.Add(token);
        _firstOutput = _rows.Count - 1;
        _isStopped = OnToken?.Invoke(token) ?? false;
    }

    /// <summary>Takes a region's next choice, or with lookahead its next two, by the logits of <see cref="RegionTokens.ChoiceIds"/>.</summary>
    /// <param name="logits">[outputs, choices].</param>
    public void AcceptChoices(ReadOnlySpan<float> logits)
    {
        int choices = _region!.Tokens.ChoiceIds.Length;
        if (_forks.Count == 0)
        {
            AcceptChoice(logits[..choices]);
            return;
        }
        int choice = AcceptChoice(logits[..choices]);
        int row = 0;
        foreach (RegionFork fork in _forks)
        {
            row += fork.Next.Count + 1;
            if (fork.Choice != choice)
                continue;
            Sequence.TakeOver(fork.Sequence);
            _fed = _rows.Count;
            if (!_region.IsComplete)
                AcceptChoice(logits.Slice((row - 1) * choices, choices));
            break;
        }
        DropForks();
    }

    private int AcceptChoice(ReadOnlySpan<float> choiceLogits)
    {
        NoteFirstToken();
        int choice = _region!.Choose(choiceLogits);
        LogProbability = _region.LogProbability;
        _output.AddRange(_region.Next);
        _rows.AddRange(_region.Next);
        _firstOutput = _rows.Count - 1;
        if (_region.IsComplete)
            _output.Add(EndToken);
        return choice;
    }

    private void NoteFirstToken()
    {
        if (FirstTokenTimestamp == 0)
            FirstTokenTimestamp = Stopwatch.GetTimestamp();
    }

    /// <summary>Takes the logits [vocabulary] behind the prompt.</summary>
    public void AcceptPromptEnd(ReadOnlySpan<float> logits)
    {
        if (ProbedToken >= 0)
            ProbedLogProbability = Probability.LogOf(logits, ProbedToken);
    }

    /// <summary>Ends the step that was just collected.</summary>
    public void EndStep(TimeSpan stepTime)
    {
        if (Kind == StepKind.Prompt)
            PrefillTime += stepTime;
        else
            DecodeTime += stepTime;
        if (OnFed is not null && !_saidFed && Sequence.Length >= OnFedPositions)
        {
            _saidFed = true;
            OnFed();
        }
    }

    public void Complete() => _done.TrySetResult();

    public void Cancel() => _done.TrySetCanceled(Cancellation);

    public void Fail(Exception error) => _done.TrySetException(error);

    private readonly record struct RegionFork(KvSequence Sequence, int Choice, IReadOnlyList<int> Next);
}
