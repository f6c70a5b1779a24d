using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;

namespace ChainOfSpot.Runtime.Threads;

/// <summary>
/// A fixed team of threads that share loops. The caller is its first member; the others spin for a moment between loops and
/// then park, so short loops in a row start within a microsecond and an idle engine costs nothing. No loop allocates.
/// One loop runs at a time: only one thread may call <see cref="For"/>.
/// </summary>
public sealed unsafe class ThreadTeam : IDisposable
{
    private const int SpinsBeforeParking = 400;
    private const int SpinLength = 20;

    private readonly Thread[] _workers;
    private readonly Worker[] _states;
    private delegate*<void*, int, int, void> _run;
    private void* _job;
    private int _count;
    private Padded _next;
    private Padded _working;
    private Padded _generation;
    private volatile bool _stopping;
    private ExceptionDispatchInfo? _error;

    /// <summary>Starts <paramref name="threads"/> - 1 threads beside the caller's.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Fewer than one thread.</exception>
    public ThreadTeam(int threads)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(threads, 1);
        Threads = threads;
        _states = new Worker[threads - 1];
        _workers = new Thread[threads - 1];
        for (int i = 0; i < _workers.Length; i++)
        {
            int member = i + 1;
            _states[i] = new Worker();
            _workers[i] = new Thread(() => Work(member)) { IsBackground = true, Name = $"ChainOfSpot worker {member}" };
            _workers[i].Start();
        }
    }

    /// <summary>The members, the caller included.</summary>
    public int Threads { get; }

    /// <summary>Runs <paramref name="job"/> for each index below <paramref name="count"/> and returns when all are done.</summary>
    public void For<TJob>(int count, ref TJob job)
        where TJob : struct, ITeamJob
    {
        if (_workers.Length == 0 || count <= 1)
        {
            for (int i = 0; i < count; i++)
                job.Run(i, 0);
            return;
        }

        fixed (void* pinned = &Unsafe.As<TJob, byte>(ref job))
        {
            _job = pinned;
            _run = &Invoke<TJob>;
            _count = count;
            _next.Value = 0;
            Volatile.Write(ref _working.Value, _workers.Length);
            Interlocked.Increment(ref _generation.Value);
            foreach (Worker worker in _states)
                worker.Wake();

            Share(thread: 0);
            var spinner = default(SpinWait);
            while (Volatile.Read(ref _working.Value) != 0)
            {
                if (spinner.Count < SpinsBeforeParking)
                    Thread.SpinWait(SpinLength);
                spinner.SpinOnce(sleep1Threshold: -1);
            }
        }

        if (_error is { } error)
        {
            _error = null;
            error.Throw();
        }
    }

    /// <summary>Ends the threads. No loop may be running.</summary>
    public void Dispose()
    {
        if (_stopping)
            return;
        _stopping = true;
        Interlocked.Increment(ref _generation.Value);
        foreach (Worker worker in _states)
            worker.Wake();
        foreach (Thread worker in _workers)
            worker.Join();
        foreach (Worker worker in _states)
            worker.Dispose();
    }

    private static void Invoke<TJob>(void* job, int index, int thread)
        where TJob : struct, ITeamJob => Unsafe.AsRef<TJob>(job).Run(index, thread);

    private void Work(int thread)
    {
        Worker self = _states[thread - 1];
        int seen = 0;
        while (true)
        {
            self.WaitWhile(ref _generation.Value, seen);
            seen = Volatile.Read(ref _generation.Value);
            if (_stopping)
                return;
            Share(thread);
            Interlocked.Decrement(ref _working.Value);
        }
    }

    private void Share(int thread)
    {
        try
        {
            int index;
            while ((index = Interlocked.Increment(ref _next.Value) - 1) < _count)
                _run(_job, index, thread);
        }
        catch (Exception e)
        {
            _error = ExceptionDispatchInfo.Capture(e);
        }
    }

    /// <summary>A counter alone in its cache lines, so that members do not slow each other by sharing them.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 256)]
    private struct Padded
    {
        [FieldOffset(128)]
        public int Value;
    }

    private sealed class Worker : IDisposable
    {
        private readonly AutoResetEvent _wake = new(false);
        private int _parked;

        public void WaitWhile(ref int generation, int seen)
        {
            for (int spin = 0; spin < SpinsBeforeParking; spin++)
            {
                if (Volatile.Read(ref generation) != seen)
                    return;
                Thread.SpinWait(SpinLength);
            }
            while (Volatile.Read(ref generation) == seen)
            {
                Interlocked.Exchange(ref _parked, 1);
                if (Volatile.Read(ref generation) == seen)
                    _wake.WaitOne();
                Volatile.Write(ref _parked, 0);
            }
        }

        public void Wake()
        {
            if (Interlocked.Exchange(ref _parked, 0) == 1)
                _wake.Set();
        }

        public void Dispose() => _wake.Dispose();
    }
}
