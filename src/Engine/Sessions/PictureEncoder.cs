using ChainOfSpot.Images;
using ChainOfSpot.Kernels;
using ChainOfSpot.Models;
using ChainOfSpot.Runtime.Devices;

namespace ChainOfSpot.Sessions;

/// <summary>
/// Crops, resizes, normalises and encodes regions of pictures on the device, or finds what is kept of them. All device work runs
/// in the step loop, so what one question computes is there for the next.
/// </summary>
internal sealed class PictureEncoder(Device device, VisionTower tower, LlavaConfig config, StepLoop steps, PromptCache cache) : IDisposable
{
    private Tensor? _levels;

    /// <summary>Encodes a region of a picture.</summary>
    /// <param name="picture">The picture, whose pixels are those of <paramref name="key"/>.</param>
    /// <param name="key">Which region of it.</param>
    /// <param name="reuses">Whether it may be one that is kept, and is kept.</param>
    /// <param name="cancellation">Stops within one layer.</param>
    /// <returns>The region; the caller is a holder.</returns>
    public Task<Shared<EncodedRegion>> EncodeAsync(Picture picture, ImageKey key, bool reuses, CancellationToken cancellation) => steps.RunAsync(
        () =>
        {
            if (reuses && cache.FindRegion(key) is { } kept)
                return kept;
            Shared<Tensor> pixels = (reuses ? cache.FindPicture(key.Picture) : null) ?? Upload(picture, key.Picture, reuses);
            Shared<EncodedRegion> region;
            try
            {
                region = new Shared<EncodedRegion>(Encode(picture, pixels.Value, key.Box, cancellation));
            }
            finally
            {
                pixels.Dispose();
            }
            if (reuses)
                cache.Keep(key, region);
            return region;
        },
        cancellation);

    public void Dispose() => _levels?.Dispose();

    private EncodedRegion Encode(Picture picture, Tensor uploaded, PixelBox? box, CancellationToken cancellation)
    {
        VisionConfig vision = config.Vision;
        int side = vision.ImageSize;
        ResampleGeometry geometry = box is { } crop
            ? ResampleGeometry.Crop(picture.Width, picture.Height, crop, side)
            : ResampleGeometry.Square(picture.Width, picture.Height, side);
        _levels ??= Levels(vision);

        using Tensor resized = device.Allocate(ElementType.U8, side, 3 * side);
        using Tensor pixels = device.Allocate(ElementType.F32, 1, 3 * side * side);
        device.CropResize(uploaded, geometry, _levels, resized, pixels);
        Tensor features = device.Allocate(ElementType.F32, vision.Patches, config.Text.HiddenSize);
        try
        {
            tower.Encode(pixels, features, cancellation);
            var rgb = new byte[3 * side * side];
            device.Read<byte>(resized, rgb);
            return new EncodedRegion(features, rgb);
        }
        catch
        {
            features.Dispose();
            throw;
        }
    }

    private Shared<Tensor> Upload(Picture picture, PixelHash key, bool keeps)
    {
        Tensor tensor = device.Allocate(ElementType.U8, picture.Height, 3 * picture.Width);
        device.Write(tensor, picture.Rgb.Span);
        var shared = new Shared<Tensor>(tensor);
        if (keeps)
            cache.Keep(key, shared);
        return shared;
    }

    private Tensor Levels(VisionConfig vision)
    {
        var levels = new float[3 * 256];
        CropResize.NormalizedLevels(vision.Mean.ToArray(), vision.Std.ToArray(), levels);
        Tensor tensor = device.Allocate(ElementType.F32, 3, 256);
        device.Write<float>(tensor, levels);
        return tensor;
    }
}
