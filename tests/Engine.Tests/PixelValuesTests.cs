using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Security.Cryptography;
using System.Text.Json;
using ChainOfSpot.Images;
using ChainOfSpot.Kernels;
using ChainOfSpot.Kernels.Lanes;
using ChainOfSpot.TestSupport;

namespace ChainOfSpot.Tests;

public sealed unsafe class PixelValuesTests
{
    [Theory]
    [InlineData("hf-mha")]
    [InlineData("hf-gqa-sharded")]
    [InlineData("orig-bin")]
    [InlineData("orig-safetensors-embedded-tower")]
    public void Pixel_values_are_those_of_Hugging_Face(string checkpoint)
    {
        string folder = Fixtures.Path("llava", $"{checkpoint}.golden");
        JsonElement golden = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(folder, "golden.json"))).RootElement;
        var tensors = new SafetensorsFixture(Path.Combine(folder, "golden.safetensors"));
        int side = golden.GetProperty("image_size").GetInt32();
        foreach (JsonElement expected in golden.GetProperty("cases").EnumerateArray())
        {
            Picture picture = Picture.Decode(Fixtures.Path("images", expected.GetProperty("image").GetString()!));
            int[] box = [.. expected.GetProperty("crop_box").EnumerateArray().Select(v => v.GetInt32())];
            string prefix = expected.GetProperty("tensors_prefix").GetString()!;
            Check(ResampleGeometry.Square(picture.Width, picture.Height, side), "global");
            Check(ResampleGeometry.Crop(picture.Width, picture.Height, new PixelBox(box[0], box[1], box[2], box[3]), side), "crop");

            void Check(ResampleGeometry geometry, string name)
            {
                (byte[] rgb, float[] planes) = Resize(geometry, picture);
                Assert.Equal(expected.GetProperty($"resized_{name}_sha256").GetString(), Convert.ToHexStringLower(SHA256.HashData(rgb)));
                ReadOnlySpan<float> values = tensors.Floats($"{prefix}pixel_values.{name}");
                Assert.Equal(values.Length, planes.Length);
                for (int i = 0; i < planes.Length; i++)
                    Assert.InRange(planes[i], values[i] - 2e-6f, values[i] + 2e-6f);
            }
        }
    }

    private static (byte[] Rgb, float[] Planes) Resize(ResampleGeometry geometry, Picture picture)
    {
        byte[] rgb = new byte[geometry.Horizontal.Output * geometry.Vertical.Output * 3];
        float[] planes = new float[rgb.Length];
        float[] levels = new float[768];
        CropResize.NormalizedLevels([0.48145466f, 0.4578275f, 0.40821073f], [0.26862954f, 0.26130258f, 0.27577711f], levels);
        byte* workspace = (byte*)NativeMemory.AlignedAlloc((nuint)CropResize.WorkspaceBytes(geometry), 64);
        CropResize.Prepare(geometry, workspace);
        fixed (byte* source = picture.Rgb.Span, destination = rgb)
        fixed (float* levelsAt = levels, planesAt = planes)
        {
            CropResize.HorizontalCpu<Vector256<float>, Lanes256>(geometry, source, workspace, 0, geometry.Rows);
            CropResize.VerticalCpu<Vector256<float>, Lanes256>(
                geometry, workspace, destination, levelsAt, planesAt, 0, geometry.Vertical.Output);
        }
        NativeMemory.AlignedFree(workspace);
        return (rgb, planes);
    }
}
