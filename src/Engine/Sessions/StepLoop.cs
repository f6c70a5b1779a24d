using System.Collections.Concurrent;
using System.Diagnostics;
using System.Runtime.InteropServices;
using ChainOfSpot.Kernels;
using ChainOfSpot.Models;
using ChainOfSpot.Runtime.Cache;
using ChainOfSpot.Runtime.Devices;

namespace ChainOfSpot.Sessions;

/// <summary>
/// The one thread that uses the device. Each step takes a row of every decoding sequence and fills up with rows of prompts;
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

    public StepLoop(Device device, LanguageModel model, KvPages pages, PromptCache cache, RaggedBatch batch)
    {
        _device = device;
        _model = model;
        _pages = pages;
        _cache = cache;
        cache.Changed = Wake;
        _batch = batch;
        _ids = device.Allocate(ElementType.I32, batch.MostSequences, 1);
        _hostIds = new int[batch.MostSequences];
        _nobodyWaits = () => _stopping || _stepped.TrueForAll(g => g.Cancellation.IsCancellationRequested);
        _thread = new Thread(Run) { IsBackground = true, Name = "ChainOfSpot steps" };
        _thread.Start();
    }

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
        Collect(prefilling: false);
        Collect(prefilling: true);
        if (_stepped.Count == 0)
            return;
        long start = Stopwatch.GetTimestamp();
        try
        {
            _batch.Send();
            TensorView? logits = _model.Forward(_batch, CollectionsMarshal.AsSpan(_features), _pages.Pool, _nobodyWaits);
            if (logits is { } rows)
            {
                _device.ArgMax(rows, _ids.First(rows.Rows));
                _device.Read(_ids.First(rows.Rows), _hostIds.AsSpan(0, rows.Rows));
            }
            else if (_nobodyWaits())
            {
                return;
            }
            Accept(logits, Stopwatch.GetElapsedTime(start));
        }
        catch (Exception e)
        {
            foreach (Generation generation in _stepped)
            {
                generation.Fail(e);
                _active.Remove(generation);
            }
        }
    }

    private void Collect(bool prefilling)
    {
        for (int i = 0; i < _active.Count; i++)
        {
            Generation generation = _active[i];
            int room = _batch.MostRows - _batch.Rows;
            if (generation.IsPrefilling != prefilling || room == 0 || _batch.Sequences == _batch.MostSequences || _stepped.Contains(generation))
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

    private void Accept(TensorView? logits, TimeSpan time)
    {
        int row = 0;
        foreach (Generation generation in _stepped)
        {
            bool gaveToken = !generation.IsPrefilling && generation.MostNewTokens > 0;
            if (gaveToken && generation.EndsPrompt && generation.TopLogitsCount > 0)
                generation.TopLogits = ReadTopLogits(logits!.Value.Slice(row, 1), generation.TopLogitsCount);
            generation.Accept(gaveToken ? Choose(generation, logits!.Value, row++) : null, time);
            if (generation.IsFinished)
            {
                generation.Complete();
                _active.Remove(generation);
            }
        }
    }

    private int Choose(Generation generation, TensorView logits, int row)
    {
        if (generation.Sampler is not { } sampler)
            return _hostIds[row];
        if (_hostLogits.Length < logits.Columns)
            _hostLogits = new float[logits.Columns];
        Span<float> host = _hostLogits.AsSpan(0, logits.Columns);
        _device.Read(logits.Slice(row, 1), host);
        return sampler.Draw(host);
    }

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
