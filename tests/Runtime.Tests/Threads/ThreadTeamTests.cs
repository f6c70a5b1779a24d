using ChainOfSpot.Runtime.Threads;

namespace ChainOfSpot.Runtime.Tests.Threads;

public sealed class ThreadTeamTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(5)]
    public void Every_index_runs_once_in_loop_after_loop(int threads)
    {
        using var team = new ThreadTeam(threads);
        var counts = new int[1000];
        for (int loop = 0; loop < 300; loop++)
        {
            var job = new CountJob(counts, threads);
            team.For(loop % 7 == 0 ? 1000 : loop % 5, long.MaxValue, ref job);
        }
        Assert.Equal(Enumerable.Range(0, 1000).Select(i => Enumerable.Range(0, 300).Count(loop => i < (loop % 7 == 0 ? 1000 : loop % 5))), counts);
    }

    [Fact]
    public void Parked_members_wake_for_the_next_loop()
    {
        using var team = new ThreadTeam(3);
        var counts = new int[50];
        for (int loop = 0; loop < 5; loop++)
        {
            Thread.Sleep(20);
            var job = new CountJob(counts, 3);
            team.For(50, long.MaxValue, ref job);
        }
        Assert.All(counts, count => Assert.Equal(5, count));
    }

    [Fact]
    public void An_error_of_any_member_reaches_the_caller_and_the_team_goes_on()
    {
        using var team = new ThreadTeam(2);
        var failing = new FailJob();
        Assert.Throws<InvalidOperationException>(() => team.For(100, long.MaxValue, ref failing));
        var counts = new int[10];
        var job = new CountJob(counts, 2);
        team.For(10, long.MaxValue, ref job);
        Assert.All(counts, count => Assert.Equal(1, count));
    }

    [Fact]
    public void A_loop_allocates_nothing()
    {
        using var team = new ThreadTeam(2);
        var counts = new int[100];
        var job = new CountJob(counts, 2);
        team.For(100, long.MaxValue, ref job);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 100; i++)
            team.For(100, long.MaxValue, ref job);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    private readonly struct CountJob(int[] counts, int threads) : ITeamJob
    {
        public void Run(int index, int thread)
        {
            if ((uint)thread >= (uint)threads)
                throw new ArgumentOutOfRangeException(nameof(thread));
            Interlocked.Increment(ref counts[index]);
        }
    }

    private readonly struct FailJob : ITeamJob
    {
        public void Run(int index, int thread)
        {
            if (index == 57)
                throw new InvalidOperationException();
        }
    }
}
