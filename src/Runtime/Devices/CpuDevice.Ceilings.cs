using System.Diagnostics;
using ChainOfSpot.Kernels;
using ChainOfSpot.Runtime.Threads;

namespace ChainOfSpot.Runtime.Devices;

/// <content>Measures the machine's own roof.</content>
internal sealed unsafe partial class CpuDevice<TVector, TLanes>
{
    private const int Repetitions = 7;
    private const long Loops = 4_000_000;
    private const int ReadBlockFloats = 1 << 20;
    private const int ReadBlocks = 96;

    /// <summary>The best of several runs: other users of a machine only ever make one slower.</summary>
    public override DeviceCeilings MeasureCeilings()
    {
        double operations = 0;
        double bytes = 0;
        double int8 = 0;
        double bfloat16 = 0;
        using var memory = new CpuMemory((long)ReadBlocks * ReadBlockFloats * sizeof(float), "measuring the read bandwidth");
        for (long page = 0; page < memory.ByteLength; page += 4096)
            memory.Data[page] = 1;
        for (int i = 0; i < Repetitions; i++)
        {
            var multiply = default(MultiplyJob);
            long start = Stopwatch.GetTimestamp();
            Team.For(Threads, Loops, ref multiply);
            operations = Math.Max(
                operations, Threads * Ceiling.Operations<TVector, TLanes>(Loops) / Stopwatch.GetElapsedTime(start).TotalSeconds);

            var read = new ReadJob((float*)memory.Data);
            start = Stopwatch.GetTimestamp();
            Team.For(ReadBlocks, memory.ByteLength, ref read);
            bytes = Math.Max(bytes, memory.ByteLength / Stopwatch.GetElapsedTime(start).TotalSeconds);

            int8 = Math.Max(int8, DotsPerSecond(Int8Ceiling, CeilingCode.Int8Operations));
            bfloat16 = Math.Max(bfloat16, DotsPerSecond(BFloat16Ceiling, CeilingCode.BFloat16Operations));
        }
        return new DeviceCeilings(operations, bytes) { Int8OperationsPerSecond = int8, BFloat16OperationsPerSecond = bfloat16 };
    }

    private double DotsPerSecond(nint function, long operations)
    {
        if (function == 0)
            return 0;
        var dots = new DotsJob(function);
        long start = Stopwatch.GetTimestamp();
        Team.For(Threads, Loops, ref dots);
        return Threads * Loops * operations / Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    private readonly struct DotsJob(nint function) : ITeamJob
    {
        public void Run(int index, int thread) => CeilingCode.Run(function, Loops);
    }

    private readonly struct MultiplyJob : ITeamJob
    {
        public void Run(int index, int thread) => Ceiling.MultiplyAdds<TVector, TLanes>(Loops);
    }

    private readonly struct ReadJob(float* memory) : ITeamJob
    {
        private readonly float* _memory = memory;

        public void Run(int index, int thread) => Ceiling.Read<TVector, TLanes>(_memory + ((long)index * ReadBlockFloats), ReadBlockFloats);
    }
}
