using System.Collections.Concurrent;
using System.Diagnostics;
using System.Runtime.InteropServices;
using ChainOfSpot.Kernels;
using ChainOfSpot.Models;
using ChainOfSpot.Regions;
using ChainOfSpot.Runtime.Cache;
using ChainOfSpot.Runtime.Devices;

namespace ChainOfSpot.Sessions;

/// <summary>
/// The one thread that uses the device. Each step takes the rows of every decoding sequence and fills up with rows of prompts;
/// other device work (encoding a picture, cropping, forking a cache) runs between steps.
/// </summary>
internal sealed class StepLoop : IDisposable
{
    private readonly Device _device;
    private readonly LanguageModel _model;
    private readonly KvPages _pages;
    private readonly PromptCache _cache;
    private readonly RaggedBatch _batch;
    private readonly Tensor _ids;
    private readonly int[] _hostIds;
    private float[] _hostLogits = [];

    /// <summary>The tokens that a region's choices are among; null where the vocabulary spells regions in another way.</summary>
    private readonly RegionTokens? _regionTokens;
    private readonly Tensor? _choiceIds;
    private readonly Tensor? _choiceLogits;
    private readonly float[] _hostChoices = [];
    private readonly Thread _thread;
    private readonly SemaphoreSlim _arrived = new(0);
    private readonly ConcurrentQueue<Action> _work = new();
    private readonly ConcurrentQueue<Generation> _incoming = new();
    private readonly List<Generation> _active = [];
    private readonly List<Generation> _stepped = [];
    private readonly List<FeatureRows> _features = [];
    private readonly Func<bool> _nobodyWaits;

    /// <summary>Held while work is queued, so that none is queued behind the last look at the queues.</summary>
    private readonly Lock _queuing = new();
    private volatile bool _stopping;

    public StepLoop(Device device, LanguageModel model, KvPages pages, PromptCache cache, RaggedBatch batch, RegionTokens? regionTokens)
    {
        _device = device;
        _model = model;
        _pages = pages;
        _cache = cache;
        cache.Changed = Wake;
        _batch = batch;
        _regionTokens = regionTokens;
        // A region's prompt is fed with the tokens that it begins with, each of which has logits.
        int mostOutputs = Math.Min(batch.MostRows, batch.MostSequences * (1 + (regionTokens?.Encode(RegionPrefix.Longest).Length ?? 0)));
        _ids = device.Allocate(ElementType.I32, mostOutputs, 1);
        _hostIds = new int[mostOutputs];
        if (regionTokens is not null)
        {
            int choices = regionTokens.ChoiceIds.Length;
            _choiceIds = device.Allocate(ElementType.I32, choices, 1);
            _choiceLogits = device.Allocate(ElementType.F32, mostOutputs, choices);
            _hostChoices = new float[mostOutputs * choices];
            device.Write<int>(_choiceIds, regionTokens.ChoiceIds);
        }
        _nobodyWaits = () => _stopping || _stepped.TrueForAll(g => g.Cancellation.IsCancellationRequested);
        _thread = new Thread(Run) { IsBackground = true, Name = "ChainOfSpot steps" };
        _thread.Start();
    }

    /// <summary>Whether a region that is alone in a step is decoded two choices at a time.</summary>
    public bool LooksAhead { get; init; }

    /// <summary>Runs <paramref name="work"/> on the device's thread.</summary>
    /// <exception cref="ObjectDisposedException">The loop is stopping.</exception>
    public Task<T> RunAsync<T>(Func<T> work, CancellationToken cancellation)
    {
        var done = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        Queue(_work, () =>
        {
            try
            {
                cancellation.ThrowIfCancellationRequested();
                ThrowIfStopping();
                done.TrySetResult(work());
            }
            catch (OperationCanceledException e)
            {
                done.TrySetCanceled(e.CancellationToken);
            }
            catch (Exception e)
            {
                done.TrySetException(e);
            }
        });
        return done.Task;
    }

    /// <summary>Decodes until <paramref name="generation"/> is finished.</summary>
    /// <exception cref="ObjectDisposedException">The loop is stopping.</exception>
    public Task GenerateAsync(Generation generation)
    {
        Queue(_incoming, generation);
        return generation.Completion;
    }

    public void Dispose()
    {
        lock (_queuing)
        {
            if (_stopping)
                return;
            _stopping = true;
            _arrived.Release();
        }
        _thread.Join();
        _ids.Dispose();
        _choiceIds?.Dispose();
        _choiceLogits?.Dispose();
        _batch.Dispose();
        _arrived.Dispose();
    }

    private void Queue<T>(ConcurrentQueue<T> queue, T item)
    {
        lock (_queuing)
        {
            ThrowIfStopping();
            queue.Enqueue(item);
            _arrived.Release();
        }
    }

    private void Wake()
    {
        lock (_queuing)
        {
            if (!_stopping)
                _arrived.Release();
        }
    }

    private void ThrowIfStopping() => ObjectDisposedException.ThrowIf(_stopping, typeof(ChainOfSpotEngine));

    private void Run()
    {
        while (!_stopping)
        {
            while (_work.TryDequeue(out Action? work))
                work();
            while (_incoming.TryDequeue(out Generation? generation))
                _active.Add(generation);
            RemoveCancelled();
            _cache.AdmitWaiting(_device);
            if (_active.Count > 0)
                Step();
            else if (_work.IsEmpty && _incoming.IsEmpty)
                _arrived.Wait();
        }

        var stopped = new ObjectDisposedException(nameof(ChainOfSpotEngine));
        while (_work.TryDequeue(out Action? work))
            work();
        while (_incoming.TryDequeue(out Generation? generation))
            generation.Fail(stopped);
        foreach (Generation generation in _active)
            generation.Fail(stopped);
        _cache.FailWaiting(stopped);
    }

    private void Step()
    {
        _batch.Clear();
        _stepped.Clear();
        _features.Clear();
        // The rows whose logits are only a region's choices come first.
        CollectChoices();
        int choiceRows = _batch.Outputs;
        Collect(StepKind.Token);
        Collect(StepKind.Prompt);
        if (_stepped.Count == 0)
            return;
        long start = Stopwatch.GetTimestamp();
        try
        {
            _batch.Send();
            TensorView? logits = _model.Forward(_batch, CollectionsMarshal.AsSpan(_features), _pages.Pool, _nobodyWaits, choiceRows);
            if (logits is { } rows)
                ReadLogits(rows, choiceRows);
            else if (_nobodyWaits())
            {
                _stepped.ForEach(generation => generation.DropForks());
                return;
            }
            Accept(logits, Stopwatch.GetElapsedTime(start));
        }
        catch (Exception e)
        {
            foreach (Generation generation in _stepped)
            {
                generation.DropForks();
                generation.Fail(e);
                _active.Remove(generation);
            }
        }
    }

    private void CollectChoices()
    {
        if (LooksAhead && _active is [{ NextKind: StepKind.Choice } alone] && alone.TryCollectForks(_batch, _device))
            _stepped.Add(alone);
        else
            Collect(StepKind.Choice);
    }

    private void Collect(StepKind kind)
    {
        for (int i = 0; i < _active.Count; i++)
        {
            Generation generation = _active[i];
            int room = _batch.MostRows - _batch.Rows;
            if (room == 0 || _batch.Sequences == _batch.MostSequences)
                return;
            if (generation.NextKind != kind || _stepped.Contains(generation))
                continue;
            try
            {
                generation.Collect(_batch, _features, room);
                _stepped.Add(generation);
            }
            catch (Exception e)
            {
                generation.Fail(e);
                _active.RemoveAt(i--);
            }
        }
    }

    private void ReadLogits(TensorView logits, int choiceRows)
    {
        if (choiceRows > 0)
        {
            TensorView choices = _choiceLogits!.First(choiceRows);
            _model.Choices(_choiceIds!, choices);
            _device.Read(choices, _hostChoices.AsSpan(0, choiceRows * choices.Columns));
        }
        if (logits.Rows == 0)
            return;
        int count = logits.Rows * logits.Columns;
        if (_hostLogits.Length < count)
            _hostLogits = new float[count];
        _device.ArgMax(logits, _ids.First(logits.Rows));
        _device.Read(_ids.First(logits.Rows), _hostIds.AsSpan(0, logits.Rows));
        _device.Read(logits, _hostLogits.AsSpan(0, count));
    }

    private void Accept(TensorView? logits, TimeSpan time)
    {
        int choice = 0;
        int row = 0;
        foreach (Generation generation in _stepped)
        {
            if (generation.Kind == StepKind.Choice)
            {
                int choices = _regionTokens!.ChoiceIds.Length;
                if (generation.GivesToken)
                    generation.AcceptChoices(_hostChoices.AsSpan(choice * choices, generation.Outputs * choices));
                choice += generation.Outputs;
            }
            else
            {
                AcceptRows(generation, logits, row);
                row += generation.Outputs;
            }
            generation.EndStep(time);
            if (generation.IsFinished)
            {
                generation.Complete();
                _active.Remove(generation);
            }
        }
    }

    /// <summary>Gives a generation what it wants of its logits, which begin at <paramref name="row"/>.</summary>
    private void AcceptRows(Generation generation, TensorView? logits, int row)
    {
        if (generation.Outputs == 0)
            return;
        if (generation.EndsPrompt)
        {
            generation.AcceptPromptEnd(LogitsOf(row, logits!.Value.Columns));
            if (generation.TopLogitsCount > 0)
                generation.TopLogits = ReadTopLogits(logits.Value.Slice(row, 1), generation.TopLogitsCount);
        }
        if (!generation.GivesToken)
            return;
        int last = row + generation.Outputs - 1;
        ReadOnlySpan<float> lastLogits = LogitsOf(last, logits!.Value.Columns);
        if (generation.NextKind == StepKind.Choice)
        {
            int[] ids = _regionTokens!.ChoiceIds;
            Span<float> choices = stackalloc float[ids.Length];
            for (int i = 0; i < ids.Length; i++)
                choices[i] = lastLogits[ids[i]];
            generation.AcceptChoices(choices);
        }
        else
        {
            generation.Accept(generation.Sampler?.Draw(lastLogits) ?? _hostIds[last], lastLogits);
        }
    }

    private ReadOnlySpan<float> LogitsOf(int row, int vocabulary) => _hostLogits.AsSpan(row * vocabulary, vocabulary);

    private TokenLogit[] ReadTopLogits(TensorView logits, int count)
    {
        count = Math.Min(count, logits.Columns);
        using Tensor values = _device.Allocate(ElementType.F32, 1, count);
        using Tensor ids = _device.Allocate(ElementType.I32, 1, count);
        _device.TopK(logits, values, ids);
        var hostValues = new float[count];
        var hostIds = new int[count];
        _device.Read<float>(values, hostValues);
        _device.Read<int>(ids, hostIds);
        return [.. hostIds.Zip(hostValues, (id, value) => new TokenLogit(id, value)).Where(top => top.Id >= 0)];
    }

    private void RemoveCancelled()
    {
        for (int i = _active.Count - 1; i >= 0; i--)
        {
            if (!_active[i].Cancellation.IsCancellationRequested)
                continue;
            _active[i].Cancel();
            _active.RemoveAt(i);
        }
    }
}
