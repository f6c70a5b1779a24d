using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Security.Cryptography;
using System.Text.Json;
using ChainOfSpot.Kernels.Lanes;
using ChainOfSpot.TestSupport;
using CsCheck;

namespace ChainOfSpot.Kernels.Tests;

public sealed unsafe class CropResizeTests
{
    private static readonly float[] Mean = [0.48145466f, 0.4578275f, 0.40821073f];
    private static readonly float[] Std = [0.26862954f, 0.26130258f, 0.27577711f];

    public static TheoryData<string> ResampleCases() =>
        [.. Json("resample.json").GetProperty("cases").EnumerateArray().Select(c => c.GetProperty("name").GetString()!)];

    public static TheoryData<int> CropCases() => [.. Enumerable.Range(0, Json("crops.json").GetProperty("cases").GetArrayLength())];

    [Theory]
    [MemberData(nameof(ResampleCases))]
    public void Resizes_as_Pillow_does(string name)
    {
        JsonElement expected = Json("resample.json").GetProperty("cases").EnumerateArray()
            .Single(c => c.GetProperty("name").GetString() == name);
        int width = Int(expected, "width"), height = Int(expected, "height");
        byte[] picture = Generated(width, height, Int(expected, "start"));
        ResampleGeometry geometry = ResampleGeometry.Whole(width, height, Int(expected, "out_width"), Int(expected, "out_height"));
        foreach (byte[] actual in AllForms(geometry, picture))
        {
            foreach (JsonElement sample in expected.GetProperty("samples").EnumerateArray())
                Assert.Equal(sample[1].GetInt32(), actual[sample[0].GetInt32()]);
            Assert.Equal(expected.GetProperty("sha256").GetString(), Sha256(actual));
        }
        if (expected.TryGetProperty("full", out _))
        {
            ReadOnlySpan<byte> full = new SafetensorsFixture(Fixtures.Path("images", "resample.safetensors")).Bytes(name);
            Assert.True(full.SequenceEqual(AllForms(geometry, picture)[0]));
        }
    }

    [Theory]
    [MemberData(nameof(CropCases))]
    public void Crops_as_the_reference_does(int index)
    {
        JsonElement expected = Json("crops.json").GetProperty("cases")[index];
        int width = Int(expected, "width"), height = Int(expected, "height"), side = Int(expected, "padded_side");
        byte[] picture = Generated(width, height, Int(expected, "start"));
        ResampleGeometry geometry = ResampleGeometry.Square(width, height, 336);
        if (!expected.GetProperty("fallback").GetBoolean())
        {
            int[] box = [.. expected.GetProperty("box").EnumerateArray().Select(v => v.GetInt32())];
            geometry = ResampleGeometry.Crop(width, height, new PixelBox(box[0], box[1], box[2], box[3]), 336);
        }
        Assert.Equal(Int(expected, "crop_square"), geometry.Horizontal.Frame);
        foreach (byte[] actual in AllForms(geometry, picture))
            Assert.Equal(expected.GetProperty("sha256").GetString(), Sha256(actual));
        foreach (byte[] padded in AllForms(ResampleGeometry.Square(width, height, side), picture))
            Assert.Equal(expected.GetProperty("sha256_padded").GetString(), Sha256(padded));
    }

    [Fact]
    public void Every_width_equals_the_definition_for_any_crop()
    {
        Gen<int> side70 = Gen.Int[1, 70], corner = Gen.Int[-60, 120], boxSide = Gen.Int[1, 150];
        Gen.Select(side70, side70, corner, corner, boxSide, boxSide, Gen.Int[1, 60], Gen.Int[0, 9999])
            .Sample((width, height, left, top, boxWidth, boxHeight, side, start) =>
            {
                var box = new PixelBox(left, top, left + boxWidth, top + boxHeight);
                CheckAgainstScalar(ResampleGeometry.Crop(width, height, box, side), Generated(width, height, start));
            }, iter: 400);
    }

    [Fact]
    public void Every_width_equals_the_definition_for_any_scales()
    {
        Gen.Select(Gen.Int[1, 300], Gen.Int[1, 90], Gen.Int[1, 70], Gen.Int[1, 70], Gen.Int[0, 9999])
            .Sample((width, height, outWidth, outHeight, start) =>
                CheckAgainstScalar(ResampleGeometry.Whole(width, height, outWidth, outHeight), Generated(width, height, start)), iter: 200);
    }

    [Fact]
    public void Center_crop_is_a_window_of_the_whole_resize()
    {
        Gen.Select(Gen.Int[1, 80], Gen.Int[1, 80], Gen.Int[1, 40], Gen.Int[0, 9999]).Sample((width, height, side, start) =>
        {
            byte[] picture = Generated(width, height, start);
            int scaledWidth = width <= height ? side : side * width / height;
            int scaledHeight = width <= height ? side * height / width : side;
            byte[] whole = Scalar(ResampleGeometry.Whole(width, height, scaledWidth, scaledHeight), picture);
            int left = (scaledWidth - side) / 2, top = (scaledHeight - side) / 2;
            var expected = new List<byte>();
            for (int y = 0; y < side; y++)
                expected.AddRange(whole.AsSpan((((top + y) * scaledWidth) + left) * 3, side * 3));
            foreach (byte[] actual in AllForms(ResampleGeometry.CenterCrop(width, height, side), picture))
                Assert.Equal(expected, actual);
        }, iter: 100);
    }

    [Fact]
    public void Normalized_planes_are_the_levels_of_the_bytes()
    {
        const int Side = 29;
        ResampleGeometry geometry = ResampleGeometry.Square(41, 23, Side);
        (byte[] rgb, float[] planes) = Cpu<Vector512<float>, Lanes512>(geometry, Generated(41, 23, 5), parts: 3);
        for (int i = 0; i < Side * Side; i++)
        {
            for (int c = 0; c < 3; c++)
            {
                double expected = (rgb[i * 3 + c] / 255.0 - Mean[c]) / Std[c];
                Assert.InRange(planes[c * Side * Side + i], expected - 2e-6, expected + 2e-6);
            }
        }
    }

    [Fact]
    public void A_huge_picture_needs_little_workspace()
    {
        Assert.InRange(CropResize.WorkspaceBytes(ResampleGeometry.Square(12000, 9000, 336)), 1, 10 << 20);
        var box = new PixelBox(6000, 6000, 6400, 6400);
        Assert.InRange(CropResize.WorkspaceBytes(ResampleGeometry.Crop(12000, 9000, box, 336)), 1, 1 << 20);
        // A frame far larger than its picture costs no more than the picture.
        box = new PixelBox(-60000, -60000, 60000, 60000);
        Assert.InRange(CropResize.WorkspaceBytes(ResampleGeometry.Crop(10, 10, box, 336)), 1, 1 << 20);
    }

    [Theory]
    [InlineData(0, 5, 0, 0, 1, 1)]
    [InlineData(5, 1 << 20, 0, 0, 1, 1)]
    [InlineData(5, 5, 3, 0, 3, 5)]
    [InlineData(5, 5, 4, 0, 2, 5)]
    [InlineData(5, 5, int.MinValue, 0, int.MaxValue, 5)]
    [InlineData(5, 5, 0, int.MaxValue, 5, int.MinValue)]
    [InlineData(5, 5, -100000, 0, 100000, 5)]
    public void An_impossible_picture_or_box_is_refused(int width, int height, int left, int top, int right, int bottom)
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => ResampleGeometry.Crop(width, height, new PixelBox(left, top, right, bottom), 336));
    }

    private static void CheckAgainstScalar(ResampleGeometry geometry, byte[] picture)
    {
        byte[][] forms = AllForms(geometry, picture);
        for (int form = 1; form < forms.Length; form++)
            Assert.Equal(forms[0], forms[form]);
    }

    private static byte[][] AllForms(ResampleGeometry geometry, byte[] picture) =>
    [
        Scalar(geometry, picture),
        Cpu<Vector512<float>, Lanes512>(geometry, picture, parts: 1).Rgb,
        Cpu<Vector256<float>, Lanes256>(geometry, picture, parts: 2).Rgb,
        Cpu<Vector128<float>, Lanes128>(geometry, picture, parts: 5).Rgb,
    ];

    private static byte[] Scalar(ResampleGeometry geometry, byte[] picture)
    {
        byte[] rgb = new byte[geometry.Horizontal.Output * geometry.Vertical.Output * 3];
        fixed (byte* source = picture, destination = rgb)
            CropResize.Scalar(geometry, source, destination);
        return rgb;
    }

    /// <summary>Both passes in a number of row ranges, the last range first; the picture ends at a page that traps.</summary>
    private static (byte[] Rgb, float[] Planes) Cpu<TVector, TLanes>(ResampleGeometry geometry, byte[] picture, int parts)
        where TVector : struct
        where TLanes : ILanes<TVector>
    {
        using var source = new GuardedMemory(picture);
        byte[] rgb = new byte[geometry.Horizontal.Output * geometry.Vertical.Output * 3];
        float[] planes = new float[rgb.Length];
        float[] levels = new float[768];
        CropResize.NormalizedLevels(Mean, Std, levels);
        nuint size = (nuint)CropResize.WorkspaceBytes(geometry);
        byte* workspace = (byte*)NativeMemory.AlignedAlloc(size, 64);
        NativeMemory.Fill(workspace, size, 0xA5);
        CropResize.Prepare(geometry, workspace);
        fixed (byte* destination = rgb)
        fixed (float* levelsAt = levels, planesAt = planes)
        {
            for (int part = parts - 1; part >= 0; part--)
            {
                int first = geometry.Rows * part / parts, end = geometry.Rows * (part + 1) / parts;
                CropResize.HorizontalCpu<TVector, TLanes>(geometry, source.Start, workspace, first, end);
            }
            for (int part = parts - 1; part >= 0; part--)
            {
                int first = geometry.Vertical.Output * part / parts, end = geometry.Vertical.Output * (part + 1) / parts;
                CropResize.VerticalCpu<TVector, TLanes>(geometry, workspace, destination, levelsAt, planesAt, first, end);
            }
        }
        NativeMemory.AlignedFree(workspace);
        return (rgb, planes);
    }

    private static byte[] Generated(int width, int height, int start)
    {
        byte[] bytes = new byte[width * height * 3];
        for (int k = 0; k < bytes.Length; k++)
            bytes[k] = (byte)(unchecked((uint)(((ulong)k + (ulong)start) * 1103515245 + 12345)) >> 16);
        return bytes;
    }

    private static JsonElement Json(string name) => JsonDocument.Parse(File.ReadAllBytes(Fixtures.Path("images", name))).RootElement;

    private static int Int(JsonElement element, string name) => element.GetProperty(name).GetInt32();

    private static string Sha256(byte[] bytes) => Convert.ToHexStringLower(SHA256.HashData(bytes));
}
