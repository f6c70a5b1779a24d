using ChainOfSpot.Images;
using System.Security.Cryptography;
using ChainOfSpot.Engine.Tests.Sessions;
using ChainOfSpot.Runtime.Devices;
using ChainOfSpot.Sessions;

namespace ChainOfSpot.Engine.Tests.Models;

/// <summary>
/// Both passes on every GPU that is there, OpenCL on the processor included, against the same reference as the CPU's: equal
/// tokens and, in exact arithmetic, the same bounds. CUDA's fast arithmetic has bounds of its own.
/// </summary>
public sealed class GpuParityTests
{
    /// <summary>Of features and logits whose products are rounded to fp16: the relative error of a half of numbers up to 10.</summary>
    private const float HalfTolerance = 1e-2f;

    // OpenCL has no faster products: what is exact there is all there is.
    private static readonly (DeviceKind Kind, Arithmetic Arithmetic)[] Variants =
        [(DeviceKind.OpenCl, Arithmetic.Exact), (DeviceKind.Cuda, Arithmetic.Exact), (DeviceKind.Cuda, Arithmetic.Fast)];

    public static TheoryData<DeviceKind, Arithmetic, string> VariantsAndModels { get; } =
        [.. Variants.SelectMany(v => Golden.Models.Select(row => new TheoryDataRow<DeviceKind, Arithmetic, string>(v.Kind, v.Arithmetic, row.Data)))];

    public static TheoryData<DeviceKind> Kinds { get; } = [DeviceKind.OpenCl, DeviceKind.Cuda];

    [Theory]
    [MemberData(nameof(VariantsAndModels))]
    public async Task Both_passes_equal_the_reference_with_and_without_reuse(DeviceKind kind, Arithmetic arithmetic, string model)
    {
        bool onTensorCores = arithmetic == Arithmetic.Fast;
        float logits = onTensorCores ? HalfTolerance : Golden.LogitTolerance;
        var golden = Golden.Of(model);
        ChainOfSpotEngine engine = await LoadAsync(golden.Folder, new EngineOptions { Device = new DeviceChoice(kind), Arithmetic = arithmetic });
        await using (engine)
        {
            foreach (GoldenCase expected in golden.Cases)
            {
                await CheckPictureAsync(engine, expected, onTensorCores ? HalfTolerance : Golden.FeatureTolerance);
                await using SpotImage image = engine.OpenImage(expected.Decode());
                AskOptions options = QuestionParityTests.Options(engine) with { RegionText = expected.Region };
                foreach (AskOptions asked in (AskOptions[])[options, options, options with { Reuse = false }])
                {
                    Answer answer = await image.AskForTestAsync(expected.Question, asked);
                    Assert.Equal([PassKind.Region, PassKind.Answer], answer.Passes.Select(p => p.Kind));
                    QuestionParityTests.CheckPass(expected, "pass1", answer.Passes[0], logits);
                    QuestionParityTests.CheckPass(expected, "pass2", answer.Passes[1], logits);
                }
                Answer direct = await image.AskForTestAsync(expected.Question, QuestionParityTests.Options(engine) with { Direct = true });
                QuestionParityTests.CheckPass(expected, "direct", direct.Passes[0], logits);
            }
        }
        Assert.Equal(0, ((GpuDevice)engine.Device).AllocatedBytes);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task Several_sessions_share_the_device_and_cancelled_ones_give_their_pages_back(DeviceKind kind)
    {
        SkipWithout(kind);
        await using SpotQuestions questions = await SpotQuestions.OpenAsync(
            new EngineOptions { Device = new DeviceChoice(kind), CachePositions = 8192 });
        TestContext.Current.TestOutputHelper?.WriteLine($"device: {questions.Engine.DeviceName}");
        CancellationToken cancellation = TestContext.Current.CancellationToken;
        await questions.AskAsync(questions.All[0], new AskOptions(), cancellation);
        using var cancelled = new CancellationTokenSource();
        Task[] abandoned = [.. questions.All.Take(4).Select(q => questions.AskAsync(q, new AskOptions { Reuse = false }, cancelled.Token))];
        Task[] asked = [.. questions.All.Select(q => questions.AskAsync(q, new AskOptions(), cancellation))];
        await asked[0];
        await cancelled.CancelAsync();
        foreach (Task task in abandoned)
        {
            try
            {
                await task;
            }
            catch (OperationCanceledException)
            {
                // The others were faster.
            }
        }
        await Task.WhenAll(asked);
        questions.CloseImages();
    }

    [Fact]
    public async Task The_drivers_own_count_of_free_memory_is_the_same_behind_an_engine_as_before()
    {
        SkipWithout(DeviceKind.Cuda);
        // Opened first and last, so that what the driver itself needs is in both counts.
        using Device watch = new DeviceChoice(DeviceKind.Cuda).Open();
        var options = new EngineOptions { Device = new DeviceChoice(DeviceKind.Cuda), CachePositions = 400_000 };
        await AskOnceAsync();
        long before = watch.FreeBytes!.Value;
        long within = await AskOnceAsync();
        long after = watch.FreeBytes!.Value;
        TestContext.Current.TestOutputHelper?.WriteLine($"free: {before:N0} bytes before, {within:N0} within, {after:N0} behind");
        Assert.InRange(before - within, 100L << 20, long.MaxValue);
        Assert.InRange(before - after, long.MinValue, 16L << 20);

        async Task<long> AskOnceAsync()
        {
            var golden = Golden.Of("hf-mha");
            await using ChainOfSpotEngine engine = await LoadAsync(golden.Folder, options);
            await using SpotImage image = engine.OpenImage(golden.Cases[0].Decode());
            await image.AskForTestAsync(golden.Cases[0].Question, QuestionParityTests.Options(engine));
            return watch.FreeBytes!.Value;
        }
    }

    private static async Task<ChainOfSpotEngine> LoadAsync(string folder, EngineOptions options)
    {
        SkipWithout(options.Device.Kind);
        ChainOfSpotEngine engine = await TestEngine.LoadAsync(folder, options);
        TestContext.Current.TestOutputHelper?.WriteLine($"device: {engine.DeviceName}");
        return engine;
    }

    private static void SkipWithout(DeviceKind kind)
    {
        string? reason = GpuSearch.WhyNone(kind);
        Assert.SkipWhen(reason is not null, $"No {kind} device: {reason}.");
    }

    private static async Task CheckPictureAsync(ChainOfSpotEngine engine, GoldenCase expected, float tolerance)
    {
        Picture picture = expected.Decode();
        using Shared<EncodedRegion> shared = await engine.Pictures.EncodeAsync(
            picture, new ImageKey(picture.Hash, expected.CropBox), reuses: false, TestContext.Current.CancellationToken);
        EncodedRegion encoded = shared.Value;
        float[] projected = await engine.OnDeviceAsync(() => engine.Device.ToHost(encoded.Features));
        Assert.Equal(expected.CropSha256, Convert.ToHexStringLower(SHA256.HashData(encoded.Rgb)));
        Golden.AssertClose(expected.Floats("crop.projector.out"), projected, tolerance, "projector");
    }
}
