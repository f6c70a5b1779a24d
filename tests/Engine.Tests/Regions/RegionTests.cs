using ChainOfSpot.Kernels;
using System.Text.Json;
using ChainOfSpot.Regions;
using ChainOfSpot.TestSupport;
using CsCheck;

namespace ChainOfSpot.Engine.Tests.Regions;

public sealed class RegionTests
{
    private static string? Reason(RegionProblem problem) => problem switch
    {
        RegionProblem.None => null,
        RegionProblem.FewerThanFourNumbers => "fewer than four numbers",
        RegionProblem.NotFourNumbers => "not four numbers",
        RegionProblem.InvertedBox => "inverted box",
        RegionProblem.EmptyBox => "empty box",
        _ => problem.ToString(),
    };

    [Fact]
    public void All_reference_texts_give_the_reference_boxes()
    {
        using JsonDocument json = JsonDocument.Parse(File.ReadAllBytes(Fixtures.Path("images", "crops.json")));
        JsonElement cases = json.RootElement.GetProperty("cases");
        Assert.Equal(45, cases.GetArrayLength());
        foreach (JsonElement reference in cases.EnumerateArray())
        {
            int[] Numbers(string name) => [.. reference.GetProperty(name).EnumerateArray().Select(number => number.GetInt32())];

            var square = new PaddedSquare(reference.GetProperty("width").GetInt32(), reference.GetProperty("height").GetInt32());
            Assert.Equal(reference.GetProperty("padded_side").GetInt32(), square.Side);
            Assert.Equal(Numbers("pad"), new[] { square.Left, square.Top });

            PixelBox box = square.Box;
            if (Region.TryParse(reference.GetProperty("region").GetString()!, out Region region, out RegionProblem problem))
            {
                Assert.Equal(
                    reference.GetProperty("values").EnumerateArray().Select(value => value.GetDouble()),
                    [region.Left, region.Top, region.Right, region.Bottom]);
                PixelBox pixels = region.ToPixels(square.Side);
                Assert.Equal(Numbers("box"), new[] { pixels.Left, pixels.Top, pixels.Right, pixels.Bottom });
                box = region.ToCropBox(square, out problem);
            }
            else
            {
                Assert.Equal(JsonValueKind.Null, reference.GetProperty("box").ValueKind);
                Assert.Equal(Region.Full, region);
            }
            Assert.Equal(reference.GetProperty("reason").GetString(), Reason(problem));
            Assert.Equal(reference.GetProperty("fallback").GetBoolean(), problem != RegionProblem.None);
            Assert.Equal(Numbers("crop_size"), new[] { box.Width, box.Height });
            Assert.Equal(reference.GetProperty("crop_square").GetInt32(), Math.Max(box.Width, box.Height));
        }
    }

    // Expected texts are CPython's repr(round(x, 3)).
    [Theory]
    [InlineData(0.0, "0.0")]
    [InlineData(-0.0, "-0.0")]
    [InlineData(1.0, "1.0")]
    [InlineData(0.5, "0.5")]
    [InlineData(0.1 + 0.2, "0.3")]
    [InlineData(1.0 / 3, "0.333")]
    [InlineData(0.0625, "0.062")]
    [InlineData(0.1875, "0.188")]
    [InlineData(0.3125, "0.312")]
    [InlineData(0.0005, "0.001")]
    [InlineData(0.0015, "0.002")]
    [InlineData(0.0025, "0.003")]
    [InlineData(0.1005, "0.101")]
    [InlineData(0.2675, "0.268")]
    [InlineData(0.5015, "0.501")]
    [InlineData(0.9995, "1.0")]
    [InlineData(0.99949999999999994, "0.999")]
    [InlineData(-0.0004, "-0.0")]
    [InlineData(-0.1875, "-0.188")]
    [InlineData(1.15, "1.15")]
    [InlineData(999.9995, "1000.0")]
    public void Numbers_are_written_as_Python_writes_them(double value, string text)
    {
        Assert.Equal($"[{text}, 0.0, 1.0, 1.0]", new Region(value, 0, 1, 1).ToString());
    }

    [Fact]
    public void The_whole_square_has_the_text_that_training_gives_it() => Assert.Equal("[0.0, 0.0, 1.0, 1.0]", Region.Full.ToString());

    [Theory]
    [InlineData("[1_0.5, 0, 1, 1]", 10.5)]
    [InlineData("[\u00A0\u3000.5\t, 0, 1, 1]", 0.5)]
    [InlineData("[5., 0, 1, 1]", 5)]
    [InlineData("[-1e-2, 0, 1, 1]", -0.01)]
    [InlineData("[\u0661.\u0665, 0, 1, 1]", 1.5)]
    [InlineData("[\U0001D7CF.\U0001D7D3, 0, 1, 1]", 1.5)]
    [InlineData("[1e-400, 0, 1, 1]", 0)]
    [InlineData("🙂0.25, 0, 1, 1🙂", 0.25)]
    [InlineData("\x1F[0.25, 0, 1, 1]\u2003", 0.25)]
    [InlineData("[0.25, 0, 1, 1, not read]", 0.25)]
    [InlineData("[0.25, 0, 1, 1.0", 0.25)]
    public void Text_is_read_as_Python_reads_it(string text, double left)
    {
        Assert.True(Region.TryParse(text, out Region region, out RegionProblem problem));
        Assert.Equal((new Region(left, 0, 1, 1), RegionProblem.None), (region, problem));
    }

    [Theory]
    [InlineData("[_1, 0, 1, 1]", RegionProblem.NotFourNumbers)]
    [InlineData("[1_, 0, 1, 1]", RegionProblem.NotFourNumbers)]
    [InlineData("[1__0, 0, 1, 1]", RegionProblem.NotFourNumbers)]
    [InlineData("[1_.0, 0, 1, 1]", RegionProblem.NotFourNumbers)]
    [InlineData("[\u001C.5, 0, 1, 1]", RegionProblem.NotFourNumbers)]
    [InlineData("[1e, 0, 1, 1]", RegionProblem.NotFourNumbers)]
    [InlineData("[., 0, 1, 1]", RegionProblem.NotFourNumbers)]
    [InlineData("[, 0, 1, 1]", RegionProblem.NotFourNumbers)]
    [InlineData("[0x1, 0, 1, 1]", RegionProblem.NotFourNumbers)]
    [InlineData("[1 2, 0, 1, 1]", RegionProblem.NotFourNumbers)]
    [InlineData("[1\n, 0, 1, 1\0]", RegionProblem.NotFourNumbers)]
    [InlineData("[Infinity, 0, 1, 1]", RegionProblem.NotFourNumbers)]
    [InlineData("[1e400, 0, 1, 1]", RegionProblem.NotFourNumbers)]
    [InlineData("[\uD835, 0, 1, 1]", RegionProblem.NotFourNumbers)]
    [InlineData("[1001, 0, 1, 1]", RegionProblem.OutOfRange)]
    [InlineData("[1001, 0, x, 1]", RegionProblem.NotFourNumbers)]
    [InlineData("[x, 0, 1]", RegionProblem.FewerThanFourNumbers)]
    [InlineData("0", RegionProblem.FewerThanFourNumbers)]
    public void Text_without_a_region_says_why(string text, RegionProblem expected)
    {
        Assert.False(Region.TryParse(text, out Region region, out RegionProblem problem));
        Assert.Equal((Region.Full, expected), (region, problem));
    }

    [Fact]
    public void The_text_of_a_region_is_read_back()
    {
        Gen.Int[-1500, 1500].Array[4].Sample(thousandths =>
        {
            double[] values = [.. thousandths.Select(value => value / 1000.0)];
            var region = new Region(values[0], values[1], values[2], values[3]);
            return Region.TryParse(region.ToString(), out Region read, out _) && read == region && read.ToString() == region.ToString();
        }, iter: 20000);
    }

    [Fact]
    public void Writing_rounds_to_the_nearest_thousandth()
    {
        Gen.Double[-2, 2].Sample(value =>
            Region.TryParse(new Region(value, 0, 1, 1).ToString(), out Region read, out _)
            && Math.Abs(read.Left - value) <= 0.0005 + 1e-15, iter: 20000);
    }

    [Fact]
    public void Any_text_is_a_region_or_has_a_problem_and_any_region_has_a_crop()
    {
        Gen<string> text = Gen.OneOf(
            Gen.String, Gen.String[Gen.Char["[]()0123456789.,,,,   eE+-_infa\u0661\uD835"], 0, 60],
            Gen.OneOf(Gen.Const(", "), Gen.Double.Select(value => value.ToString("R")), Gen.Const("0.5"), Gen.Const("["), Gen.String)
                .Array[0, 12].Select(string.Concat));
        Gen.Select(text, Gen.Int[1, PaddedSquare.MaxSide], Gen.Int[1, PaddedSquare.MaxSide]).Sample((answer, width, height) =>
        {
            bool found = Region.TryParse(answer, out Region region, out RegionProblem problem);
            Assert.Equal(found, problem == RegionProblem.None);
            var square = new PaddedSquare(width, height);
            PixelBox box = region.ToCropBox(square, out RegionProblem boxProblem);
            Assert.True(box is { Width: > 0, Height: > 0 });
            Assert.Equal(boxProblem == RegionProblem.None, box == region.ToPixels(square.Side));
            PixelBox shown = square.ToPicture(box);
            Assert.True(shown is { Left: >= 0, Top: >= 0, Width: >= 0, Height: >= 0 } && shown.Right <= width && shown.Bottom <= height);
        }, iter: 20000);
    }

    [Fact]
    public void A_box_of_the_picture_comes_back_from_its_region()
    {
        Gen.Select(Gen.Int[1, 3000], Gen.Int[1, 3000]).SelectMany((width, height) => Gen.Select(
            Gen.Int[0, width - 1], Gen.Int[0, height - 1], Gen.Int[1, width], Gen.Int[1, height], Gen.Const((width, height))))
            .Sample((left, top, right, bottom, size) =>
            {
                var square = new PaddedSquare(size.width, size.height);
                var box = new PixelBox(Math.Min(left, right - 1), Math.Min(top, bottom - 1), right, bottom);
                PixelBox crop = Region.FromPicture(box, square).ToCropBox(square, out RegionProblem problem);
                return problem == RegionProblem.None && square.ToPicture(crop) == box;
            }, iter: 20000);
    }

    [Fact]
    public void Impossible_regions_and_pictures_are_refused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new Region(0, double.NaN, 1, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => new Region(0, 0, double.PositiveInfinity, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => new Region(0, 0, 1, -1000.5));
        Assert.Throws<ArgumentOutOfRangeException>(() => new PaddedSquare(0, 5));
        Assert.Throws<ArgumentOutOfRangeException>(() => new PaddedSquare(5, PaddedSquare.MaxSide + 1));
        Assert.Throws<OverflowException>(() => Region.FromPicture(new PixelBox(0, 0, int.MaxValue, 1), new PaddedSquare(1, 5)));
    }
}
