using System.Security.Cryptography;
using System.Text.Json;
using ChainOfSpot.Images;
using ChainOfSpot.TestSupport;

namespace ChainOfSpot.Tests;

public sealed class PictureTests
{
    // Lossy decoders may round otherwise; the reference pictures are from another build of the same libraries.
    private const int MaxLossyDifference = 2;

    public static TheoryData<string> Files() => [.. Listed().Select(f => f.GetProperty("file").GetString()!)];

    [Theory]
    [MemberData(nameof(Files))]
    public void Samples_are_those_of_the_reference(string file)
    {
        JsonElement expected = Entry(file);
        Picture picture = Picture.Decode(Fixtures.Path("images", file));
        Assert.Equal(expected.GetProperty("width").GetInt32(), picture.Width);
        Assert.Equal(expected.GetProperty("height").GetInt32(), picture.Height);
        if (expected.GetProperty("exact").GetBoolean())
        {
            string reading = expected.TryGetProperty("sha256_rgb_high_byte", out _) ? "sha256_rgb_high_byte" : "sha256_rgb";
            Assert.Equal(expected.GetProperty(reading).GetString(), Sha256(picture));
        }
        else
        {
            AssertNear(Picture.Decode(Fixtures.Path("images", expected.GetProperty("reference").GetString()!)), picture);
        }
    }

    [Fact]
    public void Exif_orientation_is_applied_only_when_asked_for()
    {
        string path = Fixtures.Path("images", "exif6-128x64.jpg");
        Picture stored = Picture.Decode(path);
        Picture upright = Picture.Decode(path, new PictureOptions { ApplyExifOrientation = true });
        JsonElement expected = Entry("exif6-128x64.jpg").GetProperty("upright");
        Assert.Equal(expected.GetProperty("width").GetInt32(), upright.Width);
        Assert.Equal(expected.GetProperty("height").GetInt32(), upright.Height);
        for (int y = 0; y < upright.Height; y++)
        {
            for (int x = 0; x < upright.Width; x++)
                Assert.Equal(Pixel(stored, y, stored.Height - 1 - x), Pixel(upright, x, y));
        }
    }

    [Theory]
    [InlineData(0, 3, "ABCDEF")]
    [InlineData(1, 3, "ABCDEF")]
    [InlineData(2, 3, "CBAFED")]
    [InlineData(3, 3, "FEDCBA")]
    [InlineData(4, 3, "DEFABC")]
    [InlineData(5, 2, "ADBECF")]
    [InlineData(6, 2, "DAEBFC")]
    [InlineData(7, 2, "FCEBDA")]
    [InlineData(8, 2, "CFBEAD")]
    [InlineData(9, 3, "ABCDEF")]
    public void Every_orientation_is_turned_upright(int orientation, int width, string expected)
    {
        Picture stored = Picture.FromRgb(3, 2, [.. "ABCDEF".SelectMany(c => new[] { (byte)c, (byte)(c + 32), (byte)0 })]);
        Picture upright = ((ExifOrientation)orientation).MakeUpright(stored);
        Assert.Equal(width, upright.Width);
        Assert.Equal(expected, string.Concat(upright.Rgb.ToArray().Chunk(3).Select(p => (char)p[0])));
        Assert.All(upright.Rgb.ToArray().Chunk(3), p => Assert.Equal(p[0] + 32, p[1]));
    }

    [Theory]
    [InlineData(8, 2, "")]
    [InlineData(8, 6, "")]
    [InlineData(8, 4, "")]
    [InlineData(16, 0, "")]
    [InlineData(16, 2, "")]
    [InlineData(16, 6, "")]
    [InlineData(16, 4, "")]
    [InlineData(8, 2, "gamma")]
    [InlineData(8, 6, "gamma")]
    [InlineData(16, 6, "gamma")]
    [InlineData(8, 2, "profile")]
    [InlineData(8, 6, "profile")]
    public void Png_samples_are_as_stored_whatever_alpha_gamma_and_profile_say(int depth, int colorType, string chunk)
    {
        (byte[] png, byte[] rgb) = PngFixture.Random(13, 9, depth, colorType, chunk);
        Assert.Equal(rgb, Picture.Decode(png, "memory", options: null).Rgb.ToArray());
    }

    [Fact]
    public void A_saved_picture_reads_back_equal()
    {
        Picture picture = Picture.Decode(Fixtures.Path("images", "rgb-97x61.png"));
        using var stream = new MemoryStream();
        picture.SavePng(stream);
        stream.Position = 0;
        Picture read = Picture.Decode(stream, "memory", options: null);
        Assert.Equal(picture.Rgb.ToArray(), read.Rgb.ToArray());
        Assert.Equal(picture.Hash, read.Hash);
    }

    [Fact]
    public void The_hash_is_of_pixels_and_shape()
    {
        Assert.Equal(
            Picture.Decode(Fixtures.Path("images", "rgb-97x61.png")).Hash, Picture.Decode(Fixtures.Path("images", "bmp24-97x61.bmp")).Hash);
        byte[] rgb = new byte[12];
        Assert.NotEqual(Picture.FromRgb(4, 1, rgb).Hash, Picture.FromRgb(2, 2, rgb).Hash);
        Assert.NotEqual(Picture.FromRgb(4, 1, rgb).Hash, Picture.FromRgb(1, 4, rgb).Hash);
        Assert.Equal(32, Picture.FromRgb(4, 1, rgb).Hash.ToString().Length);
    }

    [Fact]
    public void Raw_pixels_are_copied_and_must_fit()
    {
        byte[] rgb = [1, 2, 3, 4, 5, 6];
        Picture picture = Picture.FromRgb(1, 2, rgb);
        rgb[0] = 99;
        Assert.Equal([1, 2, 3, 4, 5, 6], picture.Rgb.ToArray());
        Assert.Throws<ArgumentException>(() => Picture.FromRgb(2, 2, rgb));
        Assert.Throws<ArgumentOutOfRangeException>(() => Picture.FromRgb(0, 2, []));
        Assert.Throws<ArgumentOutOfRangeException>(() => Picture.FromRgb(1 << 20, 1, new byte[3 << 20]));
    }

    private static JsonElement.ArrayEnumerator Listed() =>
        JsonDocument.Parse(File.ReadAllBytes(Fixtures.Path("images", "images.json"))).RootElement.GetProperty("files").EnumerateArray();

    private static JsonElement Entry(string file) => Listed().Single(f => f.GetProperty("file").GetString() == file);

    private static (byte, byte, byte) Pixel(Picture picture, int x, int y)
    {
        ReadOnlySpan<byte> pixel = picture.Rgb.Span.Slice((y * picture.Width + x) * 3, 3);
        return (pixel[0], pixel[1], pixel[2]);
    }

    private static void AssertNear(Picture expected, Picture actual)
    {
        for (int i = 0; i < expected.Rgb.Length; i++)
            Assert.InRange(Math.Abs(expected.Rgb.Span[i] - actual.Rgb.Span[i]), 0, MaxLossyDifference);
    }

    private static string Sha256(Picture picture) => Convert.ToHexStringLower(SHA256.HashData(picture.Rgb.Span));
}
