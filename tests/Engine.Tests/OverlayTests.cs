using ChainOfSpot.Images;
using ChainOfSpot.Kernels;
using ChainOfSpot.TestSupport;

namespace ChainOfSpot.Tests;

public sealed class OverlayTests
{
    private static readonly byte[] Accent = [255, 193, 51];

    [Fact]
    public void The_region_is_framed_and_keeps_its_pixels()
    {
        Picture picture = Picture.Decode(Fixtures.Path("images", "rgb-640x427.png"));
        Picture overlay = Overlay.Draw(picture, new PixelBox(200, 100, 300, 250), "Which one?", "The left one.");
        Assert.Equal(640, overlay.Width);
        Assert.InRange(overlay.Height, 427 + 40, 427 + 120);
        foreach ((int x, int y) in new[] { (250, 97), (250, 252), (197, 175), (302, 175) })
            Assert.Equal(Accent, Pixel(overlay, x, y));
        for (int y = 100; y < 250; y++)
            Assert.True(Row(picture, 200, y, 100).SequenceEqual(Row(overlay, 200, y, 100)));
        Assert.True(Pixel(overlay, 600, 50).Sum(v => v) < Pixel(picture, 600, 50).Sum(v => v));
        Assert.Contains(Enumerable.Range(0, (overlay.Height - 430) * 640), i => Pixel(overlay, i % 640, 430 + i / 640)[0] > 240);
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(64, 128)]
    [InlineData(30, 2000)]
    [InlineData(2000, 3)]
    public void Any_size_leaves_room_for_the_text(int width, int height)
    {
        Picture picture = Picture.FromRgb(width, height, new byte[width * height * 3]);
        Picture overlay = Overlay.Draw(picture, new PixelBox(0, 0, width, height), "Is it readable?", "Yes: \u00e9 too.");
        Assert.True(overlay.Width >= 480 && overlay.Width >= width);
        Assert.True(overlay.Height >= height + 40);
    }

    [Theory]
    [InlineData(-50, -50, -10, -10)]
    [InlineData(700, 0, 800, 100)]
    [InlineData(10, 10, 10, 20)]
    [InlineData(30, 30, 10, 20)]
    public void A_region_without_pixels_marks_nothing(int left, int top, int right, int bottom)
    {
        Picture picture = Picture.Decode(Fixtures.Path("images", "rgb-640x427.png"));
        Picture overlay = Overlay.Draw(picture, new PixelBox(left, top, right, bottom), "", "");
        Assert.True(picture.Rgb.Span.SequenceEqual(overlay.Rgb.Span[..picture.Rgb.Length]));
    }

    [Fact]
    public void A_region_that_leaves_the_picture_is_cut_at_its_edge()
    {
        Picture picture = Picture.Decode(Fixtures.Path("images", "rgb-640x427.png"));
        Picture overlay = Overlay.Draw(picture, new PixelBox(int.MinValue, -5, 100, int.MaxValue), "", "");
        Assert.Equal(Accent, Pixel(overlay, 102, 200));
        Assert.Equal(Pixel(picture, 50, 200), Pixel(overlay, 50, 200));
    }

    [Fact]
    public void Long_text_is_wrapped_and_bounded()
    {
        Picture picture = Picture.FromRgb(640, 640, new byte[640 * 640 * 3]);
        Picture overlay = Overlay.Draw(
            picture, new PixelBox(0, 0, 5, 5), new string('x', 100_000), string.Join('\n', Enumerable.Repeat("a b c", 5000)));
        Assert.InRange(overlay.Height, 1500, 3000);
    }

    private static byte[] Pixel(Picture picture, int x, int y) => Row(picture, x, y, 1).ToArray();

    private static ReadOnlySpan<byte> Row(Picture picture, int x, int y, int pixels) =>
        picture.Rgb.Span.Slice((y * picture.Width + x) * 3, pixels * 3);
}
