using ChainOfSpot.Images;
using System.Security.Cryptography;
using ChainOfSpot.Engine.Tests.Sessions;
using ChainOfSpot.Runtime.Devices;
using ChainOfSpot.Sessions;

namespace ChainOfSpot.Engine.Tests.Models;

/// <summary>
/// Both passes on every GPU that is there, OpenCL on the processor included, against the same reference as the CPU's: equal
/// tokens and, where products are fp32, the same bounds.
/// </summary>
public sealed class GpuParityTests
{
    /// <summary>Of features and logits whose products are rounded to fp16: the relative error of a half of numbers up to 10.</summary>
    private const float HalfTolerance = 1e-2f;

    public static MatrixTheoryData<DeviceKind, string> KindsAndModels { get; } =
        new([DeviceKind.OpenCl, DeviceKind.Cuda], Golden.Models.Select(row => row.Data));

    public static TheoryData<DeviceKind> Kinds { get; } = [DeviceKind.OpenCl, DeviceKind.Cuda];

    [Theory]
    [MemberData(nameof(KindsAndModels))]
    public async Task Both_passes_equal_the_reference_with_and_without_reuse(DeviceKind kind, string model)
    {
        bool onTensorCores = kind == DeviceKind.Cuda;
        float logits = onTensorCores ? HalfTolerance : Golden.LogitTolerance;
        var golden = Golden.Of(model);
        ChainOfSpotEngine engine = await LoadAsync(golden.Folder, kind);
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

    private static async Task<ChainOfSpotEngine> LoadAsync(string folder, DeviceKind kind)
    {
        SkipWithout(kind);
        ChainOfSpotEngine engine = await TestEngine.LoadAsync(folder, new EngineOptions { Device = new DeviceChoice(kind) });
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
