using System.Security.Cryptography;
using ChainOfSpot.Images;
using ChainOfSpot.Kernels;
using ChainOfSpot.Models;
using ChainOfSpot.Regions;
using ChainOfSpot.Runtime.Devices;
using ChainOfSpot.Sessions;

namespace ChainOfSpot.Engine.Tests.Models;

/// <summary>From the pixels of a picture to what the language model sees of it, against the reference.</summary>
public sealed class FeatureParityTests
{
    [Theory]
    [MemberData(nameof(Golden.Models), MemberType = typeof(Golden))]
    public async Task Pictures_and_crops_become_the_features_of_the_reference(string model)
    {
        var golden = Golden.Of(model);
        await using ChainOfSpotEngine engine = await TestEngine.LoadAsync(golden.Folder);
        foreach (GoldenCase expected in golden.Cases)
        {
            Picture picture = expected.Decode();
            Assert.True(Region.TryParse(expected.Region, out Region region, out _));
            PixelBox box = region.ToCropBox(new PaddedSquare(picture.Width, picture.Height), out RegionProblem problem);
            Assert.Equal(RegionProblem.None, problem);
            Assert.Equal(expected.CropBox, box);
            await CheckAsync(engine, picture, box: null, expected, expected.GlobalSha256, "pixel_values.global", "");
            await CheckAsync(engine, picture, box, expected, expected.CropSha256, "pixel_values.crop", "crop.");
        }
    }

    private static async Task CheckAsync(
        ChainOfSpotEngine engine, Picture picture, PixelBox? box, GoldenCase expected, string sha256, string pixels, string prefix)
    {
        using Shared<EncodedRegion> shared = await engine.Pictures.EncodeAsync(
            picture, new ImageKey(picture.Hash, box), reuses: false, TestContext.Current.CancellationToken);
        EncodedRegion encoded = shared.Value;
        (float[] hidden, float[] projected) = await engine.OnDeviceAsync(
            () => (engine.Device.ToHost(engine.Model.Tower.Features), engine.Device.ToHost(encoded.Features)));

        Assert.Equal(sha256, Convert.ToHexStringLower(SHA256.HashData(encoded.Rgb)));
        Golden.AssertClose(expected.Floats(pixels), Normalize(encoded.Rgb, engine.Config.Vision), Golden.PixelTolerance, pixels);
        Golden.AssertClose(await PixelsOnDeviceAsync(engine, picture, box), Normalize(encoded.Rgb, engine.Config.Vision), 0, pixels);
        Golden.AssertClose(expected.Floats(prefix + "vision.hidden.-2"), hidden, Golden.FeatureTolerance, prefix + "hidden");
        Golden.AssertClose(expected.Floats(prefix + "projector.out"), projected, Golden.FeatureTolerance, prefix + "projector");
    }

    /// <summary>What the tower is given, computed again as the encoder computes it.</summary>
    private static Task<float[]> PixelsOnDeviceAsync(ChainOfSpotEngine engine, Picture picture, PixelBox? box) => engine.OnDeviceAsync(() =>
    {
        Device device = engine.Device;
        int side = engine.Config.Vision.ImageSize;
        float[] levels = Levels(engine.Config.Vision);
        using Tensor source = device.Allocate(ElementType.U8, picture.Height, 3 * picture.Width);
        using Tensor table = device.Allocate(ElementType.F32, 3, 256);
        using Tensor resized = device.Allocate(ElementType.U8, side, 3 * side);
        using Tensor pixels = device.Allocate(ElementType.F32, 1, 3 * side * side);
        device.Write<byte>(source, picture.Rgb.Span);
        device.Write<float>(table, levels);
        ResampleGeometry geometry = box is { } crop
            ? ResampleGeometry.Crop(picture.Width, picture.Height, crop, side)
            : ResampleGeometry.Square(picture.Width, picture.Height, side);
        device.CropResize(source, geometry, table, resized, pixels);
        return device.ToHost(pixels);
    });

    /// <summary>(x / 255 - mean) / std, channels first.</summary>
    private static float[] Normalize(byte[] rgb, VisionConfig vision)
    {
        float[] levels = Levels(vision);
        int plane = rgb.Length / 3;
        float[] pixels = new float[rgb.Length];
        for (int i = 0; i < rgb.Length; i++)
            pixels[((i % 3) * plane) + (i / 3)] = levels[((i % 3) * 256) + rgb[i]];
        return pixels;
    }

    private static float[] Levels(VisionConfig vision)
    {
        float[] levels = new float[3 * 256];
        CropResize.NormalizedLevels([.. vision.Mean], [.. vision.Std], levels);
        return levels;
    }
}
