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

    /// <summary>A loop of fewer operations is done before another thread has heard of it.</summary>
    private const long SmallestSharedWork = 200_000;

    private const long OpenBit = 1L << 31;
    private const int GenerationShift = 32;
    private const long MembersMask = OpenBit - 1;

    private readonly Thread[] _workers;
    private readonly Worker[] _states;
    private delegate*<void*, int, int, void> _run;
    private void* _job;
    private int _count;
    private Padded _next;

    /// <summary>Generation of the loop, whether it is open to workers, and how many are in it: one word, so that a worker joins
    /// an open loop or none, and the caller waits only for those that joined.</summary>
    private Padded _loop;

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
    /// <param name="count">Parts of the work.</param>
    /// <param name="work">Operations of all parts together, roughly; little work stays on the calling thread.</param>
    /// <param name="job">The work.</param>
    public void For<TJob>(int count, long work, ref TJob job)
        where TJob : struct, ITeamJob
    {
        if (_workers.Length == 0 || count <= 1 || work < SmallestSharedWork)
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
            long generation = (_loop.Value >> GenerationShift) + 1;
            Volatile.Write(ref _loop.Value, (generation << GenerationShift) | OpenBit);
            foreach (Worker worker in _states)
                worker.Wake();

            Share(thread: 0);
            Interlocked.And(ref _loop.Value, ~OpenBit);
            var spinner = default(SpinWait);
            while ((Volatile.Read(ref _loop.Value) & MembersMask) != 0)
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
        Interlocked.Add(ref _loop.Value, 1L << GenerationShift);
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
        long seen = 0;
        while (true)
        {
            self.WaitWhile(ref _loop.Value, seen);
            long loop = Volatile.Read(ref _loop.Value);
            seen = loop >> GenerationShift;
            if (_stopping)
                return;
            if (Join(loop))
            {
                Share(thread);
                Interlocked.Decrement(ref _loop.Value);
            }
        }
    }

    /// <summary>Enters the loop unless it was closed, or gave way to another, since <paramref name="loop"/> was read.</summary>
    private bool Join(long loop)
    {
        while ((loop & OpenBit) != 0)
        {
            long before = Interlocked.CompareExchange(ref _loop.Value, loop + 1, loop);
            if (before == loop)
                return true;
            if (before >> GenerationShift != loop >> GenerationShift)
                return false;
            loop = before;
        }
        return false;
    }

    private void Share(int thread)
    {
        try
        {
            long index;
            while ((index = Interlocked.Increment(ref _next.Value) - 1) < _count)
                _run(_job, (int)index, thread);
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
        public long Value;
    }

    private sealed class Worker : IDisposable
    {
        private readonly AutoResetEvent _wake = new(false);
        private int _parked;

        public void WaitWhile(ref long loop, long seen)
        {
            for (int spin = 0; spin < SpinsBeforeParking; spin++)
            {
                if (Volatile.Read(ref loop) >> GenerationShift != seen)
                    return;
                Thread.SpinWait(SpinLength);
            }
            while (Volatile.Read(ref loop) >> GenerationShift == seen)
            {
                Interlocked.Exchange(ref _parked, 1);
                if (Volatile.Read(ref loop) >> GenerationShift == seen)
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
