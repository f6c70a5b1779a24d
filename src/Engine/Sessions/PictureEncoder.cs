using ChainOfSpot.Images;
using ChainOfSpot.Kernels;
using ChainOfSpot.Models;
using ChainOfSpot.Runtime.Devices;

namespace ChainOfSpot.Sessions;

/// <summary>What a region of a picture looks like to the model.</summary>
/// <param name="Features">[patches, width of the language model]; the caller's to dispose.</param>
/// <param name="Rgb">The side x side pixels behind it.</param>
internal sealed record EncodedRegion(Tensor Features, byte[] Rgb);

/// <summary>Keeps one picture on the device and encodes regions of it there. All device work runs in the step loop.</summary>
internal sealed class PictureEncoder(ChainOfSpotEngine engine, Picture picture) : IDisposable
{
    private Tensor? _picture;
    private Tensor? _levels;

    /// <summary>Encodes a box of the padded square, or all of it.</summary>
    public Task<EncodedRegion> EncodeAsync(PixelBox? box, CancellationToken cancellation) =>
        engine.Steps.RunAsync(() => Encode(box, cancellation), cancellation);

    public void Dispose()
    {
        _picture?.Dispose();
        _levels?.Dispose();
    }

    private EncodedRegion Encode(PixelBox? box, CancellationToken cancellation)
    {
        Device device = engine.Device;
        VisionConfig vision = engine.Config.Vision;
        int side = vision.ImageSize;
        ResampleGeometry geometry = box is { } crop
            ? ResampleGeometry.Crop(picture.Width, picture.Height, crop, side)
            : ResampleGeometry.Square(picture.Width, picture.Height, side);
        _picture ??= Upload(device);
        _levels ??= Levels(device, vision);

        using Tensor resized = device.Allocate(ElementType.U8, side, 3 * side);
        using Tensor pixels = device.Allocate(ElementType.F32, 1, 3 * side * side);
        device.CropResize(_picture, geometry, _levels, resized, pixels);
        Tensor features = device.Allocate(ElementType.F32, vision.Patches, engine.Config.Text.HiddenSize);
        try
        {
            engine.Model.Tower.Encode(pixels, features, cancellation);
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

    private Tensor Upload(Device device)
    {
        Tensor tensor = device.Allocate(ElementType.U8, picture.Height, 3 * picture.Width);
        device.Write<byte>(tensor, picture.Rgb.Span);
        return tensor;
    }

    private static Tensor Levels(Device device, VisionConfig vision)
    {
        var levels = new float[3 * 256];
        CropResize.NormalizedLevels(vision.Mean.ToArray(), vision.Std.ToArray(), levels);
        Tensor tensor = device.Allocate(ElementType.F32, 3, 256);
        device.Write<float>(tensor, levels);
        return tensor;
    }
}
