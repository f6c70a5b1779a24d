using System.Buffers.Binary;
using ChainOfSpot.Images;
using ChainOfSpot.TestSupport;

namespace ChainOfSpot.Tests;

public sealed class HostilePictureTests
{
    [Theory]
    [InlineData("truncated.jpg", "truncated")]
    [InlineData("truncated.png", "truncated")]
    [InlineData("empty.jpg", "empty")]
    [InlineData("text.png", "no picture")]
    [InlineData("bomb-100000x100000.png", "100000 x 100000")]
    public void A_hostile_file_is_refused_by_name_quickly_and_with_little_memory(string file, string problem)
    {
        string path = Fixtures.Path("images", "hostile", file);
        PictureException error = Soon.WithinASecond(() =>
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            PictureException thrown = Assert.Throws<PictureException>(() => Picture.Decode(path));
            Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 4 << 20);
            return thrown;
        });
        Assert.Equal(path, error.Origin);
        Assert.Contains(file, error.Message, StringComparison.Ordinal);
        Assert.Contains(problem, error.Message, StringComparison.Ordinal);
        Assert.Contains("expected", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("rgb-97x61.png")]
    [InlineData("interlaced-97x61.png")]
    [InlineData("palette-64x128.png")]
    [InlineData("base420-256x256.jpg")]
    [InlineData("progressive-640x427.jpg")]
    [InlineData("cmyk-64x64.jpg")]
    [InlineData("lossy-97x61.webp")]
    [InlineData("lossless-64x128.webp")]
    [InlineData("gif-97x61.gif")]
    [InlineData("bmp24-97x61.bmp")]
    public void A_file_cut_anywhere_is_refused(string file)
    {
        byte[] whole = File.ReadAllBytes(Fixtures.Path("images", file));
        for (int percent = 0; percent <= 90; percent += 6)
        {
            byte[] part = whole[..(whole.Length * percent / 100)];
            Assert.Throws<PictureException>(() => Picture.Decode(part, "standard input", options: null));
        }
    }

    [Fact]
    public void A_damaged_file_gives_a_picture_or_the_documented_error()
    {
        var random = new Random(1);
        foreach (string path in Directory.GetFiles(Fixtures.Path("images")).Where(p => !p.EndsWith(".json", StringComparison.Ordinal)))
        {
            byte[] whole = File.ReadAllBytes(path);
            for (int round = 0; round < 30; round++)
            {
                byte[] damaged = [.. whole];
                for (int i = 0; i < 1 + round / 5; i++)
                    damaged[random.Next(damaged.Length)] = (byte)random.Next(256);
                try
                {
                    Picture picture = Picture.Decode(damaged, "damaged", new PictureOptions { MaxPixels = 1 << 20 });
                    Assert.Equal(picture.Width * picture.Height * 3, picture.Rgb.Length);
                }
                catch (PictureException error)
                {
                    Assert.Equal("damaged", error.Origin);
                }
            }
        }
    }

    [Fact]
    public void The_pixel_limit_is_a_setting()
    {
        string path = Fixtures.Path("images", "rgb-97x61.png");
        Assert.Equal(97, Picture.Decode(path, new PictureOptions { MaxPixels = 97 * 61 }).Width);
        var less = new PictureOptions { MaxPixels = (97 * 61) - 1 };
        PictureException error = Assert.Throws<PictureException>(() => Picture.Decode(path, less));
        Assert.Contains("97 x 61", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_side_that_no_resize_can_take_is_refused()
    {
        byte[] png = PngFixture.Random(13, 9, 8, 2, "").Png;
        BinaryPrimitives.WriteInt32BigEndian(png.AsSpan(16), 1 << 18);
        PngFixture.RepairHeader(png);
        PictureException error = Assert.Throws<PictureException>(() => Picture.Decode(png, "wide", options: null));
        Assert.Contains("262144 x 9", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_path_that_is_no_file_is_named()
    {
        string missing = Fixtures.Path("images", "missing.png");
        Assert.Equal(missing, Assert.Throws<PictureException>(() => Picture.Decode(missing)).Origin);
        Assert.Throws<PictureException>(() => Picture.Decode(Fixtures.Path("images")));
        Assert.Throws<PictureException>(() => Picture.Decode(""));
    }
}
