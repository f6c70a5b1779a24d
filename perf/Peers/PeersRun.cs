using System.Globalization;
using System.Runtime.Intrinsics.X86;
using ChainOfSpot.Measurement;

namespace ChainOfSpot.PeerBench;

/// <summary>Runs every test of every program in rounds, one process after the other.</summary>
internal static class PeersRun
{
    private static readonly BenchTest[] Tests = Enum.GetValues<BenchTest>();

    public static async Task<PeersResult> RunAsync(PeersOptions options, TextWriter progress)
    {
        (string, string)[] values =
        [
            ("{model}", options.Model),
            ("{threads}", options.Threads.ToString(CultureInfo.InvariantCulture)),
            ("{prefill}", options.Prefill.ToString(CultureInfo.InvariantCulture)),
            ("{depth}", options.Depth.ToString(CultureInfo.InvariantCulture)),
            ("{tokens}", options.Tokens.ToString(CultureInfo.InvariantCulture)),
        ];
        var runs = new Dictionary<(BenchProgram, BenchTest), List<Run>>();
        foreach (BenchProgram program in options.Programs)
        {
            foreach (BenchTest test in Tests)
                runs[(program, test)] = [];
        }
        // The first test of a round is that of another program than the last one: none stands always right behind the same.
        for (int round = 0; round < options.Rounds; round++)
        {
            foreach (BenchTest test in Tests)
            {
                for (int i = 0; i < options.Programs.Count; i++)
                {
                    BenchProgram program = options.Programs[(round + i) % options.Programs.Count];
                    progress.Write($"\rround {round + 1} of {options.Rounds}: {program.Name}, {test}          ");
                    IReadOnlyList<string> words = program.CommandOf(test).Words(values);
                    MeasuredProcess process = await MeasuredProcess.RunAsync(words).ConfigureAwait(false);
                    runs[(program, test)].Add(new Run(string.Join(' ', words), process, LlamaBenchLine.ReadLast(process.Output)));
                }
            }
        }
        progress.WriteLine();
        return new PeersResult
        {
            Taken = DateTimeOffset.UtcNow,
            Machine = Machine.Current,
            ProcessorInstructionSets = InstructionSets(),
            Model = options.Model,
            Threads = options.Threads,
            PrefillTokens = options.Prefill,
            Depth = options.Depth,
            DecodedTokens = options.Tokens,
            Rounds = options.Rounds,
            Programs = [.. options.Programs.Select(program => ToResult(program.Name, [.. Tests.Select(test => runs[(program, test)])]))],
            Ratios =
            [
                .. from ours in options.Programs.Where(program => program.IsOurs)
                   from peer in options.Programs.Where(program => !program.IsOurs)
                   from test in Tests
                   select Compare(ours.Name, peer.Name, test, runs[(ours, test)], runs[(peer, test)]),
            ],
        };
    }

    private static ProgramResult ToResult(string name, List<Run>[] tests)
    {
        LlamaBenchLine line = tests[0][0].Line;
        return new ProgramResult(name, line.BuildCommit, line.InstructionSet, OfTest(tests[0]), OfTest(tests[1]), OfTest(tests[2]));

        static TestResult OfTest(List<Run> runs) => new(
            runs[0].Command,
            Sample.Of([.. runs.Select(run => 1 / run.Line.AvgTs)]),
            Sample.Of([.. runs.Select(run => run.Process.Seconds)]),
            runs.Max(run => run.Process.PeakBytes));
    }

    private static Ratio Compare(string ours, string peer, BenchTest test, List<Run> oursRuns, List<Run> peerRuns)
    {
        double[] oursTimes = [.. oursRuns.Select(Time)];
        double[] peerTimes = [.. peerRuns.Select(Time)];
        double[] ofRounds = [.. peerTimes.Zip(oursTimes, (p, o) => p / o)];
        return new Ratio(ours, peer, test, Sample.Of(peerTimes).Median / Sample.Of(oursTimes).Median, ofRounds.Min(), ofRounds.Max());

        double Time(Run run) => test == BenchTest.FirstToken ? run.Process.Seconds : 1 / run.Line.AvgTs;
    }

    private static string[] InstructionSets()
    {
        (string Name, bool IsSupported)[] sets =
        [
            ("AVX2", Avx2.IsSupported), ("FMA", Fma.IsSupported), ("AVX-VNNI", AvxVnni.IsSupported), ("AVX-512F", Avx512F.IsSupported),
            ("AVX-512BW", Avx512BW.IsSupported), ("AVX-512VBMI", Avx512Vbmi.IsSupported),
        ];
        return [.. sets.Where(set => set.IsSupported).Select(set => set.Name)];
    }

    private sealed record Run(string Command, MeasuredProcess Process, LlamaBenchLine Line);
}
