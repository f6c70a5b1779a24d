using ChainOfSpot.Images;
using ChainOfSpot.Kernels;
using ChainOfSpot.Models;
using ChainOfSpot.Runtime.Cache;
using ChainOfSpot.Runtime.Devices;
using ChainOfSpot.Sessions;
using ChainOfSpot.TestSupport;
using CsCheck;

namespace ChainOfSpot.Engine.Tests.Models;

/// <summary>
/// No bit of any logit depends on how the work was shared out: on what was cached, on other questions in the same step, on where
/// a prompt was split, on the number of threads. Random checkpoints, every vector width of this CPU.
/// </summary>
public sealed class ExactModeTests
{
    private static readonly string[] Questions =
    [
        "What is it?",
        "What number is on the red circle?",
        "Which of the two is to the left of the other one, the small green triangle or the large blue square?",
    ];

    public static TheoryData<int> VectorBits { get; } =
        [.. ((int[])[128, 256, 512]).Where(bits => bits <= CpuDevice.WidestVectorBits)];

    public static MatrixTheoryData<int, KvElement> VectorBitsAndCaches { get; } =
        new(VectorBits.Select(row => row.Data), Enum.GetValues<KvElement>());

    [Theory]
    [MemberData(nameof(VectorBitsAndCaches))]
    public Task Reuse_batching_split_and_threads_change_no_bit(int vectorBits, KvElement cache) => RandomModel.Shapes.SampleAsync(
        async model =>
        {
            using var folder = new TemporaryFolder();
            model.Write(folder.Root);
            var options = new EngineOptions { Threads = 1, VectorBits = vectorBits, KvCache = cache };
            PassBits[][] expected = await AskAsync(folder.Root, options, new AskOptions { Reuse = false }, together: false);
            PassBits[][] reused = await AskAsync(folder.Root, options, new AskOptions(), together: false);
            PassBits[][] batched = await AskAsync(folder.Root, options with { Threads = 2 }, new AskOptions(), together: true);
            PassBits[][] split = await AskAsync(folder.Root, options with { Threads = 3, StepRows = 7 }, new AskOptions(), together: true);
            PassBits[][] rows = await AskAsync(folder.Root, options with { StepRows = 1 }, new AskOptions(), together: false);
            PassBits[][] pages = await AskAsync(folder.Root, options with { Threads = 2, StepRows = 64 }, new AskOptions { Reuse = false }, together: true);
            foreach (PassBits[][] other in (PassBits[][][])[reused, batched, split, rows, pages])
                AssertEqual(expected, other);
        },
        iter: 6,
        threads: 1);

    [Theory]
    [MemberData(nameof(VectorBitsAndCaches))]
    public Task Sequences_side_by_side_in_one_step_have_the_logits_of_each_alone(int vectorBits, KvElement cache) => Gen.Select(RandomModel.Shapes, Gen.Int).SampleAsync(
        async (model, seed) =>
        {
            using var folder = new TemporaryFolder();
            model.Write(folder.Root);
            await using ChainOfSpotEngine engine = await TestEngine.LoadAsync(
                folder.Root, new EngineOptions { Threads = 2, VectorBits = vectorBits, KvCache = cache, CachePositions = 8192 });
            var random = new Random(seed);
            float[] features = await engine.EncodeAsync(Noise(random, 50, 31), box: null);
            PromptRows[] prompts = [.. Enumerable.Range(0, 5).Select(_ => engine.Prompt(RandomIds(random), features, features))];
            float[][] alone = new float[prompts.Length][];
            for (int i = 0; i < prompts.Length; i++)
                alone[i] = await engine.LogitsAsync(prompts[i], split: random.Next(1, 200));
            float[][] together = await InterleaveAsync(engine, prompts, random);
            for (int i = 0; i < prompts.Length; i++)
                Assert.Equal(TestEngine.Bits(alone[i]), TestEngine.Bits(together[i]));
        },
        iter: 8,
        threads: 1);

    /// <summary>Feeds prompts side by side, in each step random numbers of rows of random ones of them.</summary>
    private static Task<float[][]> InterleaveAsync(ChainOfSpotEngine engine, PromptRows[] prompts, Random random) => engine.OnDeviceAsync(() =>
    {
        int vocabulary = engine.Config.Text.VocabularySize;
        KvSequence[] sequences = [.. prompts.Select(_ => new KvSequence(engine.Pages))];
        float[][] logits = [.. prompts.Select(p => new float[p.Tokens.Length * vocabulary])];
        using var batch = new RaggedBatch(engine.Device, 300, prompts.Length, 16);
        while (Enumerable.Range(0, prompts.Length).Any(i => sequences[i].Length < prompts[i].Tokens.Length))
        {
            batch.Clear();
            var features = new List<FeatureRows>();
            var runs = new List<(int Prompt, int Fed, int Count)>();
            foreach (int i in Enumerable.Range(0, prompts.Length).OrderBy(_ => random.Next()))
            {
                int fed = sequences[i].Length;
                int count = Math.Min(random.Next(0, 60), prompts[i].Tokens.Length - fed);
                if (count == 0)
                    continue;
                int first = batch.Add(sequences[i], prompts[i].Tokens.Slice(fed, count), outputs: count);
                features.AddRange(Steps.FeaturesOf(prompts[i], fed, count, first));
                runs.Add((i, fed, count));
            }
            if (runs.Count == 0)
                continue;
            float[] rows = engine.Device.ToHost(engine.Forward(batch, [.. features]));
            int row = 0;
            foreach ((int prompt, int fed, int count) in runs)
            {
                rows.AsSpan(row * vocabulary, count * vocabulary).CopyTo(logits[prompt].AsSpan(fed * vocabulary));
                row += count;
            }
        }
        foreach (KvSequence sequence in sequences)
            sequence.Dispose();
        return logits;
    });

    [Fact]
    public Task Vectors_of_every_width_give_the_same_logits_but_for_rounding() => RandomModel.Shapes.SampleAsync(
        async model =>
        {
            using var folder = new TemporaryFolder();
            model.Write(folder.Root);
            PassBits[][]? expected = null;
            foreach (TheoryDataRow<int> vectorBits in VectorBits)
            {
                PassBits[][] actual = await AskAsync(
                    folder.Root, new EngineOptions { Threads = 1, VectorBits = vectorBits.Data }, new AskOptions(), together: false);
                expected ??= actual;
                for (int question = 0; question < actual.Length; question++)
                {
                    for (int pass = 0; pass < 2; pass++)
                    {
                        Golden.AssertClose(
                            Numbers(expected[question][pass].Logits), Numbers(actual[question][pass].Logits), Golden.LogitTolerance, "logits");
                    }
                }
            }
        },
        iter: 12,
        threads: 1);

    private static float[] Numbers(int[] bits) => [.. bits.Select(BitConverter.Int32BitsToSingle)];

    private static async Task<PassBits[][]> AskAsync(string folder, EngineOptions options, AskOptions ask, bool together)
    {
        await using ChainOfSpotEngine engine = await TestEngine.LoadAsync(folder, options with { CachePositions = 8192 });
        int free = engine.FreeCachePositions;
        ask = ask with
        {
            RegionText = "[0.25, 0.1, 0.8, 1.1]",
            IgnoreEndToken = true,
            MaxNewTokens = 5,
            TopLogits = engine.Config.Text.VocabularySize,
        };
        PassBits[][] passes;
        await using (SpotImage image = engine.OpenImage(Noise(new Random(5), 61, 40)))
        {
            Answer[] answers;
            if (together)
            {
                // The second time every question goes on from a fork of what the first one left.
                await Task.WhenAll(Questions.Select(q => image.AskForTestAsync(q, ask)));
                answers = await Task.WhenAll(Questions.Select(q => image.AskForTestAsync(q, ask)));
            }
            else
            {
                answers = new Answer[Questions.Length];
                for (int i = 0; i < answers.Length; i++)
                    answers[i] = await image.AskForTestAsync(Questions[i], ask);
            }
            passes = [.. answers.Select(a => a.Passes.Select(p => new PassBits(p.OutputIds, TestEngine.Bits(p.ToLogits()))).ToArray())];
        }
        Assert.Equal(free, engine.FreeCachePositions);
        return passes;
    }

    private static void AssertEqual(PassBits[][] expected, PassBits[][] actual)
    {
        for (int question = 0; question < expected.Length; question++)
        {
            for (int pass = 0; pass < 2; pass++)
            {
                Assert.Equal(RandomModel.Vocabulary, actual[question][pass].Logits.Length);
                Assert.All(Numbers(actual[question][pass].Logits), logit => Assert.InRange(Math.Abs(logit), 0, 100));
                Assert.Equal(expected[question][pass].Logits, actual[question][pass].Logits);
                Assert.Equal(expected[question][pass].Output, actual[question][pass].Output);
            }
        }
    }

    private static Picture Noise(Random random, int width, int height)
    {
        byte[] rgb = new byte[width * height * 3];
        random.NextBytes(rgb);
        return Picture.FromRgb(width, height, rgb);
    }

    /// <summary>A begin id and random tokens with none, one or two pictures among them.</summary>
    private static int[] RandomIds(Random random)
    {
        int[] ids = [1, .. Enumerable.Range(0, random.Next(1, 150)).Select(_ => random.Next(3, RandomModel.Vocabulary))];
        foreach (int image in Enumerable.Range(0, random.Next(0, 3)))
            ids[random.Next(1, ids.Length)] = ChainOfSpot.Text.Conversation.ImageToken;
        return ids;
    }

    private sealed record PassBits(IReadOnlyList<int> Output, int[] Logits);
}
